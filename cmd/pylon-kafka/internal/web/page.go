package web

import (
	_ "embed"
	"fmt"
	"html/template"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"pylon-kafka/cmd/pylon-kafka/internal/build"
	"pylon-kafka/cmd/pylon-kafka/internal/report"
	"pylon-kafka/cmd/pylon-kafka/internal/terminal"
	"pylon-kafka/producer"
)

// Pages is what the HTTP server tells about a running pipeline.
type Pages struct {
	Status  func() []producer.Status
	Ready   func() bool
	Metrics prometheus.Gatherer
	Started time.Time
	Build   build.Info
}

// Handler serves the status page and what machines ask for.
func (h *Pages) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", h.page)
	mux.HandleFunc("GET /healthz", h.healthz)
	mux.HandleFunc("GET /readyz", h.readyz)
	mux.HandleFunc("GET /api/streams", h.streams)
	mux.Handle("GET /metrics", promhttp.HandlerFor(h.Metrics, promhttp.HandlerOpts{}))
	return mux
}

// healthz says that the process turns. It asks nobody: a Kafka or a Pylon that
// is away is not mended by a restart of this process.
func (h *Pages) healthz(w http.ResponseWriter, _ *http.Request) {
	fmt.Fprintln(w, "ok")
}

// readyz says whether every stream knows where it stands.
func (h *Pages) readyz(w http.ResponseWriter, _ *http.Request) {
	if !h.Ready() {
		w.WriteHeader(http.StatusServiceUnavailable)
		fmt.Fprintln(w, "not ready: not every stream has read its cursor yet")
		return
	}
	fmt.Fprintln(w, "ok")
}

func (h *Pages) streams(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	if err := terminal.PrintJSON(w, h.Status()); err != nil {
		_ = r.Body.Close() // the client is gone: nobody is left to tell
	}
}

//go:embed status.html
var statusHTML string

// statusPage is parsed once for all: its text is part of the binary.
var statusPage = template.Must(template.New("status").Funcs(template.FuncMap{"ago": report.Ago, "percent": report.Percent}).Parse(statusHTML))

func (h *Pages) page(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
	err := statusPage.Execute(w, struct {
		Build   string
		Uptime  time.Duration
		Ready   bool
		Streams []producer.Status
	}{
		Build:   h.Build.String(),
		Uptime:  time.Since(h.Started).Round(time.Second),
		Ready:   h.Ready(),
		Streams: h.Status(),
	})
	if err != nil {
		_ = r.Body.Close() // the client is gone: nobody is left to tell
	}
}
