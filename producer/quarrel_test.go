package producer

import (
	"context"
	"testing"
	"testing/synctest"
)

// TestQuarrel_readsOneAfterTheOther has two lanes that want the children of one
// issue. Of two requests that are under way together nobody can tell which was
// answered from the newer state: so the second begins when the first is answered,
// and what is committed of the first after the second is stale.
func TestQuarrel_readsOneAfterTheOther(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := newQuarrel()
		live := q.begin(t.Context(), "issue", place{0, 5}, true)
		var backlog *claim
		began := make(chan struct{})
		go func() {
			defer close(began)
			backlog = q.begin(t.Context(), "issue", place{0, 7}, false)
		}()
		another := q.begin(t.Context(), "another issue", place{0, 6}, false)
		synctest.Wait()
		select {
		case <-began:
			t.Fatal("both read the children of one issue at the same time")
		default:
		}
		q.readOver(live)
		<-began
		q.readOver(backlog)
		if !q.settle(backlog) || q.settle(live) || !q.settle(another) {
			t.Error("what was read first is to be stale once the other is committed, and nothing else")
		}
	})
}

// TestQuarrel_waitsNoLongerThanItsContext has a reading that does not end.
func TestQuarrel_waitsNoLongerThanItsContext(t *testing.T) {
	t.Parallel()
	q := newQuarrel()
	q.begin(t.Context(), "issue", place{0, 5}, true)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if c := q.begin(ctx, "issue", place{0, 7}, false); c == nil {
		t.Error("no claim: the issue would be passed over")
	}
}
