package lease

import (
	"context"
	"maps"
	"slices"
	"time"
)

// RetryTimeout is for how long the member's client sends a request again.
func (c Config) RetryTimeout(key int16) time.Duration { return c.retryTimeout(key) }

// Ready reports whether this replica is part of the group now, whether or not
// anything is assigned to it.
func (m *Member) Ready() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.state.in
}

// Partitions returns what is this replica's as far as it knows, sorted.
func (m *Member) Partitions() []int32 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Sorted(maps.Keys(m.state.held))
}

// GiveUp is what a member does that has not heard the coordinator for a session.
func (m *Member) GiveUp(ctx context.Context) { m.giveUp(ctx) }
