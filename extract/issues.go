package extract

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"
)

const (
	// minWindow is the smallest range of time that a refusal halves a window to.
	minWindow = time.Hour
	// overlap is what every range is asked with beyond both its ends. The API's
	// description (https://static.usepylon.com/openapi.json, time_is_after) does not
	// say whether bounds belong to the range, and the API cuts the times that it shows
	// to whole seconds: its cursors have .871Z where the JSON has none.
	overlap = time.Second
)

// Issues reads the issues incrementally, so that whatever happens while it
// reads, no version that the API shows for long enough is missed:
//
// The past is read in windows of updated_at. An issue that changes meanwhile
// leaves its window for the time after the backfill began, and the live search
// begins there. The live search has no upper bound: pages go down by created_at,
// so an issue that changes while they are read is either still ahead or newer
// than the beginning of the search, which is where the next one begins. It
// looks back further than that (PYLON_LOOKBACK), so late arrivals in the search
// index, several updates in one second and either kind of bound do no harm. All
// times are by the API's clock, or ours where that is earlier: a Date that runs
// ahead would make the cursor pass over changes, one that is late only makes it
// look back further. (The order by created_at was seen in answers that were recorded
// on 2026-10-08; that stamps of updated_at come late and out of order is known from
// dlt's source of Pylon, July 2026. Neither is documented.)
//
// Where the API refuses the live search (400), it is asked without message
// activity, then with an end a day ahead, then both.
//
// The live search also asks for new messages, should these not move updated_at.
// After a pause longer than the window, the time of the pause is read like the
// past, by updated_at alone; a message in it that moved nothing else is left to
// the sweep.
//
// It is safe for concurrent use.
type Issues struct {
	c        *Client
	ask      Ask
	stream   Stream
	start    time.Time
	lookback time.Duration

	mu       sync.Mutex
	window   time.Duration // the longest range to ask for; smaller once the API refused one
	form     form          // of the live search: the first that the API takes
	restarts restarts
}

// NewIssues returns the reader of issues for the settings of cfg.
func NewIssues(c *Client, cfg Config, ask Ask) *Issues {
	return &Issues{c: c, ask: ask, stream: searched(), start: cfg.Start(), lookback: cfg.Lookback, window: rangeOf(cfg.Window)}
}

// rangeOf returns how much time a window of that size covers. The overlap at
// both ends is part of what the API is asked for, and must not make a range of
// 30 days longer than 30 days.
func rangeOf(window time.Duration) time.Duration {
	return max(window, minWindow) - 2*overlap
}

// Fetch reads the page at cur with one request, and says where to go on. It may
// be called again with the same cursor. Where the API refuses a range, a filter
// or a page cursor, Fetch asks in another way within the same call; a page
// cursor that leads nowhere twice is an error.
func (i *Issues) Fetch(ctx context.Context, cur IssuesCursor) (IssuesPage, error) {
	cur = i.begin(cur)
	e := &effort{ask: i.ask}
	for {
		cur = i.inForm(cur)
		ans, err := i.c.do(ctx, i.request(cur), e)
		if err == nil {
			return i.page(ctx, cur, ans), nil
		}
		next, ok := i.mend(ctx, cur, err)
		if !ok {
			err = impossible(cur.page(), err)
			return IssuesPage{}, fmt.Errorf("search issues %s: %w", i.span(cur), err)
		}
		cur = next
	}
}

// begin brings a cursor into the form of one of the two modes.
func (i *Issues) begin(cur IssuesCursor) IssuesCursor {
	now := i.c.now()
	switch {
	case cur.From.Before(i.start):
		// The first call, or PYLON_START_DATE moved on.
		return i.backfill(i.start, time.Time{}, now)
	case !cur.To.After(cur.From):
		cur.To, cur.Page, cur.Live = time.Time{}, "", time.Time{}
		if now.Sub(cur.From) > i.size() {
			// Too long ago for one search.
			return i.backfill(i.since(cur), time.Time{}, now)
		}
	case cur.Live.IsZero():
		// Not known when this window began, as in a cursor that somebody wrote: its first page tells.
		cur.Page, cur.search = "", search{}
	}
	return cur
}

