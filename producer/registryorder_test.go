package producer_test

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pylon-kafka/extract/extracttest"
)

// TestRegistry_twoEmptyOnesGiveTheSameIDs starts all streams at once, with a
// registry that is away for a moment too: at the first request, or at the first
// registrations.
func TestRegistry_twoEmptyOnesGiveTheSameIDs(t *testing.T) {
	t.Parallel()
	want := make(map[string]int)
	for i, stream := range allStreams() {
		want[stream+"-value"], want[stream+"-key"] = 2*i+1, 2*i+2
	}
	for name, away := range map[string]struct {
		path     string // ends so
		requests int64
	}{
		"there":                          {},
		"there, again":                   {},
		"away at the first registration": {"/versions", 1},
		"away at some registrations":     {"/versions", 3},
		"away at the look-ups":           {"", 12},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, extracttest.Options{Seed: 83, Issues: 3})
			registry := w.newRegistry(t)
			var left atomic.Int64
			left.Store(away.requests)
			registry.Intercept(func(rw http.ResponseWriter, r *http.Request) bool {
				if r.Method != http.MethodPost || !strings.HasSuffix(r.URL.Path, away.path) || left.Add(-1) < 0 {
					return false
				}
				answer{status: 503, body: `{"error_code":50303,"message":"starting"}`}.write(rw)
				return true
			})
			w.sync(t, "KAFKA_KEY_FORMAT", "avro")
			ids := make(map[string]int)
			for _, stream := range allStreams() {
				for _, part := range []string{"-value", "-key"} {
					registered, ok := registry.GetSchema("pylon."+stream+part, 1)
					if !ok {
						t.Errorf("nothing is registered under pylon.%s%s", stream, part)
					}
					ids[stream+part] = registered.ID
				}
			}
			if diff := cmp.Diff(want, ids); diff != "" {
				t.Errorf("ids (-want +got):\n%s", diff)
			}
		})
	}
}
