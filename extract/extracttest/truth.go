package extracttest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
)

// Objects yields every object of a stream that exists now: the key under which
// pylon-kafka publishes it (id, slug, or object_type:id of a custom field), and
// its JSON as the API would send it now, without what the connector adds. The
// JSON belongs to the caller. Signatures of URLs and counters of time differ from
// what an answer showed: compare what Normalize makes of both. Objects may be
// changed while Objects runs; each is then seen before or after.
func (a *API) Objects(stream string) iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		if t := a.tables[stream]; t != nil {
			a.store.RLock()
			list := slices.Clone(t.list)
			a.store.RUnlock()
			for _, o := range list {
				if !yield(o.key, t.appendObject(a.gen, nil, o)) {
					return
				}
			}
			return
		}
		for index := 0; ; index++ {
			found, done := a.issueObjects(stream, index)
			if done {
				return
			}
			for _, o := range found {
				if !yield(o.key, o.json) {
					return
				}
			}
		}
	}
}

type keyedJSON struct {
	key  string
	json []byte
}

// issueObjects returns what one issue has for a stream: itself or its children.
func (a *API) issueObjects(stream string, index int) (found []keyedJSON, done bool) {
	a.store.RLock()
	defer a.store.RUnlock()
	if index >= a.issues.next {
		return nil, true
	}
	is := a.findIssue(index)
	if is == nil {
		return nil, false
	}
	switch stream {
	case streamIssues:
		found = append(found, keyedJSON{is.id.String(), a.gen.appendIssue(nil, is, a.Now().UnixMilli())})
	case streamMessages:
		for _, m := range a.messagesOf(is) {
			found = append(found, keyedJSON{m.id.String(), a.gen.appendMessage(nil, index, &m)})
		}
	case streamThreads:
		for _, t := range a.threadsOf(is) {
			found = append(found, keyedJSON{t.id.String(), a.gen.appendThread(nil, index, &t)})
		}
	default:
		return nil, true
	}
	return found, false
}

// Object returns the JSON of one object as Objects does, false if it does not
// exist.
func (a *API) Object(stream, key string) ([]byte, bool) {
	a.store.RLock()
	defer a.store.RUnlock()
	switch stream {
	case streamIssues:
		if is := a.resolveIssue(key); is != nil {
			return a.gen.appendIssue(nil, is, a.Now().UnixMilli()), true
		}
	case streamMessages:
		if is := a.resolveIssue(a.parent(stream, key)); is != nil {
			for _, m := range a.messagesOf(is) {
				if m.id.String() == key {
					return a.gen.appendMessage(nil, is.index, &m), true
				}
			}
		}
	case streamThreads:
		if is := a.resolveIssue(a.parent(stream, key)); is != nil {
			for _, t := range a.threadsOf(is) {
				if t.id.String() == key {
					return a.gen.appendThread(nil, is.index, &t), true
				}
			}
		}
	default:
		if t := a.tables[stream]; t != nil && t.byKey[key] != nil {
			return t.appendObject(a.gen, nil, t.byKey[key]), true
		}
	}
	return nil, false
}

// Count is the number of objects of a stream that exist now. For messages and
// threads it goes through all issues.
func (a *API) Count(stream string) int {
	a.store.RLock()
	defer a.store.RUnlock()
	if t := a.tables[stream]; t != nil {
		return len(t.list)
	}
	if stream == streamIssues {
		return a.issues.next - a.issues.deleted
	}
	n := 0
	for index := range a.issues.next {
		r := a.issues.records[index]
		is := issue{index: index}
		switch {
		case r == nil:
			a.gen.issueTimes(&is)
		case r.current().deleted:
			continue
		default:
			is = *r.current()
		}
		switch changed := r != nil && r.children != nil; {
		case stream == streamMessages && changed:
			n += len(r.children.messages)
		case stream == streamMessages:
			n += a.gen.messageCount(&is)
		case stream == streamThreads && changed:
			n += len(r.children.threads)
		case stream == streamThreads:
			n += a.gen.threadCount(&is)
		}
	}
	return n
}

// Parent returns the id of the issue of a message or thread, which the id tells
// even when it is gone, and of the knowledge base of an article that exists; ""
// for objects without a parent.
func (a *API) Parent(stream, key string) string {
	a.store.RLock()
	defer a.store.RUnlock()
	return a.parent(stream, key)
}

// IssueID is the id of issue index, from 0: first the generated ones, oldest
// first, then those that were created. Issue 0 has every property there is. Its
// number is index + 1.
func (a *API) IssueID(index int) string { return a.gen.ids.id(kindIssue, index).String() }

// Children returns the keys of the messages or threads of an issue.
func (a *API) Children(stream, issueID string) []string {
	a.store.RLock()
	defer a.store.RUnlock()
	is := a.resolveIssue(issueID)
	if is == nil {
		return nil
	}
	var keys []string
	if stream == streamMessages {
		for _, m := range a.messagesOf(is) {
			keys = append(keys, m.id.String())
		}
	}
	if stream == streamThreads {
		for _, t := range a.threadsOf(is) {
			keys = append(keys, t.id.String())
		}
	}
	return keys
}

// clocks are the members of an issue that change while nobody changes it.
var clocks = []string{
	"time_in_status_seconds", "business_hours_time_in_status_seconds",
	"active_time_seconds", "business_hours_active_time_seconds", "active_time_by_user",
}

// Normalize returns the JSON of an object in a form in which two of the same
// version are equal byte by byte: members sorted, without those that are null,
// without the clocks of issues, without the query of signed URLs, and without the
// parent's id that the connector adds to messages and articles. Numbers keep
// their digits.
func Normalize(stream string, object []byte) ([]byte, error) {
	d := json.NewDecoder(bytes.NewReader(object))
	d.UseNumber()
	var value any
	if err := d.Decode(&value); err != nil {
		return nil, fmt.Errorf("normalize object of %s: %w", stream, err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("normalize object of %s: more than one value", stream)
	}
	if all, ok := value.(map[string]any); ok {
		switch stream {
		case streamIssues:
			for _, member := range clocks {
				delete(all, member)
			}
		case streamMessages:
			delete(all, "issue_id")
		case streamArticles:
			delete(all, "knowledge_base_id")
		}
	}
	return json.Marshal(normalize(value))
}

func normalize(value any) any {
	switch v := value.(type) {
	case map[string]any:
		for k, member := range v {
			if member == nil {
				delete(v, k)
				continue
			}
			v[k] = normalize(member)
		}
	case []any:
		for i := range v {
			v[i] = normalize(v[i])
		}
	case string:
		if url, _, found := strings.Cut(v, signedExpires); found && strings.HasPrefix(url, "https://") {
			return url
		}
	}
	return value
}
