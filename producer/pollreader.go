package producer

import (
	"context"
	"encoding/json"
	"time"

	"pylon-kafka/extract"
)

// pollReader reads what changed of the issues: the backfill, then one live
// search.
type pollReader struct {
	issues *extract.Issues
	exists existsFunc
	memory *issueMemory
	stream string
	start  time.Time         // PYLON_START_DATE
	warn   func(text string) // shows what the last page's revive could not find out; "": nothing
}

func (r *pollReader) read(ctx context.Context, p part, emit emitFunc) error {
	var cur extract.IssuesCursor
	if err := decodeCursor(r.stream, p.Cursor, &cur); err != nil {
		return err
	}
	began := time.Now()
	for {
		page, err := r.issues.Fetch(ctx, cur)
		if err != nil {
			return err
		}
		cur = page.Next
		if err := r.revive(ctx, page.Records); err != nil {
			return err
		}
		b := batch{
			rule: differs{r.memory}, origin: page.Origin, records: page.Records, began: began,
			note: note{state: Live, progress: -1, upTo: cur.From},
		}
		if page.Origin == originBackfill {
			b.note.state, b.note.progress = Backfill, r.progress(cur)
		}
		if page.CaughtUp {
			b.note.caughtUp = time.Now()
		}
		if b.cursor, err = json.Marshal(cur); err != nil {
			return err
		}
		if err := emit(b); err != nil || page.CaughtUp {
			return err
		}
	}
}

// revive asks Pylon for each issue of a search's page that lately got a
// tombstone. If it exists after all, it may be published again; if not, it is
// only the index that lags behind, and the tombstone stays the last word. So it does
// where Pylon gives no answer: the next search asks again, and then the reconcile.
func (r *pollReader) revive(ctx context.Context, records []extract.Record) error {
	d := doubts{most: 1} // what has changed waits behind them
	for _, key := range r.memory.doubtful(records) {
		exists, sure, err := d.ask(ctx, r.exists, key)
		if err != nil {
			return err
		}
		if sure && exists {
			r.memory.revive(key)
		}
	}
	r.warn(d.text())
	return nil
}

// progress tells how much of the time from the start date to now is backfilled.
func (r *pollReader) progress(cur extract.IssuesCursor) float64 {
	whole := time.Since(r.start)
	if whole <= 0 {
		return 1
	}
	return max(0, min(1, float64(cur.From.Sub(r.start))/float64(whole)))
}
