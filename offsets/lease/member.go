package lease

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Member is one replica's part in the group, from [Join] to [Member.Close]. Its
// methods are safe for concurrent use.
type Member struct {
	cfg    Config
	events Events
	cl     *kgo.Client
	pulse  *pulse

	joined, failed signal
	rounds         chan struct{}      // has one when the group has decided
	hurry, end     context.CancelFunc // end the context of Revoked; of everything
	watching       sync.WaitGroup
	closing        sync.Once
	calling        sync.Mutex // held while an event is told: one at a time

	mu    sync.Mutex
	state state
}

// state is what a member knows of itself.
type state struct {
	held   map[int32]struct{} // the partitions that are ours
	given  map[int32]struct{} // those that the client has; more than held after a silence
	in     bool               // part of the group
	err    error              // what keeps it out, or who else is in
	over   bool               // err stays: trying again would not help
	hasten context.CancelFunc // ends the context of the Revoked that was called last
}

// signal is given once.
type signal struct {
	once sync.Once
	ch   chan struct{}
}

func (s *signal) give() { s.once.Do(func() { close(s.ch) }) }

// Join makes this replica a member of the group and returns at once; the events
// follow as the group decides. Before that it asks the cluster about the group:
// ctx bounds this and nothing else. Its errors: a config that is not complete, a
// cluster that does not answer, no right to the group, and [ErrForeign].
//
// Close must be called in the end.
func Join(ctx context.Context, cfg Config, events Events) (*Member, error) {
	if err := cfg.validate(events); err != nil {
		return nil, err
	}
	if err := cfg.vacant(ctx); err != nil {
		return nil, err
	}
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	unhurried, hurry := context.WithCancel(life)
	m := &Member{
		cfg: cfg, events: events, pulse: newPulse(),
		joined: signal{ch: make(chan struct{})}, failed: signal{ch: make(chan struct{})},
		rounds: make(chan struct{}, 1),
		hurry:  hurry, end: end,
		state: state{held: make(map[int32]struct{}), given: make(map[int32]struct{}), hasten: func() {}},
	}
	cl, err := kgo.NewClient(append(cfg.options(),
		kgo.WithContext(life),
		kgo.WithHooks(m.pulse),
		kgo.OnPartitionsAssigned(func(_ context.Context, _ *kgo.Client, partitions map[string][]int32) {
			m.assigned(life, partitions[cfg.Topic])
		}),
		kgo.OnPartitionsRevoked(func(_ context.Context, _ *kgo.Client, partitions map[string][]int32) {
			m.revoked(unhurried, partitions[cfg.Topic])
		}),
		kgo.OnPartitionsLost(func(context.Context, *kgo.Client, map[string][]int32) {
			m.lost(life)
		}),
	)...)
	if err != nil {
		end()
		return nil, fmt.Errorf("join group %s: %w", cfg.Group, err)
	}
	m.cl = cl
	cl.PauseFetchTopics(cfg.Topic)
	m.watching.Go(func() { m.watch(life) })
	m.watching.Go(func() { m.guard(life) })
	m.watching.Go(func() { m.listen(life) })
	return m, nil
}

// vacant returns an error if the group cannot be joined.
func (c Config) vacant(ctx context.Context) error {
	cl, err := kgo.NewClient(append(c.Options[:len(c.Options):len(c.Options)], kgo.ClientID(c.ClientID))...)
	if err != nil {
		return fmt.Errorf("join group %s: %w", c.Group, err)
	}
	defer cl.Close()
	members, err := Members(ctx, kadm.NewClient(cl), c.Group)
	if err != nil {
		return err
	}
	return c.Foreign(members)
}

// Joined is closed when the group has decided for the first time what is this
// replica's, be it nothing. The Assigned event was called before.
func (m *Member) Joined() <-chan struct{} { return m.joined.ch }

// Failed is closed when this replica is out for good: the group cannot be joined
// and trying again would not help, or the topic was deleted; [Member.Err] says
// why. What is held is revoked, as by Close, which must still be called.
func (m *Member) Failed() <-chan struct{} { return m.failed.ch }

// Err returns what keeps this replica out of the group, or that somebody else is
// in it too ([ErrForeign]), or nil. Before Failed is closed, the member tries again.
func (m *Member) Err() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.state.err
}

// ID is what the group calls this member, or "" while it is none.
func (m *Member) ID() string {
	id, _ := m.cl.GroupMetadata()
	return id
}

// Holds asks the group's coordinator whether this replica is still a member, and
// so whether the partition is still its. It is for a stream that was fenced: a
// process that stood still, or was cut off, may hear of its loss only after it is
// fenced, and must not take the stream back. While the group is being rebalanced
// it waits for that to end.
func (m *Member) Holds(ctx context.Context, partition int32) (bool, error) {
	for {
		m.mu.Lock()
		_, held := m.state.held[partition]
		m.mu.Unlock()
		if !held {
			return false, nil
		}
		req := kmsg.NewPtrHeartbeatRequest()
		req.Group = m.cfg.Group
		req.MemberID, req.Generation = m.cl.GroupMetadata()
		resp, err := req.RequestWith(ctx, m.cl)
		if err == nil {
			err = kerr.ErrorForCode(resp.ErrorCode)
		}
		switch {
		case err == nil, errors.Is(err, kerr.RebalanceInProgress):
			return true, nil
		case errors.Is(err, kerr.UnknownMemberID), errors.Is(err, kerr.FencedInstanceID):
			return false, nil
		case !errors.Is(err, kerr.IllegalGeneration):
			return false, fmt.Errorf("ask group %s whether partition %d of %s is still ours: %w", m.cfg.Group, partition, m.cfg.Topic, err)
		}
		// A member of a generation of which we have not heard yet.
		select {
		case <-ctx.Done():
			return false, ctx.Err()
		case <-time.After(heartbeat / 10):
		}
	}
}

// Close revokes what is held, leaves the group, so that the others need not wait
// for the session to time out, and returns when no event will come any more. When
// ctx ends, so does the context of Revoked, and leaving has a few seconds left.
// Closing it again does nothing.
func (m *Member) Close(ctx context.Context) error {
	var err error
	m.closing.Do(func() { err = m.leave(ctx) })
	if err != nil {
		return fmt.Errorf("leave group %s: %w", m.cfg.Group, err)
	}
	return nil
}

func (m *Member) leave(ctx context.Context) error {
	leaving, giveUp := context.WithCancel(context.WithoutCancel(ctx))
	defer giveUp()
	defer context.AfterFunc(ctx, func() {
		m.hurry()
		time.AfterFunc(margin, func() {
			giveUp()
			m.end()
		})
	})()
	err := m.cl.LeaveGroupContext(leaving)
	m.cl.Close()
	m.end()
	m.watching.Wait()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.state.in = false
	return err
}
