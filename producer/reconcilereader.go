package producer

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"math/rand/v2"
	"slices"
	"time"

	"pylon-kafka/extract"
)

// reconcileReader lists every issue, window by window of its creation: what the
// topic lacks or has older is published, and what was created in a window and is
// not listed there gets a tombstone, once Pylon confirms that the issue was deleted.
// It begins at the window in which an earlier one broke off.
//
// The list is fresh, and the index that the poll reads may lag behind it by up
// to the lookback. So that the poll does not go back behind what this reader has
// published, what was updated lately is left to the poll, and the poll does not
// take what lately got a tombstone (issueMemory).
//
// A window that lacks most of what is known is not believed by itself: what it
// lacks waits for the end, where it is held against all issues.
type reconcileReader struct {
	list      *extract.Reconcile
	exists    existsFunc
	known     knownIssues
	memory    *issueMemory
	guard     *safeguard
	stream    string
	unsettled time.Duration
	warn      func(text string) // shows what the reconcile could not find out; "": nothing
	log       *slog.Logger
}

// knownIssues tells which issues consumers have.
type knownIssues interface {
	// createdBetween returns those that were created on the days from first to
	// last; undated adds those whose day is not known.
	createdBetween(first, last uint16, undated bool) []string
	// count returns how many there are.
	count() int
}

// reconcileCursor is where a reconcile stands.
type reconcileCursor struct {
	extract.ReconcileCursor

	// Held is how many issues earlier windows lacked that wait for the end.
	Held int `json:"held,omitempty"`
	// Known is the baseline's first, of all issues, and InWindow that of the window.
	Known    int `json:"known,omitempty"`
	InWindow int `json:"in_window,omitempty"`
}

// reconcileRun is one reconcile.
type reconcileRun struct {
	*reconcileReader
	cursor   reconcileCursor
	base     baseline            // of all issues
	inWindow *baseline           // of the window's issues; nil: it has not begun
	seen     map[string]struct{} // on the pages of the window
	doubtful bool                // a page of the window came without its data
	held     []string            // missing, of windows that are not believed
	sum      tally               // of the windows that were
	doubts   doubts
	first    time.Time // when the read began
}

func (r *reconcileReader) read(ctx context.Context, p part, emit emitFunc) error {
	run := &reconcileRun{reconcileReader: r, first: time.Now(), seen: make(map[string]struct{}), doubts: doubts{most: mostGivenUp}}
	if err := decodeCursor(r.stream, p.Cursor, &run.cursor); err != nil {
		return err
	}
	run.cursor.Page = "" // what was seen on the window's earlier pages is forgotten
	run.base = baseline{now: r.known.count(), before: run.cursor.Known}
	run.cursor.Known = run.base.first()
	r.log.Debug("reconcile begins", "window", run.cursor.Window)
	for {
		b, done, err := run.page(ctx)
		if isAgain(err) || refused(err) {
			if b.cursor != nil { // it is read once more, from its beginning
				err = errors.Join(err, emit(b))
			}
		}
		if err != nil {
			return err
		}
		if err := emit(b); err != nil || done {
			return err
		}
	}
}

// page reads one page. With an error, the batch may hold the cursor at which the
// next reconcile is to begin.
func (r *reconcileRun) page(ctx context.Context) (b batch, done bool, err error) {
	began := time.Now()
	page, err := r.list.Fetch(ctx, r.cursor.ReconcileCursor)
	if err != nil {
		return b, false, err
	}
	r.cursor.ReconcileCursor = page.Next
	r.enter(page)
	r.doubtful = r.doubtful || page.Doubtful
	for _, key := range page.Seen {
		r.seen[key] = struct{}{}
	}
	rule := repairs{memory: r.memory, began: began, settled: page.Date.Add(-r.unsettled)}
	b = batch{origin: originSweep, records: page.Records, began: r.first, note: note{progress: -1}}
	if page.WindowDone {
		if rule.deleted, err = r.window(ctx, page); err != nil {
			return batch{}, false, err
		}
	}
	if page.Done {
		more, err := r.end(ctx)
		if err != nil {
			anew, merr := json.Marshal(reconcileCursor{Known: r.cursor.Known})
			return batch{rule: rule, cursor: anew, note: note{progress: -1}}, false, errors.Join(err, merr)
		}
		r.warn(r.doubts.text())
		rule.deleted = append(rule.deleted, more...)
		b.rule, b.cursor, b.ended = rule, json.RawMessage(`{}`), time.Now().UTC().Truncate(time.Second)
		return b, true, nil
	}
	b.rule = rule
	b.cursor, err = json.Marshal(r.cursor)
	return b, false, err
}

