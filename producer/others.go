package producer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"pylon-kafka/offsets/topic"
	"pylon-kafka/producer/connect"
)

// Others may write to the topic while the session is open, such as a second
// deployment that began at the same moment. What they write with a key of ours is
// theirs from then on: we neither delete nor overwrite it.

// delicate reports whether the draft may take away what others wrote since the
// session was opened: by a tombstone, or by a record of a full-refresh stream, in
// which two accounts may have the same keys (a slug). Those of issues and of their
// children are UUIDs.
func (d *draft) delicate() bool {
	return d.counts.Tombstones > 0 || d.origin == originRefresh && d.counts.Records > 0
}

// seeOthers reads what others have written to the topic since it was last read, up
// to its end, and reports whether there was anything; known holds it then. It
// returns the offsets at which the topic's next records stand if nobody else writes
// before us.
func (s *session) seeOthers(ctx context.Context) (next map[int32]int64, found bool, err error) {
	info, err := s.topics.find(ctx, s.topic.Name)
	if err != nil {
		return nil, false, fmt.Errorf("look for records of others: %w", err)
	}
	from := make(map[int32]int64, len(info.Ends))
	to := info.At(topic.Written)
	next = make(map[int32]int64, len(info.Ends))
	for p, end := range to {
		// The marker of our last transaction may not be there yet.
		ours := s.index.coverage.Next(p)
		from[p], next[p] = max(ours, s.looked[p]), max(end, ours)
	}
	b := newRebuild(s)
	b.known = s.known
	err = topic.Read(ctx, s.opts.cluster, info, from, to, func(rec *kgo.Record) error {
		h := readHeaders(rec)
		switch {
		case h.connector == s.connector && (rec.Value == nil || h.hashed):
			return nil // this session's own: it is the only one of this connector
		case h.connector == "" && rec.Value == nil:
			return nil // by hand: what it takes away is published when the stream is opened next
		}
		key, _ := s.format.keys.decode(rec.Key)
		b.takeForeign(rec, key)
		found = true
		return nil
	})
	if err != nil {
		return nil, false, s.topics.k.Denied(err, connect.Right{Operation: "Read", Name: s.topic.Name})
	}
	s.looked = to
	return next, found, nil
}

// errInterrupted says that others wrote to the topic between the look at it and our
// own records. The transaction is aborted, and the session can go on.
var errInterrupted = errors.New("others write to the topic at the same time")

// uninterrupted returns errInterrupted unless the draft's records, which are
// produced and not committed, stand where next says and without a gap: then
// nothing of others, committed yet or not, stands before them that was not seen.
func (s *session) uninterrupted(records []*kgo.Record, next map[int32]int64) error {
	for p, at := range spansOf(s.topic.Name, records) {
		if at.first != next[p] || at.last-at.first+1 != int64(at.records) {
			return fmt.Errorf("topic %s, partition %d: %w", s.topic.Name, p, errInterrupted)
		}
	}
	return nil
}

// mostInterrupted is how often a batch is decided anew because others write at the
// same time.
const mostInterrupted = 10

// undisturbed has a delicate draft published only if others have written nothing
// since the topic was looked at. It reports false where the batch is to be decided
// anew.
func (c *committer) undisturbed(ctx context.Context, d *draft) (bool, error) {
	if !d.delicate() {
		return true, nil
	}
	over := c.state.await(ctx, "look at "+c.s.topic.Name, c.s.reachable)
	defer over()
	next, found, err := c.s.seeOthers(ctx)
	d.next = next
	return !found, err
}

// interrupted waits a moment if err says that others wrote in between and the batch
// may be tried once more.
func interrupted(ctx context.Context, err error, times int) bool {
	var open *openTransactionError
	if !errors.Is(err, errInterrupted) || errors.As(err, &open) || times >= mostInterrupted {
		return false
	}
	return sleep(ctx, backoff(0)*time.Duration(times+1)/mostInterrupted) == nil
}
