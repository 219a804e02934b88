//go:build unix

package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
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
	canaryClient   = "canary-client-5f1c"   // of OAuth
	canaryAccess   = "canary-access-5f1c"   // the token that OAuth gives
	canaryUserInfo = "canary-userinfo-5f1c" // in the URL of the token endpoint
	canaryQuery    = "canary-query-5f1c"    // likewise
	canaryURL      = "Signature="           // of the URLs that Pylon signs
)

// newCanaryWorkspace makes a Pylon, a Kafka and a registry that each ask for a
// secret of their own.
func newCanaryWorkspace(t *testing.T, mechanism string) *workspace {
	t.Helper()
	pylon := extracttest.NewServer(t, extracttest.Options{Token: canaryToken, Issues: 12, Limits: map[string]int{"*": 0}})
	opts := []kfake.Opt{kfake.NumBrokers(1), kfake.DefaultNumPartitions(1)}
	if mechanism == "PLAIN" {
		opts = append(opts, kfake.EnableSASL(), kfake.Superuser(mechanism, "canary", canarySASL))
	}
	cluster, err := kfake.NewCluster(opts...)
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
	w := &workspace{pylon: pylon, cluster: cluster, env: settings.Environment{
		"PYLON_API_URL": pylon.URL, "PYLON_API_TOKEN": canaryToken, "PYLON_START_DATE": "2020-01-01T00:00:00Z",
		"PYLON_RATE_LIMITS": "0", "PYLON_POLL_INTERVAL": "1s", "LOG_LEVEL": "debug", "HTTP_ADDR": "127.0.0.1:0",
		"KAFKA_BROKERS": strings.Join(cluster.ListenAddrs(), ","), "KAFKA_SASL_MECHANISM": mechanism,
		"SCHEMA_REGISTRY_URL": guarded.URL, "SCHEMA_REGISTRY_USERNAME": "canary", "SCHEMA_REGISTRY_PASSWORD": canaryRegistry,
	}}
	if mechanism == "OAUTHBEARER" {
		takesTokens(w.cluster, func(token string) bool { return strings.Contains(token, canaryAccess+"\x01") })
		w.env["KAFKA_SASL_TOKEN_URL"] = canaryTokens(t, canaryAccess)
		w.env["KAFKA_SASL_CLIENT_ID"], w.env["KAFKA_SASL_CLIENT_SECRET"] = "canary", canaryClient
	} else {
		w.env["KAFKA_SASL_USERNAME"], w.env["KAFKA_SASL_PASSWORD"] = "canary", canarySASL
	}
	return w
}

// canaryTokens is an endpoint that gives a token for the client's secret, and
// quotes the secret that it refuses.
func canaryTokens(t *testing.T, token string) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if _, secret, _ := r.BasicAuth(); secret != canaryClient {
			w.WriteHeader(http.StatusUnauthorized)
			_ = json.NewEncoder(w).Encode(map[string]string{"error": "invalid_client", "error_description": secret})
			return
		}
		fmt.Fprintf(w, `{"access_token":%q,"token_type":"bearer","expires_in":3600}`, token)
	}))
	t.Cleanup(server.Close)
	return canaryTokenURL(strings.TrimPrefix(server.URL, "http://"))
}

func canaryTokenURL(address string) string {
	return "http://canary:" + canaryUserInfo + "@" + address + "/token?key=" + canaryQuery
}

// noCanary looks for the secrets in what somebody may see.
func noCanary(t *testing.T, where, text string) {
	t.Helper()
	for _, secret := range []string{canaryToken, canarySASL, canaryRegistry, canaryClient, canaryAccess, canaryUserInfo, canaryQuery, canaryURL} {
		if i := strings.Index(text, secret); i >= 0 {
			t.Errorf("%s shows %s: …%s…", where, secret, text[max(0, i-100):min(len(text), i+100)])
		}
	}
}

// TestCanary_isSeenNowhere runs the service as a process of its own, at debug
// level, and looks at its pages, its log, and what SIGQUIT makes it dump.
func TestCanary_isSeenNowhere(t *testing.T) {
	t.Parallel()
	for _, mechanism := range []string{"PLAIN", "OAUTHBEARER"} {
		t.Run(mechanism, func(t *testing.T) {
			t.Parallel()
			canaryIsSeenNowhere(t, newCanaryWorkspace(t, mechanism))
		})
	}
}

