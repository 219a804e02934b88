package producer

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
)

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
