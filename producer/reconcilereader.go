package producer

import (
	"context"
	"encoding/json"
	"log/slog"
	"slices"
	"time"

	"pylon-kafka/extract"
)

// reconcileReader lists every issue, window by window of its creation: what the
// topic lacks or has older is published, and what was created in a window and is
// not listed there gets a tombstone, once Pylon confirms that the issue is gone.
// It begins at the window in which an earlier one broke off.
//
// The list is fresh, and the index that the poll reads may lag behind it by up
// to the lookback. So that the poll does not go back behind what this reader has
// published, what was updated lately is left to the poll, and the poll does not
// take what lately got a tombstone (issueMemory).
type reconcileReader struct {
	list      *extract.Reconcile
	exists    func(ctx context.Context, issue string) (bool, error)
	known     func(first, last uint16, undated bool) []string // issues that consumers have, by the day of creation
	memory    *issueMemory
	guard     *safeguard
	stream    string
	unsettled time.Duration
	log       *slog.Logger
}

// reconcilePart names the part of the cursor, an [extract.ReconcileCursor].
const reconcilePart = "reconcile"

func (r *reconcileReader) read(ctx context.Context, p part, emit emitFunc) error {
	var cur extract.ReconcileCursor
	if err := decodeCursor(r.stream, p.Cursor, &cur); err != nil {
		return err
	}
	cur.Page = "" // what was seen on the window's earlier pages is forgotten
	r.guard.fresh(reconcilePart)
	r.log.Debug("reconcile begins", "window", cur.Window)
	first, seen := time.Now(), make(map[string]struct{})
	doubtful := false
	for {
		began := time.Now()
		page, err := r.list.Fetch(ctx, cur)
		if err != nil {
			return err
		}
		cur = page.Next
		doubtful = doubtful || page.Doubtful
		for _, key := range page.Seen {
			seen[key] = struct{}{}
		}
		rule := repairs{memory: r.memory, guard: r.guard, began: began, settled: page.Date.Add(-r.unsettled)}
		if page.WindowDone {
			if !doubtful {
				if rule.deleted, rule.looked, err = r.gone(ctx, seen, page); err != nil {
					return err
				}
			}
			clear(seen)
			doubtful = false
		}
		b := batch{rule: rule, origin: originSweep, records: page.Records, began: first, note: note{progress: -1}}
		if b.cursor, err = json.Marshal(cur); err != nil {
			return err
		}
		if page.Done {
			b.cursor, b.ended = json.RawMessage(`{}`), time.Now().UTC().Truncate(time.Second)
		}
		if err := emit(b); err != nil || page.Done {
			return err
		}
	}
}

// gone returns the issues that were created in the page's window, are not among
// those seen, and that Pylon says are gone, one by one; and how many it looked
// for. After the last window it also asks for those whose time of creation is
// not known.
func (r *reconcileReader) gone(ctx context.Context, seen map[string]struct{}, page extract.ReconcilePage) (gone []string, looked int, err error) {
	// Windows are whole days, but for the last, which ends now: an issue of today
	// that was created since is not listed, and Pylon says that it exists.
	candidates := r.known(dayOf(page.From), dayOf(page.To.Add(-1)), page.Done)
	missing := slices.DeleteFunc(slices.Clone(candidates), func(key string) bool {
		_, ok := seen[key]
		return ok
	})
	ask := missing
	if r.guard.tooMany(tally{len(candidates), len(missing)}) {
		ask = missing[:min(len(missing), enoughKnown)] // it will not be believed; some tell whether the list or Pylon is wrong
	}
	for _, key := range ask {
		exists, err := r.exists(ctx, key)
		if err != nil {
			return nil, 0, err
		}
		if !exists {
			gone = append(gone, key)
		}
	}
	if len(ask) < len(missing) {
		if len(gone) < len(ask) {
			r.log.Warn("the list lacks issues that exist; it deletes nothing", "from", page.From, "to", page.To, "missing", len(missing), "known", len(candidates))
			return nil, 0, nil
		}
		gone = missing
	}
	return gone, len(candidates), nil
}
