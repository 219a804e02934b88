package producer

import (
	"errors"
	"iter"
	"log/slog"
	"maps"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"pylon-kafka/avro"
	"pylon-kafka/offsets"
	"pylon-kafka/producer/internal/index"
	"pylon-kafka/producer/topics"
)

const (
	// blockBytes is the size of a block at most, well below Kafka's default limit of a
	// message (about 1 MB).
	blockBytes = 256 << 10
	// mostDelta is how many bytes of changes are kept for a delta that cannot be written.
	mostDelta = 4 * blockBytes
	// mostDeleted is how many tombstones of late a head may name.
	mostDeleted = 5000
	// indexPause is how long no base is written after one failed.
	indexPause = 10 * time.Minute
)

// indexed is what an index is about: a stream's topic and what is known of it.
type indexed struct {
	stream    string
	issues    bool // tombstones of late are kept in mind
	topic     topics.Topic
	known     *known
	framing   framing
	mixed     bool          // the topic holds keys of several forms
	keyHeader []byte        // what stands before the Avro of a key
	unsettled time.Duration // how long a tombstone is one of late
	limits    indexLimits
	memory    *streamMemory
	log       *slog.Logger
}

// indexer keeps the index of a session's topic: it follows what is committed, says
// which records go along with the next transaction, and what a new base consists
// of. See package internal/index for what stands in the index topic.
type indexer struct {
	indexed

	keys       index.Keys
	name       string      // of the index topic
	partitions int32       // that it has; 0: not known yet
	head       *index.Head // as committed; nil: there is none
	coverage   *index.Coverage
	deleted    map[string]time.Time // tombstones of late

	delta []byte    // what has changed since the head
	base  int       // bytes of the chunks
	since int       // bytes of the deltas
	pause time.Time // no base is written before
	seen  bool      // the framing of our own records is noted
}

// resume goes on with an index, of which the topic's latest records have changed
// these objects.
func (x *indexer) resume(head *index.Head, touched map[objectID]struct{}) {
	x.head = head
	for id := range touched {
		if id.parent == "" && x.known.grouped {
			x.head = nil // a child of any parent: a new base tells
			return
		}
		hash, there := x.known.view.Hash(id.parent, id.key)
		x.change(change{objectID: id, hash: hash, mark: x.known.view.Mark(id.key), gone: !there})
	}
}

// change adds what has become of an object to the delta.
func (x *indexer) change(c change) {
	x.delta = index.Append(x.delta, x.known.view.Entry(nil, c.parent, c.key, c.hash, c.mark), c.gone)
}

// usable reports whether what is known can be told by an index: nothing in the
// topic that is not ours or not in its place.
func (x *indexer) usable() bool {
	return x.topic.ID != "" && (x.topic.Compacted || !x.topic.Described) && !x.memory.indexRefused() && !x.coverage.Lost() &&
		x.known.foreign.Len() == 0 && x.known.misplaced.Len() == 0 && !x.mixed && len(x.deleted) <= mostDeleted
}

// span is where records stand in a partition.
type span struct {
	first, last int64
	records     int
}

// spansOf returns where those of the records stand that went to a topic, by
// partition.
func spansOf(topic string, records []*kgo.Record) map[int32]span {
	spans := make(map[int32]span)
	for _, rec := range records {
		if rec.Topic != topic {
			continue
		}
		at, ok := spans[rec.Partition]
		if !ok {
			at = span{first: rec.Offset, last: rec.Offset}
		}
		spans[rec.Partition] = span{min(at.first, rec.Offset), max(at.last, rec.Offset), at.records + 1}
	}
	return spans
}

// committed notes the records and changes of a transaction.
func (x *indexer) committed(records []*kgo.Record, changes []change) {
	for _, rec := range records {
		if !x.seen && rec.Topic == x.topic.Name && rec.Value != nil {
			x.framing.see(rec.Value, rec)
			x.seen = true
		}
	}
	for partition, at := range spansOf(x.topic.Name, records) {
		x.coverage.Committed(partition, at.first, at.last, at.records)
	}
	for _, c := range changes {
		if x.head != nil {
			x.change(c)
		}
		switch {
		case !x.issues:
		case c.gone:
			x.deleted[c.key] = time.Now()
		default:
			delete(x.deleted, c.key)
		}
	}
	if len(x.delta) > mostDelta { // it cannot be written for a while: a base will tell
		x.head, x.delta = nil, nil
	}
	maps.DeleteFunc(x.deleted, func(_ string, at time.Time) bool { return time.Since(at) >= x.unsettled })
}

