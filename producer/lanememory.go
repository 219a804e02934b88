package producer

import (
	"slices"
	"sync"
	"time"
)

// laneMemory is what the lanes of a stream remember of the issues that Pylon served
// last, over all sessions. It is safe for concurrent use; its zero value is ready.
type laneMemory struct {
	mu     sync.Mutex
	served []string // issues whose children could be read, the last one first
	at     time.Time
}

// mostServed is how many issues are remembered.
const mostServed = 24

func (m *laneMemory) noteServed(issue string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.at = time.Now()
	if i := slices.Index(m.served, issue); i >= 0 {
		m.served = slices.Delete(m.served, i, i+1)
	}
	m.served = slices.Insert(m.served, 0, issue)
	m.served = m.served[:min(len(m.served), mostServed)]
}

// servedSince reports whether some children could be read after a moment.
func (m *laneMemory) servedSince(moment time.Time) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.at.After(moment)
}

// lastServed returns the issues that were served last, the last one first.
func (m *laneMemory) lastServed() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.served)
}
