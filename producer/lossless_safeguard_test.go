package producer_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

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
				t.Helper()
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
				t.Helper()
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
			t.Helper()
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
		t.Helper()
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
		t.Helper()
		w.settings["PYLON_STREAMS"] = "tags"
		w.sync(t)
		for i, key := range slices.Sorted(maps.Keys(w.truth(t, "tags"))) {
			if i < 11 {
				must(t, w.api.Delete("tags", key))
			}
		}
		w.syncFails(t, []string{"tags: the list lacks 11 of 20 objects"})
		w.sync(t, "TOMBSTONES_MAX_SHARE", "0.6")
		w.wantTruth(t, "tags")
	})
}
