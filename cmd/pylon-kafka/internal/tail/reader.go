package tail

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"pylon-kafka/offsets/topic"
	"pylon-kafka/producer/connect"
)

// ErrEnough is what a callback of [Reader.Read] returns to end it early.
var ErrEnough = errors.New("enough")

const (
	// reachTimeout is how long a cluster may take to say where a topic ends.
	reachTimeout = 30 * time.Second
	// quietTimeout is how long Read waits for the rest of a topic whose end is
	// known. Compaction may have left nothing at all before the end, which a
	// consumer cannot tell from a broker that is slow.
	quietTimeout = 10 * time.Second
)

// Reader reads the committed records of one topic without a consumer group.
type Reader struct {
	options    []kgo.Opt
	topic      string
	Start, End map[int32]int64 // by partition, as they were when the reader was made; the end is the last stable offset
}

// NewReader asks the cluster where the topic begins and ends. A topic that
// does not exist and a cluster that cannot be reached are errors that say so.
func NewReader(ctx context.Context, kafka *connect.Kafka, name string) (*Reader, error) {
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
	found, err := topic.Find(reachCtx, cl, name)
	switch {
	case errors.Is(err, kerr.UnknownTopicOrPartition):
		return nil, fmt.Errorf("topic %s does not exist: `pylon-kafka run` or `sync` creates it, or KAFKA_TOPIC_PREFIX is another", name)
	case err != nil && ctx.Err() == nil && reachCtx.Err() != nil:
		return nil, fmt.Errorf("no answer from KAFKA_BROKERS %v within %v: %w", kafka.Brokers, reachTimeout, err)
	case err != nil:
		return nil, fmt.Errorf("KAFKA_BROKERS %v: topic %s: %w", kafka.Brokers, name, err)
	}
	return &Reader{options: options, topic: name, Start: found.At(topic.Start), End: found.At(topic.Stable)}, nil
}

// begin returns the offsets at which o begins.
func (r *Reader) begin(ctx context.Context, o *Options) (map[int32]int64, error) {
	switch {
	case o.FromBeginning:
		return r.Start, nil
	case !o.Since.IsZero():
		return r.since(ctx, o.Since)
	case o.Offset == nil:
		return r.End, nil
	}
	from := make(map[int32]int64)
	for partition, end := range r.End {
		offset := *o.Offset
		if offset < 0 {
			offset += end
		}
		from[partition] = max(offset, r.Start[partition])
	}
	return from, nil
}

// since returns the offsets of the first records that were published at t or later.
func (r *Reader) since(ctx context.Context, t time.Time) (map[int32]int64, error) {
	cl, err := kgo.NewClient(r.options...)
	if err != nil {
		return nil, fmt.Errorf("make a Kafka client: %w", err)
	}
	defer cl.Close()
	ctx, cancel := context.WithTimeout(ctx, reachTimeout)
	defer cancel()
	listed, err := kadm.NewClient(cl).ListOffsetsAfterMilli(ctx, t.UnixMilli(), r.topic)
	if err == nil {
		err = listed.Error()
	}
	if err != nil {
		return nil, fmt.Errorf("topic %s: look for %s: %w", r.topic, t.Format(time.RFC3339), err)
	}
	from := make(map[int32]int64)
	listed.Each(func(o kadm.ListedOffset) { from[o.Partition] = o.Offset })
	return from, nil
}

// Read calls fn for every committed record from the offsets in from on, in
// order by partition, and idle whenever it has caught up with what there is. It
// ends with nil when ctx ends, when fn returns ErrEnough, and, if end is given,
// when every partition has reached its end.
//
// Transaction markers take up offsets as records do, and the last offset before
// an end usually is one: so they are asked for and counted, and not shown to fn.
func (r *Reader) Read(ctx context.Context, from, end map[int32]int64, fn func(*kgo.Record) error, idle func() error) error {
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
				if errors.Is(err, ErrEnough) {
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

// Last returns the last n records that are wanted, oldest first. It reads from
// the end backwards in windows that grow, since offsets that hold no record and
// records that are not wanted cannot be told beforehand.
func (r *Reader) Last(ctx context.Context, n int, wanted func(*kgo.Record) bool) ([]*kgo.Record, error) {
	for window := int64(n) + 16; ; window *= 8 {
		from := maps.Clone(r.Start)
		whole := true
		for partition, end := range r.End {
			if end-window > from[partition] {
				from[partition], whole = end-window, false
			}
		}
		var records []*kgo.Record
		err := r.Read(ctx, from, r.End, func(rec *kgo.Record) error {
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

// byTime orders records as they were published, as far as that can be told over
// several partitions.
func byTime(a, b *kgo.Record) int {
	return cmp.Or(a.Timestamp.Compare(b.Timestamp), cmp.Compare(a.Partition, b.Partition), cmp.Compare(a.Offset, b.Offset))
}
