package producer_test

import (
	"fmt"
	"maps"
	"net/http"
	"sync"
	"testing"
	"time"

	"pylon-kafka/extract"
	"pylon-kafka/extract/extracttest"
)

// TestLossless_6_aDateThatIsAhead has a proxy whose clock is ahead of the stamps
// by more than the lookback: every change is read all the same, and status says
// so.
func TestLossless_6_aDateThatIsAhead(t *testing.T) {
	t.Parallel()
	for _, ahead := range []time.Duration{20 * time.Minute, 26 * time.Hour, -2 * time.Hour} {
		bubble(t, ahead.String(), extracttest.Options{Seed: 118, Issues: 100}, func(t *testing.T, w *world) {
			t.Helper()
			w.settings["PYLON_STREAMS"] = "issues"
			w.settings["PYLON_RECONCILE_INTERVAL"] = "0"
			w.api.Fail(extracttest.Fault{DateAhead: ahead, Count: -1})
			_, stop := w.run(t)
			pass(3 * time.Minute)
			for i := range 90 {
				must(t, w.api.UpdateIssue(w.api.IssueID(i), extracttest.IssueChange{Title: fmt.Sprint("change ", i)}))
				pass(7 * time.Second)
			}
			pass(time.Minute)
			must(t, stop())
			w.wantTruth(t, "issues")
			w.wantNoRepeats(t, "issues")
		})
	}
}

// TestLossless_9_aSearchWithoutAnEndIsRefused has the API answer 400 to it, from
// the first request on and later.
func TestLossless_9_aSearchWithoutAnEndIsRefused(t *testing.T) {
	t.Parallel()
	for name, after := range map[string]time.Duration{"from the start": 0, "later": 10 * time.Minute} {
		bubble(t, name, extracttest.Options{Seed: 119, Issues: 60}, func(t *testing.T, w *world) {
			t.Helper()
			w.settings["PYLON_STREAMS"] = "issues"
			w.settings["PYLON_RECONCILE_INTERVAL"] = "0"
			refuse := func() { must(t, w.api.FailByName("range-refused")) }
			if after == 0 {
				refuse()
			}
			p, stop := w.run(t)
			pass(10 * time.Minute)
			if after > 0 {
				refuse()
			}
			for i := range 20 {
				must(t, w.api.UpdateIssue(w.api.IssueID(i), extracttest.IssueChange{Title: fmt.Sprint("change ", i)}))
				pass(20 * time.Second)
			}
			pass(time.Minute)
			if s := p.Status()[0]; !s.Up || s.State != "live" {
				t.Errorf("status %+v", s)
			}
			must(t, stop())
			w.wantTruth(t, "issues")
			w.wantNoRepeats(t, "issues")
			w.sync(t) // and so does a sync
		})
	}
}

// TestLossless_11_aBare429 has one request in ten refused for its rate, without a
// word on when to come again: each waits at least a second, and all is read.
func TestLossless_11_aBare429(t *testing.T) {
	t.Parallel()
	bubble(t, "", extracttest.Options{Seed: 120, Issues: 200}, func(t *testing.T, w *world) {
		t.Helper()
		refused := &refusals{inner: w.pylon, last: make(map[string]time.Time)}
		w.pylon = refused
		must(t, w.api.FailByName("bare-429"))
		if _, err := w.attempt(t); err != nil {
			t.Fatal(err)
		}
		w.wantTruth(t, allStreams()...)
		t.Logf("%d refused, asked again after %v at the soonest", refused.count, refused.soonest)
		if refused.count == 0 || refused.soonest < time.Second {
			t.Errorf("%d refused, asked again after %v at the soonest, want a second", refused.count, refused.soonest)
		}
	})
}

// refusals notes how soon a request comes again that was answered with 429.
type refusals struct {
	inner http.RoundTripper

	mu      sync.Mutex
	last    map[string]time.Time // by URL
	count   int
	soonest time.Duration
}

func (r *refusals) RoundTrip(req *http.Request) (*http.Response, error) {
	key := req.Method + req.URL.String()
	r.mu.Lock()
	if at, ok := r.last[key]; ok {
		if d := time.Since(at); r.soonest == 0 || d < r.soonest {
			r.soonest = d
		}
		delete(r.last, key)
	}
	r.mu.Unlock()
	resp, err := r.inner.RoundTrip(req)
	if err == nil && resp.StatusCode == http.StatusTooManyRequests {
		r.mu.Lock()
		r.count++
		r.last[key] = time.Now()
		r.mu.Unlock()
	}
	return resp, err
}

