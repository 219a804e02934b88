package producer_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"pylon-kafka/extract/extracttest"
)

// TestUnmapped_isCountedAndLoggedOncePerPath sends what the schema does not know
// in many objects, and reads it several times.
func TestUnmapped_isCountedAndLoggedOncePerPath(t *testing.T) {
	t.Parallel()
	w := newWorld(t, extracttest.Options{Seed: 61, Issues: -1, Accounts: -1})
	const n = 20
	objects := make(map[string]string)
	for i := range n {
		key := fmt.Sprintf("account-%d", i)
		objects[key] = fmt.Sprintf(`{"id":%q,"name":%d,"planet":"Mars","custom_fields":{"slug-%d":{"value":7,"since":"then"}},`+
			`"channels":[{"source":"slack"},{"channel_id":%d}]}`, key, i, i, i)
	}
	w.put(t, "accounts", objects)
	reg := prometheus.NewRegistry()
	w.registerer = reg
	p, stop := w.run(t, "PYLON_STREAMS", "accounts", "PYLON_REFRESH_INTERVAL", "30ms")
	eventually(t, "a few passes are read", func() bool { return byStream(p.Status())["accounts"].Unchanged >= 2*n })
	w.put(t, "accounts", map[string]string{"account-0": `{"id":"account-0","name":-1,"moon":null}`})
	eventually(t, "the change is published", func() bool { return byStream(p.Status())["accounts"].Records > n })
	must(t, stop())
	w.wantTruth(t, "accounts")

	// name, planet, value and since of a custom field, the id of a channel; then name and moon of one object.
	if got, want := counter(t, reg, "pylon_kafka_fields_unmapped_total", "accounts"), float64(5*n+2); got != want {
		t.Errorf("fields_unmapped_total is %v, want %v", got, want)
	}
	lines := make(map[string]int)
	for line := range strings.Lines(w.logs.String()) {
		if _, path, ok := strings.Cut(line, " path="); ok && strings.Contains(line, "unmapped") {
			path, _, _ = strings.Cut(path, " ")
			lines[path]++
			if !strings.Contains(line, "stream=accounts") || !strings.Contains(line, "key=account-") {
				t.Errorf("line does not name stream and key: %s", line)
			}
		}
	}
	want := map[string]int{
		"/name": 1, "/planet": 1, "/moon": 1, "/custom_fields/*/value": 1, "/custom_fields/*/since": 1, "/channels/*/channel_id": 1,
	}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Errorf("log lines by path (-want +got):\n%s", diff)
	}
}

// counter returns the value of a stream's counter.
func counter(t *testing.T, reg prometheus.Gatherer, name, stream string) float64 {
	t.Helper()
	return series(t, reg, name, stream).GetCounter().GetValue()
}

// gauge returns the value of a stream's gauge.
func gauge(t *testing.T, reg prometheus.Gatherer, name, stream string) float64 {
	t.Helper()
	return series(t, reg, name, stream).GetGauge().GetValue()
}

// series returns a stream's series of a metric.
func series(t *testing.T, reg prometheus.Gatherer, name, stream string) *dto.Metric {
	t.Helper()
	families, err := reg.Gather()
	must(t, err)
	for _, f := range families {
		for _, m := range f.GetMetric() {
			for _, l := range m.GetLabel() {
				if f.GetName() == name && l.GetName() == "stream" && l.GetValue() == stream {
					return m
				}
			}
		}
	}
	t.Fatalf("no series %s of stream %s", name, stream)
	return nil
}
