package tail

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"pylon-kafka/offsets/topic"
	"pylon-kafka/producer/connect"
)

// errEnough is what a callback of [Reader.Read] returns to end it early.
var errEnough = errors.New("enough")

const (
	// reachTimeout is how long a cluster may take to say where a topic ends.
	reachTimeout = 30 * time.Second
	// chunkRecords is how many records are taken from the client at a time.
	chunkRecords = 1000
	// again is the pause before a topic that cannot be read just now is read again.
	again = time.Second
)

// Reader reads the committed records of one topic without a consumer group.
type Reader struct {
	options    []kgo.Opt
	topic      topic.Info
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
	return &Reader{options: options, topic: found, Start: found.At(topic.Start), End: found.At(topic.Stable)}, nil
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
		from[partition] = min(max(offset, r.Start[partition]), end)
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
	listed, err := kadm.NewClient(cl).ListOffsetsAfterMilli(ctx, t.UnixMilli(), r.topic.Name)
	if err == nil {
		err = listed.Error()
	}
	if err != nil {
		return nil, fmt.Errorf("topic %s: look for %s: %w", r.topic.Name, t.Format(time.RFC3339), err)
	}
	from := make(map[int32]int64)
	listed.Each(func(o kadm.ListedOffset) { from[o.Partition] = o.Offset })
	return from, nil
}

// Read calls fn for every committed record from the offsets in from to the end of
// the topic as it was when the reader was made, in order by partition. It ends
// with nil also when ctx ends and when fn returns errEnough.
func (r *Reader) Read(ctx context.Context, from map[int32]int64, fn func(*kgo.Record) error) error {
	err := topic.Read(ctx, r.options, r.topic, from, r.End, fn)
	if stopped(ctx, err) {
		return nil
	}
	return err
}

// stopped reports whether reading ended because it should.
func stopped(ctx context.Context, err error) bool {
	return errors.Is(err, errEnough) || ctx.Err() != nil
}

// Follow calls fn for every committed record from the offsets in from on, those
// that are still to come and those of partitions that are added included, and idle
// at the start and after each few, with the offsets that come next. It ends with
// nil when ctx ends and when fn returns errEnough. A broker that is away is told to
// log, and waited for; a topic that is not there any more, or holds other records
// than it did, is an error.
func (r *Reader) Follow(ctx context.Context, from map[int32]int64, log *slog.Logger, fn func(*kgo.Record) error, idle func(next map[int32]int64) error) error {
	next := maps.Clone(from)
	if err := idle(next); err != nil {
		return err
	}
	for {
		err := r.follow(ctx, next, fn, idle)
		switch {
		case stopped(ctx, err):
			return nil
		case errors.Is(err, topic.ErrPartitionsAdded):
			err = r.addPartitions(ctx, next)
		case passes(err):
			log.Warn("the topic cannot be read just now; it is tried again", "topic", r.topic.Name, "error", err)
			err = nil
		}
		if err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(again):
		}
	}
}

// follow moves next on with what it reads, until an error ends it.
func (r *Reader) follow(ctx context.Context, next map[int32]int64, fn func(*kgo.Record) error, idle func(next map[int32]int64) error) error {
	reader := topic.Open(r.options, r.topic, next)
	defer reader.Close()
	for {
		c, err := reader.Next(ctx, chunkRecords)
		if err != nil {
			return err
		}
		for _, rec := range c.Records {
			if err := fn(rec); err != nil {
				return err
			}
		}
		maps.Copy(next, c.Next)
		if err := idle(next); err != nil {
			return err
		}
	}
}

// ended reports whether next is where the topic ended when the reader was made.
func (r *Reader) ended(next map[int32]int64) bool {
	for partition, end := range r.End {
		if next[partition] < end {
			return false
		}
	}
	return true
}

// addPartitions adds the partitions that the topic has by now to next, from their
// beginning on.
func (r *Reader) addPartitions(ctx context.Context, next map[int32]int64) error {
	cl, err := kgo.NewClient(r.options...)
	if err != nil {
		return fmt.Errorf("make a Kafka client: %w", err)
	}
	defer cl.Close()
	found, err := topic.Find(ctx, cl, r.topic.Name)
	if err != nil {
		return err
	}
	for partition, start := range found.At(topic.Start) {
		if _, ok := next[partition]; !ok {
			next[partition] = start
		}
	}
	return nil
}

// passes reports whether an error is that of a cluster that is away or busy for a
// while, which waiting may mend.
func passes(err error) bool {
	for _, lasting := range []error{topic.ErrAbsent, topic.ErrRecreated, topic.ErrOutOfRange} {
		if errors.Is(err, lasting) {
			return false
		}
	}
	return errors.Is(err, topic.ErrNoLeader) || errors.Is(err, context.DeadlineExceeded) || kerr.IsRetriable(err) || kgo.IsRetryableBrokerErr(err)
}

// last returns the last n records that are wanted, oldest first. It reads from
// the end backwards in windows that grow, since offsets that hold no record and
// records that are not wanted cannot be told beforehand.
func (r *Reader) last(ctx context.Context, n int, wanted func(*kgo.Record) bool) ([]*kgo.Record, error) {
	for window := int64(n) + 16; ; window *= 8 {
		from := maps.Clone(r.Start)
		whole := true
		for partition, end := range r.End {
			if end-window > from[partition] {
				from[partition], whole = end-window, false
			}
		}
		var records []*kgo.Record
		err := r.Read(ctx, from, func(rec *kgo.Record) error {
			if wanted(rec) {
				records = append(records, rec)
			}
			// Twice the number, so that it is cut once in n records.
			if len(records) >= 2*n {
				records = lastByTime(records, n)
			}
			return nil
		})
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
