package producer

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"pylon-kafka/extract"
)

// draft is what a batch comes to: the records of one transaction, and what is
// known once it is committed. The rule fills it.
type draft struct {
	s       *session
	origin  string
	records []*kgo.Record
	changes []change
	letters []uint64 // contents that are dead letters
	counts  Counts

	fresh       map[objectID]uint64 // in records already, by content
	buf         []byte              // keys and headers
	extractedAt []byte
}

// change is applied to what is known after the commit.
type change struct {
	objectID
	hash    uint64
	mark    uint16
	gone    bool
	adopted bool // gone from this parent only
}

func (s *session) newDraft(b *batch) *draft {
	return &draft{
		s: s, origin: b.origin,
		records:     make([]*kgo.Record, 0, len(b.records)+2),
		fresh:       make(map[objectID]uint64),
		extractedAt: []byte(time.Now().UTC().Format("2006-01-02T15:04:05.000Z07:00")),
	}
}

// unchanged counts an object that is not published.
func (d *draft) unchanged() { d.counts.Unchanged++ }

// publish adds an object. A record that was prepared as unchanged and would now
// differ is left out: something newer was published since, and the next read
// tells.
func (d *draft) publish(id objectID, r *extract.Record, mark uint16) error {
	p, ok := r.Prepared.(*prepared)
	if !ok {
		d.withdraw(id)
		d.unchanged()
		return nil
	}
	if p.err != nil {
		return d.deadLetter(r, p.raw, p.err)
	}
	if size, ok := d.s.memory.oversized(id, r.Hash); ok {
		return d.deadLetter(r, d.s.raw(p), fmt.Errorf("record of key %q is larger than topic %s takes: %d bytes, max.message.bytes %d",
			r.Key, d.s.topic.Name, size, d.s.topic.MaxBytes))
	}
	if d.s.known.isForeign(r.Key) {
		return refuse("topic %s holds a record of key %q that CONNECTOR_NAME %q did not write: two that write to one topic must not share keys; "+
			"give this deployment a KAFKA_TOPIC_PREFIX of its own", d.s.topic.Name, r.Key, d.s.connector)
	}
	if _, err := d.s.format.keys.encode(id.key); err != nil {
		return d.deadLetter(r, d.s.raw(p), err)
	}
	d.leaveOldPlaces(id, true)
	rec := d.record(r.Key)
	rec.Value = p.value
	d.header(rec, headerHash, hashText(r.Hash))
	if r.Parent != "" {
		d.header(rec, headerParent, r.Parent)
	}
	if r.UpdatedAt != "" {
		d.header(rec, headerUpdatedAt, r.UpdatedAt)
	}
	if r.CreatedAt != "" && d.s.stream.Sync == extract.SyncIssues {
		d.header(rec, headerCreatedAt, r.CreatedAt)
	}
	d.records = append(d.records, rec)
	d.changes = append(d.changes, change{objectID: id, hash: r.Hash, mark: mark})
	d.fresh[id] = r.Hash
	d.counts.Records++
	d.counts.Unmapped += d.s.memory.noteUnmapped(d.s, r, p.unmapped)
	return nil
}

// tombstone adds the deletion of an object, where tombstones are on.
func (d *draft) tombstone(id objectID) {
	if !d.s.tombstones {
		return
	}
	d.leaveOldPlaces(id, false)
	rec := d.record(id.key)
	if id.parent != "" {
		d.header(rec, headerParent, id.parent)
	}
	d.records = append(d.records, rec)
	d.changes = append(d.changes, change{objectID: id, gone: true})
	d.counts.Tombstones++
}

// leaveOldPlaces adds a tombstone wherever an object stands in a partition in
// which Kafka's partitioner would not put it now. If the object is moved and not
// deleted, the header moved says so.
func (d *draft) leaveOldPlaces(id objectID, moved bool) {
	if d.s.known.misplaced.Len() == 0 {
		return
	}
	for _, partition := range d.s.known.misplaced.Partitions(id.key) {
		rec := d.record(id.key)
		rec.Partition = partition
		if id.parent != "" {
			d.header(rec, headerParent, id.parent)
		}
		if moved {
			d.header(rec, headerMoved, strconv.Itoa(int(d.s.partition(id.key))))
		}
		d.records = append(d.records, rec)
		d.counts.Tombstones++
	}
}

// withdraw takes the object's record out again: a page held several versions of
// it, and the last is what consumers have.
func (d *draft) withdraw(id objectID) {
	if _, ok := d.fresh[id]; !ok {
		return
	}
	key, err := d.s.format.keys.encode(id.key)
	if err != nil {
		return
	}
	of := func(rec *kgo.Record) bool {
		return rec.Topic == d.s.topic.Name && bytes.Equal(rec.Key, key) && readHeaders(rec).parent == id.parent && rec.Value != nil
	}
	before := len(d.records)
	d.records = slices.DeleteFunc(d.records, of)
	d.changes = slices.DeleteFunc(d.changes, func(c change) bool { return c.objectID == id })
	d.counts.Records -= int64(before - len(d.records))
	delete(d.fresh, id)
}

// adopt notes that an object is another parent's now: not deleted, only not
// below this one.
func (d *draft) adopt(id objectID) {
	d.changes = append(d.changes, change{objectID: id, gone: true, adopted: true})
}

// holds reports whether key is published by this draft below any parent.
func (d *draft) holds(key string) bool {
	for id := range d.fresh {
		if id.key == key {
			return true
		}
	}
	return false
}

// record returns a record of the stream's topic with the headers that all have.
func (d *draft) record(key string) *kgo.Record {
	text, err := d.s.format.keys.encode(key)
	if err != nil {
		text = []byte(key) // publish has sorted these out
	}
	rec := &kgo.Record{
		Topic: d.s.topic.Name, Partition: d.s.partition(key),
		Key: text, Headers: make([]kgo.RecordHeader, 0, 7),
	}
	d.header(rec, headerConnector, d.s.connector)
	d.header(rec, headerOrigin, d.origin)
	rec.Headers = append(rec.Headers, kgo.RecordHeader{Key: headerExtractedAt, Value: d.extractedAt})
	return rec
}

// header adds a header whose value stands in the draft's buffer.
func (d *draft) header(rec *kgo.Record, name, value string) {
	start := len(d.buf)
	d.buf = append(d.buf, value...)
	rec.Headers = append(rec.Headers, kgo.RecordHeader{Key: name, Value: d.buf[start:len(d.buf):len(d.buf)]})
}
