package producer

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kgo"
)

// otherKey is a record's key of a form that is not written any more: of another
// KAFKA_KEY_FORMAT, or with the id of another registry in it. To Kafka, and to
// whoever reads the topic as a table, it is another key than that of today's form
// for the same object.
type otherKey struct {
	partition int32
	key       string
}

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

// dropOtherKeys publishes tombstones for the keys of another form, by which alone
// the records that have them disappear, before anything is published anew. The
// cursor stays as it is.
func (s *session) dropOtherKeys(ctx context.Context) error {
	const most = 10_000 // of a transaction
	if len(s.otherKeys) == 0 || !s.tombstones {
		return nil
	}
	s.log.Warn("the topic holds records whose keys are of another form; they get tombstones, and their objects are published anew",
		"topic", s.topic.Name, "records", len(s.otherKeys))
	for len(s.otherKeys) > 0 {
		d := s.newDraft(&batch{origin: originSweep})
		for at, parent := range s.otherKeys {
			if len(d.records) == most {
				break
			}
			rec := d.record(at.key)
			rec.Key, rec.Partition = []byte(at.key), at.partition
			if parent != "" {
				d.header(rec, headerParent, parent)
			}
			d.records = append(d.records, rec)
			d.counts.Tombstones++
			delete(s.otherKeys, at)
		}
		if _, err := s.publish(ctx, d, s.doc); err != nil {
			return fmt.Errorf("tombstones for keys of another form: %w", err)
		}
	}
	return nil
}
