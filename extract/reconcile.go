package extract

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"time"
)

const (
	// day is what windows of a reconcile are counted in.
	day = 24 * time.Hour
	// longWindow and shortWindow are the longest ranges that GET /issues takes: the
	// API's page of the list says 365 days (read on 2026-10-06), the older one
	// (https://docs.usepylon.com/api-reference/issues/get-a-list-of-issues) and
	// https://static.usepylon.com/openapi.json of July 2026 say 30. The overlap at both
	// ends must fit.
	longWindow  = 364 * day
	shortWindow = 29 * day
)

// ReconcileCursor is where a reconcile stands; the zero cursor begins one.
type ReconcileCursor struct {
	Window time.Time `json:"window,omitzero"` // start of the window in work
	To     time.Time `json:"to,omitzero"`     // its end, once a page of it was read: a page cursor is of one range only
	Page   string    `json:"page,omitempty"`  // page cursor inside it
	Until  time.Time `json:"until,omitzero"`  // end of the reconcile: when it began
	// Doubtful says that a promised page of this window came without data.
	Doubtful bool `json:"doubtful,omitempty"`

	seen cycle
}

// ReconcilePage is one page of a reconcile.
type ReconcilePage struct {
	Page                       // without the issues last updated before PYLON_START_DATE, which nothing else reads either
	From, To   time.Time       // the window [From, To) of created_at that the page belongs to
	Seen       []string        // keys of all issues of the page, those left out included
	WindowDone bool            // the last page of its window
	Next       ReconcileCursor // to be committed with the records; zero after the last page
	Done       bool            // the last page of the last window
}

// Reconcile lists every issue by created_at, which nothing changes, in windows of
// whole days. An issue that exists for the whole reconcile is on one of its pages. A
// page may also hold issues of a second before and after its window.
//
// It is safe for concurrent use.
type Reconcile struct {
	c      *Client
	ask    Ask
	stream Stream
	start  time.Time

	mu       sync.Mutex
	window   time.Duration // the longest window; smaller once the API refused one
	restarts restarts
}

// NewReconcile returns the reader of all issues for the settings of cfg.
func NewReconcile(c *Client, cfg Config, ask Ask) *Reconcile {
	return &Reconcile{c: c, ask: ask, stream: searched(), start: cfg.Start(), window: longWindow}
}

// firstWindow is when the first window begins: before Pylon had issues.
func firstWindow() time.Time { return time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC) }

// Fetch reads the page at cur with one request, and says where to go on. It may
// be called again with the same cursor. Refused ranges and page cursors are
// handled as in Issues.
func (s *Reconcile) Fetch(ctx context.Context, cur ReconcileCursor) (ReconcilePage, error) {
	if cur.Until.IsZero() {
		cur = ReconcileCursor{Until: s.c.now().UTC().Truncate(time.Second)}
	}
	if cur.Window.Before(firstWindow()) {
		cur.Window, cur.Page = firstWindow(), ""
	}
	if cur.To.IsZero() {
		cur.Page = ""
	}
	size := s.size()
	e := &effort{ask: s.ask}
	for {
		to := cur.To
		if cur.Page == "" {
			to = cur.Window.Add(size)
		}
		if to.After(cur.Until) {
			to = cur.Until
		}
		if !to.After(cur.Window) {
			return ReconcilePage{Page: Page{Date: s.c.now(), Last: true}, From: cur.Window, To: cur.Window, WindowDone: true, Done: true}, nil
		}
		ans, err := s.c.do(ctx, s.request(cur, to), e)
		switch {
		case err == nil:
			s.succeeded(cur.Page, size, ans.cursor == "")
			cur.Doubtful = cur.Doubtful || e.glitches > 0
			return s.page(cur, to, ans), nil
		case cur.Page != "" && badPage(err) && s.mayRestart(cur.Page):
			s.c.log.WarnContext(ctx, "page cursor leads nowhere, listing the window anew",
				"stream", s.stream.Name, "from", formatTime(cur.Window), "to", formatTime(to), "page", quoteCursor(cur.Page),
				"request_id", requestIDOf(err), "error", err)
			cur = ReconcileCursor{Window: cur.Window, Until: cur.Until, Doubtful: cur.Doubtful}
		case cur.Page == "" && isStatus(err, http.StatusBadRequest) && size > day:
			size = smaller(size)
			s.c.log.WarnContext(ctx, "the API refuses the range, asking for a shorter one", "stream", s.stream.Name,
				"from", formatTime(cur.Window), "to", formatTime(to), "window", size.String(), "request_id", requestIDOf(err), "error", err)
		default:
			err = impossible(cur.Page, err)
			return ReconcilePage{}, fmt.Errorf("list issues from %s to %s: %w", formatTime(cur.Window), formatTime(to), err)
		}
	}
}

// smaller returns the window to try after one that the API refused.
func smaller(size time.Duration) time.Duration {
	if size > shortWindow {
		return shortWindow
	}
	return max(day, (size / 2).Truncate(day))
}

func (s *Reconcile) size() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.window
}

func (s *Reconcile) mayRestart(page string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.restarts.allow(page)
}

// succeeded notes that the API took a window of that size and the page cursor.
func (s *Reconcile) succeeded(page string, size time.Duration, last bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.window = size
	s.restarts.passed(page, last)
}

func (s *Reconcile) request(cur ReconcileCursor, to time.Time) request {
	query := url.Values{
		"start_time": {formatTime(cur.Window.Add(-overlap))},
		"end_time":   {formatTime(to.Add(overlap))},
	}
	return request{
		endpoint: s.stream.Scan.Endpoint, path: s.stream.Scan.Path, query: query, limit: s.stream.Scan.Limit, prepare: s.ask.Prepare,
		stream: &s.stream, cursor: cur.Page, seen: cur.seen,
	}
}

func (s *Reconcile) page(cur ReconcileCursor, to time.Time, ans answer) ReconcilePage {
	out := ReconcilePage{Page: ans.Page, From: cur.Window, To: to}
	out.Records, out.Last, out.Doubtful = nil, false, cur.Doubtful
	for _, rec := range ans.Records {
		if rec.Err == nil {
			out.Seen = append(out.Seen, rec.Key)
		}
		if updated, err := time.Parse(time.RFC3339, rec.UpdatedAt); err == nil && updated.Before(s.start) {
			continue
		}
		out.Records = append(out.Records, rec)
	}
	switch {
	case ans.cursor != "":
		out.Next = ReconcileCursor{Window: cur.Window, To: to, Page: ans.cursor, Until: cur.Until, Doubtful: cur.Doubtful, seen: ans.seen}
	case to.Before(cur.Until):
		out.WindowDone = true
		out.Next = ReconcileCursor{Window: to, Until: cur.Until}
	default:
		out.WindowDone, out.Done, out.Last = true, true, true
	}
	return out
}
