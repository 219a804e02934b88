package lease

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// assigned is called after each round of the group, also when it changed nothing
// for this member.
func (m *Member) assigned(ctx context.Context, partitions []int32) {
	m.calling.Lock()
	defer m.calling.Unlock()
	m.mu.Lock()
	for _, p := range partitions {
		m.state.given[p] = struct{}{}
	}
	added := slices.DeleteFunc(slices.Sorted(maps.Keys(m.state.given)), func(p int32) bool { _, held := m.state.held[p]; return held })
	for _, p := range added {
		m.state.held[p] = struct{}{}
	}
	if !m.state.over {
		m.state.in, m.state.err = true, nil
	}
	held := len(m.state.held)
	m.mu.Unlock()
	if len(added) > 0 {
		m.cfg.Logger.InfoContext(ctx, "partitions assigned", "group", m.cfg.Group, "topic", m.cfg.Topic, "partitions", added, "held", held)
		m.events.Assigned(ctx, added)
	}
	m.joined.give()
	select {
	case m.rounds <- struct{}{}:
	default: // it is about to look anyway
	}
}

// revoked is called before partitions are given back, and when the member leaves.
func (m *Member) revoked(ctx context.Context, partitions []int32) {
	m.calling.Lock()
	defer m.calling.Unlock()
	ctx, cancel := context.WithTimeout(ctx, m.cfg.RebalanceTimeout)
	defer cancel()
	m.mu.Lock()
	for _, p := range partitions {
		delete(m.state.given, p)
	}
	going := slices.DeleteFunc(slices.Sorted(slices.Values(partitions)), func(p int32) bool { _, held := m.state.held[p]; return !held })
	m.state.hasten = cancel
	m.mu.Unlock()
	if len(going) == 0 {
		return
	}
	m.events.Revoked(ctx, going)
	m.mu.Lock()
	for _, p := range going {
		delete(m.state.held, p)
	}
	held := len(m.state.held)
	m.mu.Unlock()
	m.cfg.Logger.InfoContext(ctx, "partitions given back", "group", m.cfg.Group, "topic", m.cfg.Topic, "partitions", going, "held", held, "in_time", ctx.Err() == nil)
}

// lost is called when the coordinator does not know the member any more, or does
// not answer: then everything is lost.
func (m *Member) lost(ctx context.Context) {
	m.calling.Lock()
	defer m.calling.Unlock()
	m.mu.Lock()
	clear(m.state.given)
	m.mu.Unlock()
	m.lose(ctx)
}

// lose tells that everything is lost that is held. The caller holds calling.
func (m *Member) lose(ctx context.Context) {
	m.mu.Lock()
	lost := slices.Sorted(maps.Keys(m.state.held))
	clear(m.state.held)
	m.state.in = false
	m.mu.Unlock()
	if len(lost) == 0 {
		return
	}
	m.cfg.Logger.WarnContext(ctx, "partitions lost", "group", m.cfg.Group, "topic", m.cfg.Topic, "partitions", lost)
	m.events.Lost(ctx, lost)
}

// watch takes the errors that the client reports among the records that it would
// have fetched, until the client is closed.
func (m *Member) watch(ctx context.Context) {
	for {
		fetches := m.cl.PollFetches(ctx)
		if ctx.Err() != nil || fetches.IsClientClosed() {
			return
		}
		for _, fetched := range fetches.Errors() {
			if final, err := m.explain(ctx, fetched.Err); final {
				m.fail(ctx, err)
			} else {
				m.note(ctx, err)
			}
		}
	}
}

// fail keeps an error for good, and leaves the group.
func (m *Member) fail(ctx context.Context, err error) {
	m.note(ctx, err)
	m.mu.Lock()
	m.state.over, m.state.in = true, false
	m.mu.Unlock()
	_ = m.cl.LeaveGroupContext(nil) //nolint:staticcheck,contextcheck // nil is how to ask not to wait, which Close does.
	m.failed.give()
}

// note keeps an error for Err, and logs it unless it is the one before.
func (m *Member) note(ctx context.Context, err error) {
	m.mu.Lock()
	again := m.state.over || m.state.err != nil && m.state.err.Error() == err.Error()
	if !again {
		m.state.err = err
	}
	m.mu.Unlock()
	if !again {
		m.cfg.Logger.WarnContext(ctx, "trouble with the group", "group", m.cfg.Group, "error", err)
	}
}

// explain says what would help against an error, and whether nothing else does.
func (m *Member) explain(ctx context.Context, err error) (final bool, explained error) {
	wrap := func(format string, args ...any) error {
		return fmt.Errorf("group %s: %w: "+format, append([]any{m.cfg.Group, err}, args...)...)
	}
	if session, ok := errors.AsType[*kgo.ErrGroupSession](err); ok {
		err = session.Err
	}
	switch {
	case errors.Is(err, kerr.GroupAuthorizationFailed):
		return true, noRight(m.cfg.Group, err)
	case errors.Is(err, kerr.TopicAuthorizationFailed):
		return true, wrap("allow this user Read and Describe on Topic %s", m.cfg.Topic)
	case errors.Is(err, kerr.InvalidSessionTimeout):
		return true, wrap("the broker does not take a session timeout of %v: choose one between its group.min.session.timeout.ms and group.max.session.timeout.ms", m.cfg.SessionTimeout)
	case errors.Is(err, kerr.InconsistentGroupProtocol):
		members, cause := Members(ctx, kadm.NewClient(m.cl), m.cfg.Group)
		if foreign := m.cfg.Foreign(members); foreign != nil {
			return true, foreign
		}
		return true, errors.Join(fmt.Errorf("group %s: %w: %w", m.cfg.Group, ErrForeign, err), cause)
	default:
		return false, fmt.Errorf("group %s: %w", m.cfg.Group, err)
	}
}

// noRight says which right a user lacks.
func noRight(group string, err error) error {
	return fmt.Errorf("group %s: %w: allow this user Read (to take part) and Describe (to see who does) on Group %s", group, err, group)
}
