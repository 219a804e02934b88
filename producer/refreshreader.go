package producer

import (
	"context"
	"strings"
	"time"

	"pylon-kafka/extract"
)

// refreshReader reads a full-refresh stream: the whole list, once. A pass that
// broke off is read again from its beginning, since only a whole one can tell
// what was deleted, and costs no more than its requests. So its cursor is empty,
// but for what a [baseline] keeps.
type refreshReader struct {
	client   *extract.Client
	stream   extract.Stream
	ask      extract.Ask
	guard    *safeguard
	snapshot bool

	number uint16 // of the last pass
}

func (r *refreshReader) read(ctx context.Context, p part, emit emitFunc) error {
	r.number = r.number%lastPass + 1
	this := &pass{number: r.number}
	began := time.Now()
	b := batch{origin: originRefresh, began: began, note: note{state: Idle, progress: -1}}
	if p.Ended.IsZero() {
		b.note.state = Backfill
	}
	for page, err := range r.client.Refresh(ctx, r.stream, r.ask) {
		if err != nil {
			return err
		}
		if page.Doubtful {
			this.doubtful = "Pylon promised a page and sent none"
		}
		for _, u := range page.Unread {
			this.unread.add(u)
		}
		b.records = page.Records
		b.rule = wholePass{pass: this, last: page.Last, snapshot: r.snapshot, guard: r.guard}
		if page.Last && len(this.unread.text) == 0 {
			b.ended = began.UTC().Truncate(time.Millisecond)
			b.note = note{state: Idle, progress: -1, upTo: began, caughtUp: time.Now()}
		}
		if err := emit(b); err != nil {
			return err
		}
	}
	if unread := this.unread.text; len(unread) > 0 {
		return refuse("%d lists of the stream cannot be read, the others are published: %s", len(unread), strings.Join(unread, "; "))
	}
	return nil
}
