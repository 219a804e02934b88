package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"pylon-kafka/offsets"
	"pylon-kafka/producer/connect"
)

// errEnough is what a callback of [topicReader.read] returns to end it early.
var errEnough = errors.New("enough")

const (
	// reachTimeout is how long a cluster may take to say where a topic ends.
	reachTimeout = 30 * time.Second
	// quietTimeout is how long read waits for the rest of a topic whose end is
	// known. Compaction may have left nothing at all before the end, which a
	// consumer cannot tell from a broker that is slow.
	quietTimeout = 10 * time.Second
)

// topicReader reads the committed records of one topic without a consumer group.
type topicReader struct {
	options    []kgo.Opt
	topic      string
	start, end map[int32]int64 // by partition, as they were when the reader was made; the end is the last stable offset
}

// newTopicReader asks the cluster where the topic begins and ends. A topic that
// does not exist and a cluster that cannot be reached are errors that say so.
func newTopicReader(ctx context.Context, kafka *connect.Kafka, topic string) (*topicReader, error) {
	options, err := kafka.Options()
	if err != nil {
		return nil, err
	}
	cl, err := kgo.NewClient(options...)
	if err != nil {
		return nil, fmt.Errorf("make a Kafka client: %w", err)
	}
	defer cl.Close()

	reachCtx, cancel := context.WithTimeout(ctx, reachTimeout)
	defer cancel()
	start, end, err := offsets.Bounds(reachCtx, cl, topic)
	switch {
	case errors.Is(err, kerr.UnknownTopicOrPartition):
		return nil, fmt.Errorf("topic %s does not exist: `pylon-kafka run` or `sync` creates it, or KAFKA_TOPIC_PREFIX is another", topic)
	case err != nil && ctx.Err() == nil && reachCtx.Err() != nil:
		return nil, fmt.Errorf("no answer from KAFKA_BROKERS %v within %v: %w", kafka.Brokers, reachTimeout, err)
	case err != nil:
		return nil, fmt.Errorf("KAFKA_BROKERS %v: topic %s: %w", kafka.Brokers, topic, err)
	}
	return &topicReader{options: options, topic: topic, start: start, end: end}, nil
}

// read calls fn for every committed record from the offsets in from on, in
// order by partition, and idle whenever it has caught up with what there is. It
// ends with nil when ctx ends, when fn returns errEnough, and, if end is given,
// when every partition has reached its end.
//
// Transaction markers take up offsets as records do, and the last offset before
// an end usually is one: so they are asked for and counted, and not shown to fn.
func (r *topicReader) read(ctx context.Context, from, end map[int32]int64, fn func(*kgo.Record) error, idle func() error) error {
	positions := make(map[int32]kgo.Offset)
	for partition, offset := range from {
		if end == nil || offset < end[partition] {
			positions[partition] = kgo.NewOffset().At(offset)
		}
	}
	if len(positions) == 0 {
		return nil
	}
	cl, err := kgo.NewClient(append(slices.Clone(r.options),
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{r.topic: positions}),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.KeepControlRecords(),
		kgo.FetchMaxWait(500*time.Millisecond),
	)...)
	if err != nil {
		return fmt.Errorf("make a Kafka client: %w", err)
	}
	defer cl.Close()

	left := make(map[int32]bool)
	for partition := range positions {
		left[partition] = true
	}
	for len(left) > 0 {
		fetches, quiet := poll(ctx, cl, end != nil)
		if ctx.Err() != nil || quiet {
			return nil
		}
		if err := fetches.Err(); err != nil {
			return fmt.Errorf("read topic %s: %w", r.topic, err)
		}
		for rec := range fetches.RecordsAll() {
			if end != nil && rec.Offset >= end[rec.Partition]-1 {
				delete(left, rec.Partition)
			}
			if rec.Attrs.IsControl() || end != nil && rec.Offset >= end[rec.Partition] {
				continue
			}
			if err := fn(rec); err != nil {
				if errors.Is(err, errEnough) {
					return nil
				}
				return err
			}
		}
		if err := idle(); err != nil {
			return err
		}
	}
	return nil
}

// poll waits for records. Where the end is known it gives up after a while.
func poll(ctx context.Context, cl *kgo.Client, bounded bool) (fetches kgo.Fetches, quiet bool) {
	if !bounded {
		return cl.PollFetches(ctx), false
	}
	ctx, cancel := context.WithTimeout(ctx, quietTimeout)
	defer cancel()
	fetches = cl.PollFetches(ctx)
	return fetches, ctx.Err() != nil && fetches.NumRecords() == 0
}

// last returns the last n records that are wanted, oldest first. It reads from
// the end backwards in windows that grow, since offsets that hold no record and
// records that are not wanted cannot be told beforehand.
func (r *topicReader) last(ctx context.Context, n int, wanted func(*kgo.Record) bool) ([]*kgo.Record, error) {
	for window := int64(n) + 16; ; window *= 8 {
		from := maps.Clone(r.start)
		whole := true
		for partition, end := range r.end {
			if end-window > from[partition] {
				from[partition], whole = end-window, false
			}
		}
		var records []*kgo.Record
		err := r.read(ctx, from, r.end, func(rec *kgo.Record) error {
			if wanted(rec) {
				records = append(records, rec)
			}
			// Twice the number, so that it is cut once in n records.
			if len(records) >= 2*n {
				records = lastByTime(records, n)
			}
			return nil
		}, func() error { return nil })
		if err != nil || ctx.Err() != nil {
			return nil, err
		}
		if len(records) >= n || whole {
			return lastByTime(records, n), nil
		}
	}
}

// lastByTime sorts records and leaves the last n of them.
func lastByTime(records []*kgo.Record, n int) []*kgo.Record {
	slices.SortStableFunc(records, byTime)
	if len(records) > n {
		records = slices.Clone(records[len(records)-n:])
	}
	return records
}
