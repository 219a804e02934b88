//go:build unix

package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/sr/srfake"

	"pylon-kafka/cmd/pylon-kafka/internal/cli"
	"pylon-kafka/cmd/pylon-kafka/internal/settings"
	"pylon-kafka/extract/extracttest"
)

// The secrets that the canary test plants; none of them may be seen anywhere.
const (
	canaryToken    = "canary-token-5f1c"
	canarySASL     = "canary-sasl-5f1c"
	canaryRegistry = "canary-registry-5f1c"
	canaryURL      = "Signature=" // of the URLs that Pylon signs
)

// newCanaryWorkspace makes a Pylon, a Kafka and a registry that each ask for a
// secret of their own.
func newCanaryWorkspace(t *testing.T) *workspace {
	t.Helper()
	pylon := extracttest.NewServer(t, extracttest.Options{Token: canaryToken, Issues: 12, Limits: map[string]int{"*": 0}})
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.DefaultNumPartitions(1), kfake.EnableSASL(), kfake.Superuser("PLAIN", "canary", canarySASL))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	registry := srfake.NewRegistry().Handler()
	guarded := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, password, _ := r.BasicAuth(); password != canaryRegistry {
			http.Error(w, `{"error_code":401,"message":"no"}`, http.StatusUnauthorized)
			return
		}
		registry.ServeHTTP(w, r)
	}))
	t.Cleanup(guarded.Close)
	return &workspace{pylon: pylon, cluster: cluster, env: settings.Environment{
		"PYLON_API_URL": pylon.URL, "PYLON_API_TOKEN": canaryToken, "PYLON_START_DATE": "2020-01-01T00:00:00Z",
		"PYLON_RATE_LIMITS": "0", "PYLON_POLL_INTERVAL": "1s", "LOG_LEVEL": "debug", "HTTP_ADDR": "127.0.0.1:0",
		"KAFKA_BROKERS": strings.Join(cluster.ListenAddrs(), ","), "KAFKA_SASL_MECHANISM": "PLAIN",
		"KAFKA_SASL_USERNAME": "canary", "KAFKA_SASL_PASSWORD": canarySASL,
		"SCHEMA_REGISTRY_URL": guarded.URL, "SCHEMA_REGISTRY_USERNAME": "canary", "SCHEMA_REGISTRY_PASSWORD": canaryRegistry,
	}}
}

// noCanary looks for the secrets in what somebody may see.
func noCanary(t *testing.T, where, text string) {
	t.Helper()
	for _, secret := range []string{canaryToken, canarySASL, canaryRegistry, canaryURL} {
		if i := strings.Index(text, secret); i >= 0 {
			t.Errorf("%s shows %s: …%s…", where, secret, text[max(0, i-100):min(len(text), i+100)])
		}
	}
}

// syncBuffer is a buffer that one writes and another reads.
type syncBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *syncBuffer) add(line string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.text.WriteString(line + "\n")
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// TestCanary_isSeenNowhere runs the service as a process of its own, at debug
// level, and looks at its pages, its log, and what SIGQUIT makes it dump.
func TestCanary_isSeenNowhere(t *testing.T) {
	t.Parallel()
	w := newCanaryWorkspace(t)
	cmd := w.program(t, "run")
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var logs syncBuffer
	url, ended := make(chan string, 1), make(chan struct{})
	go func() {
		defer close(ended)
		lines := bufio.NewScanner(stderr)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			logs.add(lines.Text())
			var record struct{ Msg, URL string }
			if json.Unmarshal(lines.Bytes(), &record) == nil && record.Msg == "serving HTTP" {
				url <- record.URL
			}
		}
	}()
	r := &running{}
	select {
	case r.url = <-url:
	case <-time.After(20 * time.Second):
		t.Fatalf("run serves no HTTP:\n%s", logs.String())
	}
	// The service must have used all of its secrets.
	r.waitFor(t, "/api/streams", func(_ int, body string) bool {
		var reports []passReport
		if err := json.Unmarshal([]byte(body), &reports); err != nil {
			t.Fatalf("/api/streams: %v", err)
		}
		published := 0
		for _, report := range reports {
			if report.Records >= int64(w.pylon.API.Count(report.Stream)) {
				published++
			}
		}
		return published == len(cli.Streams())
	})
	for _, path := range []string{"/", "/api/streams", "/metrics", "/healthz", "/readyz", "/nothing"} {
		_, body := get(t, r.url+path)
		noCanary(t, path, body)
	}
	if err := cmd.Process.Signal(syscall.SIGQUIT); err != nil {
		t.Fatal(err)
	}
	<-ended
	var exit *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &exit) {
		t.Errorf("after SIGQUIT run ends with %v", err)
	}
	if !strings.Contains(logs.String(), "goroutine ") || !strings.Contains(logs.String(), `"DEBUG"`) {
		t.Error("there is no dump, or no log at debug level, to look at")
	}
	noCanary(t, "the log or the dump", logs.String())
}

// TestCanary_isInNoErrorAndNoTable lets every secret be refused, and asks for all
// that prints settings.
func TestCanary_isInNoErrorAndNoTable(t *testing.T) {
	t.Parallel()
	for name, change := range map[string][2]string{
		"nothing wrong":    {},
		"another token":    {"PYLON_API_TOKEN", canaryToken + "-other"},
		"another password": {"KAFKA_SASL_PASSWORD", canarySASL + "-other"},
		"another registry": {"SCHEMA_REGISTRY_PASSWORD", canaryRegistry + "-other"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newCanaryWorkspace(t)
			if change[0] != "" {
				w.env[change[0]] = change[1]
			}
			for _, args := range [][]string{{"config", "-o", "wide"}, {"config", "--json"}, {"check"}, {"check", "--json"}} {
				var out, logs bytes.Buffer
				err := run(t.Context(), args, w.env, &out, &logs)
				if text := out.String() + logs.String(); err != nil {
					noCanary(t, strings.Join(args, " "), text+err.Error())
				} else {
					noCanary(t, strings.Join(args, " "), text)
				}
			}
		})
	}
}
