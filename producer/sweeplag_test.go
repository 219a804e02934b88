package producer_test

import (
	"testing"
	"time"

	"pylon-kafka/extract/extracttest"
)

// TestSync_sweepLeavesToThePollWhatChangedLately has an index that lags: would
// the sweep, whose list does not lag, publish a change of a moment ago, the poll
// would go back behind it.
func TestSync_sweepLeavesToThePollWhatChangedLately(t *testing.T) {
	t.Parallel()
	w := newWorld(t, extracttest.Options{Seed: 41, Issues: 20, SearchLag: time.Hour})
	w.settings["PYLON_STREAMS"] = "issues"
	w.sync(t)
	must(t, w.api.UpdateIssue(w.api.IssueID(1), extracttest.IssueChange{Title: "of now"}))
	must(t, w.api.UpdateIssue(w.api.IssueID(2), extracttest.IssueChange{Title: "of an hour ago", UpdatedAt: time.Now().Add(-time.Hour)}))
	status := w.sync(t, "PYLON_SWEEP_INTERVAL", "1ns", "PYLON_RECONCILE_INTERVAL", "1ns")
	if got := status["issues"].Records; got != 1 {
		t.Errorf("the sweep publishes %d issues, want just the one that the poll had its time to bring", got)
	}
	want := normalObject(t, w, w.api.IssueID(2))
	if got := w.table(t, "issues")[w.api.IssueID(2)]; got != want {
		t.Errorf("the issue is %s in the topic, want %s", got, want)
	}
}

// TestSync_pollDoesNotBringBackWhatHasATombstone has an index that still shows an
// issue which was deleted, before and after a restart.
func TestSync_pollDoesNotBringBackWhatHasATombstone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, extracttest.Options{Seed: 42, Issues: 20, SearchLag: time.Hour, Start: time.Now().Add(-5 * time.Minute)})
	w.settings["PYLON_STREAMS"] = "issues"
	w.sync(t)
	gone := w.api.IssueID(7)
	must(t, w.api.DeleteIssue(gone))
	p, stop := w.run(t, "PYLON_SWEEP_INTERVAL", "100ms", "PYLON_RECONCILE_INTERVAL", "100ms")
	eventually(t, "the issue has its tombstone", func() bool { return p.Status()[0].Tombstones > 0 })
	asked := w.api.Requests()["issues_search"]
	eventually(t, "the index shows it some times more", func() bool { return w.api.Requests()["issues_search"] > asked+3 })
	must(t, stop())
	if records, tombstones := totals(w.sync(t)); records+tombstones != 0 {
		t.Errorf("the sync after publishes %d records and %d tombstones, want none", records, tombstones)
	}
	var story []bool
	for _, m := range w.messages(t, "issues") {
		if m.key == gone {
			story = append(story, m.tombstone)
		}
	}
	if len(story) != 2 || story[0] || !story[1] {
		t.Errorf("the issue's records are tombstones: %v; want first it and then its tombstone", story)
	}
}

func normalObject(t *testing.T, w *world, issue string) string {
	t.Helper()
	object, ok := w.api.Object("issues", issue)
	if !ok {
		t.Fatalf("no issue %s", issue)
	}
	return normal(t, "issues", object)
}
