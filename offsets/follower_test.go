package offsets_test

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kmsg"

	"pylon-kafka/offsets"
)

// TestFollower_readsOnlyWhatIsNew follows the topic through all that happens to
// it, and agrees with a whole reading each time.
func TestFollower_readsOnlyWhatIsNew(t *testing.T) {
	t.Parallel()
	s, cl, cluster := setup(t)
	var fetches atomic.Int64
	cluster.ControlKey(int16(kmsg.Fetch), func(kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		fetches.Add(1)
		return nil, nil, false
	})
	f := s.Follower()
	follow := func(want map[string]string) {
		t.Helper()
		contents, err := f.Read(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		got := make(map[string]string)
		for stream, found := range contents.Streams {
			if found.Err == nil {
				got[stream] = string(found.Entry.Cursor)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("cursors (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(want, cursors(t, s)); diff != "" {
			t.Errorf("a whole reading (-want +got):\n%s", diff)
		}
	}
	follow(map[string]string{})
	now := time.Now().Truncate(time.Millisecond)
	put(t, s, 0, "issues", "1", now)
	put(t, s, 0, "tags", "1", now)
	follow(map[string]string{"issues": "1", "tags": "1"})
	put(t, s, 0, "issues", "2", now)
	follow(map[string]string{"issues": "2", "tags": "1"})
	before := fetches.Load()
	if _, err := f.Read(t.Context()); err != nil || fetches.Load() != before {
		t.Errorf("nothing is new, and %d fetches are made; %v", fetches.Load()-before, err)
	}
	put(t, s, 0, "tags", "", now)
	follow(map[string]string{"issues": "2"})
	grow(t, cl, 2)
	put(t, s, 1-offsets.Partition("pylon/issues", 2), "issues", "3", now.Add(time.Second))
	follow(map[string]string{"issues": "3"})

	adm := kadm.NewClient(cl)
	if _, err := adm.DeleteTopic(t.Context(), topicName); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Read(t.Context()); err == nil {
		t.Error("a topic that is not there is read")
	}
	if _, err := adm.CreateTopic(t.Context(), 1, 1, nil, topicName); err != nil {
		t.Fatal(err)
	}
	put(t, s, 0, "users", "1", now)
	follow(map[string]string{"users": "1"})
}
