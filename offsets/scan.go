package offsets

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// stall is how long a scan waits for the next record before it gives up: longer
// than the transaction of a producer that is dead stands open (40 s here). A
// broker that is slower than that is as good as gone; the caller tries again.
const stall = 50 * time.Second

// fetchBytes is how much Scan asks for at once: enough to keep a broker busy,
// little enough for many scans at once in little memory.
const fetchBytes = 1 << 20

// Scan calls fn for every committed record of topic, from the beginning of
// each partition to the last stable offset as it is when Scan begins, and then
// returns. Records of one partition come in order. A record and what it points
// to must not be kept after fn returns.
//
// opts say how to reach the cluster; Scan uses a client of its own, so several
// may run at once. An error of fn ends the scan and is returned as it is. A
// topic that does not exist is an error that wraps kerr.UnknownTopicOrPartition.
//
// Transaction markers take up offsets too, and the last offset before the end
// usually is one. So Scan asks for the markers as well and counts them; waiting
// for a data record at the end would wait for ever.
func Scan(ctx context.Context, opts []kgo.Opt, topic string, fn func(*kgo.Record) error) error {
	return scan(ctx, opts, topic, lastStable, fn)
}

// goal says how far a scan reads.
type goal int

const (
	// lastStable is before the first transaction that is open.
	lastStable goal = iota
	// lastWritten is up to the last record there is when the scan begins: it
	// waits for the transactions that are open then to end.
	lastWritten
)

func scan(ctx context.Context, opts []kgo.Opt, topic string, to goal, fn func(*kgo.Record) error) error {
	start, end, err := bounds(ctx, opts, topic, to)
	if err != nil {
		return fmt.Errorf("read topic %s: %w", topic, err)
	}
	from := make(map[int32]kgo.Offset)
	left := make(map[int32]int64)
	for p, e := range end {
		if start[p] < e {
			from[p], left[p] = kgo.NewOffset().At(start[p]), e
		}
	}
	if len(left) == 0 {
		return nil
	}
	cl, err := kgo.NewClient(append(opts[:len(opts):len(opts)],
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: from}),
		kgo.ConsumeResetOffset(kgo.NoResetOffset()),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.KeepControlRecords(),
		kgo.FetchMaxWait(500*time.Millisecond),
		// Each fetch is held twice: compressed, and as records. What is limited is
		// the share of a partition and not the whole: where an answer is full within
		// a partition, kfake (the broker of the demo) does not tell which of the
		// partition's transactions were aborted.
		kgo.FetchMaxPartitionBytes(int32(max(fetchBytes/len(left), fetchBytes/16))),
		kgo.MaxConcurrentFetches(1),
	)...)
	if err != nil {
		return fmt.Errorf("read topic %s: %w", topic, err)
	}
	defer cl.Close()
	for len(left) > 0 {
		if err := scanOnce(ctx, cl, left, fn); err != nil {
			var stop *stopError
			if errors.As(err, &stop) {
				return stop.err
			}
			return fmt.Errorf("read topic %s: %w", topic, err)
		}
	}
	return nil
}

// stopError carries an error of Scan's callback past the wrapping.
type stopError struct{ err error }

func (e *stopError) Error() string { return e.err.Error() }

// scanOnce polls once and removes the partitions that have reached their end.
func scanOnce(ctx context.Context, cl *kgo.Client, left map[int32]int64, fn func(*kgo.Record) error) error {
	pollCtx, cancel := context.WithTimeout(ctx, stall)
	defer cancel()
	fetches := cl.PollFetches(pollCtx)
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := fetches.Err0(); err != nil {
		if errors.Is(err, context.DeadlineExceeded) {
			return fmt.Errorf("no record for %v, %d partitions short of their end", stall, len(left))
		}
		return err
	}
	var err error
	fetches.EachPartition(func(p kgo.FetchTopicPartition) {
		if err == nil {
			err = p.Err
		}
		for _, rec := range p.Records {
			end, ok := left[rec.Partition]
			if err != nil || !ok {
				return
			}
			if rec.Offset < end && !rec.Attrs.IsControl() {
				if ferr := fn(rec); ferr != nil {
					err = &stopError{ferr}
					return
				}
			}
			if rec.Offset+1 >= end {
				delete(left, rec.Partition)
			}
		}
	})
	return err
}

// bounds returns the first offset and where a scan ends by partition.
func bounds(ctx context.Context, opts []kgo.Opt, topic string, to goal) (start, end map[int32]int64, err error) {
	cl, err := kgo.NewClient(opts...)
	if err != nil {
		return nil, nil, err
	}
	defer cl.Close()
	start, end, err = Bounds(ctx, cl, topic)
	if err != nil || to == lastStable {
		return start, end, err
	}
	last, err := kadm.NewClient(cl).ListEndOffsets(ctx, topic)
	if err == nil {
		err = last.Error()
	}
	if err != nil {
		return nil, nil, fmt.Errorf("list end offsets: %w", err)
	}
	return start, byPartition(last, topic), nil
}

// Bounds returns the first offset and the last stable offset of each partition
// of topic. Records at or after the last stable offset may still be aborted.
func Bounds(ctx context.Context, cl *kgo.Client, topic string) (start, end map[int32]int64, err error) {
	adm := kadm.NewClient(cl)
	first, err := adm.ListStartOffsets(ctx, topic)
	if err == nil {
		err = first.Error()
	}
	if err != nil {
		return nil, nil, fmt.Errorf("list start offsets: %w", err)
	}
	last, err := adm.ListCommittedOffsets(ctx, topic)
	if err == nil {
		err = last.Error()
	}
	if err != nil {
		return nil, nil, fmt.Errorf("list last stable offsets: %w", err)
	}
	return byPartition(first, topic), byPartition(last, topic), nil
}

func byPartition(listed kadm.ListedOffsets, topic string) map[int32]int64 {
	m := make(map[int32]int64, len(listed[topic]))
	for p, o := range listed[topic] {
		m[p] = o.Offset
	}
	return m
}
