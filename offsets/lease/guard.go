package lease

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
)

// guard looks now and then, and after each round of the group, at what nobody
// tells a member: whether its topic is still the one that it was, and whether
// somebody else has come into the group.
//
// The broker keeps all out that use the same protocol as we, but a member of the
// newer one (KIP-848) may join, and would take partitions whose streams nobody
// works then. That is said for as long as it lasts.
func (m *Member) guard(ctx context.Context) {
	adm := kadm.NewClient(m.cl)
	tick := time.NewTicker(lookAgain)
	defer tick.Stop()
	var topic topicGuard
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-m.rounds:
		}
		if err := topic.look(ctx, adm, m.cfg.Topic); err != nil {
			m.fail(ctx, err)
			return
		}
		members, err := Members(ctx, adm, m.cfg.Group)
		if err != nil {
			continue // of a cluster that does not answer the client tells
		}
		if err := m.cfg.Foreign(members); err != nil {
			m.note(ctx, err)
		} else {
			m.alone()
		}
	}
}

// alone ends the error that somebody else is in the group.
func (m *Member) alone() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if errors.Is(m.state.err, ErrForeign) && !m.state.over {
		m.state.err = nil
	}
}

// topicGuard notices that a topic was deleted.
type topicGuard struct {
	id     kadm.TopicID // of the topic as it was at first
	misses int          // how often it was not there, one after another
}

// missesAllowed is how often a topic may not be there: a broker that was just
// started may not know it yet.
const missesAllowed = 1

// look returns an error when the topic was deleted, or deleted and made anew, and
// with it every cursor. Where the cluster does not answer it says nothing.
func (g *topicGuard) look(ctx context.Context, adm *kadm.Client, topic string) error {
	topics, err := adm.ListTopics(ctx, topic)
	if err != nil {
		return nil //nolint:nilerr // the client tells of a cluster that does not answer.
	}
	detail := topics[topic]
	switch {
	case errors.Is(detail.Err, kerr.UnknownTopicOrPartition):
		if g.misses++; g.misses <= missesAllowed {
			return nil
		}
		return fmt.Errorf("topic %s was deleted while this replica used it, and with it the cursors: start again to make it anew", topic)
	case detail.Err != nil:
		return nil //nolint:nilerr // such as a leader that is being elected.
	}
	g.misses = 0
	if g.id == (kadm.TopicID{}) {
		g.id = detail.ID
	}
	if g.id != detail.ID {
		return fmt.Errorf("topic %s was deleted and made anew while this replica used it, and the cursors with it: start again to go on with the new one", topic)
	}
	return nil
}
