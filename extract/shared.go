package extract

import (
	"context"
	"slices"
	"sync"
	"time"
)

const (
	// shareFor is how old a list may be that another stream asked for.
	shareFor = time.Minute
	// shareWait is how long to wait for somebody who is asking for it: what hinders
	// them must not hinder others for long.
	shareWait = 10 * time.Second
)

// sharedLists let the pass that publishes a parent stream and the pass that lists
// by its objects ask for its list once between them: each takes a list that the
// other asked for lately, and none twice.
type sharedLists struct {
	mu       sync.Mutex
	byStream map[string]*sharedList
}

// sharedList is the last list of one parent stream.
type sharedList struct {
	asking  chan struct{} // holds something while somebody asks
	page    Page          // all its records, with their JSON
	at      time.Time     // when it was asked for
	takenBy []string      // streams
}

// of returns the list of a stream.
func (l *sharedLists) of(name string) *sharedList {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.byStream == nil {
		l.byStream = make(map[string]*sharedList)
	}
	if l.byStream[name] == nil {
		l.byStream[name] = &sharedList{asking: make(chan struct{}, 1)}
	}
	return l.byStream[name]
}

// isShared reports whether other full-refresh streams are listed by the stream.
func isShared(s Stream) bool {
	return slices.ContainsFunc(Streams(), func(other Stream) bool { return other.Parent == s.Name && other.Sync == SyncFull })
}

// sharedList returns the whole list of a parent stream for a pass over the
// stream taker, as one page. Its records are shared and must not be changed.
func (c *Client) sharedList(ctx context.Context, s Stream, taker string, e *effort) (Page, error) {
	l := c.shared.of(s.Name)
	timer := time.NewTimer(shareWait)
	defer timer.Stop()
	select {
	case l.asking <- struct{}{}:
		defer func() { <-l.asking }()
	case <-timer.C:
		return c.wholeList(ctx, s, e)
	case <-ctx.Done():
		return Page{}, context.Cause(ctx)
	}
	if time.Since(l.at) < shareFor && !slices.Contains(l.takenBy, taker) {
		l.takenBy = append(l.takenBy, taker)
		if l.page.Doubtful {
			e.glitches++
		}
		return l.page, nil
	}
	began := time.Now()
	page, err := c.wholeList(ctx, s, e)
	if err != nil {
		return Page{}, err
	}
	l.page, l.at, l.takenBy = page, began, []string{taker}
	return page, nil
}

// wholeList reads a list to its end and returns it as one page.
func (c *Client) wholeList(ctx context.Context, s Stream, e *effort) (Page, error) {
	before := e.glitches
	var whole Page
	for page, err := range c.list(ctx, s, "", e, nil) {
		if err != nil {
			return Page{}, err
		}
		if !page.first {
			page.Records = append(whole.Records, page.Records...)
		}
		whole = page
	}
	whole.Doubtful = e.glitches > before
	return whole, nil
}

// prepared returns the records of a shared page as Ask.Prepare leaves them.
func prepared(page Page, prepare func(*Record)) Page {
	page.Records = slices.Clone(page.Records)
	for i := range page.Records {
		if rec := &page.Records[i]; rec.Err == nil && prepare != nil {
			prepare(rec)
			rec.JSON = nil
		}
	}
	return page
}
