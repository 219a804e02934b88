package extracttest

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"time"
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

// childrenOf returns the children of an issue that exists, to be changed. The
// caller holds the lock.
func (a *API) childrenOf(is *issue) *children {
	r := a.record(is)
	if r.children == nil {
		c := &children{messages: a.gen.generatedMessages(is), threads: a.gen.generatedThreads(is)}
		c.nextMessage, c.nextThread = len(c.messages), len(c.threads)
		r.children = c
	}
	return r.children
}

// touch does to an issue what the change of a child does.
func (a *API) touch(is *issue, touch Touch, message int64) {
	moves := orElse(touch, a.opts.MessageTouch) == TouchIssue
	if !moves && message == 0 {
		return
	}
	a.changeIssue(is, func(v *issue, _ *issueEdit, now time.Time) {
		v.latest = max(v.latest, message)
		if moves {
			v.updated = now.UnixMilli()
		}
	})
}

func (a *API) logMessage(is *issue, m *message, at time.Time) {
	a.log.add(objectRef{streamMessages, m.id.String()}, is.id.String(), m.rev, at, a.messageRenderer(is, m))
}

func (a *API) messageRenderer(is *issue, m *message) func() []byte {
	index, version := is.index, *m
	return func() []byte { return a.gen.appendMessage(nil, index, &version) }
}

func (a *API) dropMessage(is *issue, m *message, at time.Time) {
	ref := objectRef{streamMessages, m.id.String()}
	a.log.began(ref, is.id.String(), a.messageRenderer(is, m))
	a.log.add(ref, is.id.String(), m.rev+1, at, nil)
}

// AddMessage adds a message to an issue, named by id or number, and returns the
// message's id. It always moves the issue's latest_message_time.
func (a *API) AddMessage(issueID string, c MessageChange) (string, error) {
	a.store.Lock()
	defer a.store.Unlock()
	return a.addMessage(issueID, c)
}

func (a *API) addMessage(issueID string, c MessageChange) (string, error) {
	is := a.resolveIssue(issueID)
	if is == nil {
		return "", fmt.Errorf("add message to issue %q: %w", issueID, ErrNotFound)
	}
	kids := a.childrenOf(is)
	place := kids.nextMessage
	kids.nextMessage++
	now := a.Now()
	m := message{
		place: place, id: a.gen.ids.id(kindMessage, childIndex(is.index, place)), at: now.UnixMilli(),
		html: c.HTML, threadID: c.ThreadID, private: c.Private,
	}
	if m.html == "" {
		m.html = "<p>Message " + strconv.Itoa(place) + "</p>"
	}
	kids.messages = append(kids.messages, m)
	slices.SortStableFunc(kids.messages, func(x, y message) int { return cmp.Compare(x.at, y.at) })
	a.logMessage(is, &m, now)
	a.touch(is, c.Touch, m.at)
	return m.id.String(), nil
}

// findMessage returns the issue of a message and the place in its list.
func (a *API) findMessage(issueID, messageID string) (*issue, *children, int, error) {
	if is := a.resolveIssue(issueID); is != nil {
		id, _ := parseUUID(messageID)
		if i := slices.IndexFunc(a.messagesOf(is), func(m message) bool { return m.id == id }); i >= 0 {
			return is, a.childrenOf(is), i, nil
		}
	}
	return nil, nil, 0, fmt.Errorf("message %q of issue %q: %w", messageID, issueID, ErrNotFound)
}

// EditMessage changes the text of a message.
func (a *API) EditMessage(issueID, messageID string, c MessageChange) error {
	a.store.Lock()
	defer a.store.Unlock()
	return a.editMessage(issueID, messageID, c)
}

func (a *API) editMessage(issueID, messageID string, c MessageChange) error {
	is, kids, i, err := a.findMessage(issueID, messageID)
	if err != nil {
		return err
	}
	m := &kids.messages[i]
	a.log.began(objectRef{streamMessages, m.id.String()}, is.id.String(), a.messageRenderer(is, m))
	m.rev++
	if m.html = c.HTML; m.html == "" {
		m.html = "<p>Edited [r" + strconv.Itoa(m.rev) + "]</p>"
	}
	a.logMessage(is, m, a.Now())
	a.touch(is, c.Touch, 0)
	return nil
}

