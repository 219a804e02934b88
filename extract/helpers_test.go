package extract

import (
	"bytes"
	"compress/gzip"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

const testToken = "pylon_api_0123456789abcdef"

// transport answers requests without a network, so that it works in a synctest
// bubble. It adds a Date header by the clock of the bubble, as a server does.
type transport func(r *http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := f(r)
	if err == nil && resp.Header.Get("Date") == "" {
		resp.Header.Set("Date", time.Now().UTC().Format(http.TimeFormat))
	}
	return resp, err
}

// response returns an answer; headers are "Name: value".
func response(status int, body string, headers ...string) *http.Response {
	resp := &http.Response{StatusCode: status, Header: make(http.Header), Body: io.NopCloser(strings.NewReader(body))}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		resp.Header.Set(name, value)
	}
	return resp
}

// testConfig returns settings that are valid, with the limits off.
func testConfig() Config {
	return Config{
		APIToken: NewSecret(testToken), APIURL: "https://api.example", StartDate: "1999-01-01T00:00:00Z",
		PollInterval: 15 * time.Second, RefreshInterval: time.Hour, ReconcileInterval: time.Hour, SweepInterval: 168 * time.Hour,
		Lookback: 10 * time.Minute, Window: 720 * time.Hour, RateLimits: RateLimits{everyEndpoint: 0},
	}
}

func newTestClient(tb testing.TB, rt http.RoundTripper) *Client {
	tb.Helper()
	c, err := NewClient(testConfig(), Options{Transport: rt, Version: "test"})
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

// stream returns the stream of that name.
func stream(tb testing.TB, name string) Stream {
	tb.Helper()
	s, ok := Find(name)
	if !ok {
		tb.Fatalf("no stream %s", name)
	}
	return s
}

// logBuffer returns a logger and what it wrote, from debug up.
func logBuffer() (*slog.Logger, *bytes.Buffer) {
	var b bytes.Buffer
	return slog.New(slog.NewTextHandler(&b, &slog.HandlerOptions{Level: slog.LevelDebug})), &b
}

// keysOf returns the keys of the records.
func keysOf(records []Record) []string {
	var keys []string
	for _, r := range records {
		keys = append(keys, r.Key)
	}
	return keys
}

func assertEqual[T any](tb testing.TB, what string, got, want T) {
	tb.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		tb.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// newServerClient returns a client of a real server; without limits if they are nil.
func newServerClient(tb testing.TB, url string, limits RateLimits) *Client {
	tb.Helper()
	cfg := testConfig()
	cfg.APIURL = url
	if limits != nil {
		cfg.RateLimits = limits
	}
	c, err := NewClient(cfg, Options{})
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

func gzipped(tb testing.TB, text string) []byte {
	tb.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := io.WriteString(w, text); err != nil {
		tb.Fatal(err)
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}

// gathered returns the metrics of reg as they are scraped.
func gathered(tb testing.TB, reg prometheus.Gatherer) string {
	tb.Helper()
	rec := httptest.NewRecorder()
	promhttp.HandlerFor(reg, promhttp.HandlerOpts{}).ServeHTTP(rec, httptest.NewRequestWithContext(tb.Context(), http.MethodGet, "/metrics", http.NoBody))
	return rec.Body.String()
}
