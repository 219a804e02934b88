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

// hidden are the reads of which a token that lost a permission sees less.
func hidden() map[string]struct {
	stream, reads string
	endpoints     []string // that leave objects out
	again         []string // settings that have it read once more
	cost          string   // the endpoint of the read
} {
	return map[string]struct {
		stream, reads string
		endpoints     []string
		again         []string
		cost          string
	}{
		"full list": {"contacts", "contacts", []string{"contacts"}, nil, "contacts"},
		"children":  {"issue_messages", "issues,issue_messages", []string{"issue_messages"}, []string{"PYLON_SWEEP_INTERVAL", "1ns"}, ""},
		"reconcile": {"issues", "issues", []string{"issues_search", "issues_list", "issues_get"}, []string{"PYLON_RECONCILE_INTERVAL", "1ns"}, "issues_list"},
	}
}

// TestLossless_2_aTokenThatLostAPermission sees a fifth of what there is: no
// tombstone, and a reason that says how many of how many and which setting lets it
// go on, which it does. What is seen again is not published again.
func TestLossless_2_aTokenThatLostAPermission(t *testing.T) {
	t.Parallel()
	for what, read := range hidden() {
		settings := append([]string{"PYLON_STREAMS", read.reads}, read.again...)
		for share, hide := range map[string]float64{"most": 0.8, "all": 1} {
			bubble(t, what+"/"+share, extracttest.Options{Seed: 103, Issues: 60, Contacts: 60, MessagesPerIssue: 4}, func(t *testing.T, w *world) {
				w.sync(t, settings...)
				objects := w.api.Count(read.stream)
				for _, endpoint := range read.endpoints {
					w.api.Fail(extracttest.Fault{Endpoint: endpoint, Hide: hide, Count: -1})
				}
				before := w.api.Requests()[read.cost]
				status := w.syncFails(t, []string{read.stream + ": ", " lacks ", " objects that the topic holds", "TOMBSTONES_MAX_SHARE=1"}, settings...)
				if read.stream == "contacts" && hide == 1 {
					wantSays(t, status[read.stream].Reason, fmt.Sprintf("lacks %d of %d objects", objects, objects))
				}
				if s := status[read.stream]; s.Up || s.State != "failed" {
					t.Errorf("status %+v", s)
				}
				w.wantNoTombstones(t, read.stream)
				if n := w.api.Requests()[read.cost] - before; read.stream == "contacts" && n != 2 {
					t.Errorf("the list was read %d times, want once more than once", n)
				}
				w.api.ClearFaults()
				if records, tombstones := totals(w.sync(t, settings...)); records+tombstones != 0 {
					t.Errorf("with the permission back: %d records and %d tombstones, want none", records, tombstones)
				}
				w.wantTruth(t, read.stream)
			})
			bubble(t, what+"/"+share+"/believed", extracttest.Options{Seed: 103, Issues: 60, Contacts: 60, MessagesPerIssue: 4}, func(t *testing.T, w *world) {
				w.sync(t, settings...)
				for _, endpoint := range read.endpoints {
					w.api.Fail(extracttest.Fault{Endpoint: endpoint, Hide: hide, Count: -1})
				}
				w.sync(t, append(settings, "TOMBSTONES_MAX_SHARE", "1")...)
				if n := w.tombstones(t, read.stream); n*2 < w.api.Count(read.stream) {
					t.Errorf("%d tombstones of %d objects though all are to be believed", n, w.api.Count(read.stream))
				}
			})
		}
	}
}

