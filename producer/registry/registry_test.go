package registry_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sethvargo/go-envconfig"
	"github.com/twmb/franz-go/pkg/sr/srfake"

	"pylon-kafka/producer/registry"
)

// hidden is what no error may show.
const hidden = "hunter2"

const (
	first  = `{"type":"record","name":"R","namespace":"n","fields":[{"name":"a","type":"string"}]}`
	second = `{"type":"record","name":"R","namespace":"n","fields":[{"name":"a","type":"string"},{"name":"b","type":["null","string"],"default":null}]}`
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantText(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("%q is not in:\n%s", part, text)
		}
	}
	if strings.Contains(text, hidden) {
		t.Errorf("a secret is shown:\n%s", text)
	}
}

// settings decodes an environment, in pairs, as cmd does.
func settings(t *testing.T, env ...string) registry.Settings {
	t.Helper()
	all := make(map[string]string)
	for i := 0; i+1 < len(env); i += 2 {
		all[env[i]] = env[i+1]
	}
	var s registry.Settings
	must(t, envconfig.ProcessWith(t.Context(), &envconfig.Config{Target: &s, Lookuper: envconfig.MapLookuper(all)}))
	return s
}

func open(t *testing.T, env ...string) *registry.Registry {
	t.Helper()
	s := settings(t, env...)
	must(t, s.Validate())
	r, err := registry.New(s)
	must(t, err)
	return r
}

func serve(t *testing.T, handler http.Handler) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL
}

func TestNew_withoutURLThereIsNone(t *testing.T) {
	t.Parallel()
	if r := open(t); r != nil {
		t.Errorf("%+v, want nil", r)
	}
}

func TestSettings_subject(t *testing.T) {
	t.Parallel()
	value, key := registry.Schema{Topic: "t", Record: "n.R"}, registry.Schema{Topic: "t", Record: "n.K", Key: true}
	got := make(map[string][]string)
	for _, strategy := range []string{"topic", "record", "topic-record"} {
		s := settings(t, "SCHEMA_REGISTRY_SUBJECT_STRATEGY", strategy)
		got[strategy] = []string{s.Subject(value), s.Subject(key)}
	}
	want := map[string][]string{"topic": {"t-value", "t-key"}, "record": {"n.R", "n.K"}, "topic-record": {"t-n.R", "t-n.K"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("subjects (-want +got):\n%s", diff)
	}
}

func TestRegistry_registersAndLooksUp(t *testing.T) {
	t.Parallel()
	url := serve(t, srfake.NewRegistry().Handler())
	writer := open(t, "SCHEMA_REGISTRY_URL", url+"/") // a slash at the end does no harm
	reader := open(t, "SCHEMA_REGISTRY_URL", url, "SCHEMA_REGISTRY_AUTO_REGISTER", "false")
	schema := registry.Schema{Topic: "t", Record: "n.R", Text: first}
	_, err := reader.ID(t.Context(), schema)
	if err == nil || registry.Retryable(err) {
		t.Fatalf("error %v, want one that stays", err)
	}
	wantText(t, err.Error(), "subject t-value lacks the schema of n.R", "SCHEMA_REGISTRY_AUTO_REGISTER=true")
	var ids []int
	for _, s := range []registry.Schema{schema, {Topic: "u", Record: "n.S", Text: strings.ReplaceAll(first, "R", "S")}, schema} {
		id, err := writer.ID(t.Context(), s)
		must(t, err)
		ids = append(ids, id)
	}
	if diff := cmp.Diff([]int{1, 2, 1}, ids); diff != "" {
		t.Errorf("ids (-want +got):\n%s", diff)
	}
	id, err := reader.ID(t.Context(), schema)
	if err != nil || id != 1 {
		t.Errorf("id %d, %v; want 1", id, err)
	}
	if _, err := reader.Register(t.Context(), registry.Schema{Topic: "t", Record: "n.R", Text: second}); err != nil {
		t.Errorf("register by hand: %v", err)
	}
	text, err := reader.ByID(t.Context(), 1)
	must(t, err)
	var a, b any
	must(t, errors.Join(json.Unmarshal([]byte(text), &a), json.Unmarshal([]byte(first), &b)))
	if diff := cmp.Diff(b, a); diff != "" {
		t.Errorf("schema 1 (-want +got):\n%s", diff)
	}
	if _, err := reader.ByID(t.Context(), 99); !registry.NotFound(err) {
		t.Errorf("schema 99: %v, want not found", err)
	}
	names, err := reader.Subjects(t.Context())
	if err != nil || len(names) != 2 {
		t.Errorf("subjects %v, %v", names, err)
	}
}

func TestRegistry_compare(t *testing.T) {
	t.Parallel()
	// srfake finds everything compatible: its word on "refused" is replaced.
	fake := srfake.NewRegistry().Handler()
	r := open(t, "SCHEMA_REGISTRY_URL", serve(t, http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if strings.HasPrefix(req.URL.Path, "/compatibility/subjects/refused-value") {
			w.Header().Set("Content-Type", "application/vnd.schemaregistry.v1+json")
			_, _ = io.WriteString(w, `{"is_compatible":false,"messages":["field b\nis new"]}`)
			return
		}
		fake.ServeHTTP(w, req)
	})))
	for _, topic := range []string{"equal", "older", "refused"} {
		_, err := r.ID(t.Context(), registry.Schema{Topic: topic, Record: "n.R", Text: first})
		must(t, err)
	}
	for topic, want := range map[string]registry.Comparison{
		"equal":   {Subject: "equal-value", State: registry.Equal, ID: 1},
		"older":   {Subject: "older-value", State: registry.Compatible},
		"refused": {Subject: "refused-value", State: registry.Differs, Reason: "field b is new"},
		"missing": {Subject: "missing-value", State: registry.Missing},
	} {
		text := second
		if topic == "equal" {
			text = first
		}
		got, err := r.Compare(t.Context(), registry.Schema{Topic: topic, Record: "n.R", Text: text})
		must(t, err)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", topic, diff)
		}
	}
}

