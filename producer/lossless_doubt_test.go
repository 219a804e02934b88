package producer_test

import (
	"testing"
	"time"

	"pylon-kafka/extract/extracttest"
)

// loseMessages adds 30 messages to an issue and returns what deletes all but five of
// those that it has then.
func (w *world) loseMessages(t *testing.T, issue string) (lose func()) {
	t.Helper()
	for range 30 {
		_, err := w.api.AddMessage(issue, extracttest.MessageChange{})
		must(t, err)
	}
	return func() {
		t.Helper()
		for i, key := range w.api.Children("issue_messages", issue) {
			if i >= 5 {
				must(t, w.api.DeleteMessage(issue, key, extracttest.TouchIssue))
			}
		}
	}
}

// wantFewTombstones fails if there are tombstones of more messages than a share of
// tells something: an issue of a few messages is believed among others that are whole.
func (w *world) wantFewTombstones(t *testing.T) {
	t.Helper()
	if n := w.tombstones(t, "issue_messages"); n >= 20 {
		t.Errorf("%d tombstones of messages that exist", n)
	}
}

// TestLossless_2_oneIssueThatLosesItsMessages is not the token's doing, since other
// issues are whole: it is believed, and if nothing is known of others, the issue waits
// and not the stream.
func TestLossless_2_oneIssueThatLosesItsMessages(t *testing.T) {
	t.Parallel()
	opts := extracttest.Options{Seed: 205, Issues: 100, MessagesPerIssue: 4}
	bubble(t, "run", opts, func(t *testing.T, w *world) {
		t.Helper()
		w.settings["PYLON_STREAMS"] = "issues,issue_messages"
		lose := w.loseMessages(t, w.api.IssueID(5))
		p, stop := w.run(t)
		pass(10 * time.Minute)
		lose()
		pass(time.Minute)
		_, err := w.api.AddMessage(w.api.IssueID(20), extracttest.MessageChange{})
		must(t, err)
		pass(10 * time.Minute)
		if s := byStream(p.Status())["issue_messages"]; !s.Up || len(s.Parked) > 0 {
			t.Errorf("status %+v", s)
		}
		must(t, stop())
		w.wantTruth(t, "issue_messages")
	})
	bubble(t, "sync", opts, func(t *testing.T, w *world) {
		t.Helper()
		w.settings["PYLON_STREAMS"] = "issues,issue_messages"
		issue := w.api.IssueID(5)
		lose := w.loseMessages(t, issue)
		w.sync(t)
		lose()
		before := w.api.Count("issue_messages")
		s := w.syncFails(t, []string{"issue_messages: ", "the children of 1 issues cannot be read", issue, " lacks ", "TOMBSTONES_MAX_SHARE=1"})
		if parked := s["issue_messages"].Parked; len(parked) != 1 || parked[0].Issue != issue {
			t.Errorf("parked %+v", parked)
		}
		w.wantNoTombstones(t, "issue_messages")
		for i := 20; i < 40; i++ {
			_, err := w.api.AddMessage(w.api.IssueID(i), extracttest.MessageChange{})
			must(t, err)
		}
		w.sync(t) // now that others are read
		w.wantTruth(t, "issue_messages")
		if n := w.api.Count("issue_messages"); n != before+20 {
			t.Errorf("%d messages, want %d", n, before+20)
		}
	})
}

// TestLossless_2_manyIssuesLoseTheirMessages has issues with so many messages that
// each of them would be doubted alone: many of them are the token's doing, one after
// the other or all at once.
func TestLossless_2_manyIssuesLoseTheirMessages(t *testing.T) {
	t.Parallel()
	for name, faults := range map[string][]extracttest.Fault{
		"empty lists": {{Endpoint: "issue_messages", Hide: 1, Count: -1}},
		"most lists":  {{Endpoint: "issue_messages", Hide: 0.8, Count: -1}},
		"not found": {
			{Endpoint: "issues_search", Hide: 1, Count: -1},
			{Endpoint: "issues_list", Hide: 1, Count: -1},
			{Endpoint: "issues_get", Hide: 1, Count: -1},
		},
	} {
		bubble(t, name, extracttest.Options{Seed: 208, Issues: 40, MessagesPerIssue: 30}, func(t *testing.T, w *world) {
			t.Helper()
			w.settings["PYLON_STREAMS"] = "issues,issue_messages"
			w.sync(t)
			w.api.Fail(faults...)
			w.syncFails(t, []string{"issue_messages: ", " lacks "}, "PYLON_SWEEP_INTERVAL", "1ns", "PYLON_RECONCILE_INTERVAL", "0")
			w.wantNoTombstones(t, "issue_messages")
			w.api.ClearFaults()
			w.sync(t)

			w.settings["PYLON_SWEEP_INTERVAL"] = "20m"
			w.settings["PYLON_RECONCILE_INTERVAL"] = "0"
			p, stop := w.run(t)
			pass(5 * time.Minute)
			w.api.Fail(faults...)
			for i := range 10 {
				must(t, w.api.UpdateIssue(w.api.IssueID(i), extracttest.IssueChange{Title: "changed"}))
				pass(20 * time.Second)
			}
			pass(20 * time.Minute) // a sweep is due
			if s := byStream(p.Status())["issue_messages"]; s.Up {
				t.Errorf("status %+v", s)
			}
			w.wantFewTombstones(t)
			w.api.ClearFaults()
			pass(90 * time.Minute)
			if s := byStream(p.Status())["issue_messages"]; !s.Up || len(s.Parked) > 0 {
				t.Errorf("the token sees everything again: %+v", s)
			}
			must(t, stop())
			w.wantTruth(t, "issue_messages")
		})
	}
}

// TestLossless_2_permissionLostInTheMiddle loses the permission while a batch is
// read: that most of the batch was read before is no reason to believe the rest.
func TestLossless_2_permissionLostInTheMiddle(t *testing.T) {
	t.Parallel()
	bubble(t, "sweep", extracttest.Options{Seed: 209, Issues: 30, MessagesPerIssue: 30}, func(t *testing.T, w *world) {
		t.Helper()
		w.settings["PYLON_STREAMS"] = "issues,issue_messages"
		w.sync(t)
		w.api.Fail(extracttest.Fault{Endpoint: "issue_messages", Hide: 1, Skip: 25, Count: -1})
		w.syncFails(t, []string{"issue_messages: ", " lacks ", "TOMBSTONES_MAX_SHARE=1"}, "PYLON_SWEEP_INTERVAL", "1ns")
		w.wantFewTombstones(t)
	})
}
