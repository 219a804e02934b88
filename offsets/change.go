package offsets

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"pylon-kafka/offsets/topic"
)

// ErrChanged is wrapped by the error of [Store.Apply] for a stream whose cursor is
// no longer what it was when the change was planned: an instance is at work.
var ErrChanged = errors.New("the cursor has changed meanwhile")

// unfinished is how long the end of a transaction may take once it is decided.
const unfinished = 30 * time.Second

// Change is what is to be done to one stream's cursor. [Contents.Set],
// [Contents.Reset] and [Contents.Import] plan it, [Store.Apply] does it.
type Change struct {
	Stream string
	Before Found  // the zero value where the topic holds nothing for the stream
	After  *Entry // nil resets the stream
}

// Changes reports whether the stream would go on from elsewhere: the same cursor
// at another time is no change.
func (c Change) Changes() bool {
	before, there := c.before()
	if c.After == nil {
		return there || len(c.Before.Older) > 0
	}
	return !there || before != string(compact(c.After.Cursor)) || len(c.Before.Older) > 0
}

// String shows the cursor before and after on one line, for a person.
func (c Change) String() string {
	before, _ := c.before()
	after := "no cursor"
	if c.After != nil {
		after = string(compact(c.After.Cursor))
	}
	if !c.Changes() {
		return fmt.Sprintf("%s: %s (unchanged)", c.Stream, before)
	}
	return fmt.Sprintf("%s: %s -> %s", c.Stream, before, after)
}

// before shows the cursor there is, if there is one.
func (c Change) before() (text string, there bool) {
	switch {
	case c.Before.value == nil:
		return "no cursor", false
	case c.Before.Err != nil:
		return "unreadable " + string(c.Before.value), true
	default:
		return string(compact(c.Before.Entry.Cursor)), true
	}
}

// Set plans to give a stream another cursor, which must be JSON that the code
// which reads the stream understands; it is not looked into here.
func (c Contents) Set(stream string, cursor json.RawMessage) (Change, error) {
	if !json.Valid(cursor) || string(compact(cursor)) == "null" {
		return Change{}, fmt.Errorf("cursor of %s: %q is no JSON value", stream, cursor)
	}
	before := c.Streams[stream]
	return Change{stream, before, &Entry{Stream: stream, Cursor: cursor, Records: before.Entry.Records}}, nil
}

// Reset plans to forget the cursors of streams, so that they begin anew. What
// their topics hold stays, and is not published again.
func (c Contents) Reset(streams ...string) []Change {
	changes := make([]Change, 0, len(streams))
	for _, stream := range streams {
		changes = append(changes, Change{Stream: stream, Before: c.Streams[stream]})
	}
	return changes
}

// Import plans to put entries in place as [Decode] has read them, sorted by
// stream. Streams that are not among them keep what they have.
func (c Contents) Import(entries map[string]Entry) []Change {
	changes := make([]Change, 0, len(entries))
	for _, stream := range slices.Sorted(maps.Keys(entries)) {
		e := entries[stream]
		changes = append(changes, Change{stream, c.Streams[stream], &e})
	}
	return changes
}

// Apply makes changes, each in a transaction under the stream's transactional id
// (prefix + "-" + stream). Taking that over ends what an instance may have open
// and keeps it from committing, so that nobody writes between the look at the
// cursor and the change: a cursor that is not what the change was planned for is
// an error that wraps [ErrChanged]. An instance that runs is fenced by this: ask
// [pylon-kafka/offsets/lease.Members] first.
//
// Where other partitions hold an older cursor, they get a tombstone in the same
// transaction: or it would count again once a newer tombstone is compacted away.
//
// It stops at the first error. done is the number of changes made before it; a
// change that changes nothing is counted and not written.
func (s Store) Apply(ctx context.Context, prefix string, changes []Change) (done int, err error) {
	return s.Force(ctx, prefix, changes, func(_ context.Context, c Change, now Contents) (Change, error) {
		return c, fmt.Errorf("%w: it is %s", ErrChanged, Change{Stream: c.Stream, Before: now.Streams[c.Stream]})
	})
}

