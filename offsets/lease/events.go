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
// for this member. The client calls it, revoked and lost one at a time.
func (m *Member) assigned(ctx context.Context, partitions []int32) {
	m.mu.Lock()
	added := slices.DeleteFunc(slices.Sorted(slices.Values(partitions)), func(p int32) bool { _, held := m.held[p]; return held })
	for _, p := range added {
		m.held[p] = struct{}{}
	}
	m.in, m.err = true, nil
	held := len(m.held)
	m.mu.Unlock()
	if len(added) > 0 {
		m.cfg.Logger.InfoContext(ctx, "partitions assigned", "group", m.cfg.Group, "topic", m.cfg.Topic, "partitions", added, "held", held)
		m.events.Assigned(ctx, added)
	}
	m.once.Do(func() { close(m.joined) })
	select {
	case m.rounds <- struct{}{}:
	default: // it is about to look anyway
	}
}

// guard looks after each round of the group whether somebody else has come in.
// The broker keeps all out that use the same protocol as we, but a member of the
// newer one (KIP-848) may join, and would take partitions whose streams nobody
// works then. When it leaves there is another round, and the error is gone.
func (m *Member) guard(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-m.rounds:
		}
		members, err := Members(ctx, kadm.NewClient(m.cl), m.cfg.Group)
		if err == nil {
			err = Foreign(members, m.cfg.Group, m.cfg.Topic)
		}
		if err != nil && ctx.Err() == nil {
			m.note(ctx, err)
		}
	}
}

// revoked is called before partitions are given back, and when the member leaves.
func (m *Member) revoked(ctx context.Context, partitions []int32) {
	m.mu.Lock()
	going := slices.DeleteFunc(slices.Sorted(slices.Values(partitions)), func(p int32) bool { _, held := m.held[p]; return !held })
	m.mu.Unlock()
	if len(going) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, m.cfg.RebalanceTimeout)
	defer cancel()
	m.events.Revoked(ctx, going)
	m.mu.Lock()
	for _, p := range going {
		delete(m.held, p)
	}
	held := len(m.held)
	m.mu.Unlock()
	m.cfg.Logger.InfoContext(ctx, "partitions given back", "group", m.cfg.Group, "topic", m.cfg.Topic, "partitions", going, "held", held, "in_time", ctx.Err() == nil)
}

// lost is called when the coordinator does not know the member any more, or does
// not answer for the session timeout: then everything is lost.
func (m *Member) lost(ctx context.Context) {
	m.mu.Lock()
	gone := slices.Sorted(maps.Keys(m.held))
	clear(m.held)
	m.in = false
	m.mu.Unlock()
	if len(gone) == 0 {
		return
	}
	m.cfg.Logger.WarnContext(ctx, "partitions lost", "group", m.cfg.Group, "topic", m.cfg.Topic, "partitions", gone)
	m.events.Lost(ctx, gone)
}

// watch takes the errors that the client reports among the records that it would
// have fetched, until the client is closed or the group cannot be joined.
func (m *Member) watch(ctx context.Context) {
	for {
		fetches := m.cl.PollFetches(ctx)
		if ctx.Err() != nil || fetches.IsClientClosed() {
			return
		}
		for _, fetched := range fetches.Errors() {
			err, final := m.explain(ctx, fetched.Err)
			m.note(ctx, err)
			if final {
				// Without waiting: Close does that.
				_ = m.cl.LeaveGroupContext(nil) //nolint:staticcheck // nil is how to ask for that.
				close(m.failed)
				return
			}
		}
	}
}

// note keeps an error for Err, and logs it unless it is the one before.
func (m *Member) note(ctx context.Context, err error) {
	m.mu.Lock()
	again := m.err != nil && m.err.Error() == err.Error()
	m.err = err
	m.mu.Unlock()
	if !again {
		m.cfg.Logger.WarnContext(ctx, "trouble with the group", "group", m.cfg.Group, "error", err)
	}
}

// explain says what would help against an error, and whether nothing else does.
func (m *Member) explain(ctx context.Context, err error) (_ error, final bool) {
	wrap := func(format string, args ...any) error {
		return fmt.Errorf("group %s: %w: "+format, append([]any{m.cfg.Group, err}, args...)...)
	}
	if session, ok := errors.AsType[*kgo.ErrGroupSession](err); ok {
		err = session.Err
	}
	switch {
	case errors.Is(err, kerr.GroupAuthorizationFailed):
		return noRight(m.cfg.Group, err), true
	case errors.Is(err, kerr.TopicAuthorizationFailed):
		return wrap("allow this user Read and Describe on Topic %s", m.cfg.Topic), true
	case errors.Is(err, kerr.InvalidSessionTimeout):
		return wrap("the broker does not take a session timeout of %v: choose one between its group.min.session.timeout.ms and group.max.session.timeout.ms", m.cfg.SessionTimeout), true
	case errors.Is(err, kerr.InconsistentGroupProtocol):
		members, cause := Members(ctx, kadm.NewClient(m.cl), m.cfg.Group)
		if foreign := Foreign(members, m.cfg.Group, m.cfg.Topic); foreign != nil {
			return foreign, true
		}
		return errors.Join(fmt.Errorf("group %s: %w: %w", m.cfg.Group, ErrForeign, err), cause), true
	default:
		return fmt.Errorf("group %s: %w", m.cfg.Group, err), false
	}
}

// noRight says which right a user lacks.
func noRight(group string, err error) error {
	return fmt.Errorf("group %s: %w: allow this user Read (to take part) and Describe (to see who does) on Group %s", group, err, group)
}
