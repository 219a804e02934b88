package web

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"pylon-kafka/producer"
)

// connect opens a connection to the server that sends text and then as the test
// wants it.
func connect(t *testing.T, s *Server, text string) net.Conn {
	t.Helper()
	var d net.Dialer
	conn, err := d.DialContext(t.Context(), "tcp", s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if _, err := io.WriteString(conn, text); err != nil {
		t.Fatal(err)
	}
	return conn
}

// TestServer_dropsSlowClients has 200 clients whose header never ends, 200 whose
// body never ends, and 200 that ask again and again and read nothing. All must be
// dropped within 20 s, and /healthz must be answered meanwhile.
func TestServer_dropsSlowClients(t *testing.T) {
	t.Parallel()
	pages := newPages(func() []producer.Status { return manyStreams(time.Now()) }, true)
	s, err := Listen(t.Context(), "127.0.0.1:0", pages.Handler(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	var serving errgroup.Group
	serving.Go(s.Serve)

	const clients = 200
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	began := time.Now()
	var group errgroup.Group
	for range clients {
		header := connect(t, s, "GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: ")
		group.Go(func() error { return writeUntilClosed(ctx, header, "x", 100*time.Millisecond) })
		body := connect(t, s, "POST /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n")
		group.Go(func() error { return writeUntilClosed(ctx, body, "x", 100*time.Millisecond) })
		flood := connect(t, s, "")
		// Far more than the buffers between the two take.
		group.Go(func() error {
			return writeUntilClosed(ctx, flood, strings.Repeat("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", 100), 0)
		})
	}
	var took []time.Duration
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	gone := make(chan error, 1)
	go func() { gone <- group.Wait() }()
	for waiting := true; waiting; {
		select {
		case err := <-gone:
			if err != nil {
				t.Errorf("after %v: %v", time.Since(began), err)
			}
			waiting = false
		case <-tick.C:
			asked := time.Now()
			request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL()+"/healthz", http.NoBody)
			if err != nil {
				t.Fatal(err)
			}
			response, err := client.Do(request)
			if err != nil {
				t.Fatalf("healthz: %v", err)
			}
			_ = response.Body.Close()
			took = append(took, time.Since(asked))
		}
	}
	slices.Sort(took)
	median := took[len(took)/2]
	t.Logf("all %d dropped after %v; healthz took %v, at most %v", 3*clients, time.Since(began), median, took[len(took)-1])
	if median >= 50*time.Millisecond {
		t.Errorf("healthz took %v, want less than 50 ms", median)
	}
	s.Close(t.Context())
	if err := serving.Wait(); err != nil {
		t.Errorf("serve = %v", err)
	}
}

// writeUntilClosed writes text again and again until the server closes the
// connection. If ctx ends before that, this is an error.
func writeUntilClosed(ctx context.Context, conn net.Conn, text string, pause time.Duration) error {
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	for {
		if _, err := io.WriteString(conn, text); err != nil {
			return ctx.Err()
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func TestServer_refusesAHeaderBomb(t *testing.T) {
	t.Parallel()
	s, err := Listen(t.Context(), "127.0.0.1:0", newPages(twoStreams, true).Handler(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	var serving errgroup.Group
	serving.Go(s.Serve)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL()+"/healthz", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("X-Bomb", strings.Repeat("x", 100_000))
	response, err := http.DefaultClient.Do(request)
	if err == nil { // the server may close before it is heard
		_ = response.Body.Close()
		if response.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
			t.Errorf("status %d, want %d", response.StatusCode, http.StatusRequestHeaderFieldsTooLarge)
		}
	}
	if status, _, _ := ask(t, http.MethodGet, s.URL()+"/healthz"); status != http.StatusOK {
		t.Errorf("healthz afterwards: %d", status)
	}
	s.Close(t.Context())
	if err := serving.Wait(); err != nil {
		t.Errorf("serve = %v", err)
	}
}