// Force is [Store.Apply] beside an instance that is at work: where a cursor is no
// longer what it was, plan makes another change of it, which takes its place in
// changes. The instance is fenced by then: it comes in between once more only if it
// takes its transactional id back, and what Kafka then says is the error.
func (s Store) Force(ctx context.Context, prefix string, changes []Change,
	plan func(ctx context.Context, c Change, now Contents) (Change, error),
) (done int, err error) {
	for i := range changes {
		c := &changes[i]
		if c.Changes() {
			if err := s.apply(ctx, prefix+"-"+c.Stream, c, plan); err != nil {
				return done, fmt.Errorf("change cursor of %s: %w", c.Stream, err)
			}
		}
		done++
	}
	return done, nil
}

func (s Store) apply(ctx context.Context, id string, c *Change, plan func(context.Context, Change, Contents) (Change, error)) error {
	cl, err := kgo.NewClient(append(s.Options[:len(s.Options):len(s.Options)],
		kgo.TransactionalID(id), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerLinger(0))...)
	if err != nil {
		return fmt.Errorf("make a Kafka client: %w", err)
	}
	defer cl.Close()
	if _, _, err := cl.ProducerID(ctx); err != nil {
		return fmt.Errorf("take over transactional id %s: %w", id, err)
	}
	contents, err := s.Read(ctx, topic.Written)
	if err != nil {
		return err
	}
	now := contents.Streams[c.Stream]
	if !bytes.Equal(now.value, c.Before.value) {
		if *c, err = plan(ctx, *c, contents); err != nil {
			return err
		}
		if !c.Changes() {
			return nil
		}
	}
	records, err := s.records(*c, now, contents.Partitions)
	if err != nil {
		return err
	}
	return transact(ctx, cl, records)
}

// records are those that make a change, given what the topic holds now.
func (s Store) records(c Change, now Found, partitions int32) ([]*kgo.Record, error) {
	key := s.Key(c.Stream)
	home := Partition(key, partitions)
	rec := &kgo.Record{Topic: s.Topic, Key: []byte(key)}
	if c.After != nil {
		e := *c.After
		if e.UpdatedAt.IsZero() {
			e.UpdatedAt = time.Now()
		}
		var err error
		if rec, err = s.Record(c.Stream, e); err != nil {
			return nil, err
		}
	}
	rec.Partition = home
	records := []*kgo.Record{rec}
	others := now.Older
	if now.value != nil {
		others = append(slices.Clone(others), now.Partition)
	}
	for _, p := range others {
		if p != home {
			records = append(records, &kgo.Record{Topic: s.Topic, Key: []byte(key), Partition: p})
		}
	}
	at := time.Now() // of all, or a tombstone that is produced a moment later would be the newest
	for _, r := range records {
		r.Timestamp = at
	}
	return records, nil
}

// transact produces records in one transaction. Its end is not cancelled with
// ctx: that would leave the outcome unknown.
func transact(ctx context.Context, cl *kgo.Client, records []*kgo.Record) error {
	if err := cl.BeginTransaction(); err != nil {
		return fmt.Errorf("begin transaction: %w", err)
	}
	produced := cl.ProduceSync(ctx, records...).FirstErr()
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), unfinished)
	defer cancel()
	if produced != nil {
		return errors.Join(fmt.Errorf("produce: %w", produced), cl.EndTransaction(ending, kgo.TryAbort))
	}
	if err := cl.EndTransaction(ending, kgo.TryCommit); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

// compact returns JSON without its white space.
func compact(value json.RawMessage) []byte {
	var b bytes.Buffer
	if err := json.Compact(&b, value); err != nil {
		return value
	}
	return b.Bytes()
}