// TestLossless_2_runIsDownAndComesBack is the service: down with its reason and
// alone, and up again once the token sees everything.
func TestLossless_2_runIsDownAndComesBack(t *testing.T) {
	t.Parallel()
	for what, read := range hidden() {
		bubble(t, what, extracttest.Options{Seed: 104, Issues: 60, Contacts: 60, MessagesPerIssue: 4}, func(t *testing.T, w *world) {
			w.settings["PYLON_REFRESH_INTERVAL"] = "1m"
			w.settings["PYLON_RECONCILE_INTERVAL"] = "1m"
			w.settings["PYLON_SWEEP_INTERVAL"] = "1m"
			w.settings["PYLON_STREAMS"] = read.reads + ",tags"
			p, stop := w.run(t)
			pass(5 * time.Minute)
			for _, endpoint := range read.endpoints {
				w.api.Fail(extracttest.Fault{Endpoint: endpoint, Hide: 1, Count: -1})
			}
			pass(5 * time.Minute)
			s := byStream(p.Status())
			if got := s[read.stream]; got.Up || got.State != "failed" {
				t.Errorf("status %+v", got)
			}
			wantSays(t, s[read.stream].Reason, read.stream, " lacks ", "TOMBSTONES_MAX_SHARE")
			if !s["tags"].Up {
				t.Errorf("tags is down too: %+v", s["tags"])
			}
			w.wantNoTombstones(t, read.stream)
			w.api.ClearFaults()
			pass(15 * time.Minute)
			if got := byStream(p.Status())[read.stream]; !got.Up || got.Reason != "" {
				t.Errorf("the token sees everything again: %+v", got)
			}
			must(t, stop())
			w.wantTruth(t, read.stream)
			w.wantNoTombstones(t, read.stream)
			w.wantNoRepeats(t, read.stream)
		})
	}
}

// TestLossless_2_fewObjectsAreBelieved has fewer than 20 known objects, of which
// a share says nothing.
func TestLossless_2_fewObjectsAreBelieved(t *testing.T) {
	t.Parallel()
	bubble(t, "19 of 19", extracttest.Options{Seed: 105, Tags: 19, Issues: -1}, func(t *testing.T, w *world) {
		w.settings["PYLON_STREAMS"] = "tags"
		w.sync(t)
		for key := range w.truth(t, "tags") {
			must(t, w.api.Delete("tags", key))
		}
		if s := w.sync(t)["tags"]; s.Tombstones != 19 {
			t.Errorf("%d tombstones, want 19", s.Tombstones)
		}
	})
	bubble(t, "11 of 20", extracttest.Options{Seed: 105, Tags: 20, Issues: -1}, func(t *testing.T, w *world) {
		w.settings["PYLON_STREAMS"] = "tags"
		w.sync(t)
		for i, key := range slices.Sorted(keysOf(w.truth(t, "tags"))) {
			if i < 11 {
				must(t, w.api.Delete("tags", key))
			}
		}
		w.syncFails(t, []string{"tags: the list lacks 11 of 20 objects"})
		w.sync(t, "TOMBSTONES_MAX_SHARE", "0.6")
		w.wantTruth(t, "tags")
	})
}

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
		bubble(t, "sync/"+name, extracttest.Options{Seed: 106, Issues: 400}, func(t *testing.T, w *world) {
			w.settings["PYLON_STREAMS"] = "issues,issue_messages,issue_threads"
			issue := firstWith(t, w, "issue_messages", "")
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
		bubble(t, "run/"+name, extracttest.Options{Seed: 107, Issues: 400}, func(t *testing.T, w *world) {
			w.settings["PYLON_STREAMS"] = "issues,issue_messages"
			issue := firstWith(t, w, "issue_messages", "")
			fault.Parent, fault.Count = issue, -1
			w.api.Fail(fault)
			_, stop := w.run(t)
			pass(10 * time.Minute)
			other := firstWith(t, w, "issue_messages", issue)
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
			if got := metricOf(t, registry, "pylon_kafka_parked", "issue_messages"); got != 1 {
				t.Errorf("pylon_kafka_parked is %v, want 1", got)
			}
			w.api.ClearFaults()
			pass(3 * time.Hour)
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
			"knowledge_base_articles": func(w *world) string { return w.api.Parent("knowledge_base_articles", firstKey(t, w, "knowledge_base_articles")) },
			"custom_fields":           func(*world) string { return "account" },
		} {
			bubble(t, fmt.Sprintf("%s/%d", stream, status), extracttest.Options{Seed: 109, Issues: -1, Articles: 30, CustomFields: 10}, func(t *testing.T, w *world) {
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
