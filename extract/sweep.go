package extract

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"
)

// day is what windows of a sweep are counted in.
const day = 24 * time.Hour

// SweepCursor is where a sweep stands; the zero cursor begins one.
type SweepCursor struct {
	Window time.Time `json:"window,omitzero"` // start of the window in work
	To     time.Time `json:"to,omitzero"`     // its end, once a page of it was read: a page cursor is of one range only
	Page   string    `json:"page,omitempty"`  // page cursor inside it
	Until  time.Time `json:"until,omitzero"`  // end of the sweep: when it began

	seen cycle
}

// SweepPage is one page of a sweep.
type SweepPage struct {
	Page                   // without the issues last updated before PYLON_START_DATE, which nothing else reads either
	From, To   time.Time   // the window [From, To) of created_at that the page belongs to
	Seen       []string    // keys of all issues of the page, those left out included
	WindowDone bool        // the last page of its window
	Next       SweepCursor // to be committed with the records; zero after the last page
	Done       bool        // the last page of the last window
}

// Sweep lists every issue by created_at, which nothing changes, in windows of
// whole days. An issue that exists for the whole sweep is on one of its pages. A
// page may also hold issues of a second before and after its window.
//
// It may be used by several goroutines at once.
type Sweep struct {
	c      *Client
	stream Stream
	start  time.Time

	mu       sync.Mutex
	window   time.Duration // the longest window; smaller once the API refused one
	restarts restarts
}

// NewSweep returns the reader of all issues for the settings of cfg.
func NewSweep(c *Client, cfg Config) *Sweep {
	stream, _ := Find("issues")
	return &Sweep{c: c, stream: stream, start: cfg.Start(), window: max(day, rangeOf(cfg.Window).Truncate(day))}
}

// sweepEpoch is when the first window begins: before Pylon had issues.
func sweepEpoch() time.Time { return time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC) }

// Fetch reads the page at cur with one request, and says where to go on. It may
// be called again with the same cursor. Refused ranges and page cursors are
// handled as in Issues.
func (s *Sweep) Fetch(ctx context.Context, cur SweepCursor) (SweepPage, error) {
	if cur.Until.IsZero() {
		cur = SweepCursor{Until: s.c.now().UTC().Truncate(time.Second)}
	}
	if cur.Window.Before(sweepEpoch()) {
		cur.Window, cur.Page = sweepEpoch(), ""
	}
	if cur.To.IsZero() {
		cur.Page = ""
	}
	size := s.size()
	for {
		to := cur.To
		if cur.Page == "" {
			to = cur.Window.Add(size)
		}
		if to.After(cur.Until) {
			to = cur.Until
		}
		if !to.After(cur.Window) {
			return SweepPage{Page: Page{Date: s.c.now(), Last: true}, From: cur.Window, To: cur.Window, WindowDone: true, Done: true}, nil
		}
		ans, err := s.c.do(ctx, s.request(cur, to))
		switch {
		case err == nil:
			s.succeeded(cur.Page, size)
			return s.page(cur, to, ans), nil
		case cur.Page != "" && badPage(err) && s.mayRestart(cur.Page):
			s.c.log.WarnContext(ctx, "page cursor leads nowhere, listing the window anew",
				"stream", s.stream.Name, "from", formatTime(cur.Window), "to", formatTime(to), "page", quoteCursor(cur.Page),
				"request_id", requestIDOf(err), "error", err)
			cur = SweepCursor{Window: cur.Window, Until: cur.Until}
		case cur.Page == "" && isStatus(err, http.StatusBadRequest) && size > day:
			size = max(day, (size / 2).Truncate(day))
			s.c.log.WarnContext(ctx, "the API refuses the range, halving it", "stream", s.stream.Name,
				"from", formatTime(cur.Window), "to", formatTime(to), "window", size.String(), "request_id", requestIDOf(err), "error", err)
		default:
			return SweepPage{}, fmt.Errorf("list issues from %s to %s: %w", formatTime(cur.Window), formatTime(to), err)
		}
	}
}

func (s *Sweep) size() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.window
}

func (s *Sweep) mayRestart(page string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.restarts.allow(page)
}

// succeeded notes that the API took a window of that size and the page cursor.
func (s *Sweep) succeeded(page string, size time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.window = size
	s.restarts.passed(page)
}

func (s *Sweep) request(cur SweepCursor, to time.Time) request {
	query := url.Values{
		"start_time": {formatTime(cur.Window.Add(-overlap))},
		"end_time":   {formatTime(to.Add(overlap))},
		"limit":      {strconv.Itoa(s.stream.Limit)},
	}
	if cur.Page != "" {
		query.Set("cursor", cur.Page)
	}
	return request{
		endpoint: endpointIssuesList, method: http.MethodGet, path: "/issues", query: query,
		stream: &s.stream, cursor: cur.Page, seen: cur.seen,
	}
}

func (s *Sweep) page(cur SweepCursor, to time.Time, ans answer) SweepPage {
	out := SweepPage{Page: ans.Page, From: cur.Window, To: to}
	out.Records, out.Last = nil, false
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
		out.Next = SweepCursor{Window: cur.Window, To: to, Page: ans.cursor, Until: cur.Until, seen: ans.seen}
	case to.Before(cur.Until):
		out.WindowDone = true
		out.Next = SweepCursor{Window: to, Until: cur.Until}
	default:
		out.WindowDone, out.Done, out.Last = true, true, true
	}
	return out
}
