package topic

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	// checkEvery is how often a reader looks whether its topic is still the one
	// that it reads, and led: a fetch does not tell of a partition without a leader.
	checkEvery = 10 * time.Second
	// fetchBytes is how much a reader asks for in one request: enough to keep a
	// broker busy, little enough for many readers in little memory.
	fetchBytes = 1 << 20
	// fetchWait is how long a broker waits for records before it answers with none.
	fetchWait = time.Second
)

// Chunk is what one call of [Reader.Next] has read.
type Chunk struct {
	Records []*kgo.Record   // committed ones, in order by partition
	Next    map[int32]int64 // for every partition the offset to go on from
}

// Reader reads the committed records of some partitions of one topic. It is not
// safe for concurrent use, [Reader.Close] apart.
type Reader struct {
	topic   Info
	cl      *kgo.Client
	err     error // of making the client
	whole   bool  // it reads all partitions
	next    map[int32]int64
	checked time.Time
}

// Open returns a reader of the topic from the offsets in from on. Of t only the
// name and the id count, and [Find] gives both: a topic of that name and another
// id is [ErrRecreated]. An id that is empty is the one that is found first.
//
// opts say how to reach the cluster; the reader has a client of its own. Nothing
// is asked before the first call of [Reader.Next], which also returns the error
// for options that make no client.
func Open(opts []kgo.Opt, t Info, from map[int32]int64) *Reader {
	r := open(opts, t, from)
	r.whole = true
	return r
}

func open(opts []kgo.Opt, t Info, from map[int32]int64) *Reader {
	r := &Reader{topic: Info{Name: t.Name, ID: t.ID}, next: maps.Clone(from)}
	offsets := make(map[int32]kgo.Offset, len(from))
	for p, offset := range from {
		offsets[p] = kgo.NewOffset().At(offset)
	}
	r.cl, r.err = kgo.NewClient(append(opts[:len(opts):len(opts)],
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{t.Name: offsets}),
		kgo.ConsumeResetOffset(kgo.NoResetOffset()), // an offset that is not there any more is an error
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.KeepControlRecords(),
		kgo.FetchMaxWait(fetchWait),
		// Each fetch is held twice: compressed, and as records. What is limited is
		// the share of a partition and not the whole: where an answer is full within
		// a partition, kfake (the broker of the demo) does not tell which of the
		// partition's transactions were aborted.
		kgo.FetchMaxPartitionBytes(int32(max(fetchBytes/max(len(from), 1), fetchBytes/16))),
		kgo.MaxConcurrentFetches(1),
	)...)
	return r
}

// Close ends the reader. A call of [Reader.Next] that waits returns an error.
func (r *Reader) Close() {
	if r.cl != nil {
		r.cl.Close()
	}
}

// Next waits for records and returns at most so many of them, with the offsets
// that follow. A chunk without a record moves on all the same: it has passed
// transaction markers or records that were aborted.
//
// When ctx ends before anything came, its error is returned, and Next may be
// called again. After any other error the reader should be closed. Such an error
// wraps one of this package's where one fits, and comes within half a minute of
// what has happened to the topic.
func (r *Reader) Next(ctx context.Context, most int) (Chunk, error) {
	if r.err != nil {
		return Chunk{}, topicError(r.topic.Name, fmt.Errorf("make a Kafka client: %w", r.err))
	}
	for {
		if time.Since(r.checked) >= checkEvery {
			if err := r.check(ctx); err != nil {
				return Chunk{}, err
			}
			r.checked = time.Now()
		}
		c, err := r.poll(ctx, most)
		if err != nil || c.Next != nil {
			return c, err
		}
	}
}

// poll waits until the next check is due. A chunk without Next is nothing.
func (r *Reader) poll(ctx context.Context, most int) (Chunk, error) {
	waiting, cancel := context.WithDeadline(ctx, r.checked.Add(checkEvery))
	defer cancel()
	fetches := r.cl.PollRecords(waiting, most)
	moved := false
	var c Chunk
	for _, e := range fetches.Errors() {
		switch {
		case e.Topic == "" && waiting.Err() != nil: // it only says that the time is over
		case e.Topic == "":
			return Chunk{}, topicError(r.topic.Name, fmt.Errorf("read: %w", e.Err))
		default:
			return Chunk{}, r.refused(ctx, e)
		}
	}
	for rec := range fetches.RecordsAll() {
		moved = true
		r.next[rec.Partition] = rec.Offset + 1
		if !rec.Attrs.IsControl() {
			c.Records = append(c.Records, rec)
		}
	}
	if !moved {
		return Chunk{}, ctx.Err()
	}
	c.Next = maps.Clone(r.next)
	return c, nil
}

// refused returns the error for a partition that cannot be read. A broker's
// answer may be about the topic, which then is looked at.
func (r *Reader) refused(ctx context.Context, e kgo.FetchError) error {
	err := kind(e.Err)
	if errors.Is(err, ErrRecreated) {
		if found := r.check(ctx); errors.Is(found, ErrAbsent) || errors.Is(found, ErrRecreated) {
			return found
		}
	}
	return &PartitionError{e.Topic, e.Partition, r.next[e.Partition], fmt.Errorf("read: %w", err)}
}

// check returns an error if the topic is not the one that the reader reads.
func (r *Reader) check(ctx context.Context) error {
	found, err := describe(ctx, r.cl, r.topic.Name)
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return err
	}
	if r.topic.ID == "" {
		r.topic.ID = found.ID
	}
	if found.ID != r.topic.ID {
		return topicError(r.topic.Name, fmt.Errorf("%w: its id was %s and is %s", ErrRecreated, r.topic.ID, found.ID))
	}
	for p := range r.next {
		if _, ok := found.Ends[p]; !ok {
			return &PartitionError{r.topic.Name, p, r.next[p], fmt.Errorf("%w: it has %d partitions", ErrRecreated, len(found.Ends))}
		}
	}
	if r.whole && len(found.Ends) > len(r.next) {
		return topicError(r.topic.Name, fmt.Errorf("%w: it has %d, and %d are read", ErrPartitionsAdded, len(found.Ends), len(r.next)))
	}
	return nil
}
