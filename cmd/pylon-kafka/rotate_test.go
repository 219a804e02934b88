package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sr/srfake"

	"pylon-kafka/extract/extracttest"
)

// TestRun_secretsRotate gives the service a secret in a file, has the other side
// take another one, and exchanges the file while the service runs: what is written
// afterwards is published, by the same process.
func TestRun_secretsRotate(t *testing.T) {
	t.Parallel()
	for name, rotate := range map[string]func(t *testing.T, w *workspace, file string) (change func()){
		"the token of the API":       rotateToken,
		"the password of Kafka":      rotateScram,
		"the client secret of OAuth": rotateOAuth,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorkspace(t, extracttest.Options{})
			w.env["PYLON_STREAMS"], w.env["PYLON_REFRESH_INTERVAL"] = "tags", "100ms"
			file := secretFile(t)
			change := rotate(t, w, file)
			r := w.start(t)
			published := func() {
				t.Helper()
				r.waitFor(t, "/api/streams", func(_ int, body string) bool { return publishedTags(t, body) >= w.pylon.API.Count("tags") })
			}
			published()
			change()
			for range 2 { // the first one may find its session with the old secret
				if _, err := w.pylon.API.Create("tags", ""); err != nil {
					t.Fatal(err)
				}
				published()
			}
			r.stop()
			if err := r.end(t); err != nil {
				t.Errorf("run: %v", err)
			}
		})
	}
}

// TestRun_theRegistrysPasswordComesLate has the file exchanged after the registry
// has refused what was in it.
func TestRun_theRegistrysPasswordComesLate(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t, extracttest.Options{})
	w.env["PYLON_STREAMS"] = "tags"
	registry, file := srfake.NewRegistry().Handler(), secretFile(t)
	guarded := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if _, password, _ := r.BasicAuth(); password != "new-secret" {
			http.Error(rw, `{"error_code":401,"message":"no"}`, http.StatusUnauthorized)
			return
		}
		registry.ServeHTTP(rw, r)
	}))
	t.Cleanup(guarded.Close)
	w.env["SCHEMA_REGISTRY_URL"], w.env["SCHEMA_REGISTRY_USERNAME"], w.env["SCHEMA_REGISTRY_PASSWORD_FILE"] = guarded.URL, "user", file
	r := w.start(t)
	r.waitFor(t, "/api/streams", func(_ int, body string) bool {
		return strings.Contains(body, "schema registry") && strings.Contains(body, "401")
	})
	writeSecret(t, file, "new-secret")
	r.waitFor(t, "/api/streams", func(_ int, body string) bool { return publishedTags(t, body) == w.pylon.API.Count("tags") })
}

func secretFile(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "secret")
	writeSecret(t, file, "old-secret")
	return file
}

func writeSecret(t *testing.T, file, secret string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(secret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
}

// secretOf is what the other side takes.
func secretOf(secret string) *atomic.Pointer[string] {
	var p atomic.Pointer[string]
	p.Store(&secret)
	return &p
}

// rotateToken stands before the API and asks for the token that is good now.
func rotateToken(t *testing.T, w *workspace, file string) (change func()) {
	t.Helper()
	good := secretOf("old-secret")
	guard := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+*good.Load() {
			http.Error(rw, `{"errors":["no"]}`, http.StatusUnauthorized)
			return
		}
		w.pylon.API.ServeHTTP(rw, r)
	}))
	t.Cleanup(guard.Close)
	delete(w.env, "PYLON_API_TOKEN")
	w.env["PYLON_API_URL"], w.env["PYLON_API_TOKEN_FILE"] = guard.URL, file
	return func() {
		writeSecret(t, file, "new-secret")
		next := "new-secret"
		good.Store(&next)
	}
}

// rotateScram changes the password of the user, and lets a commit fail, so that
// the stream is opened anew, over new connections.
func rotateScram(t *testing.T, w *workspace, file string) (change func()) {
	t.Helper()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.DefaultNumPartitions(1), kfake.EnableSASL(),
		kfake.Superuser("PLAIN", "admin", "admin"), kfake.Superuser("SCRAM-SHA-256", "user", "old-secret"))
	must(t, err)
	t.Cleanup(cluster.Close)
	w.cluster = cluster
	w.env["KAFKA_BROKERS"], w.env["KAFKA_SASL_MECHANISM"] = cluster.ListenAddrs()[0], "SCRAM-SHA-256"
	w.env["KAFKA_SASL_USERNAME"], w.env["KAFKA_SASL_PASSWORD_FILE"] = "user", file
	return func() {
		cl, err := kgo.NewClient(kgo.SeedBrokers(cluster.ListenAddrs()...), kgo.SASL(plain.Auth{User: "admin", Pass: "admin"}.AsMechanism()))
		must(t, err)
		defer cl.Close()
		altered, err := kadm.NewClient(cl).AlterUserSCRAMs(t.Context(), nil, []kadm.UpsertSCRAM{
			{User: "user", Mechanism: kadm.ScramSha256, Iterations: 4096, Password: "new-secret"},
		})
		must(t, err)
		must(t, altered.Error())
		writeSecret(t, file, "new-secret")
		failCommit(cluster)
	}
}

// rotateOAuth has an endpoint that gives tokens that last for the secret that is
// good now, and a broker that takes the tokens of that secret.
func rotateOAuth(t *testing.T, w *workspace, file string) (change func()) {
	t.Helper()
	good := secretOf("old-secret")
	tokens := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		_, secret, _ := r.BasicAuth()
		if secret != *good.Load() {
			http.Error(rw, `{"error":"invalid_client"}`, http.StatusUnauthorized)
			return
		}
		rw.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(rw, `{"access_token":"token-for-`+*good.Load()+`","token_type":"bearer","expires_in":3600}`)
	}))
	t.Cleanup(tokens.Close)
	takesTokens(w.cluster, func(token string) bool { return strings.Contains(token, "token-for-"+*good.Load()) })
	w.env["KAFKA_SASL_MECHANISM"], w.env["KAFKA_SASL_TOKEN_URL"] = "OAUTHBEARER", tokens.URL
	w.env["KAFKA_SASL_CLIENT_ID"], w.env["KAFKA_SASL_CLIENT_SECRET_FILE"] = "client", file
	return func() {
		writeSecret(t, file, "new-secret")
		next := "new-secret"
		good.Store(&next)
		failCommit(w.cluster)
	}
}

// takesTokens has a broker take what takes says that it is good. kfake knows no
// OAUTHBEARER: what it says to it is said here.
func takesTokens(cluster *kfake.Cluster, takes func(token string) bool) {
	cluster.ControlKey(int16(kmsg.SASLHandshake), func(request kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		return request.ResponseKind(), nil, true
	})
	cluster.ControlKey(int16(kmsg.SASLAuthenticate), func(request kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		asked, _ := request.(*kmsg.SASLAuthenticateRequest)
		response, _ := request.ResponseKind().(*kmsg.SASLAuthenticateResponse)
		if !takes(string(asked.SASLAuthBytes)) {
			response.ErrorCode = kerr.SaslAuthenticationFailed.Code
		}
		return response, nil, true
	})
}

// failCommit lets the next commit fail.
func failCommit(cluster *kfake.Cluster) {
	cluster.ControlKey(int16(kmsg.EndTxn), func(request kmsg.Request) (kmsg.Response, error, bool) {
		response, _ := request.ResponseKind().(*kmsg.EndTxnResponse)
		response.ErrorCode = kerr.UnknownServerError.Code
		return response, nil, true
	})
}
