package producer_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"pylon-kafka/extract/extracttest"
	"pylon-kafka/offsets"
	"pylon-kafka/producer"
)

// TestLossless_2_aTokenThatLostItsIssues is answered 404 for the children of every
// issue and for the issues themselves: that looks like issues that were deleted, and
// is no more to be believed than empty lists are.
func TestLossless_2_aTokenThatLostItsIssues(t *testing.T) {
	t.Parallel()
	bubble(t, "sweep", extracttest.Options{Seed: 204, Issues: 100, MessagesPerIssue: 4}, func(t *testing.T, w *world) {
		t.Helper()
		w.settings["PYLON_STREAMS"] = "issues,issue_messages"
		w.sync(t)
		for _, endpoint := range []string{"issues_search", "issues_list", "issues_get"} {
			w.api.Fail(extracttest.Fault{Endpoint: endpoint, Hide: 1, Count: -1})
		}
		again := []string{"PYLON_SWEEP_INTERVAL", "1ns", "PYLON_RECONCILE_INTERVAL", "1ns"}
		w.syncFails(t, []string{"issue_messages: ", " lacks ", "TOMBSTONES_MAX_SHARE=1"}, again...)
		w.wantNoTombstones(t, "issues", "issue_messages")
		w.api.ClearFaults()
		if records, tombstones := totals(w.sync(t, again...)); records+tombstones != 0 {
			t.Errorf("with the permission back: %d records and %d tombstones, want none", records, tombstones)
		}
		w.wantTruth(t, "issues", "issue_messages")
	})
	bubble(t, "an issue that was deleted", extracttest.Options{Seed: 204, Issues: 100, MessagesPerIssue: 4}, func(t *testing.T, w *world) {
		t.Helper()
		w.settings["PYLON_STREAMS"] = "issues,issue_messages"
		w.sync(t)
		must(t, w.api.DeleteIssue(firstWith(t, w, "")))
		w.sync(t, "PYLON_SWEEP_INTERVAL", "1ns") // nothing has told of it but Pylon's 404
		w.wantTruth(t, "issue_messages")
	})
}

// TestLossless_12_issuesThatCameBack has issues that were gone for a while: their
// tombstones in the issues topic are old, and their records stand behind, some for the
// one lane and some for the other. Whatever lane begins at the beginning, the children
// of an issue that is there are not deleted, and those of one that is gone are.
func TestLossless_12_issuesThatCameBack(t *testing.T) {
	t.Parallel()
	for name, again := range map[string]func(t *testing.T, w *world) map[string]producer.Status{
		"a sweep": func(t *testing.T, w *world) map[string]producer.Status {
			t.Helper()
			return w.sync(t, "PYLON_SWEEP_INTERVAL", "1ns")
		},
		"live from the beginning": func(t *testing.T, w *world) map[string]producer.Status {
			t.Helper()
			w.forgetLane(t, "live")
			return w.sync(t)
		},
		"backlog from the beginning": func(t *testing.T, w *world) map[string]producer.Status {
			t.Helper()
			w.forgetLane(t, "backlog")
			return w.sync(t)
		},
		"both from the beginning": func(t *testing.T, w *world) map[string]producer.Status {
			t.Helper()
			w.forgetLane(t, "live")
			w.forgetLane(t, "backlog")
			return w.sync(t)
		},
	} {
		bubble(t, name, extracttest.Options{Seed: 206, Issues: 600, MessagesPerIssue: 2}, func(t *testing.T, w *world) {
			t.Helper()
			w.settings["PYLON_STREAMS"] = "issues,issue_messages"
			w.sync(t)
			for _, endpoint := range []string{"issues_search", "issues_list", "issues_get"} {
				w.api.Fail(extracttest.Fault{Endpoint: endpoint, Hide: 0.3, Count: -1})
			}
			w.sync(t, "PYLON_RECONCILE_INTERVAL", "1ns")
			if n := w.tombstones(t, "issue_messages"); n < 100 {
				t.Fatalf("only %d messages of the hidden issues got tombstones", n)
			}
			w.changeIssues(t)
			w.sync(t)
			w.api.ClearFaults()
			w.sync(t, "PYLON_RECONCILE_INTERVAL", "1ns")
			must(t, w.api.DeleteIssue(firstWith(t, w, "")))
			w.sync(t, "PYLON_RECONCILE_INTERVAL", "1ns")
			w.sync(t)
			w.wantTruth(t, "issues", "issue_messages")
			if records, tombstones := totals(again(t, w)); records+tombstones != 0 {
				t.Errorf("%d records and %d tombstones though nothing has changed", records, tombstones)
			}
			w.wantTruth(t, "issue_messages")
		})
	}
}

