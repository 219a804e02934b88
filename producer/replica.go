package producer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"golang.org/x/sync/errgroup"

	"pylon-kafka/extract"
	"pylon-kafka/offsets/lease"
	"pylon-kafka/producer/connect"
)

// groupState says whether the group of the replicas is joined.
type groupState struct {
	mu     sync.Mutex
	joined bool
}

func (g *groupState) isJoined() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.joined
}

func (g *groupState) join() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.joined = true
}

// Run copies until ctx ends, and then returns nil once every open transaction
// is ended and the leases are given back, which takes some seconds at the most.
// It works the streams whose leases this replica holds.
//
// A stream that fails is shown as down and tried again, ever more slowly, while
// the others go on; so is a cluster that cannot be reached. Run returns early
// only for what ends the whole process: [ErrTakenOver], extract.ErrUnauthorized,
// and what the cluster refuses before the first stream is opened, such as an
// offsets topic that cannot keep cursors.
func (p *Pipeline) Run(ctx context.Context) error {
	err := retry(ctx, policy{trouble: p.notReady}, func(ctx context.Context) error {
		err := p.prepare(ctx)
		if err != nil && refused(err) {
			return endError{err}
		}
		return err
	})
	var end endError
	switch {
	case errors.As(err, &end):
		return end.error
	case err != nil:
		return nil //nolint:nilerr // Asked to stop.
	}
	defer p.keeper.cl.Close()
	group, groupCtx := errgroup.WithContext(ctx)
	r := &replica{p: p, group: group, ctx: groupCtx, running: make(map[*task]*running)}
	group.Go(func() error { return r.hold(groupCtx) })
	defer p.telling(groupCtx)()
	if err := group.Wait(); err != nil && ctx.Err() == nil {
		return err
	}
	return nil
}

// endError ends a run.
type endError struct{ error }

func (e endError) Unwrap() error { return e.error }

// replica works the streams whose leases this process holds.
type replica struct {
	p      *Pipeline
	group  *errgroup.Group
	ctx    context.Context //nolint:containedctx // Of the run: the group's events have others.
	member *lease.Member
	owners map[int32]string // as the group was described last

	mu      sync.Mutex
	running map[*task]*running
}

// running is a stream that this replica works.
type running struct {
	cancel context.CancelFunc
	done   chan struct{}
}

// hold is a member of the group until ctx ends.
func (r *replica) hold(ctx context.Context) error {
	p := r.p
	err := retry(ctx, policy{trouble: p.notReady}, func(ctx context.Context) error {
		const patience = 15 * time.Second
		limited, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		member, err := lease.Join(limited, p.groupConfig(), lease.Events{Assigned: r.assigned, Revoked: r.revoked, Lost: r.lost})
		r.mu.Lock()
		r.member = member
		r.mu.Unlock()
		return p.groupDenied(err)
	})
	if err != nil {
		return err
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace+2*time.Second)
		defer cancel()
		if err := r.member.Close(ctx); err != nil {
			p.log.Warn("leaving the group of the replicas", "error", err)
		}
	}()
	select {
	case <-r.member.Joined():
	case <-r.member.Failed():
		return r.member.Err()
	case <-ctx.Done():
		return ctx.Err()
	}
	r.standBy(ctx)
	p.group.join()
	look := time.NewTicker(ownersLook)
	defer look.Stop()
	for {
		select {
		case <-look.C:
			r.standBy(ctx)
		case <-r.member.Failed():
			return r.member.Err()
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// ownersLook is how often a replica asks who has the streams that it has not.
const ownersLook = 10 * time.Second

// standBy shows for each stream that is not this replica's whose it is.
func (r *replica) standBy(ctx context.Context) {
	idle := r.idle()
	if len(idle) == 0 {
		return
	}
	limited, cancel := context.WithTimeout(ctx, ownersLook)
	defer cancel()
	k := &r.p.cfg.Kafka
	owners, err := lease.Owners(limited, kadm.NewClient(r.p.keeper.cl), k.Group(), k.Offsets())
	if err == nil {
		r.mu.Lock()
		r.owners = owners
		r.mu.Unlock()
	}
	for _, t := range r.idle() {
		if err != nil {
			t.state.unleased(fmt.Errorf("who works the stream cannot be told: group %s: %w", k.Group(), k.Explain(err)))
			continue
		}
		t.state.standby(owners[r.p.lease(t)])
	}
}

// idle returns the tasks that this replica does not work.
func (r *replica) idle() []*task {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(r.p.tasks), func(t *task) bool { return r.running[t] != nil })
}

// of returns the tasks whose leases are among partitions.
func (r *replica) of(partitions []int32) []*task {
	return slices.DeleteFunc(slices.Clone(r.p.tasks), func(t *task) bool { return !slices.Contains(partitions, r.p.lease(t)) })
}

// assigned opens the streams of partitions.
func (r *replica) assigned(_ context.Context, partitions []int32) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, t := range r.of(partitions) {
		before := r.running[t]
		ctx, cancel := context.WithCancel(r.ctx)
		now := &running{cancel: cancel, done: make(chan struct{})}
		r.running[t] = now
		if from := r.owners[r.p.lease(t)]; from != "" {
			t.set.log.Info("the stream is handed over to this replica", "from", from, "to", r.p.cfg.Kafka.ClientID)
		}
		t.state.own()
		r.group.Go(func() error {
			defer close(now.done)
			defer cancel()
			if before != nil { // what was lost may not have ended yet
				<-before.done
			}
			return r.supervise(ctx, t)
		})
	}
}

