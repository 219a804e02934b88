package extracttest

import "slices"

// issueCollection are the issues.
type issueCollection struct{ w *workspace }

func (c issueCollection) count() int { return c.w.issues.next - c.w.issues.deleted }

func (c issueCollection) walk() func() ([]keyedJSON, bool) {
	return c.w.eachIssue(func(is *issue) []keyedJSON { return []keyedJSON{{is.id.String(), c.render(is)}} })
}

func (c issueCollection) render(is *issue) []byte {
	return c.w.gen.appendIssue(nil, is, c.w.Now().UnixMilli())
}

func (c issueCollection) find(key string) ([]byte, bool) {
	is := c.w.resolveIssue(key)
	if is == nil {
		return nil, false
	}
	return c.render(is), true
}

func (issueCollection) parent(string) string { return "" }

func (c issueCollection) create(string) (string, error) {
	return c.w.createIssue(IssueChange{}).id.String(), nil
}

func (c issueCollection) update(key string) error { return c.w.updateIssue(key, IssueChange{}) }
func (c issueCollection) remove(key string) error { return c.w.deleteIssue(key) }

// eachIssue is walk for what belongs to an issue: one issue a call.
func (w *workspace) eachIssue(objects func(is *issue) []keyedJSON) func() ([]keyedJSON, bool) {
	index := 0
	return func() ([]keyedJSON, bool) {
		if index >= w.issues.next {
			return nil, false
		}
		is := w.findIssue(index)
		index++
		if is == nil {
			return nil, true
		}
		return objects(is), true
	}
}

// childCollection are the messages or threads of all issues.
type childCollection struct {
	w *workspace
	s *childSpec
}

func (c childCollection) walk() func() ([]keyedJSON, bool) {
	return c.w.eachIssue(func(is *issue) []keyedJSON {
		var found []keyedJSON
		for _, k := range c.w.childrenOf(c.s, is) {
			found = append(found, keyedJSON{k.id.String(), c.render(is, &k)})
		}
		return found
	})
}

func (c childCollection) render(is *issue, k *child) []byte {
	return appendJSON(nil, c.s.render(c.w.gen, is.index, k))
}

// count goes through all issues.
func (c childCollection) count() int {
	n := 0
	for index := range c.w.issues.next {
		r := c.w.issues.records[index]
		switch {
		case r == nil:
			is := issue{index: index}
			c.w.gen.issueTimes(&is)
			n += c.s.count(c.w.gen, &is)
		case r.current().deleted:
		case r.children[c.s] != nil:
			n += len(r.children[c.s].list)
		default:
			n += c.s.count(c.w.gen, r.current())
		}
	}
	return n
}

func (c childCollection) find(key string) ([]byte, bool) {
	is := c.w.resolveIssue(c.parent(key))
	if is == nil {
		return nil, false
	}
	list := c.w.childrenOf(c.s, is)
	i := slices.IndexFunc(list, func(k child) bool { return k.id.String() == key })
	if i < 0 {
		return nil, false
	}
	return c.render(is, &list[i]), true
}

// parent finds the issue by the id alone, even when the child is deleted.
func (c childCollection) parent(key string) string {
	id, ok := parseUUID(key)
	if !ok {
		return ""
	}
	k, index, ok := c.w.gen.ids.find(id)
	if !ok || k != c.s.kind {
		return ""
	}
	return c.w.gen.ids.id(kindIssue, index>>childBits).String()
}

func (c childCollection) create(parent string) (string, error) {
	if c.s == messages {
		return c.w.addMessage(parent, MessageChange{})
	}
	return c.w.addChild(c.s, parent, child{}, "")
}

func (c childCollection) update(key string) error {
	return c.w.editChild(c.s, c.parent(key), key, "", "")
}

func (c childCollection) remove(key string) error {
	return c.w.deleteChild(c.s, c.parent(key), key, "")
}

// tableCollection is a small stream.
type tableCollection struct {
	w *workspace
	t *table
}

func (c tableCollection) count() int { return len(c.t.list) }

func (c tableCollection) walk() func() ([]keyedJSON, bool) {
	list := slices.Clone(c.t.list)
	return func() ([]keyedJSON, bool) {
		if len(list) == 0 {
			return nil, false
		}
		o := list[0]
		list = list[1:]
		return []keyedJSON{{o.key, c.t.appendObject(c.w.gen, nil, o)}}, true
	}
}

func (c tableCollection) find(key string) ([]byte, bool) {
	o := c.t.byKey[key]
	if o == nil {
		return nil, false
	}
	return c.t.appendObject(c.w.gen, nil, o), true
}

func (c tableCollection) parent(key string) string {
	if o := c.t.byKey[key]; o != nil {
		return c.t.parentOf(o)
	}
	return ""
}

func (c tableCollection) create(parent string) (string, error) {
	o, err := c.w.createObject(c.t, parent, nil)
	if err != nil {
		return "", err
	}
	return o.key, nil
}

func (c tableCollection) update(key string) error {
	_, err := c.w.updateObject(c.t, key, nil)
	return err
}

func (c tableCollection) remove(key string) error {
	o, err := c.t.findObject("delete", key)
	if err != nil {
		return err
	}
	for _, other := range c.w.tables {
		if !other.parent || other == c.t {
			continue
		}
		for _, owned := range slices.Clone(other.list) {
			if owned.group == key {
				c.w.removeObject(other, owned)
			}
		}
	}
	c.w.removeObject(c.t, o)
	return nil
}
