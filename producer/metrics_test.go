package producer_test

import (
	"fmt"
	"math"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"

	"pylon-kafka/extract/extracttest"
	"pylon-kafka/producer"
)

// TestMetrics_sayWhatTheStatusSays compares every metric of every stream with its
// status, which is what /api/streams shows: before anything was done, and after a
// sync in which one stream failed.
func TestMetrics_sayWhatTheStatusSays(t *testing.T) {
	t.Parallel()
	w := newWorld(t, extracttest.Options{Seed: 70, Issues: 8})
	w.sync(t)
	must(t, w.api.Delete("accounts", firstKey(t, w, "accounts")))
	w.put(t, "tags", map[string]string{"bad": `{"value":"no id"}`, "new": `{"id":"new","value":"new","not_in_the_schema":1}`})
	issue := firstWith(t, w, "")
	for i := range w.api.Count("issues") {
		must(t, w.api.UpdateIssue(w.api.IssueID(i), extracttest.IssueChange{}))
	}
	w.api.Fail(extracttest.Fault{Parent: issue, Status: http.StatusUnprocessableEntity, Count: -1})
	reg := prometheus.NewRegistry()
	w.registerer = reg
	p := w.pipeline(t)
	wantMetrics(t, reg, p.Status())
	w.api.Fail(extracttest.Fault{Endpoint: "teams", Status: http.StatusForbidden, Count: 1 << 20})
	if err := p.Sync(t.Context()); err == nil {
		t.Fatal("sync succeeds, though Pylon forbids teams")
	}
	if s := byStream(p.Status()); s["teams"].Up || s["tags"].Records == 0 || s["issue_messages"].LastSuccess.IsZero() {
		t.Fatalf("the statuses have nothing to tell: %+v", s)
	}
	sums := wantMetrics(t, reg, p.Status())
	for name, sum := range sums {
		// A sync has no next pass and leaves no backlog.
		if sum == 0 && !slices.Contains([]string{"next_pass_timestamp_seconds", "backlog", "backlog_seconds", "stream_interval_seconds"}, name) {
			t.Errorf("%s is 0 in metrics and status of every stream", name)
		}
	}
}

// wantMetrics compares what is gathered with the status of each stream, and returns
// what each column comes to over all of them.
func wantMetrics(t *testing.T, reg prometheus.Gatherer, streams []producer.Status) map[string]float64 {
	t.Helper()
	sums := make(map[string]float64)
	families, err := reg.Gather()
	must(t, err)
	problems, err := promlint.NewWithMetricFamilies(ours(families)).Lint()
	must(t, err)
	for _, problem := range problems {
		t.Errorf("%s: %s", problem.Metric, problem.Text)
	}
	got := make(map[string]float64)
	for _, f := range families {
		for _, m := range f.GetMetric() {
			got[f.GetName()+" of "+labelOf(m, "stream")] = m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	for _, s := range streams {
		for name, want := range map[string]float64{
			"records_published_total":        float64(s.Records),
			"tombstones_published_total":     float64(s.Tombstones),
			"records_unchanged_total":        float64(s.Unchanged),
			"records_deadlettered_total":     float64(s.DeadLetters),
			"fields_unmapped_total":          float64(s.Unmapped),
			"cursor_timestamp_seconds":       seconds(s.Cursor),
			"last_success_timestamp_seconds": seconds(s.LastSuccess),
			"next_pass_timestamp_seconds":    seconds(s.NextPass),
			"stream_interval_seconds":        s.Interval.Seconds(),
			"backlog":                        float64(s.Backlog),
			"backlog_seconds":                s.BacklogLeft.Seconds(),
			"parked":                         float64(len(s.Parked)),
			"stream_up":                      number(s.Up),
			"stream_owned":                   number(s.Owned),
		} {
			series := fmt.Sprintf("pylon_kafka_%s of %s", name, s.Stream)
			value, there := got[series]
			sums[name] += value
			if !there || math.Abs(value-want) > 0.001 {
				t.Errorf("%s = %v (there: %t), the status says %v", series, value, there, want)
			}
		}
	}
	return sums
}

// ours leaves franz-go's own metrics out: their names are mended where they are shown.
func ours(families []*dto.MetricFamily) []*dto.MetricFamily {
	return slices.DeleteFunc(slices.Clone(families), func(f *dto.MetricFamily) bool {
		return f.GetName() == "pylon_kafka_buffered_fetch_records_total" || f.GetName() == "pylon_kafka_buffered_produce_records_total"
	})
}

func labelOf(m *dto.Metric, name string) string {
	for _, l := range m.GetLabel() {
		if l.GetName() == name {
			return l.GetValue()
		}
	}
	return ""
}

func seconds(at time.Time) float64 {
	if at.IsZero() {
		return 0
	}
	return float64(at.UnixMilli()) / 1000
}

func number(is bool) float64 {
	if is {
		return 1
	}
	return 0
}
