package producer_test

import (
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/sr/srfake"

	"pylon-kafka/extract/extracttest"
)

// TestRegistry_downAtTheStart starts the service before its registry.
func TestRegistry_downAtTheStart(t *testing.T) {
	t.Parallel()
	w := newWorld(t, extracttest.Options{Seed: 36, Issues: 10})
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	must(t, err)
	address := listener.Addr().String()
	must(t, listener.Close())
	w.settings["SCHEMA_REGISTRY_URL"] = "http://" + address

	p, stop := w.run(t)
	eventually(t, "every stream says that the registry does not answer", func() bool {
		for _, s := range p.Status() {
			if s.Up || !strings.Contains(s.Reason, "connection refused") || !strings.Contains(s.Reason, s.Topic+"-value") {
				return false
			}
		}
		return true
	})
	for stream, requests := range w.api.Requests() {
		t.Errorf("%d requests for %s before its records can be written", requests, stream)
	}

	listener, err = (&net.ListenConfig{}).Listen(t.Context(), "tcp", address)
	must(t, err)
	server := &httptest.Server{Listener: listener, Config: &http.Server{Handler: srfake.NewRegistry().Handler()}} //nolint:gosec // a test's server
	server.Start()
	t.Cleanup(server.Close)
	eventually(t, "everything is copied", func() bool {
		for stream, s := range byStream(p.Status()) {
			if !s.Up || s.Records < int64(w.api.Count(stream)) {
				return false
			}
		}
		return true
	})
	w.wantTruth(t, allStreams()...)
	must(t, stop())
}

// TestRegistry_goingDownLaterHoldsUpNothing needs the registry at the start of a
// stream only.
func TestRegistry_goingDownLaterHoldsUpNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, extracttest.Options{Seed: 37, Issues: 5})
	registry := w.newRegistry(t)
	p, stop := w.run(t, "PYLON_STREAMS", "tags,issues", "PYLON_REFRESH_INTERVAL", "50ms")
	eventually(t, "the first pass is done", func() bool {
		s := byStream(p.Status())
		return s["tags"].Records > 0 && s["issues"].Records == 5
	})
	registry.Close()
	before := byStream(p.Status())["tags"].Records
	tag := ""
	for tag = range w.api.Objects("tags") {
		break
	}
	must(t, w.api.Update("tags", tag))
	must(t, w.api.UpdateIssue(w.api.IssueID(1), extracttest.IssueChange{}))
	eventually(t, "the changes are published", func() bool {
		s := byStream(p.Status())
		return s["tags"].Records == before+1 && s["issues"].Records == 6
	})
	w.wantTruth(t, "tags", "issues")
	for _, s := range p.Status() {
		if !s.Up || s.Reason != "" {
			t.Errorf("status %+v", s)
		}
	}
	must(t, stop())
}

// TestRegistry_syncGivesUpAfterAWhile uses registries that never give an id: a
// pass must end.
func TestRegistry_syncGivesUpAfterAWhile(t *testing.T) {
	t.Parallel()
	silent := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-silent:
		case <-r.Context().Done():
		}
	}))
	t.Cleanup(server.Close)
	t.Cleanup(func() { close(silent) })
	w := newWorld(t, extracttest.Options{Seed: 38, Issues: -1})
	for name, test := range map[string]struct{ url, want string }{
		"nobody listens": {"http://127.0.0.1:1", "connection refused"},
		"no answer":      {server.URL, "context deadline exceeded"},
	} {
		began := time.Now()
		_, err := w.trySync(t, "PYLON_STREAMS", "tags", "SCHEMA_REGISTRY_URL", test.url)
		w.wantFailure(t, err, "tags: ", "pylon.tags-value", "no answer to be used in 1.5s", test.want)
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("%s: it took %v", name, took)
		}
	}
}
