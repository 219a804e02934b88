package producer_test

import (
	"testing"

	"pylon-kafka/extract/extracttest"
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
