package web

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"
)

const (
	// clientTimeout is how long a client may take to send a request, and to take
	// the answer: a connection that stands still longer is closed.
	clientTimeout = 10 * time.Second
	// maxHeaderBytes is far above what a browser, a probe or Prometheus sends.
	maxHeaderBytes = 32 << 10
)

// Server is an HTTP server that already has its port.
type Server struct {
	http     *http.Server
	listener net.Listener
}

// Listen takes the port at once, so that one in use is known before any work
// begins, and answers on it when Serve is called.
func Listen(ctx context.Context, addr string, handler http.Handler, log *slog.Logger) (*Server, error) {
	var lc net.ListenConfig
	listener, err := lc.Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listen on %q: %w", addr, err)
	}
	return &Server{
		listener: listener,
		http: &http.Server{
			Handler:           handler,
			ReadHeaderTimeout: 5 * time.Second,
			ReadTimeout:       clientTimeout,
			WriteTimeout:      clientTimeout,
			IdleTimeout:       time.Minute,
			MaxHeaderBytes:    maxHeaderBytes,
			ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
		},
	}, nil
}

// URL is the server's address as a browser takes it.
func (s *Server) URL() string { return "http://" + s.listener.Addr().String() }

// Delay lets answers take d longer, for a handler that is slow on purpose. It
// must be called before Serve.
func (s *Server) Delay(d time.Duration) { s.http.WriteTimeout += d }

// Serve answers until Close is called, and then returns nil.
func (s *Server) Serve() error {
	if err := s.http.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve HTTP on %s: %w", s.listener.Addr(), err)
	}
	return nil
}

// Close lets the answers under way end, though not for long. It works after ctx
// has ended, too, since that is when it is called.
func (s *Server) Close(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	if s.http.Shutdown(ctx) != nil {
		_ = s.http.Close() // the rest is cut off
	}
}

// Addr is the address that the server has taken.
func (s *Server) Addr() net.Addr { return s.listener.Addr() }
