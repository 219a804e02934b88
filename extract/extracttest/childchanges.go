package extracttest

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
)

// MessageChange says what a message is to hold.
type MessageChange struct {
	HTML     string // empty: a text that names the revision
	Private  bool   // an internal note; of a new message only
	ThreadID string // likewise
	Touch    Touch  // what it does to the issue; empty is Options.MessageTouch
}

// ThreadChange says what a thread is to hold.
type ThreadChange struct {
	Name  string // empty: a text that names the revision
	Touch Touch  // what it does to the issue; empty is Options.MessageTouch
}

// childrenOf returns the children of an issue that exists; not to be changed.
func (w *workspace) childrenOf(s *childSpec, is *issue) []child {
	if r := w.issues.records[is.index]; r != nil && r.children[s] != nil {
		return r.children[s].list
	}
	return s.generated(w.gen, is)
}

// ownChildren returns the children of an issue that exists, to be changed. The
// caller holds the lock.
func (w *workspace) ownChildren(s *childSpec, is *issue) *childList {
	r := w.record(is)
	if r.children[s] == nil {
		list := s.generated(w.gen, is)
		r.setChildren(s, &childList{list: list, next: len(list)})
	}
	return r.children[s]
}

// touch does to an issue what the change of a child does. A new message was
// written at a time, in milliseconds; of other changes that is 0.
func (w *workspace) touch(is *issue, touch Touch, message int64) {
	moves := orElse(touch, w.opts.MessageTouch) == TouchIssue
	if !moves && message == 0 {
		return
	}
	w.changeIssue(is, w.lag(), func(v *issue, _ *issueEdit) {
		v.latest = max(v.latest, message)
		if moves {
			v.updated = w.Now().UnixMilli()
		}
	})
}

func (s *childSpec) ref(c *child) objectRef { return objectRef{s.stream, c.id.String()} }

func (w *workspace) childRenderer(s *childSpec, is *issue, c *child) func() []byte {
	index, version := is.index, *c
	return func() []byte { return appendJSON(nil, s.render(w.gen, index, &version)) }
}

func (w *workspace) logChild(s *childSpec, is *issue, c *child) {
	w.log.add(s.ref(c), is.id.String(), c.rev, w.Now(), w.childRenderer(s, is, c))
}

// logOldChild logs what a child was at the start, before its first change.
func (w *workspace) logOldChild(s *childSpec, is *issue, c *child) {
	w.log.began(s.ref(c), is.id.String(), w.childRenderer(s, is, c))
}

func (w *workspace) dropChild(s *childSpec, is *issue, c *child) {
	w.logOldChild(s, is, c)
	w.log.add(s.ref(c), is.id.String(), c.rev+1, w.Now(), nil)
}

// addChild adds a child to an issue, named by id or number, and returns its key.
func (w *workspace) addChild(s *childSpec, issueID string, c child, touch Touch) (string, error) {
	is := w.resolveIssue(issueID)
	if is == nil {
		return "", fmt.Errorf("add to %s of issue %q: %w", s.stream, issueID, ErrNotFound)
	}
	kids := w.ownChildren(s, is)
	c.place = kids.next
	kids.next++
	c.id = w.gen.ids.id(s.kind, childIndex(is.index, c.place))
	kids.list = append(kids.list, c)
	slices.SortStableFunc(kids.list, func(x, y child) int { return cmp.Compare(x.at, y.at) })
	w.logChild(s, is, &c)
	w.touch(is, touch, c.at)
	return c.id.String(), nil
}

// findChild returns the issue of a child, to be changed, and its place in the list.
func (w *workspace) findChild(s *childSpec, issueID, key string) (*issue, *childList, int, error) {
	if is := w.resolveIssue(issueID); is != nil {
		id, _ := parseUUID(key)
		if i := slices.IndexFunc(w.childrenOf(s, is), func(c child) bool { return c.id == id }); i >= 0 {
			return is, w.ownChildren(s, is), i, nil
		}
	}
	return nil, nil, 0, fmt.Errorf("%q in %s of issue %q: %w", key, s.stream, issueID, ErrNotFound)
}

// editChild changes the text of a child; an empty one names the revision.
func (w *workspace) editChild(s *childSpec, issueID, key, text string, touch Touch) error {
	is, kids, i, err := w.findChild(s, issueID, key)
	if err != nil {
		return err
	}
	c := &kids.list[i]
	w.logOldChild(s, is, c)
	c.rev++
	if c.text = text; text == "" {
		c.text = s.edited + " [r" + strconv.Itoa(c.rev) + "]" + s.closing
	}
	w.logChild(s, is, c)
	w.touch(is, touch, 0)
	return nil
}

func (w *workspace) deleteChild(s *childSpec, issueID, key string, touch Touch) error {
	is, kids, i, err := w.findChild(s, issueID, key)
	if err != nil {
		return err
	}
	w.dropChild(s, is, &kids.list[i])
	kids.list = slices.Delete(kids.list, i, i+1)
	w.touch(is, touch, 0)
	return nil
}

func (w *workspace) addMessage(issueID string, c MessageChange) (string, error) {
	return w.addChild(messages, issueID, child{
		at: w.Now().UnixMilli(), text: orElse(c.HTML, "<p>A new message</p>"), threadID: c.ThreadID, private: c.Private,
	}, c.Touch)
}

// AddMessage adds a message to an issue, named by id or number, and returns the
// message's id. It always moves the issue's latest_message_time.
func (w *workspace) AddMessage(issueID string, c MessageChange) (string, error) {
	w.store.Lock()
	defer w.store.Unlock()
	return w.addMessage(issueID, c)
}

// EditMessage changes the text of a message.
func (w *workspace) EditMessage(issueID, messageID string, c MessageChange) error {
	w.store.Lock()
	defer w.store.Unlock()
	return w.editChild(messages, issueID, messageID, c.HTML, c.Touch)
}

// DeleteMessage deletes a message. The issue's latest_message_time stays.
func (w *workspace) DeleteMessage(issueID, messageID string, touch Touch) error {
	w.store.Lock()
	defer w.store.Unlock()
	return w.deleteChild(messages, issueID, messageID, touch)
}

// AddThread adds an internal thread to an issue and returns the thread's id.
func (w *workspace) AddThread(issueID string, c ThreadChange) (string, error) {
	w.store.Lock()
	defer w.store.Unlock()
	return w.addChild(threads, issueID, child{text: c.Name}, c.Touch)
}

// EditThread renames a thread.
func (w *workspace) EditThread(issueID, threadID string, c ThreadChange) error {
	w.store.Lock()
	defer w.store.Unlock()
	return w.editChild(threads, issueID, threadID, c.Name, c.Touch)
}

// DeleteThread deletes a thread.
func (w *workspace) DeleteThread(issueID, threadID string, touch Touch) error {
	w.store.Lock()
	defer w.store.Unlock()
	return w.deleteChild(threads, issueID, threadID, touch)
}
