package producer

import (
	"context"
	"maps"
	"sync"
	"time"
)

// work fetches the children of a chunk's issues and emits them in order, in
// batches of a second or of a thousand children. The last batch carries the
// chunk's end.
func (r *laneRun) work(ctx context.Context, c chunk) (err error) {
	ctx, end := r.pass(ctx)
	defer func() { end(err) }()
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	running.Go(func() { r.start(ctx, c.jobs, &running) })

	first, children := 0, 0 // first: the first job that is not sent
	flush := func(next int) error {
		if next == first && next < len(c.jobs) {
			return nil
		}
		from := first
		first, children = next, 0
		return r.send(ctx, c, from, next)
	}
	timer := time.NewTicker(batchInterval)
	defer timer.Stop()
	for i, j := range c.jobs {
		for waiting := true; waiting; {
			select {
			case <-j.done:
				waiting = false
			case <-timer.C:
				if err := flush(i); err != nil {
					return err
				}
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		if j.err != nil {
			if err := r.park(ctx, c.jobs[i:]); err != nil {
				return err
			}
		}
		if children += len(j.records); children >= maxBatch {
			if err := flush(i + 1); err != nil {
				return err
			}
		}
	}
	return flush(len(c.jobs))
}

// read works the queue up to where it ends. It also waits for transactions that
// are open there: what is written may be committed, though the last stable offset
// does not say so yet.
func (l *lane) read(ctx context.Context, p part, emit emitFunc) error {
	r := &laneRun{lane: l, emit: emit}
	if err := decodeCursor(l.stream, p.Cursor, &r.cursor); err != nil {
		return err
	}
	b, err := l.queue.bounds(ctx)
	if err != nil {
		return err
	}
	r.place(b)
	if err := r.tryParked(ctx); err != nil {
		return err
	}
	for {
		for !reached(r.cursor.Position, r.written) {
			c, err := r.next(ctx)
			if err != nil {
				return err
			}
			if err := r.work(ctx, c); err != nil {
				return err
			}
		}
		if !l.role.live {
			l.quarrel.caughtUp()
		}
		l.at = maps.Clone(r.cursor.Position)
		if r.swept.After(p.Ended) {
			p.Ended = r.swept
		}
		if !l.role.sweeps || !l.sweep(p.Ended) {
			return nil
		}
		r.swept = time.Now()
		l.log.Info("sweep begins: the children of every issue are read again")
		r.cursor.Position, r.cursor.SweepTo, r.ahead = maps.Clone(b.start), maps.Clone(r.written), ahead{}
	}
}
