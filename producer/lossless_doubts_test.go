package producer_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pylon-kafka/extract/extracttest"
)

// TestLossless_3_anIssueThatCannotBeConfirmed is not listed, and GET /issues/{id}
// gives no answer that says whether it exists: it has no tombstone, the other
// deleted ones have theirs, changes arrive as ever, and status names it.
func TestLossless_3_anIssueThatCannotBeConfirmed(t *testing.T) {
	t.Parallel()
	for _, status := range []int{400, 403, 422, 429, 503} {
		bubble(t, fmt.Sprint(status), extracttest.Options{Seed: 202, Issues: 100}, func(t *testing.T, w *world) {
			t.Helper()
			w.settings["PYLON_STREAMS"] = "issues"
			p, stop := w.run(t)
			pass(10 * time.Minute)
			bad, gone := w.api.IssueID(10), w.api.IssueID(50)
			must(t, w.api.DeleteIssue(bad))
			must(t, w.api.DeleteIssue(gone))
			w.api.Fail(extracttest.Fault{Endpoint: "issues_get", Path: bad, Status: status, Count: -1})
			pass(2 * time.Hour)
			table := w.table(t, "issues")
			if _, there := table[gone]; there {
				t.Error("the other deleted issue has no tombstone")
			}
			if _, there := table[bad]; !there {
				t.Error("an issue that may exist has a tombstone")
			}
			s := p.Status()[0]
			if !s.Up {
				t.Errorf("status %+v", s)
			}
			wantSays(t, strings.Join(s.Warnings, "\n"), "whether 1 issues exist", bad)
			must(t, w.api.UpdateIssue(w.api.IssueID(20), extracttest.IssueChange{Title: "changed"}))
			pass(20 * time.Second)
			if w.table(t, "issues")[w.api.IssueID(20)] != w.truth(t, "issues")[w.api.IssueID(20)] {
				t.Error("a change takes longer than 20 s")
			}
			w.api.ClearFaults()
			pass(2 * time.Hour)
			w.wantTruth(t, "issues")
			if warnings := p.Status()[0].Warnings; len(warnings) > 0 {
				t.Errorf("it is deleted now, and status says %q", warnings)
			}
			must(t, stop())
		})
	}
}

// TestLossless_3_aListThatIsRefused is GET /issues alone: the poll goes on as if
// nothing were, status has a warning with the reason and the next try, and what was
// deleted meanwhile has its tombstone soon after the list is answered again.
func TestLossless_3_aListThatIsRefused(t *testing.T) {
	t.Parallel()
	for _, status := range []int{403, 422} {
		bubble(t, fmt.Sprint(status), extracttest.Options{Seed: 203, Issues: 100}, func(t *testing.T, w *world) {
			t.Helper()
			w.settings["PYLON_STREAMS"] = "issues"
			p, stop := w.run(t)
			pass(10 * time.Minute)
			w.api.Fail(extracttest.Fault{Endpoint: "issues_list", Status: status, Count: -1})
			pass(time.Hour)
			must(t, w.api.DeleteIssue(w.api.IssueID(50)))
			for i := range 20 {
				must(t, w.api.UpdateIssue(w.api.IssueID(i), extracttest.IssueChange{Title: "changed"}))
				pass(20 * time.Second)
				if w.table(t, "issues")[w.api.IssueID(i)] != w.truth(t, "issues")[w.api.IssueID(i)] {
					t.Errorf("change %d takes longer than 20 s", i)
				}
				pass(77 * time.Second)
				if s := p.Status()[0]; !s.Up {
					t.Errorf("status %+v", s)
				}
			}
			wantSays(t, strings.Join(p.Status()[0].Warnings, "\n"), "cannot be listed", fmt.Sprint("GET /issues: ", status), "next try at 20")
			if n := strings.Count(w.logs.String(), "the issues cannot be listed"); n != 1 {
				t.Errorf("the log says it %d times", n)
			}
			w.api.ClearFaults()
			pass(15 * time.Minute)
			w.wantTruth(t, "issues")
			if warnings := p.Status()[0].Warnings; len(warnings) > 0 {
				t.Errorf("status says %q", warnings)
			}
			must(t, stop())
			w.api.Fail(extracttest.Fault{Endpoint: "issues_list", Status: status, Count: -1})
			must(t, w.api.UpdateIssue(w.api.IssueID(3), extracttest.IssueChange{Title: "of the sync"}))
			w.syncFails(t, []string{"issues", fmt.Sprint("GET /issues: ", status)}, "PYLON_RECONCILE_INTERVAL", "1ns")
			w.wantTruth(t, "issues")
		})
	}
}
