package extracttest

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// members are the JSON members of an object that a change sets.
type members map[string]json.RawMessage

// Create makes one more object of a stream and returns its key. Parent is the
// knowledge base of an article, the object type of a custom field, and the issue
// of a message or thread.
func (w *workspace) Create(stream, parent string) (string, error) {
	w.store.Lock()
	defer w.store.Unlock()
	c, err := w.collection("create", stream)
	if err != nil {
		return "", err
	}
	return c.create(parent)
}

// Update makes a new version of an object, that differs from all before it.
func (w *workspace) Update(stream, key string) error {
	w.store.Lock()
	defer w.store.Unlock()
	c, err := w.collection("update", stream)
	if err != nil {
		return err
	}
	return c.update(key)
}

// Delete deletes an object, and what belongs to it: the messages and threads of
// an issue, the articles of a knowledge base.
func (w *workspace) Delete(stream, key string) error {
	w.store.Lock()
	defer w.store.Unlock()
	c, err := w.collection("delete", stream)
	if err != nil {
		return err
	}
	return c.remove(key)
}

// Put makes an object of a small stream, or replaces it, with JSON that is served
// as it is: for objects that the real API never sends. Group is as the parent of
// Create. It fails for issues and their children.
func (w *workspace) Put(stream, group, key string, object []byte) error {
	w.store.Lock()
	defer w.store.Unlock()
	t := w.tables[stream]
	if t == nil {
		return fmt.Errorf("put object of stream %q: %w", stream, ErrNotFound)
	}
	ref := objectRef{stream, key}
	next := copyObject(t.byKey[key])
	if next == nil {
		next = w.newObject(t)
		next.key, next.group = key, group
		if id, ok := parseUUID(key); ok {
			next.id = id
		}
	} else {
		w.log.began(ref, group, w.objectRenderer(t, t.byKey[key]))
	}
	if last, known := w.log.known[ref]; known {
		next.rev = last + 1
	}
	next.data = slices.Clone(object)
	w.putObject(t, next)
	return nil
}

// copyObject returns a copy of an object, to become its next version.
func copyObject(o *object) *object {
	if o == nil {
		return nil
	}
	return new(*o)
}

func (t *table) findObject(operation, key string) (*object, error) {
	o := t.lookup(key)
	if o == nil {
		return nil, fmt.Errorf("%s %s %q: %w", operation, t.stream, key, ErrNotFound)
	}
	return o, nil
}

// newObject makes the next object of a table, not yet put into it.
func (w *workspace) newObject(t *table) *object {
	now := w.Now().UnixMilli()
	o := &object{index: t.next, created: now, updated: now}
	t.next++
	t.name(w.gen, o)
	return o
}

func (w *workspace) createObject(t *table, group string, set members) (*object, error) {
	if t.groups != nil && !slices.Contains(t.groups(w), group) {
		return nil, fmt.Errorf("create %s in %q: %w", t.stream, group, ErrNotFound)
	}
	o := w.newObject(t)
	o.group = group
	t.name(w.gen, o)
	if len(set) > 0 {
		var err error
		if o.data, err = merge(t.appendObject(w.gen, nil, o), set); err != nil {
			return nil, fmt.Errorf("create %s: %w", t.stream, err)
		}
	}
	w.putObject(t, o)
	return o, nil
}

// updateObject makes a new version of an object: with the members, or marked
// with its revision where there are none.
func (w *workspace) updateObject(t *table, key string, set members) (*object, error) {
	old, err := t.findObject("update", key)
	if err != nil {
		return nil, err
	}
	next := copyObject(old)
	next.rev++
	next.updated = w.Now().UnixMilli()
	if old.data != nil || len(set) > 0 {
		if next.data, err = w.mergedData(t, old, next, set); err != nil {
			return nil, fmt.Errorf("update %s %q: %w", t.stream, key, err)
		}
	}
	w.log.began(objectRef{t.stream, old.key}, t.parentOf(old), w.objectRenderer(t, old))
	w.putObject(t, next)
	return next, nil
}

// mergedData is the JSON of the next version of an object that is not drawn.
func (w *workspace) mergedData(t *table, old, next *object, set members) ([]byte, error) {
	all := maps.Clone(set)
	if all == nil {
		all = members{}
	}
	if t.stamp != "" {
		all[t.stamp] = appendJSON(nil, stamp(next.updated))
	}
	// A generated object is drawn anew, so that it shows what moved by itself.
	base := *next
	if base.data == nil {
		base.rev = old.rev
	}
	data, err := merge(t.appendObject(w.gen, nil, &base), all)
	if err != nil || len(set) > 0 {
		return data, err
	}
	return markRevision(data, t.label, next.rev)
}

// merge sets members of a JSON object.
func merge(object []byte, set members) ([]byte, error) {
	all := members{}
	if err := json.Unmarshal(object, &all); err != nil {
		return nil, err
	}
	maps.Copy(all, set)
	return json.Marshal(all)
}

// markRevision puts the revision behind the text of a member.
func markRevision(object []byte, member string, rev int) ([]byte, error) {
	all := members{}
	if err := json.Unmarshal(object, &all); err != nil {
		return nil, err
	}
	var label string
	if err := json.Unmarshal(all[member], &label); err != nil {
		return nil, err
	}
	if i := strings.LastIndex(label, " [r"); i >= 0 {
		label = label[:i]
	}
	all[member] = appendJSON(nil, label+" [r"+strconv.Itoa(rev)+"]")
	return json.Marshal(all)
}

func (w *workspace) objectRenderer(t *table, o *object) func() []byte {
	return func() []byte { return t.appendObject(w.gen, nil, o) }
}

func (w *workspace) putObject(t *table, o *object) {
	t.put(o)
	w.log.add(objectRef{t.stream, o.key}, t.parentOf(o), o.rev, w.Now(), w.objectRenderer(t, o))
}

func (w *workspace) removeObject(t *table, o *object) {
	ref := objectRef{t.stream, o.key}
	w.log.began(ref, t.parentOf(o), w.objectRenderer(t, o))
	t.remove(o)
	w.log.add(ref, t.parentOf(o), o.rev+1, w.Now(), nil)
}
