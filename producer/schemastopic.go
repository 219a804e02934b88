package producer

import (
	"maps"
	"sync"

	"github.com/twmb/franz-go/pkg/kgo"
)

// schemasTopic is what the schemas topic holds as far as this process knows:
// schemas by their fingerprints in hex. Without a registry a reader finds them
// there. It is safe for concurrent use.
type schemasTopic struct {
	name string

	mu   sync.Mutex
	text map[string]string // in the topic
	lost map[string]string // gone with a topic that was deleted, to be published again
}

// add notes that the topic holds a schema.
func (t *schemasTopic) add(name, text string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text[name] = text
	delete(t.lost, name)
}

// holds reports whether the topic has a schema.
func (t *schemasTopic) holds(name string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	_, ok := t.text[name]
	return ok
}

// schema returns the text of a schema that the topic has or had, "" where it had
// none.
func (t *schemasTopic) schema(name string) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if text, ok := t.text[name]; ok {
		return text
	}
	return t.lost[name]
}

// lose notes that the topic is empty.
func (t *schemasTopic) lose() {
	t.mu.Lock()
	defer t.mu.Unlock()
	maps.Copy(t.lost, t.text)
	clear(t.text)
}

// take returns records of what is to be published again. They are the caller's,
// who gives back what it does not publish.
func (t *schemasTopic) take() []*kgo.Record {
	t.mu.Lock()
	defer t.mu.Unlock()
	var records []*kgo.Record
	for name, text := range t.lost {
		records = append(records, t.record(name, text))
		t.text[name] = text // meanwhile
	}
	clear(t.lost)
	return records
}

// giveBack notes that records are not in the topic after all.
func (t *schemasTopic) giveBack(records []*kgo.Record) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, rec := range records {
		name := string(rec.Key)
		t.lost[name] = string(rec.Value)
		delete(t.text, name)
	}
}

// record makes a schema known.
func (t *schemasTopic) record(name, text string) *kgo.Record {
	return &kgo.Record{Topic: t.name, Key: []byte(name), Value: []byte(text)}
}
