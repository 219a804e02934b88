package extracttest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// members are the JSON members of an object that a change sets.
type members map[string]json.RawMessage

// labelMember is where an object of a stream shows a person its revision.
func labelMember(stream string) string {
	switch stream {
	case "tags":
		return "value"
	case streamCustomFields, "activity_types", streamStatuses:
		return "label"
	case streamBases, streamArticles:
		return "title"
	}
	return "name"
}

// changedMember is the time that a change moves, "" where an object has none.
func changedMember(stream string) string {
	switch stream {
	case "accounts", streamCustomFields:
		return "updated_at"
	case streamArticles:
		return "last_edited_at"
	}
	return ""
}

// Create makes one more object of a stream and returns its key. Parent is the
// knowledge base of an article, the object type of a custom field, and the issue
// of a message or thread.
func (a *API) Create(stream, parent string) (string, error) {
	a.store.Lock()
	defer a.store.Unlock()
	switch stream {
	case streamIssues:
		return a.createIssue(IssueChange{}).id.String(), nil
	case streamMessages:
		return a.addMessage(parent, MessageChange{})
	case streamThreads:
		return a.addThread(parent, ThreadChange{})
	}
	o, err := a.createObject(stream, parent, nil)
	if err != nil {
		return "", err
	}
	return o.key, nil
}

// Update makes a new version of an object, that differs from all before it.
func (a *API) Update(stream, key string) error {
	a.store.Lock()
	defer a.store.Unlock()
	switch stream {
	case streamIssues:
		return a.updateIssue(key, IssueChange{})
	case streamMessages:
		return a.editMessage(a.parent(stream, key), key, MessageChange{})
	case streamThreads:
		return a.editThread(a.parent(stream, key), key, ThreadChange{})
	}
	_, err := a.updateObject(stream, key, nil)
	return err
}

// Delete deletes an object; of an issue also its children, and of a knowledge
// base its articles.
func (a *API) Delete(stream, key string) error {
	a.store.Lock()
	defer a.store.Unlock()
	return a.delete(stream, key)
}

func (a *API) delete(stream, key string) error {
	switch stream {
	case streamIssues:
		return a.deleteIssue(key)
	case streamMessages:
		return a.deleteMessage(a.parent(stream, key), key, "")
	case streamThreads:
		return a.deleteThread(a.parent(stream, key), key, "")
	}
	t, o, err := a.findObject("delete", stream, key)
	if err != nil {
		return err
	}
	if stream == streamBases {
		articles := a.tables[streamArticles]
		for _, article := range slices.Clone(articles.list) {
			if article.group == key {
				a.removeObject(articles, article)
			}
		}
	}
	a.removeObject(t, o)
	return nil
}

// Put makes an object of a small stream, or replaces it, with JSON that is served
// as it is: for objects that the real API never sends. Group is as the parent of
// Create. It fails for issues and their children.
func (a *API) Put(stream, group, key string, object []byte) error {
	a.store.Lock()
	defer a.store.Unlock()
	t, err := a.tableOf("put", stream)
	if err != nil {
		return err
	}
	ref := objectRef{stream, key}
	next := copyObject(t.byKey[key])
	if next == nil {
		next = a.newObject(t)
		next.key, next.group = key, group
		if id, ok := parseUUID(key); ok {
			next.id = id
		}
	} else {
		a.log.began(ref, group, a.objectRenderer(t, t.byKey[key]))
	}
	if last, known := a.log.known[ref]; known {
		next.rev = last + 1
	}
	next.data = slices.Clone(object)
	a.putObject(t, next)
	return nil
}

// copyObject returns a copy of an object, to become its next version.
func copyObject(o *object) *object {
	if o == nil {
		return nil
	}
	next := *o
	return &next
}

func (a *API) tableOf(operation, stream string) (*table, error) {
	t := a.tables[stream]
	if t == nil {
		return nil, fmt.Errorf("%s object of stream %q: %w", operation, stream, ErrNotFound)
	}
	return t, nil
}

func (a *API) findObject(operation, stream, key string) (*table, *object, error) {
	t, err := a.tableOf(operation, stream)
	if err != nil {
		return nil, nil, err
	}
	o := t.lookup(key)
	if o == nil {
		return nil, nil, fmt.Errorf("%s %s %q: %w", operation, stream, key, ErrNotFound)
	}
	return t, o, nil
}

