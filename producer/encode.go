package producer

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	"github.com/cespare/xxhash/v2"
	"github.com/twmb/franz-go/pkg/kgo"

	"pylon-kafka/extract"
	"pylon-kafka/producer/topics"
)

// outbox is what a batch comes to: the records of one transaction, and how the
// view changes once it is committed.
type outbox struct {
	records []*kgo.Record
	changes []change

	published, tombstones, unchanged, deadLetters, unmapped int64

	fresh map[objectID]uint64 // in records already, by content
}

// objectID names an object of a stream; parent is empty in a flat stream.
type objectID struct{ parent, key string }

// change is applied to the view after the commit.
type change struct {
	objectID
	hash uint64
	mark uint16
	gone bool
}

// encode decides what of a batch is published, new and changed objects and
// tombstones, and turns it into Kafka records. It changes nothing but marks: if
// the outbox is not committed, the same batch may be encoded again.
func (t *task) encode(b batch) (*outbox, error) {
	t.viewMu.Lock()
	defer t.viewMu.Unlock()
	const keep = 8 << 20 // a page of huge records must not hold its memory for ever
	if cap(t.buf) > keep {
		t.buf = nil
	}
	t.buf = t.buf[:0]
	t.extractedAt = []byte(time.Now().UTC().Format("2006-01-02T15:04:05.000Z07:00"))
	box := &outbox{
		records: make([]*kgo.Record, 0, len(b.records)+2),
		fresh:   make(map[objectID]uint64),
	}
	for i := range b.records {
		if err := t.add(box, b, "", &b.records[i]); err != nil {
			return nil, err
		}
	}
	for _, f := range b.families {
		if err := t.addFamily(box, b, f); err != nil {
			return nil, err
		}
	}
	for _, key := range b.gone {
		if _, there := t.view.hash("", key); there {
			t.bury(box, b, objectID{key: key})
		}
	}
	if b.last {
		t.endPass(box, b)
	}
	if most := t.p.cfg.MaxDeadLetters; most > 0 && box.deadLetters > int64(most) {
		return nil, refusedError{fmt.Errorf("%d objects of one page cannot be encoded, more than MAX_DEAD_LETTERS (%d): "+
			"nothing of the page is published; look at %s, or raise the limit", box.deadLetters, most, t.p.deadLetters.Name)}
	}
	return box, nil
}

// add puts one object into the outbox, if consumers do not have it yet.
func (t *task) add(box *outbox, b batch, parent string, r *extract.Record) error {
	if r.Err != nil {
		if b.pass != 0 {
			t.keyless = b.pass // the pass saw an object that it cannot name: nothing may be buried after it
		}
		return t.deadLetter(box, r, r.Err)
	}
	id := objectID{parent, r.Key}
	mark := b.pass
	if t.stream.Sync == extract.SyncIssues {
		mark = createdDay(r.CreatedAt)
	}
	if b.pass != 0 {
		t.view.setMark(r.Key, mark)
	}
	if hash, ok := box.fresh[id]; ok {
		if hash == r.Hash {
			box.unchanged++
			return nil
		}
	} else if !t.wanted(b, id, r) {
		box.unchanged++
		return nil
	}
	if over, ok := t.tooLarge[r.Key]; ok && over.hash == r.Hash {
		return t.deadLetter(box, r, fmt.Errorf("record of key %q is larger than topic %s takes: %d bytes, max.message.bytes %d",
			r.Key, t.topic.Name, over.size, t.topic.MaxBytes))
	}
	start := len(t.buf)
	t.buf = append(t.buf, t.header...)
	buf, unmapped, err := t.codec.Encode(t.buf, r.JSON)
	if err != nil {
		t.buf = t.buf[:start]
		return t.deadLetter(box, r, err)
	}
	t.buf = buf
	value := t.buf[start:len(t.buf):len(t.buf)]
	t.noteUnmapped(box, r, unmapped)
	rec := t.record(b.origin, r.Key)
	rec.Value = value
	rec.Headers = append(rec.Headers, kgo.RecordHeader{Key: headerHash, Value: t.bytes(hashText(r.Hash))})
	if r.Parent != "" {
		rec.Headers = append(rec.Headers, kgo.RecordHeader{Key: headerParent, Value: t.bytes(r.Parent)})
	}
	if r.UpdatedAt != "" {
		rec.Headers = append(rec.Headers, kgo.RecordHeader{Key: headerUpdatedAt, Value: t.bytes(r.UpdatedAt)})
	}
	if r.CreatedAt != "" && t.stream.Sync == extract.SyncIssues {
		rec.Headers = append(rec.Headers, kgo.RecordHeader{Key: headerCreatedAt, Value: t.bytes(r.CreatedAt)})
	}
	box.records = append(box.records, rec)
	box.changes = append(box.changes, change{objectID: id, hash: r.Hash, mark: mark})
	box.fresh[id] = r.Hash
	box.published++
	return nil
}

