package avro

import "slices"

// node is the native form of one record, made once and filled again and again:
// goavro wants a map for every record and another one around every value that
// can be null, and to make them anew is most of the cost of encoding.
type node struct {
	plan  *recordPlan
	m     map[string]any   // of a record that is spread over the root, the root's
	wraps []map[string]any // by field: the map around a value; nil where the field cannot be null
	was   []bool           // by field: m holds wraps, not nil
	state []state          // by field: what the record in work has
	slots []slot           // by field: the containers of its value; a record that is spread is there from the start
	after []int            // by field: which one came after it the last time; the last entry is the first field
	last  int              // the field before the next one, as an index of after
}

// state is what the record in work has of a field.
type state uint8

const (
	stateAbsent state = iota
	stateNull         // null, or in unmapped
	stateValue
)

// slot keeps what a value of an array, map or record field is made of.
type slot struct {
	list  []any
	m     map[string]any
	keys  []string // of m, in the order of the text
	nodes []*node
	used  int  // how many of nodes are in use
	fixed bool // the wrap of the field holds m or the map of nodes[0] already
}

// inner is the slot of the elements: the same one for records, which are told
// apart by used, and a new one for containers, which our schemas do not have in
// containers.
func (k *slot) inner(t *typePlan) *slot {
	if t.form == formArray || t.form == formMap {
		return &slot{}
	}
	return k
}

// key returns the i-th key of the map as a string, mostly the one that was there
// the last time: slugs come again and again.
func (k *slot) key(i int, name []byte) string {
	if i == len(k.keys) {
		k.keys = append(k.keys, string(name))
	}
	if k.keys[i] != string(name) {
		k.keys[i] = string(name)
	}
	return k.keys[i]
}

func newNode(p *recordPlan) *node { return newNodeIn(make(map[string]any, len(p.fields)), p) }

// newNodeIn makes a node whose fields are in m.
func newNodeIn(m map[string]any, p *recordPlan) *node {
	n := &node{
		plan:  p,
		m:     m,
		wraps: make([]map[string]any, len(p.fields)),
		was:   make([]bool, len(p.fields)),
		state: make([]state, len(p.fields)),
		slots: make([]slot, len(p.fields)),
		after: make([]int, len(p.fields)+1),
	}
	for i := range p.fields {
		switch f := &p.fields[i]; {
		case f.typ.form == formSpread:
			n.slots[i].nodes = []*node{newNodeIn(m, f.typ.record)}
		case f.nullable:
			n.m[f.column] = nil
			n.wraps[i] = make(map[string]any, 1)
		}
	}
	return n
}

// begin starts a record with nothing in it.
func (n *node) begin() {
	clear(n.state)
	n.last = len(n.plan.fields)
}

// guess reports whether name is the field that came next the last time, and if
// so makes it the last one: the API sends members in the same order again and
// again.
func (n *node) guess(name []byte) bool {
	i := n.after[n.last]
	if n.plan.fields[i].name != string(name) {
		return false
	}
	n.last = i
	return true
}

// lookup finds a field by name.
func (n *node) lookup(name []byte) (int, bool) {
	i, ok := n.plan.index[string(name)]
	if ok {
		n.after[n.last], n.last = i, i
	}
	return i, ok
}

// set gives field i of the record in work its value.
func (n *node) set(i int, v any) {
	n.state[i] = stateValue
	f := &n.plan.fields[i]
	w := n.wraps[i]
	if w == nil {
		if f.typ.form != formSpread {
			n.m[f.column] = v
		}
		return
	}
	if f.typ.form == formRecord || f.typ.form == formMap {
		if n.slots[i].fixed {
			return
		}
		n.slots[i].fixed = true
	}
	w[f.typ.branch] = v
}

// finish makes null what the record before had and this one has not.
func (n *node) finish() {
	for _, i := range n.plan.spread {
		n.finishSpread(i, n.state[i] == stateValue)
	}
	for i, st := range n.state {
		is := st == stateValue
		if is == n.was[i] || n.wraps[i] == nil {
			continue
		}
		if n.was[i] = is; is {
			n.m[n.plan.fields[i].column] = n.wraps[i]
		} else {
			n.m[n.plan.fields[i].column] = nil
		}
	}
}

// finishSpread finishes a record that is spread over the root, which is there or
// not.
func (n *node) finishSpread(i int, is bool) {
	inner := n.slots[i].nodes[0]
	if is {
		inner.finish()
	} else if n.was[i] {
		inner.begin()
		inner.finish()
	}
	n.was[i] = is
}

// holds reports whether any field of the record in work has a value.
func (n *node) holds() bool { return slices.Contains(n.state, stateValue) }

// missingKey names the first part of the key that the record in work lacks, or
// nothing.
func (n *node) missingKey() string {
	for _, i := range n.plan.key {
		part, _ := n.m[n.plan.fields[i].column].([]byte)
		if n.state[i] != stateValue || len(part) == 0 {
			return n.plan.fields[i].name
		}
	}
	return ""
}
