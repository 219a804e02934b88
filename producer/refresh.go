package producer

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"time"

	"pylon-kafka/extract"
)

// refreshSource reads a full-refresh stream: the whole list, again and again.
type refreshSource struct{ t *task }

// refreshCursor is committed with the last page of a pass. Until then the one
// of the pass before stands: a pass that broke off is read again from its
// beginning, since only a whole one can tell what is gone, and costs no more
// than its requests.
type refreshCursor struct {
	TopicID     string    `json:"topic_id,omitempty"`
	RefreshedAt time.Time `json:"refreshed_at,omitzero"` // begin of the last complete pass
}

// read begins a pass when the last one began an interval ago; a restart does
// not count. Passes do not overlap: one that takes longer than the interval is
// followed by the next at once.
func (r *refreshSource) read(ctx context.Context, cursor json.RawMessage, emit emitFunc) error {
	t := r.t
	var cur refreshCursor
	if err := decodeCursor(t.stream.Name, cursor, &cur); err != nil {
		return err
	}
	if cur.TopicID != "" && cur.TopicID != t.topic.id {
		t.log.Warn("the topic is not the one that the cursor was written for: everything is published again", "topic", t.topic.name)
		cur.RefreshedAt = time.Time{}
	}
	if now := time.Now(); cur.RefreshedAt.After(now) {
		t.log.Warn("the last pass is dated in the future: a clock has jumped; the next pass begins now", "refreshed_at", cur.RefreshedAt)
		cur.RefreshedAt = now.UTC().Add(-t.p.extract.Interval(t.stream))
	}
	cur.TopicID = t.topic.id
	interval := t.p.extract.Interval(t.stream)
	due := cur.RefreshedAt.Add(interval)
	if earliest := time.Now().Add(startJitter(interval)); due.Before(earliest) {
		due = earliest
	}
	for pass := uint16(1); ; pass = max(1, pass+1) {
		if !t.p.once {
			if err := sleep(ctx, time.Until(due)); err != nil {
				return err
			}
		}
		began := time.Now()
		if err := r.pass(ctx, pass, &cur, emit); err != nil {
			return err
		}
		if t.p.once {
			return nil
		}
		due = began.Add(interval)
	}
}

// pass reads the whole list once.
func (r *refreshSource) pass(ctx context.Context, pass uint16, cur *refreshCursor, emit emitFunc) error {
	b := batch{origin: originRefresh, pass: pass, began: time.Now(), state: Idle, progress: -1}
	if cur.RefreshedAt.IsZero() {
		b.state = Backfill
	}
	send := func(b batch, cur refreshCursor) error {
		var err error
		if b.cursor, err = json.Marshal(cur); err != nil {
			return err
		}
		return emit(b)
	}
	for page, err := range r.t.p.client.Refresh(ctx, r.t.stream, extract.Ask{}) {
		if err != nil {
			return err
		}
		if page.Last {
			b.records = page.Records
			break
		}
		next := b
		next.records = page.Records
		if err := send(next, *cur); err != nil {
			return err
		}
	}
	b.last, b.caughtUp, b.upTo, b.state = true, true, b.began, Idle
	cur.RefreshedAt = b.began.UTC().Truncate(time.Millisecond)
	return send(b, *cur)
}

// startJitter spreads the first passes, so that not all streams ask at once.
func startJitter(interval time.Duration) time.Duration {
	return rand.N(min(interval/10, 2*time.Second) + 1)
}

// sleep waits for d, or until ctx ends.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