// revoked stops the streams of partitions and returns when they have stopped, or
// when ctx ends.
func (r *replica) revoked(ctx context.Context, partitions []int32) {
	stopping := r.stop(partitions)
	for t, run := range stopping {
		select {
		case <-run.done:
			t.set.log.Info("the stream is given back", "from", r.p.cfg.Kafka.ClientID)
		case <-ctx.Done():
			t.set.log.Warn("the stream did not stop in time; the next owner ends its transaction")
		}
		if r.ctx.Err() == nil { // the process goes on
			t.state.standby("")
		}
	}
}

// lost cancels the streams of partitions.
func (r *replica) lost(_ context.Context, partitions []int32) {
	for t := range r.stop(partitions) {
		t.state.unleased(fmt.Errorf("the stream's lease is lost: the coordinator of group %s gives no answer, or took this replica for dead", r.p.cfg.Kafka.Group()))
		t.outages.tell()
	}
}

// stop cancels the streams of partitions.
func (r *replica) stop(partitions []int32) map[*task]*running {
	r.mu.Lock()
	defer r.mu.Unlock()
	stopping := make(map[*task]*running)
	for _, t := range r.of(partitions) {
		if run := r.running[t]; run != nil {
			run.cancel()
			stopping[t] = run
			delete(r.running, t)
		}
	}
	return stopping
}

// supervise runs a task until ctx ends, again after each failure. A failure is
// logged from here and nowhere else.
func (r *replica) supervise(ctx context.Context, t *task) error {
	fences := &fences{}
	err := retry(ctx, policy{
		progress: t.state.lastCommit,
		trouble: func(trouble extract.Trouble) {
			t.state.fail(trouble)
			t.outages.tell()
			t.set.log.Debug("stream failed", "error", trouble.Err, "next_try", trouble.Next)
		},
	}, func(ctx context.Context) error {
		err := t.run(ctx)
		if !isFenced(err) {
			return err
		}
		return r.fencedOff(ctx, t, fences, err)
	})
	switch {
	case err == nil, ctx.Err() != nil && !fatal(err):
		return nil // asked to stop
	default:
		return fmt.Errorf("%s: %w", t.set.stream.Name, err)
	}
}

// fences counts how often a stream was fenced while it had its lease.
type fences struct{ at []time.Time }

const (
	// fencedMost is how often within fencedWithin a stream may be fenced while this
	// replica holds its lease, before that is another program's doing.
	fencedMost   = 3
	fencedWithin = 5 * time.Minute
)

func (f *fences) again() (often bool) {
	now := time.Now()
	f.at = append(slices.DeleteFunc(f.at, func(at time.Time) bool { return now.Sub(at) > fencedWithin }), now)
	return len(f.at) >= fencedMost
}