// TestLossless_16_requests counts those of a sync without changes, and after ten
// changes of 2,000 issues with 6,000 messages, 1,500 accounts and as many contacts.
func TestLossless_16_requests(t *testing.T) {
	t.Parallel()
	const changed = 10
	w := newWorld(t, extracttest.Options{Seed: 121, Issues: 2000, Accounts: 1500, Contacts: 1500})
	w.sync(t)
	idle := 0 // what a pass without a change asks for
	for _, s := range extract.Streams() {
		idle += w.idleRequests(s)
	}
	w.api.ResetCounts()
	if records, tombstones := totals(w.sync(t)); records+tombstones != 0 {
		t.Errorf("%d records and %d tombstones without a change", records, tombstones)
	}
	if n := w.requests(); n != idle {
		t.Errorf("%d requests without a change, want %d: %v", n, idle, w.api.Requests())
	}
	if n := w.api.Requests()["knowledge_bases"]; n != 1 {
		t.Errorf("the knowledge bases were listed %d times, want once", n)
	}
	for i := range changed {
		must(t, w.api.UpdateIssue(w.api.IssueID(i*11), extracttest.IssueChange{}))
	}
	w.api.ResetCounts()
	w.sync(t)
	if n := w.requests(); n != idle+2*changed {
		t.Errorf("%d requests after %d changes, want %d: %v", n, changed, idle+2*changed, w.api.Requests())
	}
}

// idleRequests is how many requests a pass over a stream takes in which nothing has
// changed: the pages of each of its lists.
func (w *world) idleRequests(s extract.Stream) int {
	objects := func(stream string) int { return len(maps.Collect(w.api.Objects(stream))) }
	switch {
	case s.Sync == extract.SyncChildren:
		return 0 // no issue has changed
	case s.Sync == extract.SyncIssues:
		return 1 // one search, which finds little
	case s.Parent != "":
		return objects(s.Parent) // a page of each
	case len(s.ListedFor) > 0:
		return len(s.ListedFor)
	case s.Limit == 0:
		return 1
	}
	return (objects(s.Name) + s.Limit - 1) / s.Limit
}

// requests is how many there were of all endpoints.
func (w *world) requests() int {
	n := 0
	for _, count := range w.api.Requests() {
		n += count
	}
	return n
}

// TestLossless_aSyncEndsWithinTwoMinutes has each kind of persistent refusal at
// each way of reading, on the first page and behind it: the sync ends with an
// error that names the stream, whatever layer has met the trouble.
func TestLossless_aSyncEndsWithinTwoMinutes(t *testing.T) {
	t.Parallel()
	faults := map[string]extracttest.Fault{
		"a cursor that repeats": {RepeatCursor: true},
		"a refused cursor":      {RefuseCursor: true},
		"a page without data":   {NoData: true},
		"400":                   {Status: 400},
		"403":                   {Status: 403},
		"404":                   {Status: 404},
		"418":                   {Status: 418},
		"429":                   {Status: 429},
		"429 for a minute":      {Status: 429, Header: http.Header{"X-Retry-After": {"60"}}},
		"503":                   {Status: 503},
		"half a document":       {Malformed: true},
		"a web page":            {HTML: true},
		"nothing":               {Drop: true},
		"late":                  {Delay: 10 * time.Minute},
	}
	opts := extracttest.Options{Seed: 122, Issues: 20, Accounts: 40, Contacts: 40, Articles: 40, MessagesPerIssue: 12, MaxPage: 5}
	for endpoint, read := range paginated() {
		for name, fault := range faults {
			for _, skip := range []int{0, 1} {
				fault := fault
				fault.Endpoint, fault.Count, fault.Skip = endpoint, -1, skip
				bubble(t, fmt.Sprintf("%s/%s/%d", endpoint, name, skip), opts, func(t *testing.T, w *world) {
					t.Helper()
					settings := []string{"PYLON_STREAMS", read.reads}
					if read.again != "" {
						settings = append(settings, read.again, "1ns")
					}
					w.api.Fail(fault)
					began := time.Now()
					_, err := w.attempt(t, settings...)
					took := time.Since(began)
					may := endpoint == "issue_messages" && name == "404" || endpoint == "issues_search" && name == "400"
					if err == nil && !may {
						t.Fatal("the sync succeeds")
					}
					if err != nil {
						wantSays(t, err.Error(), read.stream)
					}
					if took > 2*time.Minute {
						t.Errorf("the sync took %v: %v", took, err)
					}
				})
			}
		}
	}
}