// TestRegistry_refusals wants each to be readable and to say whether it stays.
func TestRegistry_refusals(t *testing.T) {
	t.Parallel()
	schema := registry.Schema{Topic: "t", Record: "n.R", Text: first}
	for name, test := range map[string]struct {
		status    int
		body      string
		retryable bool
		says      []string
	}{
		"refused":      {401, `{"error_code":40101,"message":"Unauthorized"}`, false, []string{"subject t-value", "registry answered 401: Unauthorized"}},
		"invalid":      {422, `{"error_code":42201,"message":"` + strings.Repeat("schema ", 500) + `"}`, false, []string{"registry answered 422", "…"}},
		"incompatible": {409, `{"error_code":409,"message":"not compatible"}`, false, []string{"registry answered 409: not compatible"}},
		"busy":         {429, `{}`, true, []string{"429"}},
		"broken":       {503, "<html>\n<body>away</body></html>", true, []string{"registry answered 503"}},
		"no path":      {404, `{"detail":"NotFoundException","status":404}`, false, []string{"no registry is there", "/apis/ccompat/v7", "registry answered 404"}},
		"another API":  {404, `{"error_code":404,"message":"no resource"}`, false, []string{"no registry is there", "SCHEMA_REGISTRY_URL"}},
		"no POST":      {405, "", false, []string{"no registry is there", "SCHEMA_REGISTRY_URL"}},
		"a page":       {200, `<html>`, true, []string{"not a registry's", "SCHEMA_REGISTRY_URL", "/apis/ccompat/v7"}},
		"no id":        {200, `{}`, true, []string{"no id of a schema", "SCHEMA_REGISTRY_URL", "/apis/ccompat/v7"}},
		"bad request":  {400, `{"error":"what?"}`, false, []string{"no registry is there", "/apis/ccompat/v7", "registry answered 400"}},
		"its own 400":  {400, `{"error_code":42201,"message":"no schema"}`, false, []string{"registry answered 400: no schema"}},
		"to nowhere":   {301, ``, false, []string{"no registry is there", "SCHEMA_REGISTRY_URL", "/apis/ccompat/v7"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := open(t, "SCHEMA_REGISTRY_URL", serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(test.status)
				_, _ = io.WriteString(w, test.body)
			})))
			_, err := r.ID(t.Context(), schema)
			if err == nil || registry.Retryable(err) != test.retryable {
				t.Fatalf("error %v, want one that may pass: %v", err, test.retryable)
			}
			wantText(t, err.Error(), test.says...)
			if len(err.Error()) > 900 || strings.Contains(err.Error(), "\n") {
				t.Errorf("%d characters, or more than a line:\n%v", len(err.Error()), err)
			}
		})
	}
	r := open(t, "SCHEMA_REGISTRY_URL", "http://127.0.0.1:1")
	_, err := r.ID(t.Context(), schema)
	if !registry.Retryable(err) {
		t.Errorf("error %v, want one that may pass", err)
	}
	wantText(t, err.Error(), "connection refused")
}

