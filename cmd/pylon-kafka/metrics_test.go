package main

import (
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"pylon-kafka/extract/extracttest"
)

// TestMetrics_promtoolHasNoComplaint holds what the program exposes to what
// `promtool check metrics` looks at.
func TestMetrics_promtoolHasNoComplaint(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t, extracttest.Options{})
	r := w.start(t)
	r.waitFor(t, "/api/streams", func(_ int, body string) bool { return publishedTags(t, body) == w.pylon.API.Count("tags") })
	_, body := get(t, r.url+"/metrics")
	problems, err := promlint.New(strings.NewReader(body)).Lint()
	must(t, err)
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
	if !strings.Contains(body, `pylon_kafka_produce_bytes_total{`) {
		t.Errorf("what franz-go counts is not there:\n%s", body)
	}
}
