package producer

import (
	"sync"

	"pylon-kafka/extract"
)

// known is what the consumers of one topic have, by what the topic holds. It is
// safe for concurrent use: a reader's pages are compared with it while they are
// decoded, and the committer changes it.
type known struct {
	mu      sync.RWMutex
	grouped bool
	view    *view             // our records
	foreign *view             // keys of records that others wrote
	moved   map[objectID]home // where records of ours stand that Kafka's partitioner would put elsewhere now
}

// objectID names an object of a stream; parent is empty in a flat stream.
type objectID struct{ parent, key string }

// home is where a record stands that is not in its key's partition.
type home struct {
	partition int32
	hash      uint64
	mark      uint16
	both      bool // a record stands in the key's own partition too
}

func newKnown(grouped bool) *known {
	return &known{grouped: grouped, view: newView(grouped), foreign: newView(false), moved: make(map[objectID]home)}
}

// id names a record's object.
func (k *known) id(r *extract.Record) objectID {
	if k.grouped {
		return objectID{r.Parent, r.Key}
	}
	return objectID{key: r.Key}
}

// isForeign reports whether somebody else's record has the key. The caller holds
// the lock.
func (k *known) isForeign(key string) bool {
	_, ok := k.foreign.hash("", key)
	return ok
}

// has reports whether consumers have this content of an object, where they look
// for it.
func (k *known) has(r *extract.Record) bool {
	k.mu.RLock()
	defer k.mu.RUnlock()
	id := k.id(r)
	hash, ok := k.view.hash(id.parent, id.key)
	if !ok || hash != r.Hash&hashMask {
		return false
	}
	_, elsewhere := k.moved[id]
	return !elsewhere
}

// createdBetween returns the issues of which consumers have one that was created
// on the days from first to last; undated adds those whose day is not known.
func (k *known) createdBetween(first, last uint16, undated bool) []string {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return k.view.marked(func(mark uint16) bool {
		return mark >= first && mark <= last || mark == 0 && undated
	})
}

// len returns the number of objects and of those that stand in another partition.
func (k *known) len() (objects, moved int) {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return k.view.len(), len(k.moved)
}

// apply notes what was committed.
func (k *known) apply(changes []change) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, c := range changes {
		delete(k.moved, c.objectID)
		if c.gone {
			k.view.remove(c.parent, c.key)
			continue
		}
		k.view.set(c.parent, c.key, c.hash, c.mark)
	}
}