// fencedOff decides what being fenced means. Who does not hold the lease any
// more waits to be told so. Who does, had a transaction that outlived its
// timeout, and opens the stream anew; when that happens again and again, another
// program uses the same transactional ids.
func (r *replica) fencedOff(ctx context.Context, t *task, f *fences, cause error) error {
	r.mu.Lock()
	member := r.member
	r.mu.Unlock()
	holds, err := member.Holds(ctx, r.p.lease(t))
	switch {
	case err != nil:
		return fmt.Errorf("%w (who holds the lease cannot be told: %w)", cause, err)
	case !holds:
		t.set.log.Warn("the stream was fenced and its lease is another replica's", "error", cause)
		<-ctx.Done()
		return ctx.Err()
	case f.again():
		return fmt.Errorf("%w: transactional id %s was fenced %d times within %v while this replica holds the lease of its stream: "+
			"another program uses the same KAFKA_TRANSACTIONAL_ID_PREFIX%s (%w)",
			ErrTakenOver, t.set.opts.txnID, fencedMost, fencedWithin, r.p.otherProducer(ctx, t), cause)
	default:
		return fmt.Errorf("fenced, though this replica holds the lease: a transaction stayed open for longer than its timeout, "+
			"or another program uses the same KAFKA_TRANSACTIONAL_ID_PREFIX: %w", cause)
	}
}

// otherProducer names the producer that has a stream's transactional id now, as
// far as the cluster tells (KIP-664).
func (p *Pipeline) otherProducer(ctx context.Context, t *task) string {
	described, err := kadm.NewClient(p.keeper.cl).DescribeTransactions(ctx, t.set.opts.txnID)
	if err != nil {
		return ""
	}
	one, err := described.On(t.set.opts.txnID, nil)
	if err != nil || one.Err != nil {
		return ""
	}
	return fmt.Sprintf(" (producer id %d, epoch %d, state %s, at coordinator %d)", one.ProducerID, one.ProducerEpoch, one.State, one.Coordinator)
}

// joinForSync makes a sync a member of the group, so that replicas of run know of
// it: it refuses to begin while others are there, and the context that it returns
// ends when one of them takes over.
func (p *Pipeline) joinForSync(ctx context.Context) (context.Context, func(), error) {
	k := &p.cfg.Kafka
	members, err := lease.Members(ctx, kadm.NewClient(p.keeper.cl), k.Group())
	if err != nil {
		return ctx, nil, fmt.Errorf("group %s: %w", k.Group(), p.groupDenied(err))
	}
	if err := lease.Foreign(members, k.Group(), k.Offsets()); err != nil {
		return ctx, nil, refusedError{err}
	}
	if len(members) > 0 {
		return ctx, nil, refuse("a sync does not begin while others work the streams: group %s has %d members: %s; stop them, or leave the work to them",
			k.Group(), len(members), memberNames(members))
	}
	ctx, cancel := context.WithCancelCause(ctx)
	gone := func(context.Context, []int32) {
		cancel(fmt.Errorf("%w: a replica of run, or another sync, has joined group %s and was given streams of this sync", ErrTakenOver, k.Group()))
	}
	cfg := p.groupConfig()
	cfg.RebalanceTimeout = grace
	closing := make(chan struct{})
	member, err := lease.Join(ctx, cfg, lease.Events{
		Assigned: func(context.Context, []int32) {},
		Revoked: func(ctx context.Context, partitions []int32) {
			select {
			case <-closing:
			default:
				gone(ctx, partitions)
			}
		},
		Lost: func(ctx context.Context, partitions []int32) { gone(ctx, partitions) },
	})
	if err != nil {
		cancel(nil)
		return ctx, nil, fmt.Errorf("group %s: %w", k.Group(), p.groupDenied(err))
	}
	p.group.join()
	return ctx, func() {
		close(closing)
		leaving, done := context.WithTimeout(context.WithoutCancel(ctx), grace)
		defer done()
		if err := member.Close(leaving); err != nil {
			p.log.Warn("leaving the group of the replicas", "error", err)
		}
		cancel(nil)
	}, nil
}

// groupDenied names the right to the group, if err says that it lacks. Read
// implies Describe.
func (p *Pipeline) groupDenied(err error) error {
	return p.cfg.Kafka.Denied(err, connect.Right{Operation: "Read", Resource: connect.OnGroup, Name: p.cfg.Kafka.Group()})
}

func memberNames(members []lease.Info) string {
	text := ""
	for i, m := range members {
		if i > 0 {
			text += ", "
		}
		text += m.String()
	}
	return text
}
