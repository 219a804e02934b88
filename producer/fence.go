package producer

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"pylon-kafka/extract"
)

// supervise runs a task until ctx ends, again after each failure. A failure is
// logged from here and nowhere else.
func (r *replica) supervise(ctx context.Context, t *task, arrival *arrival) error {
	fences := &fences{}
	err := retry(ctx, policy{
		progress: t.state.lastCommit,
		trouble: func(trouble extract.Trouble) {
			t.state.fail(trouble)
			t.outages.tell()
			t.set.log.Debug("stream failed", "error", trouble.Err, "next_try", trouble.Next)
		},
	}, func(ctx context.Context) error {
		err := t.run(ctx, arrival.log)
		if !isFenced(err) {
			return err
		}
		return r.fencedOff(ctx, t, fences, err)
	})
	switch {
	case err == nil, ctx.Err() != nil && !fatal(err):
		return nil // asked to stop
	default:
		return fmt.Errorf("%s: %w", t.set.stream.Name, err)
	}
}

// fences is when a stream was fenced while this replica had its lease, of late.
type fences struct{ at []time.Time }

const (
	// fencedMost is how often within fencedWithin a stream may be fenced while this
	// replica holds its lease, before that is another program's doing.
	fencedMost   = 5
	fencedWithin = 5 * time.Minute
	// fencedPause is the first pause before a fenced stream is opened anew; the next
	// are each twice as long, so that two that fence each other do not do it often.
	fencedPause = 500 * time.Millisecond
)

// again counts one more, and returns the pause before the stream is opened anew;
// false when it has happened too often.
func (f *fences) again() (pause time.Duration, ok bool) {
	now := time.Now()
	f.at = append(slices.DeleteFunc(f.at, func(at time.Time) bool { return now.Sub(at) > fencedWithin }), now)
	return fencedPause << (len(f.at) - 1), len(f.at) < fencedMost
}

// fencedOff decides what being fenced means. Who does not hold the lease any
// more waits to be told so. Who does, had a transaction that outlived its
// timeout, and opens the stream anew; when that happens again and again, another
// program uses the same transactional ids.
func (r *replica) fencedOff(ctx context.Context, t *task, f *fences, cause error) error {
	r.arrange(ctx) // where partitions were added, the lease may be another one, and ctx ends
	r.mu.Lock()
	member, partition := r.member, r.lease(t)
	r.mu.Unlock()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	holds, err := member.Holds(ctx, partition)
	switch {
	case err != nil:
		return fmt.Errorf("%w (who holds the lease cannot be told: %w)", cause, err)
	case !holds:
		t.set.log.Warn("the stream was fenced and its lease is not this replica's any more", "error", cause)
		<-ctx.Done()
		return ctx.Err()
	}
	pause, ok := f.again()
	if !ok {
		return fmt.Errorf("%w: transactional id %s was fenced %d times within %v while this replica holds the lease of its stream: "+
			"another program uses the same KAFKA_TRANSACTIONAL_ID_PREFIX%s (%w)",
			ErrTakenOver, t.set.opts.txnID, fencedMost, fencedWithin, r.p.otherProducer(ctx, t), cause)
	}
	return pausedError{fmt.Errorf("fenced, though this replica holds the lease: a transaction stayed open for longer than its timeout, "+
		"or another program uses the same KAFKA_TRANSACTIONAL_ID_PREFIX: %w", cause), pause}
}

// otherProducer names the producer that has a stream's transactional id now, as
// far as the cluster tells (KIP-664).
func (p *Pipeline) otherProducer(ctx context.Context, t *task) string {
	described, err := kadm.NewClient(p.keeper.cl).DescribeTransactions(ctx, t.set.opts.txnID)
	if err != nil {
		return ""
	}
	one, err := described.On(t.set.opts.txnID, nil)
	if err != nil || one.Err != nil {
		return ""
	}
	return fmt.Sprintf(" (producer id %d, epoch %d, state %s, at coordinator %d)", one.ProducerID, one.ProducerEpoch, one.State, one.Coordinator)
}
