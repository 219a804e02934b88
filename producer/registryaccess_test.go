package producer_test

import (
	"encoding/pem"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/sr/srfake"

	"pylon-kafka/extract"
	"pylon-kafka/extract/extracttest"
	"pylon-kafka/producer"
	"pylon-kafka/producer/connect"
	"pylon-kafka/producer/registry"
)

// secured is a registry that wants basic auth.
func secured(user, password string) http.Handler {
	registry := srfake.NewRegistry().Handler()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if u, p, ok := r.BasicAuth(); !ok || u != user || p != password {
			answer{status: 401, body: `{"error_code":401,"message":"Unauthorized"}`}.write(w)
			return
		}
		registry.ServeHTTP(w, r)
	})
}

func TestRegistry_basicAuthOverTLS(t *testing.T) {
	t.Parallel()
	server := httptest.NewUnstartedServer(secured("user", registryPassword))
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // it tells of clients that do not trust it
	server.StartTLS()
	t.Cleanup(server.Close)
	dir := t.TempDir()
	ca, password := filepath.Join(dir, "ca.pem"), filepath.Join(dir, "password")
	must(t, os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600))
	must(t, os.WriteFile(password, []byte(registryPassword+"\n"), 0o600))

	w := newWorld(t, extracttest.Options{Seed: 39, Issues: -1})
	w.settings["PYLON_STREAMS"] = "tags"
	w.settings["SCHEMA_REGISTRY_URL"] = server.URL + "/" // a slash at the end does no harm
	const user, secret, file, caFile = "SCHEMA_REGISTRY_USERNAME", "SCHEMA_REGISTRY_PASSWORD", "SCHEMA_REGISTRY_PASSWORD_FILE", "SCHEMA_REGISTRY_TLS_CA_FILE"

	_, err := w.trySync(t, user, "user", secret, registryPassword)
	w.wantFailure(t, err, "SCHEMA_REGISTRY_URL", "certificate signed by unknown authority")
	_, err = w.trySync(t, caFile, ca)
	w.wantFailure(t, err, "SCHEMA_REGISTRY_URL", "registry answered 401: Unauthorized")
	_, err = w.trySync(t, caFile, ca, user, "user", secret, registryPassword+"x")
	w.wantFailure(t, err, "SCHEMA_REGISTRY_URL", "registry answered 401: Unauthorized")
	w.sync(t, caFile, ca, user, "user", secret, registryPassword)
	w.wantTruth(t, "tags")
	w.sync(t, caFile, ca, user, "user", file, password)
	w.sync(t, "SCHEMA_REGISTRY_TLS_INSECURE_SKIP_VERIFY", "true", user, "user", file, password)
}

func TestRegistry_settingsThatCannotWork(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		settings registry.Settings
		want     string
	}{
		"a user in the URL":      {registry.Settings{URL: "http://user:" + registryPassword + "@host"}, "SCHEMA_REGISTRY_URL"},
		"a key in the URL":       {registry.Settings{URL: "http://host/?key=" + registryPassword}, "SCHEMA_REGISTRY_URL"},
		"no URL":                 {registry.Settings{URL: "host:8081"}, "SCHEMA_REGISTRY_URL"},
		"no URL at all":          {registry.Settings{URL: "http://" + registryPassword + "\x7f"}, "SCHEMA_REGISTRY_URL"},
		"unknown strategy":       {registry.Settings{SubjectStrategy: "topc"}, `SCHEMA_REGISTRY_SUBJECT_STRATEGY is "topc"`},
		"password without user":  {registry.Settings{Password: extract.NewSecret(registryPassword)}, "SCHEMA_REGISTRY_USERNAME"},
		"password and its file":  {registry.Settings{Password: extract.NewSecret(registryPassword), PasswordFile: "x"}, "SCHEMA_REGISTRY_PASSWORD_FILE"},
		"no file of a password":  {registry.Settings{Username: "user", PasswordFile: "/nowhere"}, "/nowhere"},
		"certificate, but a key": {registry.Settings{TLS: connect.TLS{CertFile: "x"}}, "SCHEMA_REGISTRY_TLS_KEY_FILE"},
		"no file of a CA":        {registry.Settings{TLS: connect.TLS{CAFile: "/nowhere"}}, "/nowhere"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := (&producer.Config{Registry: test.settings}).Validate()
			if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), registryPassword) {
				t.Errorf("error %v, want one with %q and no password", err, test.want)
			}
		})
	}
}
