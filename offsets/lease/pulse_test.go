package lease_test

import (
	"context"
	"sync"
	"testing"
	"time"
)

// TestMember_takesBackWhatWasNotGivenAway gives up for a silence that the
// coordinator did not notice.
func TestMember_takesBackWhatWasNotGivenAway(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	a := s.joined(t, "a", 16)
	b := s.joined(t, "b", 8)
	b.GiveUp(t.Context())
	eventually(t, "b has it again", func() bool { return len(b.Partitions()) == 8 && b.Ready() && b.Err() == nil })
	if len(a.Partitions()) != 8 || s.count("a", "lost") > 0 || s.count("a", "assigned") != 1 {
		t.Errorf("a was disturbed: %v", s.all())
	}
	s.wantOneOwner(t)
}

// TestMember_silenceEndsRevoked gives up while streams stop that do not stop by
// themselves.
func TestMember_silenceEndsRevoked(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.config.RebalanceTimeout = time.Hour
	var once sync.Once
	s.stopIt = func(ctx context.Context, _ []int32) { once.Do(func() { <-ctx.Done() }) }
	a := s.joined(t, "a", 16)
	s.stopIt = nil
	b := s.join(t, "b")
	eventually(t, "a is asked to stop", func() bool { return s.count("a", "revoking") == 1 })
	a.GiveUp(t.Context())
	if s.count("a", "revoked") != 1 || s.count("a", "lost") != 1 {
		t.Errorf("a has not given up everything: %v", s.all())
	}
	eventually(t, "a and b share", func() bool { return len(a.Partitions()) == 8 && len(b.Partitions()) == 8 })
	s.wantOneOwner(t)
}
