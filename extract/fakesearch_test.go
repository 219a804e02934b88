package extract

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"time"
)

// fakeSearch is the issue search of the API as far as the incremental read
// cares, with a clock, an index that lags, and faults; all without a network,
// and for one goroutine.
type fakeSearch struct {
	opts fakeOptions

	r      *rand.Rand
	plan   []time.Duration // times between the updates to come
	due    time.Time       // when the first of them comes
	issues []*fakeIssue
	log    []string // the searches of page one, shortly
}

// fakeOptions is how the fake behaves.
type fakeOptions struct {
	skew        time.Duration // its clock minus ours
	dateAhead   time.Duration // its Date header minus its clock
	lag         time.Duration // the index shows a version up to so much later
	latency     time.Duration // most of a request's, before and after the search
	limit       int           // issues on a page
	inclusive   bool          // a bound belongs to its range
	maxRange    time.Duration // a longer range is refused; 0: none is
	noActivity  bool          // a search by message activity is refused
	faults      float64       // share of requests that fail in some way
	badCursors  float64       // share of page cursors that are refused
	noOpen      bool          // a search without an end is refused
	messageOnly bool          // a message does not move updated_at
}

// fakeIssue is an issue with all its versions.
type fakeIssue struct {
	id       string
	created  time.Time
	versions []fakeVersion
}

// fakeVersion is what an update made; times are by the API's clock.
type fakeVersion struct {
	updated  time.Time
	activity time.Time
	visible  time.Time // when the index shows it
}

func (f *fakeSearch) now() time.Time { return time.Now().Add(f.opts.skew).UTC() }

// update makes a new version of an issue, or a new issue. The times of the past
// are given; zero is now.
func (f *fakeSearch) update(n int, at time.Time) {
	visible := at
	if at.IsZero() {
		at = f.now()
		visible = at.Add(time.Duration(f.r.Float64() * float64(f.opts.lag)))
	}
	v := fakeVersion{updated: at, activity: at, visible: visible}
	if n >= len(f.issues) {
		f.issues = append(f.issues, &fakeIssue{id: fmt.Sprintf("issue-%04d", len(f.issues)), created: at, versions: []fakeVersion{v}})
		return
	}
	issue := f.issues[n]
	last := issue.versions[len(issue.versions)-1]
	if v.visible.Before(last.visible) {
		v.visible = last.visible // the index shows versions in their order
	}
	switch f.r.IntN(3) {
	case 0:
		if f.opts.messageOnly {
			v.updated = last.updated
		}
	case 1:
		v.activity = last.activity
	}
	issue.versions = append(issue.versions, v)
}

// shown returns the number of the version that the index shows at a time, -1
// for none.
func (i *fakeIssue) shown(at time.Time) int {
	for n := len(i.versions) - 1; n >= 0; n-- {
		if !i.versions[n].visible.After(at) {
			return n
		}
	}
	return -1
}

// RoundTrip answers one search.
func (f *fakeSearch) RoundTrip(r *http.Request) (*http.Response, error) {
	f.pass()
	resp, err := f.search(r)
	date := f.now().Add(f.opts.dateAhead).Format(http.TimeFormat)
	f.pass()
	if resp != nil {
		resp.Header.Set("Date", date)
	}
	return resp, err
}

// pass lets a part of the latency pass.
func (f *fakeSearch) pass() { f.advance(time.Duration(f.r.Float64() * float64(f.opts.latency))) }

// advance lets time pass, and the planned updates happen meanwhile.
func (f *fakeSearch) advance(d time.Duration) {
	until := time.Now().Add(d)
	for len(f.plan) > 0 && !f.due.After(until) {
		advance(time.Until(f.due))
		n := f.r.IntN(len(f.issues)*11/10 + 1) // some are new
		for range 1 + f.r.IntN(3) {            // in one moment
			f.update(n, time.Time{})
		}
		f.due = time.Now().Add(f.plan[0])
		f.plan = f.plan[1:]
	}
	advance(time.Until(until))
}

