package lease

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// pulse keeps when the group's coordinator was heard last. It is a hook of the
// member's client.
type pulse struct {
	began time.Time
	heard atomic.Int64 // nanoseconds after began
}

var _ kgo.HookBrokerE2E = (*pulse)(nil)

func newPulse() *pulse { return &pulse{began: time.Now()} }

// toCoordinator are the requests that go to the coordinator of the group.
var toCoordinator = []kmsg.Key{kmsg.Heartbeat, kmsg.JoinGroup, kmsg.SyncGroup, kmsg.DescribeGroups}

// OnBrokerE2E is called after each request.
func (p *pulse) OnBrokerE2E(_ kgo.BrokerMetadata, key int16, e2e kgo.BrokerE2E) {
	if e2e.Err() == nil && slices.Contains(toCoordinator, kmsg.Key(key)) {
		p.heard.Store(int64(time.Since(p.began)))
	}
}

// silence is for how long the coordinator has not been heard.
func (p *pulse) silence() time.Duration {
	return time.Since(p.began) - time.Duration(p.heard.Load())
}

// listen gives up the partitions when the coordinator has been silent for the
// session timeout, for by then it may have given them away.
//
// The client does that itself only once all its requests to the broker have
// failed, one after another, each with several tries at a connection: half a
// minute and more where packets are dropped. And while it waits for the others to
// join, for as long as they may take (RebalanceTimeout), silence is no sign: so
// listen asks something then.
func (m *Member) listen(ctx context.Context) {
	adm := kadm.NewClient(m.cl)
	tick := time.NewTicker(m.cfg.beat() / 2)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		switch silence := m.pulse.silence(); {
		case silence >= m.cfg.SessionTimeout:
			m.giveUp(ctx)
		case silence > 2*m.cfg.beat():
			asking, done := context.WithTimeout(ctx, m.cfg.SessionTimeout-silence)
			_, _ = adm.DescribeGroups(asking, m.cfg.Group) // the pulse hears the answer
			done()
		}
	}
}

// giveUp tells that everything is lost, before the client knows. Should the
// coordinator not have given it away, the next round of the group tells that it is
// assigned: the client is told to ask for one.
func (m *Member) giveUp(ctx context.Context) {
	m.mu.Lock()
	held, hasten := len(m.state.held), m.state.hasten
	m.mu.Unlock()
	if held == 0 {
		return
	}
	m.note(ctx, fmt.Errorf("group %s: its coordinator has not answered for %v (KAFKA_SESSION_TIMEOUT), and may have given the partitions away", m.cfg.Group, m.cfg.SessionTimeout))
	hasten()
	m.calling.Lock()
	m.lose(ctx)
	m.calling.Unlock()
	m.cl.ForceRebalance()
}
