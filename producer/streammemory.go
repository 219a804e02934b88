package producer

import (
	"log/slog"
	"sync"

	"pylon-kafka/avro"
	"pylon-kafka/extract"
)

// streamMemory is what is remembered of a stream for as long as the process
// lives, over all its sessions. It is safe for concurrent use.
type streamMemory struct {
	mu        sync.Mutex
	tooLarge  map[objectID]oversize // what the topic refused for its size
	letters   map[uint64]struct{}   // content that is in the dead-letter topic
	lettersID string                // of the dead-letter topic that has them
	bare      map[uint64]struct{}   // content that the dead-letter topic refused for its size
	unmapped  map[string]struct{}   // paths logged
	noIndex   bool                  // the index topic takes no records
	halved    int                   // how often the timeout of transactions was, until Kafka took it
}

// oversize is a record that its topic does not take.
type oversize struct {
	hash uint64 // of its content
	size int    // uncompressed
}

func newStreamMemory() *streamMemory {
	return &streamMemory{
		tooLarge: make(map[objectID]oversize), letters: make(map[uint64]struct{}),
		bare: make(map[uint64]struct{}), unmapped: make(map[string]struct{}),
	}
}

// refused notes that the topic does not take a record of an object.
func (m *streamMemory) refused(id objectID, o oversize) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.tooLarge[id] = o
}

// oversized returns the size of the object's record if the topic does not take
// this content.
func (m *streamMemory) oversized(id objectID, hash uint64) (size int, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	o, ok := m.tooLarge[id]
	return o.size, ok && o.hash == hash
}

// raised forgets what a topic that now takes maxBytes may take, so that it is
// published when it is read again, and returns the objects.
func (m *streamMemory) raised(maxBytes int) []objectID {
	m.mu.Lock()
	defer m.mu.Unlock()
	var fit []objectID
	for id, o := range m.tooLarge {
		if o.size <= maxBytes {
			fit = append(fit, id)
			delete(m.letters, o.hash) // should it not fit after all
			delete(m.tooLarge, id)
		}
	}
	return fit
}

func (m *streamMemory) hasLetter(content uint64) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, ok := m.letters[content]
	return ok
}

func (m *streamMemory) noteLetters(contents []uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, c := range contents {
		m.letters[c] = struct{}{}
	}
}

// noteBare has a dead letter go without its raw JSON, and reports false if it does.
func (m *streamMemory) noteBare(content uint64) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, before := m.bare[content]
	m.bare[content] = struct{}{}
	return !before
}

func (m *streamMemory) isBare(content uint64) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, ok := m.bare[content]
	return ok
}

// lettersIn notes the id of the dead-letter topic: a topic that was made anew has
// none of the letters of the one before.
func (m *streamMemory) lettersIn(id string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.lettersID != "" && m.lettersID != id {
		clear(m.letters)
	}
	m.lettersID = id
}

func (m *streamMemory) indexRefused() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.noIndex
}

func (m *streamMemory) refuseIndex() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.noIndex = true
}

// noteUnmapped logs each place of the schema once, and returns how many fields
// travel in unmapped.
func (m *streamMemory) noteUnmapped(log *slog.Logger, codec *avro.Codec, r *extract.Record, pointers []string) int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	const most = 1000 // members that the schema does not know may have any name
	for _, p := range pointers {
		path := codec.Path(p)
		if _, ok := m.unmapped[path]; ok || len(m.unmapped) == most {
			continue
		}
		m.unmapped[path] = struct{}{}
		log.Warn("a field that the schema does not know or that does not fit it travels in unmapped",
			"path", path, "key", r.Key, "request_id", r.RequestID)
	}
	return int64(len(pointers))
}