// DeleteMessage deletes a message. The issue's latest_message_time stays.
func (a *API) DeleteMessage(issueID, messageID string, touch Touch) error {
	a.store.Lock()
	defer a.store.Unlock()
	return a.deleteMessage(issueID, messageID, touch)
}

func (a *API) deleteMessage(issueID, messageID string, touch Touch) error {
	is, kids, i, err := a.findMessage(issueID, messageID)
	if err != nil {
		return err
	}
	a.dropMessage(is, &kids.messages[i], a.Now())
	kids.messages = slices.Delete(kids.messages, i, i+1)
	a.touch(is, touch, 0)
	return nil
}

func (a *API) logThread(is *issue, t *thread, at time.Time) {
	a.log.add(objectRef{streamThreads, t.id.String()}, is.id.String(), t.rev, at, a.threadRenderer(is, t))
}

func (a *API) threadRenderer(is *issue, t *thread) func() []byte {
	index, version := is.index, *t
	return func() []byte { return a.gen.appendThread(nil, index, &version) }
}

func (a *API) dropThread(is *issue, t *thread, at time.Time) {
	ref := objectRef{streamThreads, t.id.String()}
	a.log.began(ref, is.id.String(), a.threadRenderer(is, t))
	a.log.add(ref, is.id.String(), t.rev+1, at, nil)
}

// AddThread adds an internal thread to an issue and returns the thread's id.
func (a *API) AddThread(issueID string, c ThreadChange) (string, error) {
	a.store.Lock()
	defer a.store.Unlock()
	return a.addThread(issueID, c)
}

func (a *API) addThread(issueID string, c ThreadChange) (string, error) {
	is := a.resolveIssue(issueID)
	if is == nil {
		return "", fmt.Errorf("add thread to issue %q: %w", issueID, ErrNotFound)
	}
	kids := a.childrenOf(is)
	place := kids.nextThread
	kids.nextThread++
	t := thread{place: place, id: a.gen.ids.id(kindThread, childIndex(is.index, place)), name: c.Name}
	kids.threads = append(kids.threads, t)
	a.logThread(is, &t, a.Now())
	a.touch(is, c.Touch, 0)
	return t.id.String(), nil
}

func (a *API) findThread(issueID, threadID string) (*issue, *children, int, error) {
	if is := a.resolveIssue(issueID); is != nil {
		id, _ := parseUUID(threadID)
		if i := slices.IndexFunc(a.threadsOf(is), func(t thread) bool { return t.id == id }); i >= 0 {
			return is, a.childrenOf(is), i, nil
		}
	}
	return nil, nil, 0, fmt.Errorf("thread %q of issue %q: %w", threadID, issueID, ErrNotFound)
}

// EditThread renames a thread.
func (a *API) EditThread(issueID, threadID string, c ThreadChange) error {
	a.store.Lock()
	defer a.store.Unlock()
	return a.editThread(issueID, threadID, c)
}

func (a *API) editThread(issueID, threadID string, c ThreadChange) error {
	is, kids, i, err := a.findThread(issueID, threadID)
	if err != nil {
		return err
	}
	t := &kids.threads[i]
	a.log.began(objectRef{streamThreads, t.id.String()}, is.id.String(), a.threadRenderer(is, t))
	t.rev++
	if t.name = c.Name; t.name == "" {
		t.name = "Renamed [r" + strconv.Itoa(t.rev) + "]"
	}
	a.logThread(is, t, a.Now())
	a.touch(is, c.Touch, 0)
	return nil
}

// DeleteThread deletes a thread.
func (a *API) DeleteThread(issueID, threadID string, touch Touch) error {
	a.store.Lock()
	defer a.store.Unlock()
	return a.deleteThread(issueID, threadID, touch)
}

func (a *API) deleteThread(issueID, threadID string, touch Touch) error {
	is, kids, i, err := a.findThread(issueID, threadID)
	if err != nil {
		return err
	}
	a.dropThread(is, &kids.threads[i], a.Now())
	kids.threads = slices.Delete(kids.threads, i, i+1)
	a.touch(is, touch, 0)
	return nil
}
