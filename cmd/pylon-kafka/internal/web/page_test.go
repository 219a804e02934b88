package web

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"pylon-kafka/cmd/pylon-kafka/internal/build"
	"pylon-kafka/producer"
)

// newHealthServer serves the health of two streams; ready is what /readyz asks.
func newHealthServer(t *testing.T, ready func() bool) *httptest.Server {
	t.Helper()
	h := &Pages{
		Status: func() []producer.Status {
			return []producer.Status{
				{
					Stream: "issues", Topic: "pylon.issues",
					Condition: producer.Condition{State: producer.Live, Up: true},
					Counts:    producer.Counts{Records: 12},
					Times:     producer.Times{Cursor: time.Now().Add(-time.Minute)},
					Work:      producer.Work{Progress: -1},
				},
				{
					Stream: "tags", Topic: "pylon.tags",
					Condition: producer.Condition{State: producer.Failed, Reason: "<script>403</script>"},
				},
			}
		},
		Ready:   ready,
		Metrics: NewRegistry(build.Read("", "")),
		Started: time.Now(),
	}
	server := httptest.NewServer(h.Handler())
	t.Cleanup(server.Close)
	return server
}

// get returns status and body of an answer.
func get(t *testing.T, url string) (status int, body string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatalf("GET %s: %v", url, err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatalf("GET %s: %v", url, err)
	}
	return response.StatusCode, string(text)
}

func TestHealth_answersWhatItIsAsked(t *testing.T) {
	t.Parallel()
	ready := newHealthServer(t, func() bool { return true })
	starting := newHealthServer(t, func() bool { return false })
	tests := map[string]struct {
		url    string
		status int
		want   []string
	}{
		"page":                    {ready.URL + "/", 200, []string{"is ready", "pylon.issues", "live", "failed", "&lt;script&gt;403", `http-equiv="refresh"`}},
		"page while it starts":    {starting.URL + "/", 200, []string{"is not ready"}},
		"healthz":                 {ready.URL + "/healthz", 200, []string{"ok"}},
		"healthz while it starts": {starting.URL + "/healthz", 200, []string{"ok"}},
		"readyz":                  {ready.URL + "/readyz", 200, []string{"ok"}},
		"readyz while it starts":  {starting.URL + "/readyz", 503, []string{"not ready"}},
		"metrics":                 {ready.URL + "/metrics", 200, []string{"pylon_kafka_build_info{", "go_goroutines", "process_"}},
		"streams":                 {ready.URL + "/api/streams", 200, []string{`"stream": "issues"`, `"reason": "<script>`}},
		"nothing":                 {ready.URL + "/nothing", 404, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			status, body := get(t, test.url)
			if status != test.status {
				t.Errorf("status %d, want %d", status, test.status)
			}
			for _, want := range test.want {
				if !strings.Contains(body, want) {
					t.Errorf("%q is not in\n%s", want, body)
				}
			}
		})
	}
}

func TestHealth_reportsStreamsAsJSON(t *testing.T) {
	t.Parallel()
	_, body := get(t, newHealthServer(t, func() bool { return true }).URL+"/api/streams")
	var reports []struct {
		Stream  string
		Up      bool
		Records int64
		Cursor  *time.Time
	}
	if err := json.Unmarshal([]byte(body), &reports); err != nil {
		t.Fatal(err)
	}
	if len(reports) != 2 || reports[0].Stream != "issues" || !reports[0].Up || reports[0].Records != 12 || reports[0].Cursor == nil || reports[1].Cursor != nil {
		t.Errorf("streams = %s", body)
	}
}
