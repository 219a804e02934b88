package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"html/template"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"pylon-kafka/producer"
)

// newRegistry makes the registry that a process serves, with what is true of
// every Go process and of this build already in it.
func newRegistry() *prometheus.Registry {
	b := buildInfo()
	info := prometheus.NewGauge(prometheus.GaugeOpts{
		Name:        "pylon_kafka_build_info",
		Help:        "What this binary was built from; always 1.",
		ConstLabels: prometheus.Labels{"version": b.Version, "commit": b.Commit, "goversion": b.Go},
	})
	info.Set(1)
	registry := prometheus.NewRegistry()
	for _, c := range []prometheus.Collector{
		info,
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	} {
		if err := registry.Register(c); err != nil {
			panic(fmt.Sprintf("register on an empty registry: %v", err)) // names that clash: a mistake of ours
		}
	}
	return registry
}

// health is what the HTTP server tells about a running pipeline.
type health struct {
	status  func() []producer.Status
	ready   func() bool
	metrics prometheus.Gatherer
	started time.Time
}

// handler serves the status page and what machines ask for.
func (h *health) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", h.page)
	mux.HandleFunc("GET /healthz", h.healthz)
	mux.HandleFunc("GET /readyz", h.readyz)
	mux.HandleFunc("GET /api/streams", h.streams)
	mux.Handle("GET /metrics", promhttp.HandlerFor(h.metrics, promhttp.HandlerOpts{}))
	return mux
}

// healthz says that the process turns. It asks nobody: a Kafka or a Pylon that
// is away is not mended by a restart of this process.
func (h *health) healthz(w http.ResponseWriter, _ *http.Request) {
	fmt.Fprintln(w, "ok")
}

// readyz says whether every stream knows where it stands.
func (h *health) readyz(w http.ResponseWriter, _ *http.Request) {
	if !h.ready() {
		w.WriteHeader(http.StatusServiceUnavailable)
		fmt.Fprintln(w, "not ready: not every stream has read its cursor yet")
		return
	}
	fmt.Fprintln(w, "ok")
}

func (h *health) streams(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	if err := printJSON(w, streamReports(h.status())); err != nil {
		_ = r.Body.Close() // the client is gone: nobody is left to tell
	}
}

//go:embed status.html
var statusHTML string

// statusPage is parsed once for all: its text is part of the binary.
var statusPage = template.Must(template.New("status").Parse(statusHTML))

func (h *health) page(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
	err := statusPage.Execute(w, struct {
		Build   string
		Uptime  time.Duration
		Ready   bool
		Streams []streamReport
	}{
		Build:   buildInfo().String(),
		Uptime:  time.Since(h.started).Round(time.Second),
		Ready:   h.ready(),
		Streams: streamReports(h.status()),
	})
	if err != nil {
		_ = r.Body.Close() // the client is gone: nobody is left to tell
	}
}

// server is an HTTP server that already has its port.
type server struct {
	http     *http.Server
	listener net.Listener
}

// listen takes the port at once, so that one in use is known before any work
// begins, and answers on it when serve is called.
func listen(ctx context.Context, addr string, handler http.Handler, log *slog.Logger) (*server, error) {
	var lc net.ListenConfig
	listener, err := lc.Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listen on %q: %w", addr, err)
	}
	return &server{
		listener: listener,
		http: &http.Server{
			Handler:           handler,
			ReadHeaderTimeout: 10 * time.Second,
			IdleTimeout:       time.Minute,
			ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
		},
	}, nil
}

// url is the server's address as a browser takes it.
func (s *server) url() string { return "http://" + s.listener.Addr().String() }

// serve answers until close is called, and then returns nil.
func (s *server) serve() error {
	if err := s.http.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve HTTP on %s: %w", s.listener.Addr(), err)
	}
	return nil
}

// close lets the answers under way end, though not for long. It works after ctx
// has ended, too, since that is when it is called.
func (s *server) close(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	if s.http.Shutdown(ctx) != nil {
		_ = s.http.Close() // the rest is cut off
	}
}
