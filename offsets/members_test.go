package offsets_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"pylon-kafka/offsets"
)

func TestMembers_namesTheInstancesInTheGroup(t *testing.T) {
	t.Parallel()
	s, _, cluster := setup(t)
	if members, err := offsets.Members(t.Context(), s.Options, "nobody"); err != nil || len(members) != 0 {
		t.Errorf("%v, %v; want none", members, err)
	}
	for _, id := range []string{"pod-b", "pod-a"} {
		cl, err := kgo.NewClient(append(s.Options[:1:1], kgo.ConsumerGroup("pylon-kafka"), kgo.ConsumeTopics(topicName), kgo.ClientID(id))...)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(cl.Close)
	}
	if _, err := cluster.WaitGroupStable(t.Context(), "pylon-kafka", 2); err != nil {
		t.Fatal(err)
	}
	away := cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.FindCoordinator}, Err: kerr.CoordinatorNotAvailable, Count: 2})
	members, err := offsets.Members(t.Context(), s.Options, "pylon-kafka")
	if away.Hits() != 2 {
		t.Errorf("asked %d times for a coordinator that was not there yet, want 2", away.Hits())
	}
	if err != nil || len(members) != 2 {
		t.Fatalf("%v, %v; want two", members, err)
	}
	if members[0].ClientID != "pod-a" || members[1].ClientID != "pod-b" || !strings.Contains(members[0].String(), "127.0.0.1") {
		t.Errorf("members %v", members)
	}
	cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.FindCoordinator}, Err: kerr.CoordinatorNotAvailable, Count: -1})
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if _, err := offsets.Members(ctx, s.Options, "pylon-kafka"); err == nil || !strings.Contains(err.Error(), "group pylon-kafka") {
		t.Errorf("no coordinator: %v", err)
	}
}

func TestMembers_saysThatItMayNotAsk(t *testing.T) {
	t.Parallel()
	s, _, cluster := setup(t)
	cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.DescribeGroups}, Err: kerr.GroupAuthorizationFailed, Count: -1})
	if _, err := offsets.Members(t.Context(), s.Options, "pylon-kafka"); !errors.Is(err, kerr.GroupAuthorizationFailed) || !strings.Contains(err.Error(), "group pylon-kafka") {
		t.Errorf("not allowed: %v", err)
	}
}
