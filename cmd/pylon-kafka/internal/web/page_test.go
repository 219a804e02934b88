package web

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"pylon-kafka/cmd/pylon-kafka/internal/build"
	"pylon-kafka/producer"
)

// twoStreams are one that follows changes and one that Pylon forbids, with a
// reason that would be a script if it were not escaped.
func twoStreams() []producer.Status {
	now := time.Now()
	return []producer.Status{
		{
			Stream: "issues", Topic: "pylon.issues",
			Condition: producer.Condition{State: producer.Live, Up: true, Owned: true},
			Counts:    producer.Counts{Records: 12},
			Times:     producer.Times{Cursor: now.Add(-time.Minute), LastSuccess: now, Interval: 15 * time.Second},
			Work:      producer.Work{Progress: -1, Throughput: []int64{0, 2, 1}, BudgetUsed: 0.25},
		},
		{
			Stream: "tags", Topic: "pylon.tags",
			Condition: producer.Condition{
				State: producer.Failed, Owned: true, Reason: "<script>403</script>", Since: now.Add(-26 * time.Minute), NextTry: now.Add(9 * time.Minute),
				LastError: "before that", LastErrorAt: now.Add(-time.Hour), Warnings: []string{"the topic is not compacted"},
			},
			Work: producer.Work{Progress: -1},
		},
	}
}

// newPages makes pages of these streams.
func newPages(status func() []producer.Status, ready bool) *Pages {
	info := build.Read("v1.2.3", "abc")
	return &Pages{
		Status:  status,
		Ready:   func() bool { return ready },
		Metrics: NewRegistry(info),
		Started: time.Now(),
		Build:   info,
	}
}

// serve serves the pages for the test.
func serve(t *testing.T, p *Pages) string {
	t.Helper()
	server := httptest.NewServer(p.Handler())
	t.Cleanup(server.Close)
	return server.URL
}

// ask sends a request and returns status, header and body of the answer.
func ask(t *testing.T, method, url string) (status int, header http.Header, body string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatalf("%s %s: %v", method, url, err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatalf("%s %s: %v", method, url, err)
	}
	return response.StatusCode, response.Header, string(text)
}

func TestPages_answerWhatTheyAreAsked(t *testing.T) {
	t.Parallel()
	starting := func() []producer.Status {
		streams := twoStreams()
		streams[0].State, streams[0].Reason = producer.Starting, "KAFKA_BROKERS x:1: no answer"
		streams[1].State, streams[1].Reason = producer.Starting, ""
		return streams
	}
	ready := serve(t, newPages(twoStreams, true))
	unready := serve(t, newPages(starting, false))
	tests := map[string]struct {
		method, url string
		status      int
		want        []string
	}{
		"page": {"GET", ready + "/", 200, []string{
			"pylon-kafka, ready", "1 stream fresh; tags failed since", "pylon.issues", "live", "&lt;script&gt;403", "every 15 s", "<polyline", "25 %",
			"Last error, 1 h ago: before that", "the topic is not compacted", "v1.2.3", "tries again in 9 min",
		}},
		"page while it starts": {"GET", unready + "/", 200, []string{"not ready", "waiting for issues: KAFKA_BROKERS x:1: no answer"}},
		"healthz":              {"GET", ready + "/healthz", 200, []string{"ok\n"}},
		"healthz at the start": {"GET", unready + "/healthz", 200, []string{"ok\n"}},
		"readyz":               {"GET", ready + "/readyz", 200, []string{"ok\n", "tags failed: <script>"}},
		"readyz at the start": {"GET", unready + "/readyz", 503, []string{
			"not ready\n", "waiting for issues: KAFKA_BROKERS x:1: no answer\n", "waiting for tags: reading the cursor and what the topic holds\n",
		}},
		"metrics":      {"GET", ready + "/metrics", 200, []string{"pylon_kafka_build_info{", "go_goroutines", "process_"}},
		"streams":      {"GET", ready + "/api/streams", 200, []string{`"stream": "issues"`, `"reason": "<script>`, `"interval_ns": 15000000000`}},
		"nothing":      {"GET", ready + "/nothing", 404, nil},
		"other method": {"POST", ready + "/api/streams", 405, nil},
		"head":         {"HEAD", ready + "/", 200, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			status, header, body := ask(t, test.method, test.url)
			if status != test.status {
				t.Errorf("status %d, want %d", status, test.status)
			}
			if got := header.Get("X-Content-Type-Options"); got != "nosniff" {
				t.Errorf("X-Content-Type-Options is %q", got)
			}
			for _, want := range test.want {
				if !strings.Contains(body, want) {
					t.Errorf("%q is not in\n%s", want, body)
				}
			}
		})
	}
}

func TestPages_reportStreamsAsJSON(t *testing.T) {
	t.Parallel()
	_, _, body := ask(t, http.MethodGet, serve(t, newPages(twoStreams, true))+"/api/streams")
	var streams []producer.Status
	if err := json.Unmarshal([]byte(body), &streams); err != nil {
		t.Fatal(err)
	}
	if len(streams) != 2 || streams[0].Stream != "issues" || !streams[0].Up || streams[0].Records != 12 || streams[0].Cursor.IsZero() || !streams[1].Cursor.IsZero() {
		t.Errorf("streams = %s", body)
	}
}

