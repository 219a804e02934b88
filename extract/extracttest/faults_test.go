package extracttest_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"pylon-kafka/extract/extracttest"
)

func TestFail_everyKind(t *testing.T) {
	t.Parallel()
	const search = "POST /issues/search"
	for _, tt := range []struct {
		name   string
		fault  extracttest.Fault
		broken bool // no answer that can be read
		want   func(a answer) bool
	}{
		{"nothing said", extracttest.Fault{}, false, func(a answer) bool { return a.Status == 500 && len(a.Errors) == 1 && a.RequestID != "" }},
		{"status", extracttest.Fault{Status: 503}, false, func(a answer) bool { return a.Status == 503 && a.Code == "" }},
		{"status and code", extracttest.Fault{Status: 403, Code: "permission_denied"}, false, func(a answer) bool { return a.Status == 403 && a.Code == "permission_denied" }},
		{"429 with a header", extracttest.Fault{Status: 429, Header: http.Header{"Retry-After": {"7"}}}, false, func(a answer) bool { return a.Status == 429 && a.Header.Get("Retry-After") == "7" }},
		{"body", extracttest.Fault{Status: 502, Body: `"bad gateway"`}, true, nil},
		{"body as it is", extracttest.Fault{Status: 404, Body: `{"errors":["x"]}`}, false, func(a answer) bool { return a.Status == 404 && a.Errors[0] == "x" && a.RequestID == "" }},
		{"dropped", extracttest.Fault{Drop: true}, true, nil},
		{"dropped after the headers", extracttest.Fault{DropAfterHeaders: true}, true, nil},
		{"truncated", extracttest.Fault{Truncate: true}, true, nil},
		{"malformed", extracttest.Fault{Malformed: true}, true, nil},
		{"web page", extracttest.Fault{HTML: true}, true, nil},
		{"empty", extracttest.Fault{Empty: true}, false, func(a answer) bool { return a.Status == 200 && len(a.Body) == 0 }},
		{"no data", extracttest.Fault{NoData: true}, false, func(a answer) bool {
			return a.Status == 200 && a.Data == nil && a.Pagination.HasNextPage && a.Pagination.Cursor != ""
		}},
		{"range refused", extracttest.Fault{RefuseRange: true}, false, func(a answer) bool { return a.Status == 400 }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := extracttest.NewServer(t, extracttest.Options{Now: now})
			s.API.Fail(tt.fault)
			body := `{"limit":5,"filter":{"field":"updated_at","operator":"time_range","values":["2026-01-01T00:00:00Z","2026-06-01T00:00:00Z"]}}`
			a, err := try(t, s, search, body)
			if (err != nil) != tt.broken || err == nil && !tt.want(a) {
				t.Errorf("%v, %d %.300s", err, a.Status, a.Body)
			}
			if s.API.FaultsLeft() != 0 {
				t.Error("the fault is still queued")
			}
			if a := get(t, s, search, body); len(a.list(t)) != 5 {
				t.Errorf("the next answer is %.300s", a.Body)
			}
		})
	}
}