// enter takes the baseline of a window when its first page was read, before
// anything of it is published.
func (r *reconcileRun) enter(page extract.ReconcilePage) {
	if r.inWindow != nil {
		return
	}
	last := page.Done || !page.To.Before(page.Next.Until)
	r.inWindow = &baseline{now: len(r.createdIn(page, last)), before: r.cursor.InWindow}
	r.cursor.InWindow = r.inWindow.first()
}

// createdIn returns the known issues of the page's window. Windows are whole days,
// but for the last, which ends now and takes those whose day is not known.
func (r *reconcileRun) createdIn(page extract.ReconcilePage, last bool) []string {
	return r.known.createdBetween(dayOf(page.From), dayOf(page.To.Add(-1)), last)
}

// window returns the issues that were created in the page's window, are not among
// those seen, and that Pylon says were deleted. After the last window it also looks
// for those whose time of creation is not known.
func (r *reconcileRun) window(ctx context.Context, page extract.ReconcilePage) (gone []string, err error) {
	// An issue of today that was created since is not listed, and Pylon says that it
	// exists.
	missing := slices.DeleteFunc(r.createdIn(page, page.Done), func(key string) bool {
		_, ok := r.seen[key]
		return ok
	})
	this := r.inWindow.tally(r.guard, len(missing))
	doubtful := r.doubtful
	clear(r.seen)
	r.doubtful, r.inWindow, r.cursor.InWindow = false, nil, 0
	switch {
	case doubtful:
		return nil, nil
	case r.guard.tooMany(this), r.guard.tooMany(r.sum.plus(this)),
		r.guard.tooMany(r.base.tally(r.guard, r.sum.missing+r.cursor.Held+len(missing))):
		r.held = append(r.held, missing...)
		r.cursor.Held += len(missing)
		return nil, nil
	}
	r.sum = r.sum.plus(this)
	gone, _, err = r.confirm(ctx, missing)
	return gone, err
}

// mostGivenUp is how many questions whether an issue exists may go without an answer
// in one reconcile.
const mostGivenUp = 5

// confirm returns those of the issues that were deleted by Pylon's own word, and how
// many it has no word for. They are asked for in a random order, so that those
// without an answer do not stand before the same others each time.
func (r *reconcileRun) confirm(ctx context.Context, missing []string) (gone []string, unsure int, err error) {
	missing = slices.Clone(missing)
	rand.Shuffle(len(missing), func(i, j int) { missing[i], missing[j] = missing[j], missing[i] })
	for _, key := range missing {
		exists, sure, err := r.doubts.ask(ctx, r.exists, key)
		switch {
		case err != nil:
			return nil, 0, err
		case !sure:
			unsure++
		case !exists:
			gone = append(gone, key)
		}
	}
	if unsure > 0 {
		r.warn(r.doubts.text())
	}
	return gone, unsure, nil
}

// end returns what was held back and was deleted. The error says that it is too much
// to be believed.
func (r *reconcileRun) end(ctx context.Context) ([]string, error) {
	if r.cursor.Held == 0 {
		return nil, nil
	}
	// Some of them tell whether the list or Pylon is wrong.
	first := r.held[:min(len(r.held), enoughKnown)]
	gone, unsure, err := r.confirm(ctx, first)
	switch {
	case err != nil:
		return nil, err
	case len(gone)+unsure < len(first):
		r.log.Warn("the list lacks issues that exist; it deletes nothing", "missing", r.cursor.Held)
		return nil, nil
	case len(gone) == 0 && len(first) > 0:
		return nil, nil // Pylon has no word for any
	}
	if err := r.guard.whole(reconcilePart, r.base.tally(r.guard, r.sum.missing+r.cursor.Held)); err != nil {
		return nil, err
	}
	rest, _, err := r.confirm(ctx, r.held[len(first):])
	return append(gone, rest...), err
}