// along returns the records that go along with the next transaction, and the head
// that holds after it: none, or a delta and the head that names it.
func (x *indexer) along(anew map[int32]int64) ([]*kgo.Record, *index.Head, error) {
	switch {
	case x.head == nil:
		return nil, nil, nil
	case x.coverage.Lost():
		x.log.Warn("the topic has lost records that were there; its index is given up", "topic", x.topic.Name)
		return []*kgo.Record{{Topic: x.name, Key: []byte(x.keys.Head())}}, nil, nil
	case len(x.delta) < x.limits.delta || len(x.delta) > blockBytes || !x.usable():
		return nil, x.head, nil
	}
	head := *x.head
	head.Deltas++
	block := index.Block{Generation: head.Generation, Number: x.head.Deltas, Delta: true, Body: x.delta}
	rec, err := x.headRecord(&head, anew)
	return []*kgo.Record{x.record(x.keys.Delta(block.Number), block.Encode(nil)), rec}, &head, err
}

// went notes that what went along is committed.
func (x *indexer) went(head *index.Head) {
	if head == x.head {
		return
	}
	x.since += len(x.delta)
	x.head, x.delta = head, x.delta[:0]
}

// headRecord fills in what is known now, and returns the head's record.
func (x *indexer) headRecord(head *index.Head, anew map[int32]int64) (*kgo.Record, error) {
	head.TopicID, head.Objects, head.KeyHeader = x.topic.ID, x.known.count(), x.keyHeader
	head.Anew, head.Deleted = anew, x.deleted
	head.Partitions = make(map[int32]index.Span, len(x.topic.Start))
	for p, start := range x.topic.Start {
		head.Partitions[int32(p)] = index.Span{Start: start, Covered: x.coverage.At(int32(p))}
	}
	head.Framing = nil
	for h, at := range x.framing {
		head.Framing = append(head.Framing, index.Framing{
			Format: int(h.Format), Fingerprint: h.Fingerprint, ID: h.ID, Partition: at.partition, Offset: at.offset,
		})
	}
	value, err := head.Encode()
	return &kgo.Record{Topic: x.name, Key: []byte(x.keys.Head()), Value: value}, err
}

// framingOf returns what a head says of the topic's values.
func framingOf(head *index.Head) framing {
	f := make(framing)
	for _, one := range head.Framing {
		f[avro.Header{Format: avro.Format(one.Format), Fingerprint: one.Fingerprint, ID: one.ID}] = place{one.Partition, one.Offset}
	}
	return f
}

// record returns the record of a chunk or a delta.
func (x *indexer) record(key string, value []byte) *kgo.Record {
	return &kgo.Record{Topic: x.name, Partition: blocksPartition(x.stream, x.partitions), Key: []byte(key), Value: value}
}

// blocksPartition is where the chunks and deltas of a stream are in an index topic
// of so many partitions. Heads are in partition 0, which is read whole.
func blocksPartition(stream string, partitions int32) int32 {
	if partitions <= 1 {
		return 0
	}
	return 1 + offsets.Partition(stream, partitions-1)
}

// due reports whether a new base is to be written.
func (x *indexer) due() bool {
	if x.known.count() < x.limits.objects || time.Now().Before(x.pause) || !x.usable() {
		return false
	}
	return x.head == nil || len(x.delta) > blockBytes || x.since >= max(x.limits.base, x.base)
}

// bodies cuts what is known into bodies of blocks. The slice is used again.
func (x *indexer) bodies() iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		var body []byte
		for e := range x.known.view.Entries() {
			if len(body)+2*len(e.Name)+2*len(e.Bytes) > blockBytes {
				if !yield(body) {
					return
				}
				body = body[:0]
			}
			body = index.Append(body, e, false)
		}
		yield(body)
	}
}

// refused keeps in mind that the index topic takes no records, if that is what err
// says of one, so that no stream is stopped by it a second time.
func (x *indexer) refused(rec *kgo.Record, err error) {
	if rec.Topic != x.name {
		return
	}
	for _, refusal := range []error{
		kerr.TopicAuthorizationFailed, kerr.MessageTooLarge, kerr.RecordListTooLarge, kerr.InvalidRecord, kerr.PolicyViolation, kerr.UnknownTopicOrPartition,
	} {
		if errors.Is(err, refusal) {
			x.log.Warn("the index topic takes no records: no index is kept until the next start, so that a hand-over reads the topic whole",
				"topic", x.topic.Name, "index", x.name, "error", err)
			x.memory.refuseIndex()
			return
		}
	}
}