func TestFail_matchesWhatItNames(t *testing.T) {
	t.Parallel()
	requests := []string{
		"GET /tags", "GET /tags", "GET /issues/1/messages?limit=1", "GET /issues/1/messages?limit=1&cursor=x",
		"GET /issues?start_time=2026-05-01T00:00:00Z&end_time=2026-05-02T00:00:00Z", "DELETE /tags/x",
	}
	for _, tt := range []struct {
		name  string
		fault extracttest.Fault
		want  []int
	}{
		{"anything, once", extracttest.Fault{Status: 503}, []int{503, 200, 200, 400, 200, 404}},
		{"anything, twice", extracttest.Fault{Status: 503, Count: 2}, []int{503, 503, 200, 400, 200, 404}},
		{"for ever", extracttest.Fault{Status: 503, Count: -1}, []int{503, 503, 503, 503, 503, 503}},
		{"later", extracttest.Fault{Status: 503, Skip: 1}, []int{200, 503, 200, 400, 200, 404}},
		{"endpoint", extracttest.Fault{Status: 503, Endpoint: "issue_messages"}, []int{200, 200, 503, 400, 200, 404}},
		{"path", extracttest.Fault{Status: 503, Path: "/issues", Count: -1}, []int{200, 200, 503, 503, 503, 404}},
		{"method", extracttest.Fault{Status: 503, Method: "DELETE"}, []int{200, 200, 200, 400, 200, 503}},
		{"with a cursor", extracttest.Fault{Status: 503, RefuseCursor: true}, []int{200, 200, 200, 503, 200, 404}},
		{"with a range", extracttest.Fault{RefuseRange: true}, []int{200, 200, 200, 400, 400, 404}},
		{"never", extracttest.Fault{Status: 503, Probability: 1e-12, Count: -1}, []int{200, 200, 200, 400, 200, 404}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := extracttest.NewServer(t, extracttest.Options{Now: now})
			s.API.Fail(tt.fault)
			var got []int
			for _, r := range requests {
				got = append(got, call(t, s, r, "").Status)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
			s.API.ClearFaults()
			if a := call(t, s, "GET /tags", ""); a.Status != 200 || s.API.FaultsLeft() != 0 {
				t.Errorf("after ClearFaults: %d", a.Status)
			}
		})
	}
}

func TestFail_repeatedCursor(t *testing.T) {
	t.Parallel()
	s := extracttest.NewServer(t, extracttest.Options{Now: now})
	s.API.Fail(extracttest.Fault{RepeatCursor: true})
	first := get(t, s, "POST /issues/search", `{"limit":2}`)
	again := get(t, s, "POST /issues/search", `{"limit":2,"cursor":"`+first.next()+`"}`)
	if first.next() != again.next() || first.next() == "" {
		t.Errorf("cursors %q and %q", first.next(), again.next())
	}
	if member(t, first.list(t)[0], "id") == member(t, again.list(t)[0], "id") {
		t.Error("the second page is the first one")
	}
}

func TestFail_probabilityIsOfTheSeed(t *testing.T) {
	t.Parallel()
	run := func(seed int64) string {
		s := extracttest.NewServer(t, extracttest.Options{Now: now, Seed: seed, Limits: noLimits()})
		s.API.Fail(extracttest.Fault{Status: 503, Count: -1, Probability: 0.5})
		var out strings.Builder
		for range 100 {
			out.WriteByte("0123456789"[call(t, s, "GET /tags", "").Status/100])
		}
		return out.String()
	}
	one := run(1)
	if one != run(1) || one == run(2) {
		t.Error("failures are not drawn from the seed")
	}
	if n := strings.Count(one, "5"); n < 30 || n > 70 {
		t.Errorf("%d of 100 failed", n)
	}
}

func TestFail_costsARequestAndIsNotServed(t *testing.T) {
	t.Parallel()
	s := extracttest.NewServer(t, extracttest.Options{Now: now, Limits: map[string]int{"tags": 1}})
	s.API.Fail(extracttest.Fault{Status: 500})
	for _, want := range []int{500, 429} {
		if a := call(t, s, "GET /tags", ""); a.Status != want {
			t.Errorf("%d, want %d", a.Status, want)
		}
	}
}

func TestFail_delayAndBrokenConnectionsWithoutANetwork(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		api := extracttest.New(extracttest.Options{})
		client := &http.Client{Transport: api.Transport()}
		for _, tt := range []struct {
			fault  extracttest.Fault
			broken bool
		}{
			{extracttest.Fault{Delay: time.Hour}, false},
			{extracttest.Fault{Delay: time.Hour, Status: 500}, false},
			{extracttest.Fault{Delay: time.Hour, Drop: true}, true},
			{extracttest.Fault{Delay: time.Hour, Truncate: true}, true},
		} {
			api.Fail(tt.fault)
			begin := time.Now()
			err := read(t, client, "http://sandbox/tags")
			if (err != nil) != tt.broken || time.Since(begin) != time.Hour {
				t.Errorf("%+v: %v after %v", tt.fault, err, time.Since(begin))
			}
		}
	})
}
