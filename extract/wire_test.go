package extract

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
)

// net/http sends a request again when a connection that it kept was closed. The
// API may have counted the first one.
func TestClient_countsWhatNetHTTPSendsAgain(t *testing.T) {
	t.Parallel()
	var received atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if received.Add(1) == 2 {
			conn, _, err := w.(http.Hijacker).Hijack() //nolint:errcheck // It is one.
			if err == nil {
				_ = conn.Close()
			}
			return
		}
		fmt.Fprint(w, `{"request_id":"r"}`)
	}))
	t.Cleanup(server.Close)
	c := newServerClient(t, server.URL, RateLimits{"tags": 100})
	for range 3 {
		if _, _, err := refreshAll(t.Context(), c, stream(t, "tags")); err != nil {
			t.Fatal(err)
		}
	}
	if got, counted := received.Load(), c.Usage()["tags"].Requests; got != 4 || counted != got {
		t.Errorf("the server received %d requests, %d were counted, want 4", got, counted)
	}
	if left := c.limiters["tags"].remaining(); left != 96 {
		t.Errorf("%d remain of 100, want 96", left)
	}
}

func TestClient_countsOnHTTP2(t *testing.T) {
	t.Parallel()
	var received atomic.Int64
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		received.Add(1)
		if r.ProtoMajor != 2 {
			t.Errorf("protocol %s", r.Proto)
		}
		fmt.Fprint(w, `{"data":[{"id":"a"}],"request_id":"r"}`)
	}))
	server.EnableHTTP2 = true
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // connections that were dialled and not needed
	server.StartTLS()
	t.Cleanup(server.Close)
	cfg := testConfig()
	cfg.APIURL = server.URL
	cfg.RateLimits = RateLimits{"tags": 100}
	c, err := NewClient(cfg, Options{Transport: server.Client().Transport})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() {
			if _, _, err := refreshAll(t.Context(), c, stream(t, "tags")); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if got, counted, left := received.Load(), c.Usage()["tags"].Requests, c.limiters["tags"].remaining(); got != 10 || counted != 10 || left != 90 {
		t.Errorf("%d received, %d counted, %d of 100 remain", got, counted, left)
	}
}
