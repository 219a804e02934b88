package main

import (
	"encoding/json"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"pylon-kafka/cmd/pylon-kafka/internal/cli"
	"pylon-kafka/extract/extracttest"
	"pylon-kafka/producer"
)

// apiProcess is a sandbox that can be killed and started again at its address.
type apiProcess struct {
	api    *extracttest.API
	addr   string
	server *http.Server
}

func (p *apiProcess) start(t *testing.T) {
	t.Helper()
	var lc net.ListenConfig
	listener, err := lc.Listen(t.Context(), "tcp", p.addr)
	if err != nil {
		t.Fatal(err)
	}
	p.server = &http.Server{Handler: p.api}      //nolint:gosec // Of a test.
	go func() { _ = p.server.Serve(listener) }() // ends with kill
}

func (p *apiProcess) kill() { _ = p.server.Close() }

// TestRun_saysThatTheSandboxIsGone kills the sandbox beside run: page,
// /api/streams, stream_up and the log say so, and recover by themselves.
func TestRun_saysThatTheSandboxIsGone(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t, extracttest.Options{})
	pylon := &apiProcess{api: w.pylon.API, addr: extracttest.UnusedAddress(t)}
	pylon.start(t)
	t.Cleanup(func() { pylon.kill() })
	w.env["PYLON_API_URL"] = "http://" + pylon.addr
	w.env["PYLON_POLL_INTERVAL"], w.env["PYLON_REFRESH_INTERVAL"] = "1s", "1s"
	r := w.start(t)
	// asks are the streams that ask Pylon at each interval; those of children ask when an issue changes.
	asks := func(state func(producer.Status) bool) func(int, string) bool {
		return func(_ int, body string) bool {
			var all []producer.Status
			if err := json.Unmarshal([]byte(body), &all); err != nil {
				t.Fatalf("/api/streams: %v", err)
			}
			for _, s := range all {
				if s.Stream != "issue_messages" && s.Stream != "issue_threads" && !state(s) {
					return false
				}
			}
			return len(all) > 0
		}
	}
	up := asks(func(s producer.Status) bool { return s.Up && !s.LastSuccess.IsZero() })
	r.waitFor(t, "/api/streams", up)

	pylon.kill()
	r.waitFor(t, "/api/streams", asks(func(s producer.Status) bool {
		return s.State == producer.Retrying && strings.Contains(s.Reason, "connection refused") && !s.Since.IsZero() && !s.NextTry.IsZero()
	}))
	_, metrics := get(t, r.url+"/metrics")
	if n := strings.Count(metrics, "\npylon_kafka_stream_up{"); n != len(cli.Streams()) || !strings.Contains(metrics, `pylon_kafka_stream_up{stream="issues"} 0`) {
		t.Errorf("stream_up is there for %d streams, or issues is up", n)
	}
	if _, page := get(t, r.url+"/"); !strings.Contains(page, "retrying") || !strings.Contains(page, "connection refused") {
		t.Errorf("the page does not say so: %.2000s", page)
	}
	if status, body := get(t, r.url+"/readyz"); status != http.StatusOK {
		t.Errorf("/readyz is about the start, and is %d %s", status, body)
	}
	pylon.start(t)
	const longestPause = time.Minute // of a request that fails, see extract
	r.waitWithin(t, longestPause+10*time.Second, "/api/streams", up)
	r.waitWithin(t, 10*time.Second, "/healthz", func(int, string) bool { // the log follows the status within a second
		for line := range strings.Lines(r.logs.String()) {
			if strings.Contains(line, `"stream":"issues"`) && strings.Contains(line, "stream is no longer down") {
				return true
			}
		}
		return false
	})
	r.stop()
	if err := r.end(t); err != nil {
		t.Errorf("run = %v, want nil", err)
	}
	down, over := 0, 0
	for line := range strings.Lines(r.logs.String()) {
		if strings.Contains(line, `"stream":"issues"`) && strings.Contains(line, "stream is down") {
			down++
		}
		if strings.Contains(line, `"stream":"issues"`) && strings.Contains(line, "stream is no longer down") {
			over++
		}
	}
	if down != 1 || over != 1 {
		t.Errorf("%d lines say that issues is down and %d that it no longer is, want one of each", down, over)
	}
}
