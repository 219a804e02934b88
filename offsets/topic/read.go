package topic

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// stall is how long [Read] waits for the next record before it gives up: longer
// than the transaction of a producer that is dead stands open (40 s here). A
// broker that is slower than that is as good as away; the caller tries again.
const stall = 50 * time.Second

// chunkRecords is how many records Read takes from the client at a time.
const chunkRecords = 5000

// Read calls fn for every committed record from the offsets in from to those in
// to, and returns. Both are by partition; a partition that is in only one of them
// is not read. Records of one partition come in order. An error of fn ends the
// reading and is returned as it is.
//
// Where to is beyond the last stable offset, Read waits for the transactions that
// are open there to end. If nothing comes for 50 seconds, the error wraps
// [ErrStalled]; the others are those of [Reader.Next].
//
// opts say how to reach the cluster; Read uses a client of its own, so that it is
// safe for concurrent use.
func Read(ctx context.Context, opts []kgo.Opt, t Info, from, to map[int32]int64, fn func(*kgo.Record) error) error {
	left := make(map[int32]int64) // offsets to start at, of the partitions short of their end
	for p, end := range to {
		if start, ok := from[p]; ok && start < end {
			left[p] = start
		}
	}
	if len(left) == 0 {
		return nil
	}
	r := open(opts, t, left)
	defer r.Close()
	for len(left) > 0 {
		c, err := nextOrStalled(ctx, r, left)
		if err != nil {
			return err
		}
		for _, rec := range c.Records {
			if rec.Offset < to[rec.Partition] {
				if err := fn(rec); err != nil {
					return err
				}
			}
		}
		for p := range left {
			if left[p] = c.Next[p]; left[p] >= to[p] {
				delete(left, p)
				r.cl.PauseFetchPartitions(map[string][]int32{t.Name: {p}})
			}
		}
	}
	return nil
}

// nextOrStalled gives a chunk stall to come.
func nextOrStalled(ctx context.Context, r *Reader, left map[int32]int64) (Chunk, error) {
	patient, cancel := context.WithTimeout(ctx, stall)
	defer cancel()
	c, err := r.Next(patient, chunkRecords)
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil && patient.Err() != nil {
		return c, topicError(r.topic.Name, fmt.Errorf("%w: none for %v, and %d partitions are not read to their end (from partition: offset %v on)",
			ErrStalled, stall, len(left), left))
	}
	return c, err
}

// ReadAll calls fn for every committed record of a topic from its start to the
// given end as it is now. It is [Find] and [Read].
func ReadAll(ctx context.Context, opts []kgo.Opt, name string, to End, fn func(*kgo.Record) error) error {
	cl, err := kgo.NewClient(opts...)
	if err != nil {
		return topicError(name, fmt.Errorf("make a Kafka client: %w", err))
	}
	info, err := Find(ctx, cl, name)
	cl.Close()
	if err != nil {
		return err
	}
	return Read(ctx, opts, info, info.At(Start), info.At(to), fn)
}
