package producer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"golang.org/x/sync/errgroup"

	"pylon-kafka/extract"
	"pylon-kafka/offsets/lease"
)

// Sync copies once: each full-refresh stream has one pass, issues are read up to
// the moment at which Sync began, and the children of every issue published
// until then. It returns nil when all that is committed, and otherwise the
// joined errors of the streams that failed; the others are finished all the
// same. When ctx ends first, it returns ctx's error after ending the open
// transactions. What does not answer is an error within two minutes.
//
// It refuses to begin while another instance works the streams, and returns
// [ErrTakenOver] when one takes over.
func (p *Pipeline) Sync(ctx context.Context) error { return p.once(ctx, p.syncAll) }

// once has something done that ends by itself, as a sync does it: by this process
// alone, and with an error instead of waiting for ever. The context of work ends
// when another instance takes over.
func (p *Pipeline) once(ctx context.Context, work func(context.Context) error) error {
	const patience = 60 * time.Second
	for _, t := range p.tasks {
		t.cfg.once, t.cfg.patience = true, patience
		t.wire.wait.patience, t.wire.wait.cut = p.reach, true
	}
	if err := p.reachable(ctx); err != nil {
		return err
	}
	defer p.keeper.cl.Close()
	working, leave, err := p.joinForSync(ctx)
	if err != nil {
		return err
	}
	defer leave()
	err = work(working)
	switch cause := context.Cause(working); {
	case errors.Is(cause, ErrTakenOver):
		return cause
	case fatal(err):
		return err
	case ctx.Err() != nil:
		return ctx.Err()
	}
	return err
}

// syncAll works all streams side by side until each is finished.
func (p *Pipeline) syncAll(ctx context.Context) error {
	errs := make([]error, len(p.tasks))
	defer p.telling(ctx)()
	group, groupCtx := errgroup.WithContext(ctx)
	for i, t := range p.tasks {
		group.Go(func() error {
			defer close(t.done)
			errs[i] = p.syncTask(groupCtx, t, func(ctx context.Context) error { return t.run(ctx, func(*session) {}) })
			if fatal(errs[i]) {
				return errs[i]
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return errors.Join(errs...)
}

// syncTask does work on a task for a sync: what may pass is tried again for a while.
func (p *Pipeline) syncTask(ctx context.Context, t *task, work func(context.Context) error) error {
	const patience = 45 * time.Second
	t.state.own()
	err := retry(ctx, policy{
		patience: patience,
		progress: t.state.lastCommit,
		trouble: func(trouble extract.Trouble) {
			t.state.fail(trouble)
			t.outages.tell()
		},
	}, func(ctx context.Context) error { return exhausted(takenOver(work(ctx))) })
	if err == nil {
		t.state.done()
		return nil
	}
	if ctx.Err() == nil || fatal(err) {
		t.state.fail(extract.Trouble{Err: err, Since: time.Now()})
		err = fmt.Errorf("%s: %w", t.set.stream.Name, err)
	}
	return err
}

// takenOver makes of being fenced the end of a sync.
func takenOver(err error) error {
	if isFenced(err) {
		return fmt.Errorf("%w: it uses the same KAFKA_TRANSACTIONAL_ID_PREFIX (%w)", ErrTakenOver, err)
	}
	return err
}

// exhausted makes of what the client has tried for as long as a sync waits the
// end of the stream's sync.
func exhausted(err error) error {
	if answered(err) {
		return refusedError{err}
	}
	return err
}

// answered reports whether err is what came of asking Pylon.
func answered(err error) bool {
	var answer *extract.APIError
	return errors.Is(err, extract.ErrGaveUp) || errors.Is(err, extract.ErrImpossible) || errors.As(err, &answer)
}

// reachable prepares within the time that a sync waits.
func (p *Pipeline) reachable(ctx context.Context) error {
	began := time.Now()
	err := retry(ctx, policy{patience: p.reach, cut: true, trouble: p.notReady}, p.prepare)
	switch {
	case err == nil || ctx.Err() != nil || refused(err) || fatal(err):
	case isRegistryError(err):
		return fmt.Errorf("no answer to be used in %v: %w", time.Since(began).Round(time.Second), err)
	default:
		return fmt.Errorf("KAFKA_BROKERS %s: not reached in %v: %w", p.cfg.Kafka.BrokerList(), p.reach, err)
	}
	return err
}

// joinForSync makes a sync a member of the group. The context that it returns
// ends, with [ErrTakenOver] as its cause, when another one takes over. leave is
// to be called when the streams have ended.
func (p *Pipeline) joinForSync(ctx context.Context) (_ context.Context, leave func(), err error) {
	k := &p.cfg.Kafka
	g := &syncGroup{p: p, adm: kadm.NewClient(p.keeper.cl), joined: make(chan struct{}), ended: make(chan struct{})}
	limited, done := context.WithTimeout(ctx, p.reach)
	defer done()
	members, err := lease.Members(limited, g.adm, k.Group())
	if err != nil {
		return ctx, nil, p.groupDenied(err)
	}
	if err := p.cfg.group("").Foreign(members); err != nil {
		return ctx, nil, refusedError{err}
	}
	if len(members) > 0 {
		return ctx, nil, g.occupied(members)
	}
	working, cancel := context.WithCancelCause(ctx)
	g.cancel = cancel
	cfg := p.groupConfig(p.replicaName() + syncMark)
	cfg.RebalanceTimeout = grace
	g.member, err = lease.Join(limited, cfg, lease.Events{
		Assigned: func(context.Context, []int32) {},
		Revoked:  func(ctx context.Context, _ []int32) { g.gone(ctx) },
		Lost:     func(ctx context.Context, _ []int32) { g.gone(ctx) },
	})
	if err != nil {
		cancel(nil)
		return ctx, nil, p.groupDenied(err)
	}
	close(g.joined)
	leave = func() {
		close(g.ended)
		leaving, done := context.WithTimeout(context.WithoutCancel(ctx), grace)
		defer done()
		if err := g.member.Close(leaving); err != nil {
			p.log.Warn("leaving the group of the replicas", "error", err)
		}
		cancel(nil)
	}
	if err := g.alone(limited); err != nil {
		leave()
		return ctx, nil, err
	}
	p.group.join()
	return working, leave, nil
}
