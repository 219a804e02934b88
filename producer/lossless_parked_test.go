package producer_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"pylon-kafka/extract/extracttest"
)

// TestLossless_8_oneIssueThatIsRefused has an issue whose messages and threads
// are refused for good, in each way: the others are read, the sync ends with 1 and
// its key, and it is parked until it is served.
func TestLossless_8_oneIssueThatIsRefused(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]extracttest.Fault{
		"503":        {Status: 503},
		"403":        {Status: 403, Code: "permission_denied"},
		"422":        {Status: 422},
		"418":        {Status: 418},
		"drop":       {Drop: true},
		"malformed":  {Malformed: true},
		"impossible": {NoData: true},
	} {
		bubble(t, "sync/"+name, extracttest.Options{Seed: 106, Issues: 100}, func(t *testing.T, w *world) {
			t.Helper()
			w.settings["PYLON_STREAMS"] = "issues,issue_messages,issue_threads"
			issue := firstWith(t, w, "")
			fault := fault
			fault.Parent, fault.Count = issue, -1
			w.api.Fail(fault)
			began := time.Now()
			status := w.syncFails(t, []string{"issue_messages", "the children of 1 issues cannot be read", issue})
			if took := time.Since(began); took > 5*time.Minute {
				t.Errorf("the sync took %v", took)
			}
			if parked := status["issue_messages"].Parked; len(parked) != 1 || parked[0].Issue != issue || parked[0].Reason == "" {
				t.Errorf("parked %+v", parked)
			}
			w.wantLacks(t, "issue_messages", w.api.Children("issue_messages", issue))
			w.api.ClearFaults()
			if s := w.sync(t)["issue_messages"]; len(s.Parked) != 0 {
				t.Errorf("served, and still parked: %+v", s.Parked)
			}
			w.wantTruth(t, "issues", "issue_messages", "issue_threads")
			w.wantNoRepeats(t, "issue_messages", "issue_threads")
		})
		bubble(t, "run/"+name, extracttest.Options{Seed: 107, Issues: 100}, func(t *testing.T, w *world) {
			t.Helper()
			w.settings["PYLON_STREAMS"] = "issues,issue_messages"
			issue := firstWith(t, w, "")
			fault := fault
			fault.Parent, fault.Count = issue, -1
			w.api.Fail(fault)
			_, stop := w.run(t)
			pass(10 * time.Minute)
			other := firstWith(t, w, issue)
			_, err := w.api.AddMessage(other, extracttest.MessageChange{HTML: "<p>of now</p>"})
			must(t, err)
			pass(time.Minute)
			must(t, stop())
			w.wantLacks(t, "issue_messages", w.api.Children("issue_messages", issue))

			registry := prometheus.NewRegistry() // after a restart
			w.registerer = registry
			p, stop := w.run(t)
			pass(time.Minute)
			s := byStream(p.Status())["issue_messages"]
			if len(s.Parked) != 1 || s.Parked[0].Issue != issue || !s.Up {
				t.Errorf("status after a restart %+v", s)
			}
			if got := gauge(t, registry, "pylon_kafka_parked", "issue_messages"); got != 1 {
				t.Errorf("pylon_kafka_parked is %v, want 1", got)
			}
			w.api.ClearFaults()
			pass(time.Hour)
			if s := byStream(p.Status())["issue_messages"]; len(s.Parked) != 0 || s.Tombstones != 0 {
				t.Errorf("served, and still parked: %+v", s)
			}
			must(t, stop())
			w.wantTruth(t, "issue_messages")
			w.wantNoRepeats(t, "issue_messages")
		})
	}
}

// wantLacks fails unless a topic is what Pylon holds but for some keys.
func (w *world) wantLacks(t *testing.T, stream string, keys []string) {
	t.Helper()
	truth, table := w.truth(t, stream), w.table(t, stream)
	for _, key := range keys {
		delete(truth, key)
	}
	for key, object := range truth {
		if table[key] != object {
			t.Errorf("%s %s of an issue that is served is not in the topic", stream, key)
		}
	}
	if len(table) > len(truth) {
		t.Errorf("%s: the topic holds %d objects, want %d", stream, len(table), len(truth))
	}
}

// TestLossless_8_allRefused is the failure of the stream, and nothing is parked.
func TestLossless_8_allRefused(t *testing.T) {
	t.Parallel()
	for _, status := range []int{503, 403, 422} {
		bubble(t, fmt.Sprint(status), extracttest.Options{Seed: 108, Issues: 60}, func(t *testing.T, w *world) {
			t.Helper()
			w.settings["PYLON_STREAMS"] = "issues,issue_messages"
			w.api.Fail(extracttest.Fault{Endpoint: "issue_messages", Status: status, Count: -1})
			s := w.syncFails(t, []string{"issue_messages", fmt.Sprint(status)})
			if len(s["issue_messages"].Parked) > 0 || s["issue_messages"].Up {
				t.Errorf("status %+v", s["issue_messages"])
			}
			w.api.ClearFaults()
			w.sync(t)
			w.wantTruth(t, "issues", "issue_messages")
		})
	}
}

// TestLossless_8_oneListOfSeveralIsRefused is one knowledge base, one object
// type: the others are published, nothing is deleted, and the sync names it.
func TestLossless_8_oneListOfSeveralIsRefused(t *testing.T) {
	t.Parallel()
	for _, status := range []int{503, 403, 422} {
		for stream, parent := range map[string]func(w *world) string{
			"knowledge_base_articles": func(w *world) string {
				return w.api.Parent("knowledge_base_articles", firstKey(t, w, "knowledge_base_articles"))
			},
			"custom_fields": func(*world) string { return "account" },
		} {
			bubble(t, fmt.Sprintf("%s/%d", stream, status), extracttest.Options{Seed: 109, Issues: -1, Articles: 30, CustomFields: 10}, func(t *testing.T, w *world) {
				t.Helper()
				w.settings["PYLON_STREAMS"] = stream
				refused := parent(w)
				w.api.Fail(extracttest.Fault{Parent: refused, Status: status, Count: -1})
				w.syncFails(t, []string{stream, refused, "the others are published"})
				var lacks []string
				for key := range w.api.Objects(stream) {
					if w.api.Parent(stream, key) == refused || strings.HasPrefix(key, refused+":") {
						lacks = append(lacks, key)
					}
				}
				w.wantLacks(t, stream, lacks)
				w.api.ClearFaults()
				w.sync(t)
				w.wantTruth(t, stream)

				w.api.Fail(extracttest.Fault{Parent: refused, Status: status, Count: -1})
				for key := range w.truth(t, stream) {
					if !slices.Contains(lacks, key) {
						must(t, w.api.Update(stream, key))
					}
				}
				w.syncFails(t, []string{stream, refused})
				w.wantNoTombstones(t, stream)
				w.wantTruth(t, stream)
			})
		}
	}
}
