package producer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"golang.org/x/sync/errgroup"

	"pylon-kafka/extract"
	"pylon-kafka/offsets/lease"
)

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
		return nil // asked to stop
	}
	defer p.keeper.cl.Close()
	group, groupCtx := errgroup.WithContext(ctx)
	r := newReplica(groupCtx, p, group)
	group.Go(func() error { return r.hold(groupCtx) })
	if p.registry != nil {
		group.Go(func() error {
			p.registry.run(groupCtx)
			return nil
		})
	}
	defer p.telling(groupCtx)()
	if err := group.Wait(); err != nil && ctx.Err() == nil {
		return err
	}
	return nil
}

func newReplica(ctx context.Context, p *Pipeline, group *errgroup.Group) *replica {
	return &replica{
		p: p, name: p.replicaName(), group: group, ctx: ctx, partitions: p.keeper.leases,
		held: make(map[int32]struct{}), running: make(map[*task]*running), seen: make(map[int32]sighting), told: time.Now(),
		cursors: p.store.Follower(),
	}
}

// hold is a member of the group until ctx ends.
func (r *replica) hold(ctx context.Context) error {
	for _, t := range r.p.tasks {
		t.state.joining(fmt.Sprintf("joining group %s; a member that died is waited for until its session times out (KAFKA_SESSION_TIMEOUT)", r.p.cfg.Kafka.Group()))
	}
	if err := retry(ctx, policy{trouble: r.p.notReady}, r.join); err != nil {
		var end endError
		if errors.As(err, &end) {
			return end.error
		}
		return err
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace+2*time.Second)
		defer cancel()
		if err := r.member.Close(ctx); err != nil {
			r.p.log.Warn("leaving the group of the replicas", "error", err)
		}
	}()
	r.showCursors(ctx) // the lease may be with a member that died, until its session times out
	select {
	case <-r.member.Joined():
	case <-r.member.Failed():
		return r.member.Err()
	case <-ctx.Done():
		return ctx.Err()
	}
	r.standBy(ctx)
	r.p.group.join()
	owners, cursors, partitions := time.NewTicker(ownersLook), time.NewTicker(cursorsLook), time.NewTicker(partitionsLook)
	defer owners.Stop()
	defer cursors.Stop()
	defer partitions.Stop()
	for {
		select {
		case <-owners.C:
			r.standBy(ctx)
		case <-cursors.C:
			r.showCursors(ctx)
		case <-partitions.C:
			r.arrange(ctx)
		case <-r.member.Failed():
			return r.member.Err()
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// join makes this replica a member. What the cluster refuses, or a group that
// somebody else uses, ends the run: nothing was touched yet.
func (r *replica) join(ctx context.Context) error {
	const patience = 15 * time.Second
	limited, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	cfg := r.p.groupConfig(r.name)
	r.mu.Lock() // events wait until member is set
	defer r.mu.Unlock()
	member, err := lease.Join(limited, cfg, lease.Events{Assigned: r.assigned, Revoked: r.revoked, Lost: r.lost})
	if errors.Is(err, lease.ErrForeign) || errors.Is(err, kerr.GroupAuthorizationFailed) {
		return endError{r.p.groupDenied(err)}
	}
	r.member = member
	return err
}

// partitionsLook is how often a replica looks whether the offsets topic has got
// partitions: of the streams whose leases move by that, the group tells only whom
// it gives the new ones.
const partitionsLook = 10 * time.Second

// count looks how many partitions the offsets topic has; where the cluster does
// not answer, it has as many as before.
func (r *replica) count(ctx context.Context) {
	const patience = 3 * time.Second
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	name := r.p.cfg.Kafka.Offsets()
	found, err := kadm.NewClient(r.p.keeper.cl).ListTopics(ctx, name)
	if err != nil || found[name].Err != nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if n := int32(len(found[name].Partitions)); n > r.partitions { // a topic that shrank was made anew: package lease tells
		r.p.log.Warn("the offsets topic has got partitions: the streams are shared out anew", "topic", name, "partitions", n, "before", r.partitions)
		r.partitions = n
	}
}

// arrange opens the streams whose leases this replica holds and cancels the
// others, by the number of partitions that there are now.
func (r *replica) arrange(ctx context.Context) {
	r.count(ctx)
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, t := range r.p.tasks {
		_, held := r.held[r.lease(t)]
		run := r.running[t]
		works := run != nil && !run.stopping
		switch {
		case held && !works:
			r.begin(t) //nolint:contextcheck // A stream lives as long as the run, and not as the event.
		case !held && works:
			run.end()
			t.set.log.Warn("the stream's lease is another partition now, which is not this replica's")
			t.state.standby("")
		case !held && !t.state.standsBy():
			t.state.standby(r.seen[r.lease(t)].owner)
		}
	}
}

// end cancels. The caller holds mu of the replica.
func (r *running) end() {
	r.stopping = true
	r.cancel()
}

// begin opens a stream, when its last run has ended. The caller holds mu.
func (r *replica) begin(t *task) {
	before := r.running[t]
	ctx, cancel := context.WithCancel(r.ctx) // not of the event, which is over soon
	now := &running{cancel: cancel, done: make(chan struct{})}
	r.running[t] = now
	arrival := &arrival{to: r.name, last: r.seen[r.lease(t)]}
	t.state.own()
	r.group.Go(func() error {
		defer close(now.done)
		defer cancel()
		if before != nil { // what was lost may not have ended yet
			<-before.done
			t.set.log.Debug("opening", "done", "waited for the end of its last run")
		}
		return r.supervise(ctx, t, arrival)
	})
}

// assigned takes the leases.
func (r *replica) assigned(ctx context.Context, partitions []int32) {
	r.mu.Lock()
	for _, p := range partitions {
		r.held[p] = struct{}{}
	}
	r.mu.Unlock()
	r.arrange(ctx)
}

// revoked stops the streams of partitions and returns when they have stopped, or
// when ctx ends.
func (r *replica) revoked(ctx context.Context, partitions []int32) {
	for t, run := range r.giveUp(partitions) {
		select {
		case <-run.done:
			t.set.log.Info("stream stopped, its lease is given back", "replica", r.name)
		case <-ctx.Done():
			t.set.log.Warn("the stream did not stop in time; the next owner ends its transaction", "replica", r.name)
		}
		if r.ctx.Err() == nil { // the process goes on
			t.state.standby("")
		}
	}
	r.sawOwn(partitions)
}

// lost cancels the streams of partitions.
func (r *replica) lost(_ context.Context, partitions []int32) {
	for t := range r.giveUp(partitions) {
		t.state.unleased(fmt.Errorf("the stream's lease is lost: the coordinator of group %s gives no answer, or took this replica for dead", r.p.cfg.Kafka.Group()))
		t.outages.tell()
	}
	r.sawOwn(partitions)
}

// giveUp gives up the leases and cancels their streams, which it returns.
func (r *replica) giveUp(partitions []int32) map[*task]*running {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range partitions {
		delete(r.held, p)
	}
	stopping := make(map[*task]*running)
	for _, t := range r.p.tasks {
		run := r.running[t]
		if run != nil && !run.stopping && slices.Contains(partitions, r.lease(t)) {
			run.end()
			stopping[t] = run
		}
	}
	return stopping
}

// supervise runs a task until ctx ends, again after each failure. A failure is
// logged from here and nowhere else.
func (r *replica) supervise(ctx context.Context, t *task, arrival *arrival) error {
	fences := &fences{}
	err := retry(ctx, policy{
		progress: t.state.lastCommit,
		trouble: func(trouble extract.Trouble) {
			t.state.fail(trouble)
			t.outages.tell()
			t.set.log.Debug("stream failed", "error", trouble.Err, "next_try", trouble.Next)
		},
	}, func(ctx context.Context) error {
		err := t.run(ctx, arrival.log)
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

// fencedOff decides what being fenced means. Who does not hold the lease any
// more waits to be told so. Who does, had a transaction that outlived its
// timeout, and opens the stream anew; when that happens again and again, another
// program uses the same transactional ids.
func (r *replica) fencedOff(ctx context.Context, t *task, f *fences, cause error) error {
	r.arrange(ctx) // where partitions were added, the lease may be another one, and ctx ends
	r.mu.Lock()
	member, partition := r.member, r.lease(t)
	r.mu.Unlock()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	holds, err := member.Holds(ctx, partition)
	switch {
	case err != nil:
		return fmt.Errorf("%w (who holds the lease cannot be told: %w)", cause, err)
	case !holds:
		t.set.log.Warn("the stream was fenced and its lease is not this replica's any more", "error", cause)
		<-ctx.Done()
		return ctx.Err()
	}
	pause, ok := f.again()
	if !ok {
		return fmt.Errorf("%w: transactional id %s was fenced %d times within %v while this replica holds the lease of its stream: "+
			"another program uses the same KAFKA_TRANSACTIONAL_ID_PREFIX%s (%w)",
			ErrTakenOver, t.set.opts.txnID, fencedMost, fencedWithin, r.p.otherProducer(ctx, t), cause)
	}
	return pausedError{fmt.Errorf("fenced, though this replica holds the lease: a transaction stayed open for longer than its timeout, "+
		"or another program uses the same KAFKA_TRANSACTIONAL_ID_PREFIX: %w", cause), pause}
}
