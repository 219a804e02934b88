package index

import (
	"fmt"

	"pylon-kafka/producer/internal/view"
)

// Loader puts the blocks of a head into a view.
type Loader struct {
	head   *Head
	view   *view.View
	marks  bool
	chunks int
	deltas int
}

// NewLoader returns a loader that fills an empty view. Unless marks is set the
// entries of a flat view lose theirs.
func NewLoader(head *Head, into *view.View, marks bool) *Loader {
	return &Loader{head: head, view: into, marks: marks || into.Shape() == view.ByParent}
}

// Take adds the value of a block's record, in the order of the topic, and reports
// whether it is a delta. Blocks of other generations are passed over.
func (l *Loader) Take(value []byte) (delta bool, err error) {
	b, err := parseBlock(value)
	if err != nil {
		return false, err
	}
	return b.Delta, l.take(b)
}

func (l *Loader) take(b Block) error {
	switch {
	case b.Generation != l.head.Generation:
		return nil
	case !b.Delta && b.Number == l.chunks && l.deltas == 0:
		l.chunks++
	case b.Delta && b.Number == l.deltas && l.chunks == l.head.Chunks:
		if l.deltas++; l.deltas > l.head.Deltas {
			return nil // it was written since
		}
	default:
		return fmt.Errorf("the index lacks a block before number %d", b.Number)
	}
	for c, err := range changes(b.Body, l.view.Shape().Width()) {
		switch {
		case err != nil:
			return err
		case c.gone:
			l.view.Drop(c.Entry)
		default:
			if !l.marks {
				c.Unmark()
			}
			l.view.Put(c.Entry)
		}
	}
	return nil
}

// Finish returns an error unless all is there that the head names.
func (l *Loader) Finish() error {
	if l.chunks != l.head.Chunks || l.deltas < l.head.Deltas || l.view.Len() != l.head.Objects {
		return fmt.Errorf("the index has %d of %d chunks, %d of %d deltas, %d of %d objects",
			l.chunks, l.head.Chunks, l.deltas, l.head.Deltas, l.view.Len(), l.head.Objects)
	}
	return nil
}
