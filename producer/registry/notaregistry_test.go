package registry_test

import (
	"io"
	"net"
	"net/http"
	"testing"

	"pylon-kafka/producer/registry"
)

// TestRegistry_somethingElse names what is no registry, with the usual paths.
func TestRegistry_somethingElse(t *testing.T) {
	t.Parallel()
	answers := func(status int, body string) string {
		return serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		}))
	}
	// Kafka ends the connection at what is no request of its own.
	broker, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { _ = broker.Close() })
	go func() {
		for {
			conn, err := broker.Accept()
			if err != nil {
				return
			}
			_, _ = conn.Read(make([]byte, 4<<10))
			_ = conn.Close()
		}
	}()
	for name, url := range map[string]string{
		"Kafka itself":                   "http://" + broker.Addr().String(),
		"an object":                      answers(200, `{}`),
		"400 without a code":             answers(400, `{"error":"what?"}`),
		"400 without JSON":               answers(400, "what?"),
		"a redirect without an address":  answers(301, ""),
		"a page":                         answers(200, htmlOf),
		"an address that it has not got": answers(404, "{}"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := open(t, "SCHEMA_REGISTRY_URL", url)
			_, err := r.ID(t.Context(), registry.Schema{Topic: "t", Record: "n.R", Text: first})
			_, listing := r.Subjects(t.Context())
			for _, err := range []error{err, listing} {
				if !registry.NotARegistry(err) {
					t.Fatalf("error %v, want one that tells that it is no registry", err)
				}
				wantText(t, err.Error(), "SCHEMA_REGISTRY_URL", "/apis/ccompat/v7")
			}
		})
	}
	r := open(t, "SCHEMA_REGISTRY_URL", "http://127.0.0.1:1")
	if _, err := r.Subjects(t.Context()); registry.NotARegistry(err) {
		t.Errorf("nobody listens, and it is taken for something else: %v", err)
	}
}

const htmlOf = "<!DOCTYPE html><html></html>"
