package producer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"pylon-kafka/offsets/lease"
)

// syncMark ends the name of a sync in the group, so that two of them know each
// other.
const syncMark = "/sync"

// syncGroup is a sync's part in the group of the replicas. Replicas of run come
// before it: it refuses to begin where one is, and ends when one is given
// streams. Of syncs the one with the least member id goes on, so that of two that
// join an empty group together just one does.
type syncGroup struct {
	p      *Pipeline
	adm    *kadm.Client
	member *lease.Member
	joined chan struct{} // closed when member is set
	begun  atomic.Bool   // it is alone, and works
	cancel context.CancelCauseFunc
	ended  chan struct{} // closed when its streams have ended
}

// occupied is the refusal to begin while others are there.
func (g *syncGroup) occupied(members []lease.Info) error {
	return refuse("a sync does not begin while others work the streams: group %s has %d other members: %s; stop them, or leave the work to them "+
		"(one that was killed is gone after its KAFKA_SESSION_TIMEOUT)", g.p.cfg.Kafka.Group(), len(members), lease.Names(members))
}

// alone waits until the group has decided and no other sync that gives way is in
// it. It returns an error if this one is to give way.
func (g *syncGroup) alone(ctx context.Context) error {
	select {
	case <-g.member.Joined():
	case <-g.member.Failed():
		return refusedError{g.member.Err()}
	case <-ctx.Done():
		return fmt.Errorf("join group %s: %w", g.p.cfg.Kafka.Group(), errors.Join(ctx.Err(), g.member.Err()))
	}
	const patience, pause = 20 * time.Second, 250 * time.Millisecond
	for deadline := time.Now().Add(patience); ; {
		// First, so that one that comes from now on is known by its taking streams.
		g.begun.Store(true)
		others, first, err := g.others(ctx)
		switch {
		case err != nil:
			return err
		case len(others) == 0:
			return nil
		case !first, time.Now().After(deadline):
			return g.occupied(others)
		}
		g.begun.Store(false)
		if err := sleep(ctx, pause); err != nil {
			return g.occupied(others)
		}
	}
}

// others returns who else is in the group, and whether this sync comes before all
// of them.
func (g *syncGroup) others(ctx context.Context) (others []lease.Info, first bool, err error) {
	members, err := lease.Members(ctx, g.adm, g.p.cfg.Kafka.Group())
	if err != nil {
		return nil, false, err
	}
	id := g.member.ID()
	others = slices.DeleteFunc(members, func(m lease.Info) bool { return m.ID == id })
	first = !slices.ContainsFunc(others, func(m lease.Info) bool { return !strings.HasSuffix(m.ClientID, syncMark) || m.ID < id })
	return others, first, nil
}

// gone is called when the group takes leases away: it ends the sync if another
// one comes before it, and then returns when its streams have ended, or with ctx.
func (g *syncGroup) gone(ctx context.Context) {
	<-g.joined
	select {
	case <-g.ended:
		return // it leaves by itself
	default:
	}
	if !g.begun.Load() {
		return
	}
	const patience = 3 * time.Second
	limited, done := context.WithTimeout(ctx, patience)
	defer done()
	others, first, err := g.others(limited)
	if err == nil && first {
		return // a sync that gives way, or nobody: the leases were lost and come back
	}
	who := "another replica"
	if len(others) > 0 {
		who = lease.Names(others)
	}
	g.cancel(fmt.Errorf("%w: %s has joined group %s and is given the streams of this sync; what was read is committed", ErrTakenOver, who, g.p.cfg.Kafka.Group()))
	select {
	case <-g.ended:
	case <-ctx.Done():
	}
}
