package producer

import (
	"sync"
	"time"

	"pylon-kafka/extract"
)

// issueMemory is what the two ways to read issues must know of one another. The
// list that reconcile reads is fresh; the index that the poll searches may lag
// behind it. It is safe for concurrent use.
type issueMemory struct {
	mu        sync.Mutex
	unsettled time.Duration        // how long the index may still show an issue as it was
	polled    map[string]time.Time // issues that a poll published lately
	deleted   map[string]time.Time // issues that lately got a tombstone, which the search may still show
	forgot    time.Time            // when old entries of polled were dropped
}

func newIssueMemory(unsettled time.Duration) *issueMemory {
	return &issueMemory{unsettled: unsettled, polled: make(map[string]time.Time), deleted: make(map[string]time.Time)}
}

// noteDeleted notes a tombstone of that time.
func (m *issueMemory) noteDeleted(key string, at time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if time.Since(at) < m.unsettled {
		m.deleted[key] = at
	}
}

// notePolled notes that a poll has published an issue now.
func (m *issueMemory) notePolled(key string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.polled[key] = time.Now()
	const enough, age = 4096, time.Hour
	if len(m.polled) < enough || time.Since(m.forgot) < time.Minute {
		return
	}
	m.forgot = time.Now()
	for k, at := range m.polled { // no page of reconcile is read for so long
		if m.forgot.Sub(at) > age {
			delete(m.polled, k)
		}
	}
}

// polledSince reports whether a poll published the issue at or after a moment.
func (m *issueMemory) polledSince(key string, at time.Time) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	polled, ok := m.polled[key]
	return ok && !polled.Before(at)
}

// isDeleted reports whether the issue got a tombstone lately.
func (m *issueMemory) isDeleted(key string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, ok := m.deleted[key]
	return ok
}

// doubtful returns those records' keys that got a tombstone lately, and forgets
// tombstones of long ago.
func (m *issueMemory) doubtful(records []extract.Record) []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	for key, at := range m.deleted {
		if time.Since(at) > m.unsettled {
			delete(m.deleted, key)
		}
	}
	if len(m.deleted) == 0 {
		return nil
	}
	var keys []string
	for i := range records {
		if _, ok := m.deleted[records[i].Key]; ok {
			keys = append(keys, records[i].Key)
		}
	}
	return keys
}

// revive forgets a tombstone: the issue exists after all.
func (m *issueMemory) revive(key string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.deleted, key)
}
