package web

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"pylon-kafka/cmd/pylon-kafka/internal/build"
	"pylon-kafka/cmd/pylon-kafka/internal/terminal"
	"pylon-kafka/producer"
)

// Pages is what the HTTP server tells about a running pipeline. All of it must
// be set; the functions are called by many requests at the same time.
type Pages struct {
	Status  func() []producer.Status
	Ready   func() bool // every stream has read its cursor, or failed alone
	Metrics prometheus.Gatherer
	Started time.Time
	Build   build.Info
}

// Handler serves the status page and what machines ask for. Other paths are
// answered with 404, other methods with 405. A connection is closed after one
// answer: who asks is a probe, Prometheus or a browser now and then, and a client
// that sends a body without an end, or asks on and on without reading, is rid of.
func (p *Pages) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", p.page)
	mux.HandleFunc("GET /healthz", p.healthz)
	mux.HandleFunc("GET /readyz", p.readyz)
	mux.HandleFunc("GET /api/streams", p.streams)
	mux.Handle("GET /metrics", promhttp.HandlerFor(named(p.Metrics), promhttp.HandlerOpts{}))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Connection", "close")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		mux.ServeHTTP(w, r)
	})
}

// healthz says that the process turns. It asks nobody: a Kafka or a Pylon that
// is away is not mended by a restart of this process.
func (p *Pages) healthz(w http.ResponseWriter, _ *http.Request) {
	fmt.Fprintln(w, "ok")
}

// readyz says whether the start is over: every stream has read its cursor, or
// failed alone. It names the streams that it waits for; and those that have
// failed, though they do not keep the others from their work.
func (p *Pages) readyz(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	streams := p.Status()
	if !p.Ready() {
		w.WriteHeader(http.StatusServiceUnavailable)
		fmt.Fprintln(w, "not ready")
		fmt.Fprintln(w, waitingFor(streams))
	} else {
		fmt.Fprintln(w, "ok")
	}
	for _, s := range streams {
		if s.State == producer.Failed {
			fmt.Fprintf(w, "%s failed: %s\n", s.Stream, s.Reason)
		}
	}
}

// waitingFor names the streams that keep the process from being ready, and why
// where that is known. Streams that wait for the same are named together.
func waitingFor(streams []producer.Status) string {
	var reasons []string
	waiting := make(map[string][]string)
	for _, s := range streams {
		if s.State != producer.Starting {
			continue
		}
		if waiting[s.Reason] == nil {
			reasons = append(reasons, s.Reason)
		}
		waiting[s.Reason] = append(waiting[s.Reason], s.Stream)
	}
	var lines []string
	for _, reason := range reasons {
		why := reason
		if why == "" {
			why = "reading the cursor and what the topic holds"
		}
		lines = append(lines, "waiting for "+strings.Join(waiting[reason], ", ")+": "+why)
	}
	if len(lines) == 0 {
		return "waiting for the streams to begin"
	}
	return strings.Join(lines, "\n")
}

// streams is the list of [producer.Status] as JSON: the status page in numbers.
func (p *Pages) streams(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_ = terminal.PrintJSON(w, p.Status()) // a client that has left is not told
}
