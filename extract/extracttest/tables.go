package extracttest

import (
	"bytes"
	"cmp"
	"slices"
)

// table holds the objects of one small stream: a few words each, since what is
// not edited is drawn when somebody asks. An object in it is never changed, but
// replaced.
type table struct {
	spec

	next  int       // index of the next object to be made
	list  []*object // by created_at and id, oldest first
	byKey map[string]*object
}

func newTable(g *generator, s spec) *table {
	n := s.size(&g.opts)
	t := &table{spec: s, next: n, list: make([]*object, 0, n), byKey: make(map[string]*object, n)}
	for i := range n {
		created := g.created(s.kind, i, n)
		o := &object{index: i, created: created, updated: created + (g.now-created)/2}
		if s.group != nil {
			o.group = s.group(g, i)
		}
		t.name(g, o)
		t.list = append(t.list, o)
		t.byKey[o.key] = o
	}
	slices.SortFunc(t.list, compareObjects)
	return t
}

// name gives an object its id and its key.
func (t *table) name(g *generator, o *object) {
	o.id = g.ids.id(t.kind, o.index)
	o.key = o.id.String()
	if t.key != nil {
		o.key = t.key(o)
	}
}

func compareObjects(x, y *object) int {
	if c := cmp.Compare(x.created, y.created); c != 0 {
		return c
	}
	return bytes.Compare(x.id[:], y.id[:])
}

// put adds the object, or replaces the version of it that is there.
func (t *table) put(o *object) {
	t.byKey[o.key] = o
	i, found := slices.BinarySearchFunc(t.list, o, compareObjects)
	if found {
		t.list[i] = o
		return
	}
	t.list = slices.Insert(t.list, i, o)
}

func (t *table) remove(o *object) {
	delete(t.byKey, o.key)
	if i, found := slices.BinarySearchFunc(t.list, o, compareObjects); found {
		t.list = slices.Delete(t.list, i, i+1)
	}
}

// before returns the index after the last object that is older than the position.
func (t *table) before(p position) int {
	i, _ := slices.BinarySearchFunc(t.list, p, func(o *object, p position) int {
		if p.after(o.created, o.id) {
			return -1
		}
		return 1
	})
	return i
}

// lookup finds an object by what a path names it with: its key or, where that is
// made of a group and the id, the id alone.
func (t *table) lookup(id string) *object {
	if o := t.byKey[id]; o != nil || t.key == nil || t.group == nil {
		return o
	}
	for _, o := range t.list {
		if o.id.String() == id {
			return o
		}
	}
	return nil
}

// parentOf is the id of the object that o belongs to, "" for none.
func (t *table) parentOf(o *object) string {
	if t.parent {
		return o.group
	}
	return ""
}

// appendObject appends the JSON of an object.
func (t *table) appendObject(g *generator, dst []byte, o *object) []byte {
	if o.data != nil {
		return append(dst, o.data...)
	}
	return appendJSON(dst, t.render(g, o))
}