func canaryIsSeenNowhere(t *testing.T, w *workspace) {
	t.Helper()
	cmd := w.program(t, "run")
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	logs, ended := newLogWatcher(), make(chan struct{})
	go func() {
		defer close(ended)
		lines := bufio.NewScanner(stderr)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			_, _ = logs.Write([]byte(lines.Text() + "\n")) // cannot fail
		}
	}()
	r := &running{}
	select {
	case r.url = <-logs.url:
	case <-time.After(patience):
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
// that prints settings, and for a pass at debug level.
func TestCanary_isInNoErrorAndNoTable(t *testing.T) {
	t.Parallel()
	const plain, oauth, unauthorized = "PLAIN", "OAUTHBEARER", "401" // an answer that ends a sync before anything else
	for name, test := range map[string]struct {
		mechanism string
		change    func(t *testing.T, w *workspace) // nil: all is well
		says      string                           // of the error of sync
	}{
		"nothing wrong": {mechanism: plain},
		"another token": {plain, func(_ *testing.T, w *workspace) { w.env["PYLON_API_TOKEN"] += "-other" }, unauthorized},
		"another password": {plain, func(_ *testing.T, w *workspace) {
			w.env["KAFKA_SASL_PASSWORD"] += "-other"
		}, "KAFKA_SASL_MECHANISM PLAIN"}, // kfake closes the connection
		"another registry":     {plain, func(_ *testing.T, w *workspace) { w.env["SCHEMA_REGISTRY_PASSWORD"] += "-other" }, unauthorized},
		"nothing wrong, OAuth": {mechanism: oauth},
		"another client secret": {oauth, func(_ *testing.T, w *workspace) {
			w.env["KAFKA_SASL_CLIENT_SECRET"] += "-other"
		}, "invalid_client"},
		"another access token": {oauth, func(t *testing.T, w *workspace) {
			t.Helper()
			w.env["KAFKA_SASL_TOKEN_URL"] = canaryTokens(t, canaryAccess+"-other")
		}, "the broker refuses the token"},
		"another token endpoint": {oauth, func(_ *testing.T, w *workspace) {
			w.env["KAFKA_SASL_TOKEN_URL"] = canaryTokenURL("127.0.0.1:1")
		}, "connection refused"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newCanaryWorkspace(t, test.mechanism)
			if test.change != nil {
				test.change(t, w)
			}
			for _, args := range [][]string{{"config", "-o", "wide"}, {"config", "--json"}, {"check"}, {"check", "--json"}} {
				text, err := canaryRun(t.Context(), w, args...)
				noCanary(t, strings.Join(args, " "), text+fmt.Sprint(err))
			}
			text, err := canarySync(t, w, test.says)
			text += fmt.Sprint(err)
			noCanary(t, "sync", text)
			if (err != nil) != (test.change != nil) || !strings.Contains(text, test.says) {
				t.Errorf("sync = %v; want an error only where something is wrong, and %q in:\n%s", err, test.says, text)
			}
			if debug := strings.Contains(text, `"DEBUG"`); !debug && test.says != unauthorized {
				t.Errorf("sync logs nothing at debug level:\n%s", text)
			}
		})
	}
}

// canarySync syncs until its log says something, and for 5 s more: it goes on
// asking what refuses it for longer than a test can wait.
func canarySync(t *testing.T, w *workspace, says string) (text string, err error) {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), patience)
	defer stop()
	var out bytes.Buffer
	logs := newLogWatcher()
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, []string{"sync"}, w.env, &out, logs) }()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for said := false; ; {
		select {
		case err := <-ended:
			return out.String() + logs.String(), err
		case <-tick.C:
			if !said && says != "" && strings.Contains(logs.String(), says) {
				said = true
				time.AfterFunc(5*time.Second, stop)
			}
		}
	}
}

// canaryRun runs a command and returns all that it prints.
func canaryRun(ctx context.Context, w *workspace, args ...string) (text string, err error) {
	var out, logs bytes.Buffer
	err = run(ctx, args, w.env, &out, &logs)
	return out.String() + logs.String(), err
}
