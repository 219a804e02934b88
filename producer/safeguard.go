package producer

import (
	"fmt"
	"sync"
)

// safeguard keeps a complete read that lacks most of what consumers have from
// being believed at once: a token that lost a permission, or a filter that Pylon
// misreads, looks just like deletions. It outlives the sessions of its stream
// and is safe for concurrent use.
type safeguard struct {
	stream string
	share  float64 // TOMBSTONES_MAX_SHARE

	mu      sync.Mutex
	doubted map[string]bool  // what was not believed once and is read once more
	tallies map[string]tally // of what is read in pieces
	since   map[string]tally // likewise, only what was read since it was doubted
}

// tally is how many known objects were looked for, and how many were missing.
type tally struct{ known, missing int }

func (t tally) plus(other tally) tally {
	return tally{t.known + other.known, t.missing + other.missing}
}

// enoughKnown is how many objects must be known for a share of them to mean something.
const enoughKnown = 20

func newSafeguard(stream string, share float64) *safeguard {
	return &safeguard{stream: stream, share: share, doubted: make(map[string]bool), tallies: make(map[string]tally), since: make(map[string]tally)}
}

func (s *safeguard) tooMany(t tally) bool {
	return t.known >= enoughKnown && float64(t.missing) > s.share*float64(t.known)
}

// whole judges a complete read of what: of t.known objects it lacks t.missing.
// It returns nil if that is to be believed. The first time it is not, the error
// makes the stream read once more; if that says the same, the stream is down.
func (s *safeguard) whole(what string, t tally) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.judge(what, t, t)
}

// piece judges one piece of what the lanes read, by itself and together with those
// that [safeguard.took] has noted before it.
func (s *safeguard) piece(t tally) error {
	const what = lanesTally
	s.mu.Lock()
	defer s.mu.Unlock()
	since := s.since[what].plus(t)
	switch {
	case t.missing == 0:
		return s.judge(what, t, since) // it deletes nothing, whatever was read before it
	case s.tooMany(t):
		return s.judge(what, t, since)
	default:
		return s.judge(what, s.tallies[what].plus(t), since)
	}
}

// doubts reports whether [safeguard.piece] would not believe a piece.
func (s *safeguard) doubts(t tally) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return t.missing > 0 && (s.tooMany(t) || s.tooMany(s.tallies[lanesTally].plus(t)))
}

// lackedLately reports whether what was published lately lacked too many, what was
// believed of single issues included.
func (s *safeguard) lackedLately() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.tooMany(s.tallies[lanesAll])
}

// took adds a piece that was published to those before it. Those of long ago do
// not count: a token can lose a permission any day.
func (s *safeguard) took(what string, t tally) {
	const memory = 2 * enoughKnown
	s.mu.Lock()
	defer s.mu.Unlock()
	sum := s.tallies[what].plus(t)
	for sum.known > memory {
		sum.known, sum.missing = sum.known/2, sum.missing/2
	}
	s.tallies[what] = sum
	if s.doubted[what] {
		s.since[what] = s.since[what].plus(t)
	}
}

// judge judges t. A doubt is over once what was read since it is enough, and says
// otherwise: what was read before it, and a piece of nothing, tell nothing.
func (s *safeguard) judge(what string, t, since tally) error {
	if !s.tooMany(t) {
		if since.known >= enoughKnown && !s.tooMany(since) {
			delete(s.doubted, what)
			delete(s.since, what)
		}
		return nil
	}
	err := fmt.Errorf("%s: %s lacks %d of %d objects that the topic holds, a larger share than TOMBSTONES_MAX_SHARE (%v): "+
		"a token that lost a permission looks like this, so no tombstone is published; "+
		"if they are deleted indeed, set TOMBSTONES_MAX_SHARE=1 until they are gone", s.stream, what, t.missing, t.known, s.share)
	if s.doubted[what] {
		return refusedError{err}
	}
	s.doubted[what] = true
	delete(s.since, what)
	return againError{fmt.Errorf("read once more: %w", err)}
}
