package extract

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"testing"
	"time"

	"pylon-kafka/extract/extracttest"
)

// sandboxSearch is the sandbox's issue search for a test that is in a bubble, drives
// the clock, and knows every version of every issue. It is for one goroutine.
type sandboxSearch struct {
	t    *testing.T
	api  *extracttest.API
	opts searchOptions

	r      *rand.Rand
	plan   []time.Duration // times between the updates to come
	due    time.Time       // when the first of them comes
	issues []*issueVersions
	log    []string // the filters of page one
}

// searchOptions is how the sandbox behaves.
type searchOptions struct {
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

// issueVersions is an issue with all its versions.
type issueVersions struct {
	id       string
	versions []issueVersion
}

// issueVersion is what an update made; times are by the API's clock.
type issueVersion struct {
	updated  time.Time
	activity time.Time
	visible  time.Time // when the index shows it
}

func newSandboxSearch(t *testing.T, opts searchOptions, r *rand.Rand) *sandboxSearch {
	t.Helper()
	s := &sandboxSearch{t: t, opts: opts, r: r}
	set := extracttest.Options{
		Seed: int64(r.Uint64() >> 1), Issues: -1, IssueBytes: 1, UnknownFields: -1, Limits: map[string]int{"*": 0},
		MaxPage: opts.limit, MaxSearchRange: opts.maxRange, Bounds: extracttest.BoundsExclusive,
	}
	if opts.inclusive {
		set.Bounds = extracttest.BoundsInclusive
	}
	if opts.noActivity {
		set.RefusedFields = []string{"latest_message_activity_at"}
	}
	s.api = extracttest.New(set)
	s.api.ShiftClock(opts.skew)
	if opts.dateAhead != 0 {
		s.api.Fail(extracttest.Fault{DateAhead: opts.dateAhead, Count: -1})
	}
	if opts.noOpen {
		s.api.Fail(extracttest.Fault{RefuseOpenRange: true, Count: -1})
	}
	if opts.badCursors > 0 {
		s.api.Fail(extracttest.Fault{RefuseCursor: true, Count: -1, Probability: opts.badCursors})
	}
	if opts.faults > 0 {
		for _, f := range []extracttest.Fault{
			{Drop: true},
			{Status: http.StatusServiceUnavailable},
			{Truncate: true},
			{NoData: true},
			{Status: http.StatusTooManyRequests, Code: "rate_limited", Header: http.Header{"X-Retry-After": {"2"}}},
		} {
			f.Count, f.Probability = -1, opts.faults/5
			s.api.Fail(f)
		}
	}
	return s
}

func (s *sandboxSearch) now() time.Time { return s.api.Now() }

// setSkew lets the API's clock jump.
func (s *sandboxSearch) setSkew(skew time.Duration) {
	s.api.ShiftClock(skew - s.opts.skew)
	s.opts.skew = skew
}

// create makes an issue, at a time of the past that the index shows at once, or now.
func (s *sandboxSearch) create(at time.Time) {
	s.t.Helper()
	change := extracttest.IssueChange{CreatedAt: at}
	if at.IsZero() {
		at = s.now()
		change.SearchLag = s.lag()
	}
	id := s.api.CreateIssue(change)
	s.issues = append(s.issues, &issueVersions{id, []issueVersion{{at, at, at.Add(change.SearchLag)}}})
}

func (s *sandboxSearch) lag() time.Duration {
	return time.Duration(s.r.Float64() * float64(s.opts.lag))
}

// update makes a new version of an issue, now.
func (s *sandboxSearch) update(n int) {
	s.t.Helper()
	issue := s.issues[n]
	last := issue.versions[len(issue.versions)-1]
	now := s.now()
	// The index shows versions in their order.
	v := issueVersion{now, now, latest(now.Add(s.lag()), last.visible)}
	change := extracttest.IssueChange{SearchLag: v.visible.Sub(now), LatestMessageAt: now}
	switch s.r.IntN(3) {
	case 0: // a message
		if change.KeepUpdatedAt = s.opts.messageOnly; change.KeepUpdatedAt {
			v.updated = last.updated
		}
	case 1: // anything but a message
		v.activity, change.LatestMessageAt = last.activity, time.Time{}
	}
	if err := s.api.UpdateIssue(issue.id, change); err != nil {
		s.t.Fatal(err)
	}
	issue.versions = append(issue.versions, v)
}

func latest(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

// version is the number of the version that a record holds: each touches the
// issue once more.
func (s *sandboxSearch) version(rec Record) int {
	s.t.Helper()
	touches := func(object []byte) int {
		var o struct {
			Touches int `json:"number_of_touches"`
		}
		if err := json.Unmarshal(object, &o); err != nil {
			s.t.Fatal(err)
		}
		return o.Touches
	}
	object, ok := s.api.Object("issues", rec.Key)
	n := slices.IndexFunc(s.issues, func(i *issueVersions) bool { return i.id == rec.Key })
	if !ok || n < 0 {
		s.t.Fatalf("read %s, which there is not", rec.Key)
	}
	return len(s.issues[n].versions) - 1 - (touches(object) - touches(rec.JSON))
}

// shown returns the number of the version that the index shows at a time, -1
// for none.
func (i *issueVersions) shown(at time.Time) int {
	for n := len(i.versions) - 1; n >= 0; n-- {
		if !i.versions[n].visible.After(at) {
			return n
		}
	}
	return -1
}

// RoundTrip answers one request, with a part of the latency on either side.
func (s *sandboxSearch) RoundTrip(r *http.Request) (*http.Response, error) {
	text, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	var body struct {
		Filter json.RawMessage `json:"filter"`
		Cursor string          `json:"cursor"`
	}
	if err := json.Unmarshal(text, &body); err != nil || r.Method != http.MethodPost || r.URL.RequestURI() != "/issues/search" {
		return nil, fmt.Errorf("not a search: %s %s: %w", r.Method, r.URL, err)
	}
	if body.Cursor == "" {
		s.log = append(s.log, string(body.Filter))
	}
	r.Body = io.NopCloser(bytes.NewReader(text))
	s.pass()
	resp, err := s.api.Transport().RoundTrip(r)
	s.pass()
	return resp, err
}

// pass lets a part of the latency pass.
func (s *sandboxSearch) pass() { s.advance(time.Duration(s.r.Float64() * float64(s.opts.latency))) }

// advance lets time pass, and the planned updates happen meanwhile.
func (s *sandboxSearch) advance(d time.Duration) {
	until := time.Now().Add(d)
	for len(s.plan) > 0 && !s.due.After(until) {
		advance(time.Until(s.due))
		n := s.r.IntN(len(s.issues)*11/10 + 1) // some are new
		for range 1 + s.r.IntN(3) {            // in one moment
			if n < len(s.issues) {
				s.update(n)
			} else {
				s.create(time.Time{})
				n = len(s.issues) - 1
			}
		}
		s.due = time.Now().Add(s.plan[0])
		s.plan = s.plan[1:]
	}
	advance(time.Until(until))
}