func (f *fakeSearch) search(r *http.Request) (*http.Response, error) {
	var body struct {
		Filter filter `json:"filter"`
		Cursor string `json:"cursor"`
		Limit  int    `json:"limit"`
	}
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil || r.Method != http.MethodPost || r.URL.RequestURI() != "/issues/search" || body.Limit != 999 {
		return nil, fmt.Errorf("not a search: %s %s, limit %d: %w", r.Method, r.URL, body.Limit, err)
	}
	filterText, err := json.Marshal(body.Filter)
	if err != nil {
		return nil, err
	}
	if body.Cursor == "" {
		f.log = append(f.log, string(filterText))
	}
	if f.r.Float64() < f.opts.faults {
		switch f.r.IntN(5) {
		case 0:
			return nil, fmt.Errorf("connection refused")
		case 1:
			return response(503, ""), nil
		case 2:
			return response(200, `{"data":[{"id":"issue-0001","v":0}`), nil
		case 3:
			return response(200, `{"pagination":{"cursor":"x","has_next_page":true},"request_id":"r"}`), nil
		default:
			return response(429, `{"code":"rate_limited"}`, "X-Retry-After: 2"), nil
		}
	}
	if f.refuses(body.Filter) {
		return response(400, `{"errors":["range or filter"],"request_id":"r"}`), nil
	}
	before := time.Time{} // only issues made before this one
	id := ""
	if body.Cursor != "" {
		// What is not base64 has no three parts.
		text, _ := base64.StdEncoding.DecodeString(body.Cursor)
		parts := strings.Split(string(text), "|")
		if len(parts) != 3 || parts[2] != string(filterText) || f.r.Float64() < f.opts.badCursors {
			return response(400, `{"errors":["cursor"],"request_id":"r"}`), nil
		}
		if before, err = time.Parse(time.RFC3339Nano, parts[0]); err != nil {
			return nil, err
		}
		id = parts[1]
	}
	sorted := slices.Clone(f.issues)
	slices.SortFunc(sorted, func(a, b *fakeIssue) int {
		if c := b.created.Compare(a.created); c != 0 {
			return c
		}
		return strings.Compare(b.id, a.id)
	})
	now := f.now()
	var rows []string
	var lastRow *fakeIssue
	more := false
	for _, issue := range sorted {
		if body.Cursor != "" && (issue.created.After(before) || issue.created.Equal(before) && issue.id >= id) {
			continue
		}
		v := issue.shown(now)
		if v < 0 || !f.matches(body.Filter, issue.versions[v]) {
			continue
		}
		if len(rows) == f.opts.limit {
			more = true
			break
		}
		lastRow = issue
		rows = append(rows, fmt.Sprintf(`{"id":%q,"v":%d,"updated_at":%q}`, issue.id, v, formatTime(issue.versions[v].updated)))
	}
	if more {
		cursor := base64.StdEncoding.EncodeToString([]byte(lastRow.created.Format(time.RFC3339Nano) + "|" + lastRow.id + "|" + string(filterText)))
		return response(200, fmt.Sprintf(`{"data":[%s],"pagination":{"cursor":%q,"has_next_page":true},"request_id":"r"}`, strings.Join(rows, ","), cursor)), nil
	}
	if len(rows) == 0 {
		if body.Cursor != "" {
			// What was promised has left the range meanwhile.
			return response(200, `{"data":[],"pagination":{"cursor":"","has_next_page":false},"request_id":"r"}`), nil
		}
		return response(200, `{"request_id":"r"}`), nil
	}
	return response(200, fmt.Sprintf(`{"data":[%s],"request_id":"r"}`, strings.Join(rows, ","))), nil
}

// refuses reports whether the API answers 400 to the filter.
func (f *fakeSearch) refuses(c filter) bool {
	if c.Operator == "or" && f.opts.noActivity {
		return true
	}
	if c.Operator == "or" && c.Subfilters[0].Operator == "and" {
		return slices.ContainsFunc(c.Subfilters, f.refuses)
	}
	from, to, open := time.Time{}, f.now(), true
	for _, s := range c.Subfilters {
		t, err := time.Parse(time.RFC3339, s.Value)
		if err != nil {
			return true
		}
		if s.Operator == "time_is_after" {
			from = t
		} else {
			to, open = t, false
		}
	}
	return open && f.opts.noOpen || f.opts.maxRange > 0 && to.Sub(from) > f.opts.maxRange
}

func (f *fakeSearch) matches(c filter, v fakeVersion) bool {
	switch c.Operator {
	case "and":
		return !slices.ContainsFunc(c.Subfilters, func(s filter) bool { return !f.matches(s, v) })
	case "or":
		return slices.ContainsFunc(c.Subfilters, func(s filter) bool { return f.matches(s, v) })
	}
	bound, err := time.Parse(time.RFC3339, c.Value)
	if err != nil {
		return false
	}
	value := v.updated
	if c.Field == "latest_message_activity_at" {
		value = v.activity
	}
	// The API keeps milliseconds.
	value = value.Truncate(time.Millisecond)
	if c.Operator == "time_is_after" {
		return value.After(bound) || f.opts.inclusive && value.Equal(bound)
	}
	return value.Before(bound) || f.opts.inclusive && value.Equal(bound)
}