// backfill returns the cursor of the window that begins at from. live is the
// end of the backfill, zero if its first answer will tell; now stands for it then.
func (i *Issues) backfill(from, live, now time.Time) IssuesCursor {
	end := live
	if end.IsZero() {
		end = now.UTC().Truncate(time.Second)
	}
	to := from.Add(i.size())
	if to.After(end) {
		to = end
	}
	if !to.After(from) {
		return IssuesCursor{From: from}
	}
	return IssuesCursor{From: from, To: to, Live: live}
}

func (i *Issues) size() time.Duration {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.window
}

// since is where what follows the live cursor begins: what the index shows late
// may have been stamped before it.
func (i *Issues) since(cur IssuesCursor) time.Time {
	since := cur.From.Add(-i.lookback)
	if since.Before(i.start) {
		return i.start
	}
	return since
}

// after is the lower bound of the live search.
func (i *Issues) after(cur IssuesCursor) time.Time { return i.since(cur).Add(-overlap) }

// filter is the API's grammar of conditions.
type filter struct {
	Field      string   `json:"field,omitempty"`
	Operator   string   `json:"operator"`
	Value      string   `json:"value,omitempty"`
	Subfilters []filter `json:"subfilters,omitempty"`
}

// request returns the search at cur.
func (i *Issues) request(cur IssuesCursor) request {
	f := and(between("updated_at", cur.From.Add(-overlap), cur.To.Add(overlap)))
	if cur.isLive() {
		f = i.live(cur)
	}
	return request{
		endpoint: i.stream.Endpoint, path: i.stream.Path, filter: &f, limit: i.stream.Limit, prepare: i.ask.Prepare,
		stream: &i.stream, cursor: cur.page(), seen: cur.search.seen,
	}
}

// live returns the filter of the live search at cur.
func (i *Issues) live(cur IssuesCursor) filter {
	after := i.after(cur)
	updated := between("updated_at", after, cur.search.end)
	if cur.search.form&formNarrow != 0 {
		return and(updated)
	}
	// That a message moves updated_at is documented nowhere (openapi.json, POST /issues/search).
	active := between("latest_message_activity_at", after, cur.search.end)
	if cur.search.form&formBounded == 0 {
		return filter{Operator: "or", Subfilters: append(updated, active...)}
	}
	return filter{Operator: "or", Subfilters: []filter{and(updated), and(active)}}
}

func and(f []filter) filter { return filter{Operator: "and", Subfilters: f} }

// between returns the conditions for a field in a range of time; a zero end is none.
func between(field string, after, end time.Time) []filter {
	f := []filter{{Field: field, Operator: "time_is_after", Value: formatTime(after)}}
	if !end.IsZero() {
		f = append(f, filter{Field: field, Operator: "time_is_before", Value: formatTime(end)})
	}
	return f
}