// newObject makes the next object of a table, not yet put into it.
func (a *API) newObject(t *table) *object {
	now := a.Now().UnixMilli()
	o := &object{index: t.next, created: now, updated: now}
	t.next++
	t.name(a.gen, o)
	return o
}

func (a *API) createObject(stream, parent string, set members) (*object, error) {
	t, err := a.tableOf("create", stream)
	if err != nil {
		return nil, err
	}
	if stream == streamArticles && a.tables[streamBases].byKey[parent] == nil {
		return nil, fmt.Errorf("create article in knowledge base %q: %w", parent, ErrNotFound)
	}
	if stream == streamCustomFields && !slices.Contains(objectTypes, parent) {
		return nil, fmt.Errorf("create custom field for object type %q: %w", parent, ErrNotFound)
	}
	o := a.newObject(t)
	o.group = parent
	t.name(a.gen, o)
	if len(set) > 0 {
		if o.data, err = merge(t.appendObject(a.gen, nil, o), set); err != nil {
			return nil, fmt.Errorf("create %s: %w", stream, err)
		}
	}
	a.putObject(t, o)
	return o, nil
}

// updateObject makes a new version of an object: with the members, or marked
// with its revision where there are none.
func (a *API) updateObject(stream, key string, set members) (*object, error) {
	t, old, err := a.findObject("update", stream, key)
	if err != nil {
		return nil, err
	}
	now := a.Now()
	next := copyObject(old)
	next.rev++
	next.updated = now.UnixMilli()
	if old.data != nil || len(set) > 0 {
		all := members{}
		for k, v := range set {
			all[k] = v
		}
		if m := changedMember(stream); m != "" {
			all[m] = appendTime(nil, next.updated)
		}
		// A generated object is drawn anew, so that it shows what moved by itself.
		base := *next
		if base.data == nil {
			base.rev = old.rev
		}
		if next.data, err = merge(t.appendObject(a.gen, nil, &base), all); err != nil {
			return nil, fmt.Errorf("update %s %q: %w", stream, key, err)
		}
		if len(set) == 0 {
			if next.data, err = markRevision(next.data, labelMember(stream), next.rev); err != nil {
				return nil, fmt.Errorf("update %s %q: %w", stream, key, err)
			}
		}
	}
	a.log.began(objectRef{stream, old.key}, parentOf(t, old), a.objectRenderer(t, old))
	a.putObject(t, next)
	return next, nil
}

// merge sets members of a JSON object.
func merge(object []byte, set members) ([]byte, error) {
	all := members{}
	if err := json.Unmarshal(object, &all); err != nil {
		return nil, err
	}
	for k, v := range set {
		all[k] = v
	}
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
	all[member] = appendString(nil, label+" [r"+strconv.Itoa(rev)+"]")
	return json.Marshal(all)
}

func (a *API) objectRenderer(t *table, o *object) func() []byte {
	return func() []byte { return t.appendObject(a.gen, nil, o) }
}

// parentOf is the id of the object that o belongs to, "" for none.
func parentOf(t *table, o *object) string {
	if t.stream == streamArticles {
		return o.group
	}
	return ""
}

func (a *API) putObject(t *table, o *object) {
	t.put(o)
	a.log.add(objectRef{t.stream, o.key}, parentOf(t, o), o.rev, a.Now(), a.objectRenderer(t, o))
}

func (a *API) removeObject(t *table, o *object) {
	ref := objectRef{t.stream, o.key}
	a.log.began(ref, parentOf(t, o), a.objectRenderer(t, o))
	t.remove(o)
	a.log.add(ref, parentOf(t, o), o.rev+1, a.Now(), nil)
}

// parent finds the issue of a message or thread by the id alone.
func (a *API) parent(stream, key string) string {
	if t := a.tables[stream]; t != nil {
		if o := t.byKey[key]; o != nil {
			return parentOf(t, o)
		}
		return ""
	}
	id, ok := parseUUID(key)
	if !ok {
		return ""
	}
	k, index, ok := a.gen.ids.find(id)
	if !ok || k != kindMessage && k != kindThread {
		return ""
	}
	return a.gen.ids.id(kindIssue, index>>childBits).String()
}
