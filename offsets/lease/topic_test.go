package lease_test

import (
	"strings"
	"testing"
	"time"
)

// TestMember_failsWhenItsTopicIsDeleted deletes the offsets topic under a member,
// and once makes it anew.
func TestMember_failsWhenItsTopicIsDeleted(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		anew bool
		want string
	}{
		"deleted":               {want: "topic pylon.offsets was deleted while"},
		"deleted and made anew": {true, "topic pylon.offsets was deleted and made anew"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t)
			a := s.joined(t, "a", 16)
			s.joined(t, "b", 8) // by now a has looked at its topic
			_, err := s.adm.DeleteTopics(t.Context(), topic)
			must(t, err)
			if c.anew {
				_, err := s.adm.CreateTopic(t.Context(), 4, 1, nil, topic)
				must(t, err)
			}
			select {
			case <-a.Failed():
			case <-time.After(patience):
				t.Fatalf("a has not noticed: %v", a.Err())
			}
			if err := a.Err(); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v", err)
			}
			if a.Ready() {
				t.Error("a is ready")
			}
			eventually(t, "a gives back what it has", func() bool { return len(a.Partitions()) == 0 })
		})
	}
}

// TestMember_takesPartitionsThatAreAdded adds four.
func TestMember_takesPartitionsThatAreAdded(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	a := s.joined(t, "a", 16)
	_, err := s.adm.CreatePartitions(t.Context(), 4, topic)
	must(t, err)
	eventually(t, "a has the new ones", func() bool { return len(a.Partitions()) == 20 })
	if err := a.Err(); err != nil {
		t.Errorf("error %v", err)
	}
}
