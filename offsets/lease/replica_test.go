package lease_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"pylon-kafka/offsets/lease"
)

const (
	topic      = "pylon.offsets"
	partitions = 16
	patience   = 30 * time.Second
)

// happened is one event of one replica.
type happened struct {
	Replica    string
	What       string // assigned, revoking (began), revoked (ended) or lost
	Partitions []int32
	At         time.Time
}

// history keeps what happened to all the replicas of a test, in order.
type history struct {
	mu     sync.Mutex
	events []happened
}

func (h *history) add(replica, what string, partitions []int32) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.events = append(h.events, happened{replica, what, partitions, time.Now()})
}

func (h *history) all() []happened {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.events)
}

// count is how often something happened to a replica.
func (h *history) count(replica, what string) (n int) {
	for _, e := range h.all() {
		if e.Replica == replica && e.What == what {
			n++
		}
	}
	return n
}

// wantOneOwner replays the history and fails if a partition was assigned while
// another replica held it.
func (h *history) wantOneOwner(t *testing.T) {
	t.Helper()
	owner := make(map[int32]string)
	for _, e := range h.all() {
		for _, p := range e.Partitions {
			switch e.What {
			case "assigned":
				if other := owner[p]; other != "" {
					t.Errorf("partition %d is assigned to %s while %s holds it", p, e.Replica, other)
				}
				owner[p] = e.Replica
			case "revoked", "lost":
				if owner[p] != e.Replica {
					t.Errorf("partition %d is taken from %s, but is held by %q", p, e.Replica, owner[p])
				}
				delete(owner, p)
			}
		}
	}
}

// replica is a member of a group, with its history.
type replica struct {
	*lease.Member

	name string
}

// scene is a cluster with an offsets topic, and a group for this test.
type scene struct {
	history

	cluster *kfake.Cluster
	config  lease.Config
	adm     *kadm.Client
	stopIt  func(ctx context.Context, partitions []int32) // what Revoked does of who joins from now on; nil is nothing
}

// newScene has an in-process broker that takes short sessions.
func newScene(t *testing.T) *scene {
	t.Helper()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(partitions, topic),
		kfake.BrokerConfigs(map[string]string{"group.min.session.timeout.ms": "500"}))
	must(t, err)
	t.Cleanup(cluster.Close)
	s := newSceneAt(t, cluster.ListenAddrs()[0], "pylon-kafka", topic)
	s.cluster = cluster
	s.config.SessionTimeout, s.config.RebalanceTimeout = 2*time.Second, 5*time.Second
	return s
}

// newSceneAt uses a broker that is there.
func newSceneAt(t *testing.T, broker, group, topic string) *scene {
	t.Helper()
	opts := []kgo.Opt{kgo.SeedBrokers(broker), kgo.MetadataMinAge(50 * time.Millisecond)}
	cl, err := kgo.NewClient(opts...)
	must(t, err)
	t.Cleanup(cl.Close)
	return &scene{adm: kadm.NewClient(cl), config: lease.Config{
		Group: group, Topic: topic, ClientID: "a", SessionTimeout: 15 * time.Second, RebalanceTimeout: 30 * time.Second,
		Options: opts, Logger: slog.New(slog.DiscardHandler),
	}}
}

// events are those that are kept in the history.
func (s *scene) events(name string) lease.Events {
	stopIt := s.stopIt
	return lease.Events{
		Assigned: func(_ context.Context, partitions []int32) { s.add(name, "assigned", partitions) },
		Revoked: func(ctx context.Context, partitions []int32) {
			s.add(name, "revoking", partitions)
			if stopIt != nil {
				stopIt(ctx, partitions)
			}
			s.add(name, "revoked", partitions)
		},
		Lost: func(_ context.Context, partitions []int32) { s.add(name, "lost", partitions) },
	}
}

// join starts a replica, and ends it with the test.
func (s *scene) join(t *testing.T, name string) *replica {
	t.Helper()
	config := s.config
	config.ClientID = name
	m, err := lease.Join(t.Context(), config, s.events(name))
	must(t, err)
	r := &replica{m, name}
	t.Cleanup(func() { r.close(t) })
	return r
}

// joined starts a replica and waits until it holds so many partitions.
func (s *scene) joined(t *testing.T, name string, holds int) *replica {
	t.Helper()
	r := s.join(t, name)
	select {
	case <-r.Joined():
	case <-time.After(patience):
		t.Fatalf("%s has not joined the group after %v: %v", name, patience, r.Err())
	}
	eventually(t, fmt.Sprintf("%s holds %d partitions", name, holds), func() bool { return len(r.Partitions()) == holds })
	return r
}

func (r *replica) close(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := r.Close(ctx); err != nil {
		t.Errorf("close %s: %v", r.name, err)
	}
}

func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	deadline := time.After(patience)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !is() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("not after %v: %s", patience, what)
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
