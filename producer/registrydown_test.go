package producer_test

import (
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/sr/srfake"

	"pylon-kafka/extract/extracttest"
)

// TestRegistry_downAtTheStart starts the service before its registry.
func TestRegistry_downAtTheStart(t *testing.T) {
	t.Parallel()
	w := newWorld(t, extracttest.Options{Seed: 36, Issues: 10})
	address := extracttest.UnusedAddress(t)
	w.settings["SCHEMA_REGISTRY_URL"] = "http://" + address

	p, stop := w.run(t)
	eventually(t, "every stream says that the registry does not answer", func() bool {
		for _, s := range p.Status() {
			if s.Up || !strings.Contains(s.Reason, "connection refused") || !strings.Contains(s.Reason, w.settings["SCHEMA_REGISTRY_URL"]) {
				return false
			}
		}
		return true
	})
	for stream, requests := range w.api.Requests() {
		t.Errorf("%d requests for %s before its records can be written", requests, stream)
	}

	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", address)
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
	var away atomic.Bool
	handler := srfake.NewRegistry().Handler()
	registry := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, req *http.Request) {
		if away.Load() {
			panic(http.ErrAbortHandler) // the connection breaks
		}
		handler.ServeHTTP(rw, req)
	}))
	t.Cleanup(registry.Close)
	w.settings["SCHEMA_REGISTRY_URL"] = registry.URL
	metrics := prometheus.NewRegistry()
	w.registerer = metrics
	p := w.pipeline(t, "PYLON_STREAMS", "tags,issues", "PYLON_REFRESH_INTERVAL", "50ms")
	p.SetWatch(50 * time.Millisecond)
	stop := w.running(t, p)
	eventually(t, "the first pass is done", func() bool {
		s := byStream(p.Status())
		return s["tags"].Records > 0 && s["issues"].Records == 5
	})
	if up := registryUp(t, metrics); up != 1 {
		t.Errorf("pylon_kafka_schema_registry_up is %v at first", up)
	}
	away.Store(true)
	warned := func() bool {
		return slices.ContainsFunc(byStream(p.Status())["tags"].Warnings, func(text string) bool { return strings.Contains(text, registry.URL) })
	}
	eventually(t, "the status says so", warned)
	if up := registryUp(t, metrics); up != 0 {
		t.Errorf("pylon_kafka_schema_registry_up is %v while it does not answer", up)
	}
	if n := len(w.linesOf("the schema registry gives no schemas: records are published all the same, and consumers that need a schema from it cannot read them")); n != 1 {
		t.Errorf("%d lines of the log say so, want 1", n)
	}
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
	away.Store(false)
	eventually(t, "the status says that it is over", func() bool { return !warned() && registryUp(t, metrics) == 1 })
	must(t, stop())
}

// registryUp returns the metric that says whether the registry answers.
func registryUp(t *testing.T, metrics prometheus.Gatherer) float64 {
	t.Helper()
	families, err := metrics.Gather()
	must(t, err)
	for _, f := range families {
		if f.GetName() == "pylon_kafka_schema_registry_up" {
			return f.GetMetric()[0].GetGauge().GetValue()
		}
	}
	t.Fatal("there is no pylon_kafka_schema_registry_up")
	return 0
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
		w.wantFailure(t, err, "SCHEMA_REGISTRY_URL "+test.url, "no answer to be used in ", test.want)
		if took := time.Since(began); took > 3*tryReach {
			t.Errorf("%s: it took %v", name, took)
		}
	}
}
