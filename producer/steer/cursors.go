package steer

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"pylon-kafka/offsets"
	"pylon-kafka/offsets/lease"
	"pylon-kafka/offsets/topic"
	"pylon-kafka/producer"
	"pylon-kafka/producer/connect"
	"pylon-kafka/producer/topics"
)

// Cursors are the cursors of one deployment. Its methods are safe for concurrent
// use.
type Cursors struct {
	kafka *connect.Kafka
	store offsets.Store
	opts  []kgo.Opt
}

// New returns the cursors of the deployment that a validated cfg is of. It touches
// nothing yet. extra is for every client, such as a dialer.
func New(cfg *producer.Config, extra ...kgo.Opt) (*Cursors, error) {
	opts, err := cfg.Kafka.Options(extra...)
	if err != nil {
		return nil, err
	}
	return &Cursors{
		kafka: &cfg.Kafka, opts: opts,
		store: offsets.Store{Topic: cfg.Kafka.Offsets(), Connector: cfg.Connector, Options: opts},
	}, nil
}

// Read returns what the offsets topic holds, which may be missing: nothing then.
// It waits for transactions that are open there.
func (c *Cursors) Read(ctx context.Context) (offsets.Contents, error) {
	contents, err := c.store.Read(ctx, topic.Written)
	if errors.Is(err, topic.ErrAbsent) {
		return offsets.Contents{}, nil
	}
	return contents, c.explain(err, connect.Right{Operation: "Read", Name: c.store.Topic})
}

// explain says what an error means: a right that is missing, or how the cluster
// is reached.
func (c *Cursors) explain(err error, right connect.Right) error {
	if err == nil {
		return nil
	}
	return c.kafka.Explain(c.kafka.Denied(err, right))
}

// Plan makes changes of what the offsets topic holds.
type Plan func(ctx context.Context, now offsets.Contents) ([]offsets.Change, error)

// Mode says how a change is made.
type Mode struct {
	DryRun bool // only planned
	Force  bool // beside instances that are live
}

// Result is what was planned, and how much of it was done.
type Result struct {
	Changes []offsets.Change
	Done    int          // of Changes; 0 for a dry run
	Live    []lease.Info // members of the group of the replicas
}

// LiveError is why nothing was changed: instances work the streams.
type LiveError struct {
	Group   string
	Members []lease.Info
}

func (e *LiveError) Error() string {
	return fmt.Sprintf("nothing was changed: group %s has %s: stop them first, or use --force, by which they are fenced: "+
		"a replica of run then opens the stream anew and goes on from the new cursor, a sync ends", e.Group, Names(e.Members))
}

// Names says how many members there are, and who they are.
func Names(members []lease.Info) string {
	if len(members) == 1 {
		return "a live member: " + lease.Names(members)
	}
	return fmt.Sprintf("%d live members: %s", len(members), lease.Names(members))
}

// tries is how often a forced change is tried: a live instance may come in between.
const tries = 5

// Change plans changes and makes them, each stream's in a transaction of its own.
// It refuses with a [LiveError] while the group of the replicas has members, unless
// mode says otherwise. The result is there with an error too: it says how many of
// the changes were made before it.
func (c *Cursors) Change(ctx context.Context, mode Mode, plan Plan) (Result, error) {
	cl, err := kgo.NewClient(c.opts...)
	if err != nil {
		return Result{}, fmt.Errorf("kafka client: %w", err)
	}
	defer cl.Close()
	var r Result
	group := c.kafka.Group()
	if r.Live, err = lease.Members(ctx, kadm.NewClient(cl), group); err != nil {
		return r, c.explain(fmt.Errorf("group %s: %w", group, err), connect.Right{Operation: "Describe", Resource: connect.OnGroup, Name: group})
	}
	if len(r.Live) > 0 && !mode.Force && !mode.DryRun {
		return r, &LiveError{group, r.Live}
	}
	if !mode.DryRun { // it may be the first that ever happens here
		if _, err := topics.Ensure(ctx, cl, c.kafka, topics.Offsets(c.kafka)); err != nil {
			return r, c.kafka.Explain(err)
		}
	}
	now, err := c.Read(ctx)
	if err != nil {
		return r, err
	}
	if r.Changes, err = plan(ctx, now); err != nil || mode.DryRun {
		return r, err
	}
	if mode.Force {
		r.Done, err = c.force(ctx, r.Changes, plan)
	} else {
		r.Done, err = c.store.Apply(ctx, c.kafka.TxnPrefix, r.Changes)
	}
	return r, c.explain(err, connect.Right{Operation: "Write", Name: c.store.Topic})
}

// force makes changes beside instances that are live: where one has moved a cursor
// meanwhile, plan is asked once more.
func (c *Cursors) force(ctx context.Context, changes []offsets.Change, plan Plan) (done int, err error) {
	anew := func(ctx context.Context, planned offsets.Change, now offsets.Contents) (offsets.Change, error) {
		changes, err := plan(ctx, now)
		if err != nil {
			return planned, err
		}
		i := slices.IndexFunc(changes, func(one offsets.Change) bool { return one.Stream == planned.Stream })
		return changes[i], nil // a plan is for the same streams each time
	}
	for try := 1; ; try++ {
		more, err := c.store.Force(ctx, c.kafka.TxnPrefix, changes[done:], anew)
		done += more
		if try == tries || !producer.Fenced(err) { // by a live instance that took its transactional id back
			return done, err
		}
	}
}