// TestRegistry_aHangEnds with the context.
func TestRegistry_aHangEnds(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	r := open(t, "SCHEMA_REGISTRY_URL", serve(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release })))
	defer close(release)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := r.Subjects(ctx)
	if !errors.Is(err, context.DeadlineExceeded) || !registry.Retryable(err) {
		t.Errorf("error %v", err)
	}
}

// TestRegistry_secretsAreReadAgain exchanges the password and the authority
// under a client that lives.
func TestRegistry_secretsAreReadAgain(t *testing.T) {
	t.Parallel()
	fake := srfake.NewRegistry().Handler()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if user, password, ok := req.BasicAuth(); !ok || user != "user" || password != "new" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		fake.ServeHTTP(w, req)
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // it tells of clients that do not trust it
	server.StartTLS()
	t.Cleanup(server.Close)
	dir := t.TempDir()
	ca, password := filepath.Join(dir, "ca"), filepath.Join(dir, "password")
	must(t, os.WriteFile(ca, selfSigned(t), 0o600))
	must(t, os.WriteFile(password, []byte(hidden), 0o600))
	r := open(t, "SCHEMA_REGISTRY_URL", server.URL, "SCHEMA_REGISTRY_USERNAME", "user", "SCHEMA_REGISTRY_PASSWORD_FILE", password, "SCHEMA_REGISTRY_TLS_CA_FILE", ca)

	_, err := r.Subjects(t.Context())
	wantText(t, err.Error(), "SCHEMA_REGISTRY_TLS_CA_FILE", "certificate signed by unknown authority")
	must(t, os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600))
	_, err = r.Subjects(t.Context())
	wantText(t, err.Error(), "registry answered 401")
	must(t, os.WriteFile(password, []byte("new\n"), 0o600))
	if _, err = r.Subjects(t.Context()); err != nil {
		t.Errorf("with the new password: %v", err)
	}
	must(t, os.Remove(password))
	_, err = r.Subjects(t.Context())
	wantText(t, err.Error(), "SCHEMA_REGISTRY_PASSWORD_FILE")
}

// selfSigned returns a certificate that has signed nothing.
func selfSigned(t *testing.T) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	must(t, err)
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: raw})
}

// TestRegistry_passwordGoesToTheRegistryOnly follows a redirect to another host.
func TestRegistry_passwordGoesToTheRegistryOnly(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var seen []string
	other := serve(t, http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		seen = append(seen, req.Header.Get("Authorization"))
		_, _ = io.WriteString(w, `[]`)
	}))
	r := open(t, "SCHEMA_REGISTRY_USERNAME", "user", "SCHEMA_REGISTRY_PASSWORD", hidden,
		"SCHEMA_REGISTRY_URL", serve(t, http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			w.Header().Set("Location", other+req.URL.Path)
			w.WriteHeader(http.StatusTemporaryRedirect)
		})))
	_, err := r.Subjects(t.Context())
	must(t, err)
	mu.Lock()
	defer mu.Unlock()
	if diff := cmp.Diff([]string{""}, seen); diff != "" {
		t.Errorf("what the other host was told (-want +got):\n%s", diff)
	}
}