// wanted says whether an object that the outbox does not hold yet is to be
// published.
func (t *task) wanted(b batch, id objectID, r *extract.Record) bool {
	have, there := t.view.hash(id.parent, id.key)
	if b.repair && !b.settled.IsZero() {
		if at, err := time.Parse(time.RFC3339, r.UpdatedAt); err == nil && at.After(b.settled) {
			return false // the poll brings it
		}
	}
	if !there {
		if b.repair {
			return t.topic.Compacted // one that is not has lost old objects on purpose
		}
		_, buried := t.gone[id.key]
		return !buried
	}
	if have == r.Hash&hashMask {
		return b.pass != 0 && t.p.cfg.Publish == PublishSnapshot
	}
	if b.repair {
		// The poll may have published a later version since this page was read.
		if at, ok := t.polled[id.key]; ok && !at.Before(b.began) {
			return false
		}
	}
	return true
}

// addFamily puts the children of one issue into the outbox, and tombstones for
// those that it has no more.
func (t *task) addFamily(box *outbox, b batch, f family) error {
	listed := make(map[string]struct{}, len(f.records))
	whole := true
	for i := range f.records {
		r := &f.records[i]
		if err := t.add(box, b, f.issue, r); err != nil {
			return err
		}
		whole = whole && r.Err == nil
		listed[r.Key] = struct{}{}
	}
	if !whole {
		return nil
	}
	var missing []string
	for _, key := range t.view.children(f.issue) {
		if _, ok := listed[key]; !ok {
			missing = append(missing, key)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	moved := t.view.elsewhere(f.issue, missing)
	for _, key := range missing {
		id := objectID{f.issue, key}
		if slices.Contains(moved, key) || box.holds(key) {
			// It is another issue's child now: not gone, only not ours.
			box.changes = append(box.changes, change{objectID: id, gone: true})
			continue
		}
		t.bury(box, b, id)
	}
	return nil
}

// holds reports whether key is published by this outbox below any parent.
func (o *outbox) holds(key string) bool {
	for id := range o.fresh {
		if id.key == key {
			return true
		}
	}
	return false
}

// endPass publishes tombstones for what a complete pass did not contain.
func (t *task) endPass(box *outbox, b batch) {
	if t.keyless == b.pass {
		t.log.Warn("an object without its key was in the pass, so it buries nothing", "pass", b.pass)
		return
	}
	for _, key := range t.view.marked(func(mark uint16) bool { return mark != b.pass }) {
		t.bury(box, b, objectID{key: key})
	}
}

// bury publishes a tombstone.
func (t *task) bury(box *outbox, b batch, id objectID) {
	if !t.p.cfg.Tombstones {
		return
	}
	rec := t.record(b.origin, id.key)
	if id.parent != "" {
		rec.Headers = append(rec.Headers, kgo.RecordHeader{Key: headerParent, Value: t.bytes(id.parent)})
	}
	box.records = append(box.records, rec)
	box.changes = append(box.changes, change{objectID: id, gone: true})
	box.tombstones++
}

// deadLetter puts an object that cannot be published into the dead-letter
// topic, once as long as this process lives. It has a key in any case: a topic
// that somebody made compacted takes no record without.
func (t *task) deadLetter(box *outbox, r *extract.Record, why error) error {
	content := r.Hash
	if content == 0 { // it is no object
		content = xxhash.Sum64(r.JSON)
	}
	if _, ok := t.buried[content]; ok {
		return nil
	}
	if len(r.JSON) > topics.MaxBytesDeadLetter*9/10 {
		return refusedError{fmt.Errorf("record of key %q (request %s) cannot be published (%w), and its %d bytes are too many for topic %s",
			r.Key, r.RequestID, why, len(r.JSON), t.p.deadLetters.Name)}
	}
	t.log.Error("object goes to the dead-letter topic", "key", r.Key, "request_id", r.RequestID, "err", why)
	key := r.Key
	if key == "" {
		key = t.stream.Name + "/" + hashText(content)
	}
	rec := &kgo.Record{
		Topic: t.p.deadLetters.Name,
		Key:   []byte(key),
		Value: r.JSON,
		Headers: []kgo.RecordHeader{
			{Key: "stream", Value: []byte(t.stream.Name)},
			{Key: "error", Value: []byte(why.Error())},
			{Key: "request_id", Value: []byte(r.RequestID)},
		},
	}
	box.records = append(box.records, rec)
	box.deadLetters++
	box.changes = append(box.changes, change{hash: content})
	return nil
}

// noteUnmapped counts the fields that no schema field holds, and logs each place
// of the schema once.
func (t *task) noteUnmapped(box *outbox, r *extract.Record, pointers []string) {
	box.unmapped += int64(len(pointers))
	const most = 1000 // members that the schema does not know may have any name
	for _, p := range pointers {
		path := t.codec.Path(p)
		if _, ok := t.unmapped[path]; ok || len(t.unmapped) == most {
			continue
		}
		t.unmapped[path] = struct{}{}
		t.log.Warn("a field that the schema does not know or that does not fit it travels in unmapped", "path", path, "key", r.Key, "request_id", r.RequestID)
	}
}

// record returns a record of the stream's topic with the headers that all have.
func (t *task) record(origin, key string) *kgo.Record {
	headers := make([]kgo.RecordHeader, 2, 6)
	headers[0] = kgo.RecordHeader{Key: headerOrigin, Value: t.bytes(origin)}
	headers[1] = kgo.RecordHeader{Key: headerExtractedAt, Value: t.extractedAt}
	return &kgo.Record{Topic: t.topic.Name, Key: t.bytes(key), Headers: headers}
}

// bytes keeps s in the batch's buffer.
func (t *task) bytes(s string) []byte {
	start := len(t.buf)
	t.buf = append(t.buf, s...)
	return t.buf[start:len(t.buf):len(t.buf)]
}

// apply notes in the view what was committed.
func (t *task) apply(b batch, box *outbox) {
	t.viewMu.Lock()
	defer t.viewMu.Unlock()
	for _, c := range box.changes {
		switch {
		case c.key == "":
			t.buried[c.hash] = struct{}{}
		case c.gone:
			t.view.remove(c.parent, c.key)
			if t.stream.Sync == extract.SyncIssues {
				t.gone[c.key] = time.Now()
			}
		default:
			t.view.set(c.parent, c.key, c.hash, c.mark)
			if b.origin == originPoll && t.stream.Sync == extract.SyncIssues {
				t.polled[c.key] = time.Now()
			}
		}
	}
	t.forgetPolled()
}

// forgetPolled drops the entries that no page of a sweep can ask about any more.
func (t *task) forgetPolled() {
	const enough, age = 4096, time.Hour
	if len(t.polled) < enough || time.Since(t.forgot) < time.Minute {
		return
	}
	t.forgot = time.Now()
	for key, at := range t.polled {
		if t.forgot.Sub(at) > age {
			delete(t.polled, key)
		}
	}
}

func hashText(hash uint64) string {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], hash)
	return hex.EncodeToString(b[:])
}

// parseHash reads the header hash; ok is false where it is not ours.
func parseHash(text []byte) (hash uint64, ok bool) {
	var b [8]byte
	if len(text) != 16 {
		return 0, false
	}
	if _, err := hex.Decode(b[:], text); err != nil {
		return 0, false
	}
	return binary.BigEndian.Uint64(b[:]), true
}

// createdDay is the mark of an issue: the day on which it was created, counted
// from dayZero and one more; 0 where it is not known. The sweep asks for it.
func createdDay(createdAt string) uint16 {
	at, err := time.Parse(time.RFC3339, createdAt)
	if err != nil {
		return 0
	}
	return dayOf(at)
}

// dayOf counts days from 1 January 2000.
func dayOf(at time.Time) uint16 {
	const most = 1<<16 - 2
	days := at.Unix()/86400 - time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC).Unix()/86400
	if days < 0 || days > most {
		return 0
	}
	return uint16(days) + 1
}
