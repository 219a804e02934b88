package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/sr"
	"github.com/twmb/franz-go/pkg/sr/srfake"

	"pylon-kafka/cmd/pylon-kafka/internal/cli"
	"pylon-kafka/extract/extracttest"
	"pylon-kafka/producer/producertest"
)

// TestSchemasRegister_isEnoughWhereTheServiceMayNot registers in a pipeline, with
// neither a token nor a broker, and then runs without AUTO_REGISTER.
func TestSchemasRegister_isEnoughWhereTheServiceMayNot(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t, extracttest.Options{})
	registry := httptest.NewServer(srfake.NewRegistry().Handler())
	t.Cleanup(registry.Close)
	w.env["SCHEMA_REGISTRY_URL"], w.env["SCHEMA_REGISTRY_AUTO_REGISTER"] = registry.URL, "false"
	w.env["KAFKA_KEY_FORMAT"] = "avro"
	if _, err := w.sync(t, "tags"); err == nil || !strings.Contains(err.Error(), "pylon-kafka schemas register") {
		t.Fatalf("sync before = %v", err)
	}
	pipeline := *w
	pipeline.env = map[string]string{"SCHEMA_REGISTRY_URL": registry.URL, "SCHEMA_REGISTRY_AUTO_REGISTER": "false", "KAFKA_KEY_FORMAT": "avro"}
	for _, before := range []string{"no subject", "there"} {
		var got []registration
		if err := json.Unmarshal([]byte(pipeline.mustDo(t, "schemas", "register", "--json")), &got); err != nil {
			t.Fatal(err)
		}
		if len(got) != 2*len(cli.Streams()) || got[0].Subject != "pylon.accounts-value" || got[1].Subject != "pylon.accounts-key" {
			t.Fatalf("register says %+v", got)
		}
		for i, r := range got {
			if r.Before != before || r.ID != i+1 || r.Error != "" {
				t.Errorf("%+v, want %s and id %d", r, before, i+1)
			}
		}
	}
	if _, err := w.sync(t, "tags"); err != nil {
		t.Errorf("sync after = %v", err)
	}
}

func TestSchemasRegister_saysWhatIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t, extracttest.Options{})
	if _, _, err := w.do(t, "schemas", "register"); exitCode(err) != exitUsage || !strings.Contains(err.Error(), "SCHEMA_REGISTRY_URL") {
		t.Errorf("without a registry: %v with exit code %d", err, exitCode(err))
	}
	fake := srfake.NewRegistry()
	fake.SeedSchema("pylon.tags-value", 1, 1, sr.Schema{Schema: `"string"`})
	registry := httptest.NewServer(refusing(fake.Handler(), "/subjects/pylon.tags-value/versions"))
	t.Cleanup(registry.Close)
	w.env["SCHEMA_REGISTRY_URL"] = registry.URL
	for args, want := range map[string][]string{
		"schemas register tags teams --dry-run --json": {`"before": "incompatible"`, `"id": 0`},
		"schemas register tags teams --json":           {`"before": "incompatible"`, `"before": "no subject"`, `"id": 2`},
	} {
		out, _, err := w.do(t, strings.Fields(args)...)
		if exitCode(err) != exitFailed || !strings.Contains(err.Error(), "subject pylon.tags-value") {
			t.Errorf("%s = %v with exit code %d", args, err, exitCode(err))
		}
		for _, part := range want {
			if !strings.Contains(out, part) {
				t.Errorf("%s prints\n%s\nwant %s", args, out, part)
			}
		}
	}
	registry.Close()
	if _, _, err := w.do(t, "schemas", "register"); exitCode(err) != exitFailed || !strings.Contains(err.Error(), registry.URL) {
		t.Errorf("with a registry that is gone: %v", err)
	}
}

// refusing is a registry that takes no schema under one subject.
func refusing(registry http.Handler, path string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/vnd.schemaregistry.v1+json")
		switch {
		case r.Method == http.MethodPost && r.URL.Path == path:
			w.WriteHeader(http.StatusConflict)
			_, _ = io.WriteString(w, `{"error_code":409,"message":"incompatible"}`)
		case strings.HasPrefix(r.URL.Path, "/compatibility"+path):
			_, _ = io.WriteString(w, `{"is_compatible":false,"messages":["the reader lacks a string"]}`)
		default:
			registry.ServeHTTP(w, r)
		}
	})
}

// TestSchemasRegister_dryRunOnARealRegistry wants a reason from one that gives none.
func TestSchemasRegister_dryRunOnARealRegistry(t *testing.T) {
	t.Parallel()
	url := producertest.RegistryURL(t)
	w := newWorkspace(t, extracttest.Options{})
	w.env["SCHEMA_REGISTRY_URL"] = url
	w.env["KAFKA_TOPIC_PREFIX"] = "dry-" + strconv.FormatInt(time.Now().UnixNano(), 36) + "."
	w.mustDo(t, "schemas", "register", "tags")
	w.env["VALUE_LAYOUT"] = "flat"
	_, _, err := w.do(t, "schemas", "register", "tags", "--dry-run")
	for _, part := range []string{"tags-value", "com.usepylon.Tag (layout nested)", "com.usepylon.TagFlat (layout flat)", "compatibility"} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("error %v, want one with %q", err, part)
		}
	}
}
