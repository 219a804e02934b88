package producer

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/cespare/xxhash/v2"
	"github.com/twmb/franz-go/pkg/kgo"

	"pylon-kafka/extract"
	"pylon-kafka/producer/topics"
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
	cursor  json.RawMessage // what the rule makes of the part's cursor; nil: it is as the batch says
	next    map[int32]int64 // where its first records must stand, by partition; nil: anywhere

	fresh   map[objectID]uint64 // in records already, by content
	headers []kgo.RecordHeader  // that all records have
	buf     []byte              // values of the other headers
}

func (s *session) newDraft(origin string, n int) *draft {
	return &draft{
		s: s, origin: origin,
		records: make([]*kgo.Record, 0, n+2),
		fresh:   make(map[objectID]uint64),
		headers: []kgo.RecordHeader{
			{Key: headerConnector, Value: []byte(s.connector)},
			{Key: headerOrigin, Value: []byte(origin)},
			{Key: headerExtractedAt, Value: []byte(time.Now().UTC().Format("2006-01-02T15:04:05.000Z07:00"))},
		},
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
	key, err := d.s.format.keys.encode(id.key)
	if err != nil {
		return d.deadLetter(r, d.s.raw(p), err)
	}
	d.leaveOldPlaces(id, key, true)
	rec := d.record(key, d.s.partition(id.key))
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
	d.counts.Unmapped += d.s.memory.noteUnmapped(d.s.log, d.s.codec, r, p.unmapped)
	return nil
}

// tombstone adds the deletion of an object, where tombstones are on.
func (d *draft) tombstone(id objectID) {
	if !d.s.tombstones {
		return
	}
	if d.s.known.isForeign(id.key) {
		d.s.log.Warn("an object is gone whose key another connector has used too: no tombstone", "topic", d.s.topic.Name, "key", id.key)
		d.adopt(id)
		return
	}
	key, err := d.s.format.keys.encode(id.key)
	if err != nil {
		key = []byte(id.key) // publish has sorted these out
	}
	d.leaveOldPlaces(id, key, false)
	d.delete(key, d.s.partition(id.key), id.parent)
	d.changes = append(d.changes, change{objectID: id, gone: true})
}

// delete adds the record of a tombstone, and returns it.
func (d *draft) delete(key []byte, partition int32, parent string) *kgo.Record {
	rec := d.record(key, partition)
	if parent != "" {
		d.header(rec, headerParent, parent)
	}
	d.records = append(d.records, rec)
	d.counts.Tombstones++
	return rec
}

// leaveOldPlaces adds a tombstone wherever an object stands in a partition in
// which Kafka's partitioner would not put it now. If the object is moved and not
// deleted, the header moved says so.
func (d *draft) leaveOldPlaces(id objectID, key []byte, moved bool) {
	for _, partition := range d.s.known.oldPlaces(id.key) {
		rec := d.delete(key, partition, id.parent)
		if moved {
			d.header(rec, headerMoved, strconv.Itoa(int(d.s.partition(id.key))))
		}
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

// adopt notes that an object is another parent's or connector's now: not deleted,
// only not below this one.
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
func (d *draft) record(key []byte, partition int32) *kgo.Record {
	const most = 7 // headers
	return &kgo.Record{
		Topic: d.s.topic.Name, Partition: partition, Key: key,
		Headers: append(make([]kgo.RecordHeader, 0, most), d.headers...),
	}
}

// header adds a header whose value stands in the draft's buffer.
func (d *draft) header(rec *kgo.Record, name, value string) {
	start := len(d.buf)
	d.buf = append(d.buf, value...)
	rec.Headers = append(rec.Headers, kgo.RecordHeader{Key: name, Value: d.buf[start:len(d.buf):len(d.buf)]})
}

// deadLetter adds an object that cannot be published to the dead-letter topic,
// once as long as this process lives. It has a key in any case: a topic that
// somebody made compacted takes no record without.
func (d *draft) deadLetter(r *extract.Record, raw []byte, why error) error {
	s := d.s
	content := r.Hash
	if content == 0 { // it is no object
		content = xxhash.Sum64(raw)
	}
	if s.memory.hasLetter(content) {
		return nil
	}
	s.log.Error("object goes to the dead-letter topic", "key", r.Key, "request_id", r.RequestID, "error", why)
	key := r.Key
	if key == "" {
		key = s.stream.Name + "/" + hashText(content)
	}
	var leftOut []kgo.RecordHeader
	if len(raw) > topics.MaxBytesDeadLetter*9/10 || s.memory.isBare(content) {
		raw, leftOut = bareLetter(len(raw), content)
	}
	d.records = append(d.records, &kgo.Record{
		Topic: s.letters,
		Key:   []byte(key),
		Value: raw,
		Headers: append([]kgo.RecordHeader{
			{Key: headerConnector, Value: []byte(s.connector)},
			{Key: "stream", Value: []byte(s.stream.Name)},
			{Key: "error", Value: []byte(why.Error())},
			{Key: "request_id", Value: []byte(r.RequestID)},
		}, leftOut...),
	})
	d.counts.DeadLetters++
	d.letters = append(d.letters, content)
	return nil
}

// bareLetter returns what stands in a dead letter for raw JSON of that many bytes
// that its topic does not take, and the headers that tell it from others.
func bareLetter(size int, content uint64) ([]byte, []kgo.RecordHeader) {
	text := fmt.Sprintf(`{"raw_left_out":"%d bytes are more than the dead-letter topic takes; Pylon still has the object"}`, size)
	return []byte(text), []kgo.RecordHeader{
		{Key: "raw_left_out", Value: []byte("true")},
		{Key: "raw_bytes", Value: strconv.AppendInt(nil, int64(size), 10)},
		{Key: headerHash, Value: []byte(hashText(content))},
	}
}

// letterOf returns the content of which a record of the draft is the dead letter.
func (d *draft) letterOf(rec *kgo.Record) (content uint64, ok bool) {
	n := 0
	for _, one := range d.records {
		if one.Topic != d.s.letters {
			continue
		}
		if one == rec {
			return d.letters[n], true
		}
		n++
	}
	return 0, false
}

// tooManyLetters returns an error where a page holds more dead letters than the
// setting allows.
func (d *draft) tooManyLetters(most int) error {
	if most == 0 || d.counts.DeadLetters <= int64(most) {
		return nil
	}
	return refusedError{fmt.Errorf("%d objects of one page cannot be encoded, more than MAX_DEAD_LETTERS (%d): "+
		"nothing of the page is published; look at %s, or raise the limit", d.counts.DeadLetters, most, d.s.letters)}
}

// rule decides what of a batch is published. What only one way to read needs
// lives in its rule.
type rule interface {
	// decide fills the draft of a transaction. It may be called several times for
	// one batch, and changes nothing that a second call would see.
	decide(d *draft, records []extract.Record, families []family) error
	// committed is called once what decide has put into d is in Kafka.
	committed(d *draft)
}