// TestPage_runsNoScriptButItsOwn compares the header with the page: each answer
// has a nonce of its own, and everything else is forbidden.
func TestPage_runsNoScriptButItsOwn(t *testing.T) {
	t.Parallel()
	url := serve(t, newPages(twoStreams, true))
	seen := make(map[string]bool)
	for range 2 {
		_, header, body := ask(t, http.MethodGet, url+"/")
		policy := header.Get("Content-Security-Policy")
		nonce := regexp.MustCompile(`script-src 'nonce-([A-Z0-9]+)'`).FindStringSubmatch(policy)
		if nonce == nil || !strings.Contains(policy, "default-src 'none'") {
			t.Fatalf("policy %q", policy)
		}
		if !strings.Contains(body, `<script nonce="`+nonce[1]+`">`) || strings.Count(body, "<script") != 1 {
			t.Errorf("not the one script with nonce %s in\n%s", nonce[1], body)
		}
		seen[nonce[1]] = true
	}
	if len(seen) != 2 {
		t.Errorf("nonces %v: want two", seen)
	}
}

// manyStreams are fifteen as they are in the worst case: all with an hour of
// records, errors, and more parked issues than are shown.
func manyStreams(now time.Time) []producer.Status {
	streams := make([]producer.Status, 15)
	for i := range streams {
		name := fmt.Sprintf("knowledge_base_articles_%d", i)
		s := &streams[i]
		*s = producer.Status{
			Stream: name, Topic: "pylon." + name,
			Condition: producer.Condition{
				State: producer.Retrying, Reason: strings.Repeat("GET /issues: 503 Service Unavailable; ", 5), Since: now,
				LastError: "another", LastErrorAt: now, Warnings: []string{"a topic that is not compacted"},
			},
			Counts: producer.Counts{Records: 123456789, Tombstones: 123456, Unchanged: 123456789, Requests: 123456789},
			Times:  producer.Times{Cursor: now, LastSuccess: now, NextPass: now.Add(time.Hour), Interval: time.Hour},
			Work:   producer.Work{Backlog: 123456, BacklogLeft: time.Hour, BudgetUsed: 1},
		}
		for minute := range 60 {
			s.Throughput = append(s.Throughput, int64(minute*minute*7%1000))
		}
	}
	return streams
}

// TestPage_isSmallAndFast takes the fastest of many, which other work on the
// machine does not change.
func TestPage_isSmallAndFast(t *testing.T) {
	now := time.Now()
	handler := newPages(func() []producer.Status { return manyStreams(now) }, true).Handler()
	request := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody)
	size, fastest := 0, time.Hour
	for range 100 {
		w := httptest.NewRecorder()
		began := time.Now()
		handler.ServeHTTP(w, request)
		fastest = min(fastest, time.Since(began))
		size = w.Body.Len()
	}
	t.Logf("%d bytes in %v", size, fastest)
	if size >= 40_000 {
		t.Errorf("the page has %d bytes, want less than 40,000", size)
	}
	if limit := 5 * time.Millisecond; fastest >= limit && !raceDetector {
		t.Errorf("the page takes %v, want less than %v", fastest, limit)
	}
}

// TestPage_showsOnDemandWhatIsKnown looks for what is folded.
func TestPage_showsOnDemandWhatIsKnown(t *testing.T) {
	t.Parallel()
	now := time.Now()
	url := serve(t, newPages(func() []producer.Status {
		streams := twoStreams()
		s := &streams[0]
		s.State, s.Owned, s.Owner = producer.Standby, false, "pylon-kafka-1"
		s.Counts = producer.Counts{Records: 1234, Tombstones: 56, Unchanged: 78, DeadLetters: 9, Unmapped: 10, Requests: 11}
		for i := range shownParked + 2 {
			s.Parked = append(s.Parked, producer.Parked{
				Issue: fmt.Sprint("issue", i), Since: now.Add(-time.Hour), Tries: 3, Next: now.Add(2 * time.Hour), Reason: "500",
			})
		}
		return streams
	}, true))
	_, _, body := ask(t, http.MethodGet, url+"/")
	for _, want := range []string{
		"<dt>topic</dt><dd>pylon.issues</dd>", "<dt>records</dt><dd>1,234</dd>", "<dt>tombstones</dt><dd>56</dd>", "<dt>unchanged</dt><dd>78</dd>",
		"<dt>dead letters</dt><dd>9</dd>", "<dt>unmapped fields</dt><dd>10</dd>", "<dt>requests</dt><dd>11</dd>", "<dt>replica</dt><dd>pylon-kafka-1</dd>",
		"issue issue0 for 1 h, tried 3 times, next in 2 h: 500", "and 2 more", "12 issues parked", "issues with another replica",
	} {
		if !strings.Contains(body, want) {
			t.Errorf("%q is not in\n%s", want, body)
		}
	}
	if strings.Contains(body, fmt.Sprint("issue", shownParked+1)) {
		t.Error("more parked issues than the page has room for")
	}
}

// brokenWriter is a client that goes away.
type brokenWriter struct{ http.ResponseWriter }

func (brokenWriter) Write([]byte) (int, error) { return 0, errors.New("left") }

// TestPages_doNotMindAClientThatHasLeft wants no panic, and the next client served.
func TestPages_doNotMindAClientThatHasLeft(t *testing.T) {
	t.Parallel()
	handler := newPages(twoStreams, true).Handler()
	for _, path := range []string{"/", "/api/streams", "/readyz", "/metrics"} {
		handler.ServeHTTP(brokenWriter{httptest.NewRecorder()}, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, http.NoBody))
		next := httptest.NewRecorder()
		handler.ServeHTTP(next, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, http.NoBody))
		if next.Code != http.StatusOK || next.Body.Len() == 0 {
			t.Errorf("%s: the next client gets %d with %d bytes", path, next.Code, next.Body.Len())
		}
	}
}
