package producer

import (
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"pylon-kafka/extract"
)

// takeOtherKey notes a record whose key is of another form and which is to be
// published anew, and reports whether it was one: its object counts as absent.
func (b *rebuild) takeOtherKey(rec *kgo.Record, h headers, key string, ok bool) bool {
	at := otherKey{rec.Partition, string(rec.Key)}
	if rec.Value == nil {
		_, there := b.others[at]
		delete(b.others, at)
		return there
	}
	if rec.Offset >= b.s.doc.Anew[rec.Partition] {
		return false
	}
	if now, err := b.s.format.keys.encode(key); ok && err == nil && string(now) == at.key {
		return false
	}
	b.others[at] = h.parent
	return true
}

// rebuild collects what the records of a topic come to, partition after
// partition in their order.
type rebuild struct {
	s       *session
	known   *known
	astray  map[objectID]uint16 // marks of records in partitions that are not their key's
	deleted map[string]time.Time
	framing framing
	foreign int

	keyFraming framing // of keys, as long as ours is not known

	others   map[otherKey]string // keys of another form that are to be published anew, each with its parent
	otherKey string              // where a record of ours has a key of another form and is not

	touched map[objectID]struct{} // what the records are about, where an index is to learn it; else nil
}

func newRebuild(s *session) *rebuild {
	return &rebuild{
		s: s, known: newKnown(s.stream.Sync == extract.SyncChildren),
		astray: make(map[objectID]uint16), deleted: make(map[string]time.Time), framing: make(framing),
		others: make(map[otherKey]string), keyFraming: make(framing),
	}
}

// take adds one record.
func (b *rebuild) take(rec *kgo.Record) error {
	h := readHeaders(rec)
	key, ok := b.s.format.keys.decode(rec.Key)
	if h.connector == b.s.connector && b.takeOtherKey(rec, h, key, ok) {
		return nil
	}
	if !ok && h.connector == b.s.connector {
		if rec.Value != nil && rec.Offset >= b.s.doc.Anew[rec.Partition] {
			b.otherKey = fmt.Sprintf("partition %d, offset %d", rec.Partition, rec.Offset)
		}
		return nil
	}
	if key == "" || h.connector != b.s.connector || rec.Value != nil && !h.hashed {
		b.takeForeign(rec, key)
		return nil
	}
	id := objectID{key: key}
	if b.known.grouped {
		id.parent = h.parent
	}
	b.touch(id)
	own := rec.Partition == b.s.partition(key)
	switch {
	case rec.Value == nil && own:
		b.known.view.Remove(id.parent, key)
		if time.Since(rec.Timestamp) < b.s.unsettled {
			b.deleted[key] = rec.Timestamp
		}
	case rec.Value == nil:
		b.known.misplaced.Remove(key, rec.Partition)
		delete(b.astray, id)
	default:
		hash := h.hash
		if rec.Offset < b.s.doc.Anew[rec.Partition] {
			hash = 0 // to be published once more
		} else {
			b.framing.see(rec.Value, rec)
			if b.s.format.keys.codec != nil && b.s.format.keys.header == nil {
				b.keyFraming.see(rec.Key, rec)
			}
		}
		if own {
			b.known.view.Set(id.parent, key, hash, b.s.markOf(h, key))
			delete(b.deleted, key)
		} else {
			b.astray[id] = b.s.markOf(h, key)
			b.known.misplaced.Add(key, rec.Partition)
		}
	}
	return nil
}

// takeForeign adds a record that this connector did not write. With a key of ours
// it has taken the place of our object. A tombstone without our header, as a person
// may write it by hand, deletes what it names.
func (b *rebuild) takeForeign(rec *kgo.Record, key string) {
	h := readHeaders(rec)
	if rec.Value != nil {
		if key != "" {
			b.known.foreign.Set("", key, 0, 0)
			b.known.view.RemoveEverywhere(key)
			b.touch(objectID{key: key})
		}
		b.foreign++
		return
	}
	b.known.foreign.Remove("", key)
	b.touch(objectID{h.parent, key})
	switch {
	case h.connector != "": // another connector's
	case b.known.grouped && h.parent == "":
		b.known.view.RemoveEverywhere(key)
	default:
		b.known.view.Remove(h.parent, key)
	}
}

// touch notes that a record is about an object.
func (b *rebuild) touch(id objectID) {
	if b.touched != nil {
		b.touched[id] = struct{}{}
	}
}

// finish adds what stands in other partitions than its keys'. It is read again
// and moved, whatever its content.
func (b *rebuild) finish() {
	for id, mark := range b.astray {
		if _, there := b.known.view.Hash(id.parent, id.key); !there {
			b.known.view.Set(id.parent, id.key, 0, mark)
		}
	}
}
