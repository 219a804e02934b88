package producer

import (
	"fmt"
	"strings"

	"github.com/cespare/xxhash/v2"

	"pylon-kafka/extract"
)

// A mark of an object of a full-refresh stream is the number of the pass that has
// last seen it, in the lower half, and a tag of the list in which it was, in the
// upper one: of its knowledge base or object type. So a list that cannot be read
// keeps the objects that were in it, and no others, from being missed.
const (
	passBits = 8
	lastPass = 1<<passBits - 1
)

// passOf returns the pass of a mark.
func passOf(mark uint16) uint16 { return mark & lastPass }

// listTag returns a tag of the list that an object was in; 0: nobody knows. Lists may
// share a tag: then less is missed than could be.
func listTag(s *extract.Stream, parent, key string) uint16 {
	if parent == "" && s.KeyByParent {
		parent, _, _ = strings.Cut(key, ":")
	}
	if parent == "" {
		return 0
	}
	return uint16(1+xxhash.Sum64String(parent)%lastPass) << passBits
}

// markOf returns the mark of a record of the topic before any pass has seen it.
func (s *session) markOf(h headers, key string) uint16 {
	if s.stream.Sync == extract.SyncFull {
		return listTag(&s.stream, h.parent, key)
	}
	return h.createdDay
}

// skipped are lists that a pass could not read.
type skipped struct {
	tags map[uint16]struct{}
	text []string
}

// add adds a list and why it was not read.
func (k *skipped) add(u extract.Unread) {
	if k.tags == nil {
		k.tags = make(map[uint16]struct{})
	}
	k.tags[listTag(&extract.Stream{}, u.Parent, "")] = struct{}{}
	k.text = append(k.text, fmt.Sprintf("%s (%v)", u.Parent, u.Err))
}

// held reports whether an object that the pass has not seen may be in a list that it
// could not read: it was in one, or nobody knows in which it was.
func (k *skipped) held(d *draft, key string) bool {
	if len(k.tags) == 0 {
		return false
	}
	tag := d.s.known.view.Mark(key) &^ lastPass
	if tag == 0 {
		tag = listTag(&d.s.stream, "", key)
	}
	_, there := k.tags[tag]
	return there || tag == 0
}