// inForm returns a live cursor with the form that its search has, or begins with.
// A search goes on with the filter that it began with.
func (i *Issues) inForm(cur IssuesCursor) IssuesCursor {
	if !cur.isLive() || cur.search.page != "" {
		return cur
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	cur.search.form = max(cur.search.form, i.form)
	if cur.search.form&formBounded != 0 {
		cur.search.end = time.Now().Add(max(0, i.c.Skew()) + boundAhead)
	}
	return cur
}

// page says what follows after the answer for cur.
func (i *Issues) page(ctx context.Context, cur IssuesCursor, ans answer) IssuesPage {
	i.succeeded(ctx, cur, ans.cursor == "")
	began, date := cur.search.began, cur.search.date
	if cur.page() == "" {
		began, date = ans.began, ans.Date
	}
	out := IssuesPage{Page: ans.Page, Origin: OriginPoll}
	// Last speaks of the whole pass: a window is not one.
	out.Last = false
	if cur.isLive() {
		if ans.cursor != "" {
			out.Next = IssuesCursor{From: cur.From, search: search{page: ans.cursor, began: began, date: date, seen: ans.seen, form: cur.search.form, end: cur.search.end}}
			return out
		}
		out.Next = IssuesCursor{From: i.nextFrom(ctx, cur.From, began, date)}
		out.Last, out.CaughtUp = true, true
		return out
	}
	out.Origin = OriginBackfill
	live := cur.Live
	if live.IsZero() {
		live = began
	}
	switch {
	case ans.cursor != "":
		out.Next = IssuesCursor{From: cur.From, To: cur.To, Page: ans.cursor, Live: live, search: search{seen: ans.seen}}
	case cur.To.Before(live):
		out.Next = i.backfill(cur.To, live, time.Time{})
	default:
		// The window reached the time at which the backfill began. What changed since is newer than that.
		if live.Before(cur.From) {
			live = cur.From
		}
		out.Next = IssuesCursor{From: live}
	}
	return out
}

// nextFrom returns where the live search after one that began after a moment
// and was first answered at a date begins. It goes on to that moment, even if
// nothing was found: a quiet account advances too.
func (i *Issues) nextFrom(ctx context.Context, from, began, date time.Time) time.Time {
	switch {
	case !began.Before(from):
		return began
	case !date.Before(from):
		// It is known only roughly when a slow request began. Searches come one after the other, so not before from.
		return from
	case from.Sub(began) <= i.lookback+overlap || began.Before(i.start):
		// The clocks of the API's machines differ a little. What they stamp is still within what is searched.
		return from
	}
	// The clock jumped back by so much that updates would be stamped with times before the search; or it had jumped
	// forward before. Reading something twice is harmless.
	i.c.log.WarnContext(ctx, "the API's clock is behind the cursor by more than the lookback, so the cursor goes back",
		"stream", i.stream.Name, "from", formatTime(from), "api_clock", formatTime(began), "lookback", i.lookback.String())
	return began
}

// mend returns what to ask instead of what failed, if there is something.
func (i *Issues) mend(ctx context.Context, cur IssuesCursor, err error) (IssuesCursor, bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	page := cur.page()
	if page != "" {
		if !badPage(err) || !i.restarts.allow(page) {
			return cur, false
		}
		i.c.log.WarnContext(ctx, "page cursor leads nowhere, beginning the search anew",
			"stream", i.stream.Name, "range", i.span(cur), "page", quoteCursor(page), "request_id", requestIDOf(err), "error", err)
		cur.Page, cur.search = "", search{}
		return cur, true
	}
	if !isStatus(err, http.StatusBadRequest) {
		return cur, false
	}
	if cur.isLive() {
		if cur.search.form < formLast {
			cur.search.form++
			return cur, true
		}
		// Not the filter, so perhaps the range: read it as a window, which can be halved.
		from, to := i.since(cur), i.c.now().UTC().Truncate(time.Second)
		if to.Sub(from) <= minWindow {
			return cur, false
		}
		i.c.log.WarnContext(ctx, "the API refuses every live search, reading the time since the cursor in windows",
			"stream", i.stream.Name, "from", formatTime(from), "request_id", requestIDOf(err), "error", err)
		return IssuesCursor{From: from, To: to}, true
	}
	size := cur.To.Sub(cur.From)
	if size <= minWindow {
		return cur, false
	}
	half := (size / 2).Truncate(time.Second)
	i.c.log.WarnContext(ctx, "the API refuses the range, halving it", "stream", i.stream.Name, "range", i.span(cur),
		"window", half.String(), "request_id", requestIDOf(err), "error", err)
	return IssuesCursor{From: cur.From, To: cur.From.Add(half), Live: cur.Live, search: search{halved: true}}, true
}

// succeeded notes what a search at cur that the API answered has shown. last says
// that it was the last page.
func (i *Issues) succeeded(ctx context.Context, cur IssuesCursor, last bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.restarts.passed(cur.page(), last)
	if cur.search.halved {
		i.window = min(i.window, cur.To.Sub(cur.From))
	}
	if !cur.isLive() || cur.search.form <= i.form {
		return
	}
	found := cur.search.form &^ i.form
	i.form = cur.search.form
	if found&formNarrow != 0 {
		i.c.log.ErrorContext(ctx, "the API refuses to search issues by message activity, so by updated_at alone from now on: "+
			"a new message is missed until the sweep if it does not move its issue's updated_at", "stream", i.stream.Name)
	}
	if found&formBounded != 0 {
		i.c.log.WarnContext(ctx, "the API refuses to search issues without an end, so the live search ends a day ahead from now on",
			"stream", i.stream.Name, "end", formatTime(cur.search.end))
	}
}

// span names the range of time at cur.
func (i *Issues) span(cur IssuesCursor) string {
	if cur.isLive() {
		return "since " + formatTime(i.after(cur))
	}
	return "from " + formatTime(cur.From) + " to " + formatTime(cur.To)
}

// formatTime writes a time as the API reads it.
func formatTime(t time.Time) string { return t.UTC().Format(time.RFC3339) }
