package extract

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"
)

// Refresh reads one complete pass over a full-refresh stream, across all its
// parents: these are listed first. The pass is complete if and only if the loop
// ends without an error; an error is the last thing that it yields. Page.Last is
// true on the very last page, which may be empty.
//
// A list may begin anew within the pass: then its records come again.
//
// Where one of several lists cannot be read (refused, impossible, or failing for
// longer than Ask.Patience), the others are, and the last page names it in
// Unread. If none can be read, that is an error. A parent that vanishes during
// the pass, so that a second look does not find it, has an empty list.
func (c *Client) Refresh(ctx context.Context, s Stream, ask Ask) iter.Seq2[Page, error] {
	return func(yield func(Page, error) bool) {
		if s.Sync != SyncFull {
			yield(Page{}, fmt.Errorf("refresh %s: it is no full-refresh stream", s.Name))
			return
		}
		p := pass{c: c, stream: s, effort: &effort{ask: ask}, yield: yield}
		if err := p.run(ctx); err != nil {
			yield(Page{}, fmt.Errorf("refresh %s: %w", s.Name, err))
		}
	}
}

// pass is one pass over a full-refresh stream.
type pass struct {
	c      *Client
	stream Stream
	effort *effort
	yield  func(Page, error) bool
	unread []Unread
}

// errStopped ends a pass whose caller wants no more pages.
var errStopped = errors.New("stopped")

func (p *pass) run(ctx context.Context) error {
	if isShared(p.stream) {
		page, err := p.c.sharedList(ctx, p.stream, p.stream.Name, p.effort)
		if err == nil {
			p.send(prepared(page, p.effort.ask.Prepare), true)
		}
		return err
	}
	parents, err := p.c.parents(ctx, p.stream, p.effort)
	if err != nil {
		return err
	}
	if len(parents) == 0 {
		p.send(Page{Date: p.c.now()}, true)
		return nil
	}
	for n, id := range parents {
		last := n == len(parents)-1
		began := time.Now()
		err := p.list(ctx, id, last)
		if errors.Is(err, errStopped) {
			return nil
		}
		if err == nil {
			continue
		}
		p.effort.gaveUp(time.Since(began))
		if ctx.Err() != nil || errors.Is(err, ErrUnauthorized) || p.effort.exhausted() {
			return err
		}
		p.unread = append(p.unread, Unread{Parent: id, Err: err})
		if len(p.unread) == len(parents) {
			return p.unread[0].Err
		}
		p.c.log.ErrorContext(ctx, "one list of the stream cannot be read, the others are",
			"stream", p.stream.Name, "parent", id, "request_id", requestIDOf(err), "error", err)
		if last {
			p.send(Page{Date: p.c.now()}, true)
		}
	}
	return nil
}

// list yields the pages of one list. last says that no other follows.
func (p *pass) list(ctx context.Context, id string, last bool) error {
	for page, err := range p.c.list(ctx, p.stream, id, p.effort, p.effort.ask.Prepare) {
		if errors.Is(err, ErrNotFound) && p.stream.Parent != "" {
			if page, err = p.c.vanished(ctx, p.stream, id, p.effort); err == nil {
				page.Last = true
			}
		}
		if err != nil {
			return err
		}
		if !p.send(page, page.Last && last) {
			return errStopped
		}
	}
	return nil
}

// send yields a page with what is known of the pass.
func (p *pass) send(page Page, last bool) bool {
	page.Last, page.Doubtful = last, p.effort.glitches > 0
	if last {
		page.Unread = p.unread
	}
	return p.yield(page, nil)
}

// parents lists what a full-refresh stream is listed by; one empty id stands
// for the one list.
func (c *Client) parents(ctx context.Context, s Stream, e *effort) ([]string, error) {
	switch {
	case s.Parent != "":
		parent, _ := Find(s.Parent)
		page, err := c.sharedList(ctx, parent, s.Name, e)
		if err != nil {
			return nil, err
		}
		return keys(page)
	case len(s.ListedFor) > 0:
		return s.ListedFor, nil
	default:
		return []string{""}, nil
	}
}

// keys returns the keys of a list of parents.
func keys(page Page) ([]string, error) {
	var ids []string
	for _, rec := range page.Records {
		// Without its list the pass would look complete and would not be.
		if rec.Err != nil {
			return nil, rec.Err
		}
		ids = append(ids, rec.Key)
	}
	return ids, nil
}

// vanished returns an empty page if the parent is not listed any more.
func (c *Client) vanished(ctx context.Context, s Stream, id string, e *effort) (Page, error) {
	parent, _ := Find(s.Parent)
	page, err := c.wholeList(ctx, parent, e)
	if err != nil {
		return Page{}, err
	}
	ids, err := keys(page)
	if err != nil {
		return Page{}, err
	}
	if slices.Contains(ids, id) {
		return Page{}, fmt.Errorf("%q of %s is listed, and its %s are not found", id, s.Parent, s.Name)
	}
	c.log.InfoContext(ctx, "parent vanished while its objects were to be read", "stream", s.Name, "parent", id)
	return Page{Date: c.now()}, nil
}