// TestLossless_12_deletedWhileTombstonesWereOff has an issue that was deleted while
// its messages got no tombstones: the live lane has passed its tombstone, and the
// sweep is what finds it.
func TestLossless_12_deletedWhileTombstonesWereOff(t *testing.T) {
	t.Parallel()
	bubble(t, "sweep", extracttest.Options{Seed: 207, Issues: 60}, func(t *testing.T, w *world) {
		t.Helper()
		w.settings["PYLON_STREAMS"] = "issues,issue_messages"
		w.sync(t)
		must(t, w.api.DeleteIssue(firstWith(t, w, "")))
		w.sync(t, "PYLON_STREAMS", "issues", "PYLON_RECONCILE_INTERVAL", "1ns")
		w.sync(t, "TOMBSTONES", "false")
		w.wantNoTombstones(t, "issue_messages")
		w.sync(t, "PYLON_SWEEP_INTERVAL", "1ns")
		w.wantTruth(t, "issue_messages")
	})
}

// forgetLane takes where a lane of the messages stands out of their cursor.
func (w *world) forgetLane(t *testing.T, lane string) {
	t.Helper()
	store := offsets.Store{Topic: "pylon.offsets", Connector: "pylon", Options: w.opts}
	entry, err := store.Load(t.Context(), "issue_messages")
	must(t, err)
	var doc map[string]any
	must(t, json.Unmarshal(entry.Cursor, &doc))
	parts, _ := doc["parts"].(map[string]any)
	part, ok := parts[lane].(map[string]any)
	if !ok {
		t.Fatalf("no lane %q in %s", lane, entry.Cursor)
	}
	delete(part, "cursor")
	entry.Cursor, err = json.Marshal(doc)
	must(t, err)
	rec, err := store.Record("issue_messages", entry)
	must(t, err)
	cl, err := kgo.NewClient(w.opts...)
	must(t, err)
	defer cl.Close()
	must(t, cl.ProduceSync(t.Context(), rec).FirstErr())
}

// TestLossless_8_nobodySaysWhetherTheIssueExists has an issue whose children are
// 404 and which itself cannot be asked for: it is parked like one whose children are
// refused, and nothing is deleted.
func TestLossless_8_nobodySaysWhetherTheIssueExists(t *testing.T) {
	t.Parallel()
	bubble(t, "run", extracttest.Options{Seed: 201, Issues: 100}, func(t *testing.T, w *world) {
		t.Helper()
		w.settings["PYLON_STREAMS"] = "issues,issue_messages"
		issue := firstWith(t, w, "")
		w.api.Fail(extracttest.Fault{Parent: issue, Status: 404, Count: -1}, extracttest.Fault{Endpoint: "issues_get", Path: issue, Status: 503, Count: -1})
		p, stop := w.run(t)
		pass(10 * time.Minute)
		if s := byStream(p.Status())["issue_messages"]; len(s.Parked) != 1 || s.Parked[0].Issue != issue || !s.Up {
			t.Errorf("status %+v", s)
		}
		w.wantLacks(t, "issue_messages", w.api.Children("issue_messages", issue))
		w.api.ClearFaults()
		pass(time.Hour)
		must(t, stop())
		w.wantTruth(t, "issue_messages")
		w.wantNoTombstones(t, "issue_messages")
	})
}

// TestLossless_8_theFirstIssuesAreRefused has more issues refused than are asked for
// side by side, all at the beginning of the queue: the others are read.
func TestLossless_8_theFirstIssuesAreRefused(t *testing.T) {
	t.Parallel()
	for _, n := range []int{inFlight + 4, 40} {
		bubble(t, fmt.Sprint(n), extracttest.Options{Seed: 212, Issues: 200}, func(t *testing.T, w *world) {
			t.Helper()
			w.settings["PYLON_STREAMS"] = "issues,issue_messages"
			w.sync(t, "PYLON_STREAMS", "issues")
			var lacks []string
			for _, m := range w.messages(t, "issues")[:n] {
				w.api.Fail(extracttest.Fault{Parent: m.key, Status: 403, Count: -1})
				lacks = append(lacks, w.api.Children("issue_messages", m.key)...)
			}
			p, stop := w.run(t)
			pass(10 * time.Minute)
			if s := byStream(p.Status())["issue_messages"]; len(s.Parked) != n || !s.Up || s.Backlog > 0 {
				t.Errorf("%d issues are parked, want %d: %+v", len(s.Parked), n, s)
			}
			w.wantLacks(t, "issue_messages", lacks)
			w.api.ClearFaults()
			pass(time.Hour)
			must(t, stop())
			w.wantTruth(t, "issue_messages")
		})
	}
}

// inFlight is how many issues a lane asks for side by side.
const inFlight = 16
