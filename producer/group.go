package producer

import "sync"

// groupState says whether the group of the replicas is joined.
type groupState struct {
	mu     sync.Mutex
	joined bool
}

func (g *groupState) isJoined() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.joined
}

func (g *groupState) join() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.joined = true
}
