package producer

import (
	"slices"

	"pylon-kafka/extract"
	"pylon-kafka/producer/internal/view"
)

// known is what the consumers of one topic have, by what the topic holds. Its
// methods are safe for concurrent use: a reader's pages are compared with it
// while they are decoded, and the committer changes it.
type known struct {
	grouped   bool
	view      *view.View     // our records
	foreign   *view.View     // keys of records that others wrote
	misplaced view.Misplaced // where records of ours stand that Kafka's partitioner would put elsewhere now
}

// objectID names an object of a stream; parent is empty in a flat stream.
type objectID struct{ parent, key string }

func newKnown(grouped bool) *known {
	shape := view.Flat
	if grouped {
		shape = view.ByParent
	}
	return &known{grouped: grouped, view: view.New(shape), foreign: view.New(view.Flat)}
}

// id names a record's object.
func (k *known) id(r *extract.Record) objectID {
	if k.grouped {
		return objectID{r.Parent, r.Key}
	}
	return objectID{key: r.Key}
}

// isForeign reports whether somebody else's record has the key.
func (k *known) isForeign(key string) bool {
	_, ok := k.foreign.Hash("", key)
	return ok
}

// oldPlaces returns the partitions in which a record of the key stands where
// Kafka's partitioner would not put it now.
func (k *known) oldPlaces(key string) []int32 {
	if k.misplaced.Len() == 0 {
		return nil
	}
	return k.misplaced.Partitions(key)
}

// isMisplaced reports whether the key has old places.
func (k *known) isMisplaced(key string) bool { return len(k.oldPlaces(key)) > 0 }

// has reports whether consumers have this content of an object, where they look
// for it.
func (k *known) has(r *extract.Record) bool {
	id := k.id(r)
	hash, ok := k.view.Hash(id.parent, id.key)
	return ok && hash == view.Cut(r.Hash) && !k.isMisplaced(id.key)
}

// lacks tells how many of an issue's children that consumers have are not among
// records, nor another issue's now.
func (k *known) lacks(issue string, records []extract.Record) tally {
	listed := make(map[string]struct{}, len(records))
	for i := range records {
		if records[i].Err != nil {
			return tally{} // one without its key may be any: nothing is deleted then
		}
		listed[records[i].Key] = struct{}{}
	}
	known, gone, elsewhere := k.unlisted(issue, listed)
	return tally{known, len(gone) - len(elsewhere)}
}

// unlisted returns how many of an issue's children consumers have, which of them
// are not listed, and which of those are another issue's now.
func (k *known) unlisted(issue string, listed map[string]struct{}) (known int, gone, elsewhere []string) {
	gone = k.view.Children(issue)
	known = len(gone)
	gone = slices.DeleteFunc(gone, func(key string) bool {
		_, ok := listed[key]
		return ok
	})
	if len(gone) > 0 {
		elsewhere = k.view.Elsewhere(issue, gone)
	}
	return known, gone, elsewhere
}

// createdBetween returns the issues of which consumers have one that was created
// on the days from first to last; undated adds those whose day is not known.
func (k *known) createdBetween(first, last uint16, undated bool) []string {
	return slices.Sorted(k.view.Marked(func(mark uint16) bool {
		return mark >= first && mark <= last || mark == 0 && undated
	}))
}

// count returns how many objects consumers have.
func (k *known) count() int { return k.view.Len() }

// apply notes what was committed.
func (k *known) apply(changes []change) {
	for _, c := range changes {
		if !c.adopted {
			for _, p := range k.oldPlaces(c.key) {
				k.misplaced.Remove(c.key, p)
			}
		}
		if c.gone {
			k.view.Remove(c.parent, c.key)
			continue
		}
		k.view.Set(c.parent, c.key, c.hash, c.mark)
	}
}

// change is applied to what is known after the commit.
type change struct {
	objectID
	hash    uint64
	mark    uint16
	gone    bool
	adopted bool // gone from this parent only
}

// otherKey is a record's key of a form that is not written any more: of another
// KAFKA_KEY_FORMAT, or with the id of another registry in it. To Kafka, and to
// whoever reads the topic as a table, it is another key than that of today's form
// for the same object.
type otherKey struct {
	partition int32
	key       string
}
