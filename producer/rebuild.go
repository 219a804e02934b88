package producer

import (
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"pylon-kafka/extract"
)

// rebuild collects what the records of a topic come to, partition after
// partition in their order.
type rebuild struct {
	s       *session
	known   *known
	astray  map[objectID]home // records in partitions that are not their key's
	deleted map[string]time.Time
	framing framing
	foreign int
}

func newRebuild(s *session) *rebuild {
	return &rebuild{
		s: s, known: newKnown(s.stream.Sync == extract.SyncChildren),
		astray: make(map[objectID]home), deleted: make(map[string]time.Time), framing: make(framing),
	}
}

// take adds one record.
func (b *rebuild) take(rec *kgo.Record) error {
	h := readHeaders(rec)
	key := string(rec.Key)
	if key == "" || h.connector != b.s.connector || rec.Value != nil && !h.hashed {
		b.takeForeign(rec, key)
		return nil
	}
	id := objectID{key: key}
	if b.known.grouped {
		id.parent = h.parent
	}
	own := rec.Partition == b.s.partition(key)
	switch {
	case rec.Value == nil && own:
		b.known.view.remove(id.parent, key)
		if time.Since(rec.Timestamp) < b.s.unsettled {
			b.deleted[key] = rec.Timestamp
		}
	case rec.Value == nil:
		delete(b.astray, id)
	default:
		hash := h.hash
		if rec.Offset < b.s.doc.Anew[rec.Partition] {
			hash = 0 // to be published once more
		} else {
			b.framing.see(rec)
		}
		if own {
			b.known.view.set(id.parent, key, hash, h.createdDay)
			delete(b.deleted, key)
		} else {
			b.astray[id] = home{partition: rec.Partition, hash: hash, mark: h.createdDay}
		}
	}
	return nil
}

// takeForeign adds a record that this connector did not write. A tombstone
// without our header, as a person may write it by hand, deletes what it names.
func (b *rebuild) takeForeign(rec *kgo.Record, key string) {
	h := readHeaders(rec)
	switch {
	case rec.Value != nil:
		if key != "" {
			b.known.foreign.set("", key, 0, 0)
		}
		b.foreign++
	case h.connector != "" || key == "":
		b.known.foreign.remove("", key)
	default:
		b.known.foreign.remove("", key)
		if b.known.grouped && h.parent == "" {
			b.known.view.removeEverywhere(key)
		} else {
			b.known.view.remove(h.parent, key)
		}
	}
}

// finish joins what stands in a key's partition with what does not.
func (b *rebuild) finish() {
	for id, at := range b.astray {
		if _, there := b.known.view.hash(id.parent, id.key); there {
			at.both = true
		} else {
			b.known.view.set(id.parent, id.key, at.hash, at.mark)
		}
		b.known.moved[id] = at
	}
}
