package extracttest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"regexp"
)

// Objects yields every object of a stream that exists now: the key under which
// pylon-kafka publishes it (id, slug, or object_type:id of a custom field), and
// its JSON as the API would send it now, without what the connector adds. The
// JSON belongs to the caller. Signatures of URLs and counters of time differ from
// what an answer showed: compare what Normalize makes of both. Objects may be
// changed while Objects runs; each is then seen before or after.
func (w *workspace) Objects(stream string) iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		c := w.streams[stream]
		if c == nil {
			return
		}
		w.store.RLock()
		next := c.walk()
		w.store.RUnlock()
		for {
			w.store.RLock()
			found, more := next()
			w.store.RUnlock()
			if !more {
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

// Object returns the JSON of one object as Objects does, false if it does not
// exist.
func (w *workspace) Object(stream, key string) ([]byte, bool) {
	w.store.RLock()
	defer w.store.RUnlock()
	if c := w.streams[stream]; c != nil {
		return c.find(key)
	}
	return nil, false
}

// Count is the number of objects of a stream that exist now. For messages and
// threads it goes through all issues.
func (w *workspace) Count(stream string) int {
	w.store.RLock()
	defer w.store.RUnlock()
	if c := w.streams[stream]; c != nil {
		return c.count()
	}
	return 0
}

// Parent returns the id of the issue of a message or thread, which the id tells
// even when it is deleted, and of the knowledge base of an article that exists; ""
// for objects without a parent.
func (w *workspace) Parent(stream, key string) string {
	w.store.RLock()
	defer w.store.RUnlock()
	if c := w.streams[stream]; c != nil {
		return c.parent(key)
	}
	return ""
}

// IssueID is the id of issue index, from 0: first the generated ones, oldest
// first, then those that were created. Issue 0 has every property there is. Its
// number is index + 1.
func (w *workspace) IssueID(index int) string { return w.gen.ids.id(kindIssue, index).String() }

// Children returns the keys of the messages or threads of an issue.
func (w *workspace) Children(stream, issueID string) []string {
	w.store.RLock()
	defer w.store.RUnlock()
	is := w.resolveIssue(issueID)
	c, ok := w.streams[stream].(childCollection)
	if is == nil || !ok {
		return nil
	}
	var keys []string
	for _, k := range w.childrenOf(c.s, is) {
		keys = append(keys, k.id.String())
	}
	return keys
}

// ignored are members that say nothing about the version of an object: what
// changes while nobody changes an issue, and what the connector adds.
var ignored = map[string][]string{
	streamIssues: {
		"time_in_status_seconds", "business_hours_time_in_status_seconds",
		"active_time_seconds", "business_hours_active_time_seconds", "active_time_by_user",
	},
	streamMessages: {"issue_id"},
	streamArticles: {"knowledge_base_id"},
}

// signedQuery is the query of a signed URL, in HTML too.
var signedQuery = regexp.MustCompile(`\?Expires=[^"'<>\s]*`)

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
		for _, member := range ignored[stream] {
			delete(all, member)
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
		return signedQuery.ReplaceAllString(v, "")
	}
	return value
}
