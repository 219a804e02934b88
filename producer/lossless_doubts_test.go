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
