package producer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"pylon-kafka/extract"
)

// readChildren works both lanes over the issues topic.
func (t *task) readChildren(ctx context.Context, s *session, open func(string) *openPart) error {
	background := extract.Background
	if t.cfg.once {
		background = extract.Foreground // nothing live waits behind it
	}
	quarrel, memory := newQuarrel(), &laneMemory{}
	group, ctx := errgroup.WithContext(ctx)
	for _, role := range []role{liveRole(), backlogRole(background)} {
		q := &waitingQueue{queue: t.queue()}
		l := &lane{
			role: role, api: laneAPI{t.client, t.set.stream, t.ask(s, role.name, false), t.state.trouble}, queue: q,
			quarrel: quarrel, guard: t.guard, memory: memory,
			stream: t.set.stream.Name, connector: t.set.connector, keys: t.parent.keys, log: t.set.log,
		}
		p := open(role.name)
		group.Go(func() error {
			defer q.close()
			if t.cfg.once {
				return t.syncLane(ctx, l, q, p)
			}
			return t.runLane(ctx, l, q, p)
		})
	}
	return group.Wait()
}

const (
	// laneLook is how often a lane that waits for issues looks around.
	laneLook = 5 * time.Second
	// laneLookSync is the same in a sync, where the last issue may be there.
	laneLookSync = 200 * time.Millisecond
)

// runLane works a lane for ever.
func (t *task) runLane(ctx context.Context, l *lane, q *waitingQueue, p *openPart) error {
	l.sweep = t.sweepDue
	for {
		began := time.Now()
		if err := l.read(ctx, p.part, p.emit); err != nil {
			return err
		}
		t.caughtUp(l, p, began)
		if err := q.arrive(ctx, l.at, laneLook); err != nil {
			return err
		}
	}
}

// syncLane works a lane until it has reached the end of the issues topic once no
// more issues will come. Then it tries what is parked once more.
func (t *task) syncLane(ctx context.Context, l *lane, q *waitingQueue, p *openPart) error {
	swept := false
	for {
		last := false
		select {
		case <-t.parent.done:
			last = true
		default:
		}
		l.allParked = last
		l.sweep = func(ended time.Time) bool {
			due := last && !swept && t.sweepDue(ended)
			swept = swept || due
			return due
		}
		if err := l.read(ctx, p.part, p.emit); err != nil {
			return err
		}
		if last {
			return l.stillParked(p)
		}
		if err := q.arrive(ctx, l.at, laneLookSync); err != nil {
			return err
		}
	}
}

// sweepDue tells whether a sweep is due that ended then last.
func (t *task) sweepDue(ended time.Time) bool {
	interval := t.cfg.extract.SweepInterval
	return interval > 0 && time.Since(ended) >= interval
}

// caughtUp shows that a lane has worked everything that was in the issues topic
// when it began to read. What the stream claims is never more than the issues do.
func (t *task) caughtUp(l *lane, p *openPart, began time.Time) {
	n := note{lane: l.role.name, parked: l.parkedIn(p)}
	if l.role.live {
		upTo, well := began, true
		if t.parent.state != nil {
			issues := t.parent.state.read()
			upTo, well = earlier(upTo, issues.Cursor), issues.Up
		}
		if well {
			n.upTo, n.caughtUp = upTo, began
		}
	}
	t.state.note(n)
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// parkedIn returns what is parked in a lane's cursor.
func (l *lane) parkedIn(p *openPart) []Parked {
	var cur laneCursor
	if decodeCursor(l.stream, p.Cursor, &cur) != nil {
		return nil
	}
	return cur.Parked
}

// stillParked returns an error that names the issues whose children a sync could
// not read.
func (l *lane) stillParked(p *openPart) error { return parkedError(l.parkedIn(p)) }

// laneAPI asks the client for a lane.
type laneAPI struct {
	client *extract.Client
	stream extract.Stream
	ask    extract.Ask

	trouble func(who string, t extract.Trouble)
}

const (
	// childrenPatience is how long the children of one issue are tried before the
	// issue is parked.
	childrenPatience = 3 * time.Minute
	// childrenPatienceSync is the same in a sync. Where some are served at first and
	// then none, a sync needs it twice, and is to end within two minutes.
	childrenPatienceSync = 45 * time.Second
)

func (a laneAPI) children(ctx context.Context, issue string, priority extract.Priority, patience time.Duration) ([]extract.Record, error) {
	ask := a.ask
	ask.Priority = priority
	switch {
	case patience > 0:
		ask.Patience = patience
	case ask.Patience == 0:
		ask.Patience = childrenPatience
	default:
		ask.Patience = min(ask.Patience, childrenPatienceSync)
	}
	who := fmt.Sprintf("%s of %s", a.stream.Name, issue) // calls run side by side, each with troubles of its own
	ask.Trouble = func(trouble extract.Trouble) { a.trouble(who, trouble) }
	defer a.trouble(who, extract.Trouble{})
	records, err := a.client.Children(ctx, a.stream, issue, ask)
	if err != nil && ctx.Err() != nil && !errors.Is(err, extract.ErrUnauthorized) {
		return nil, ctx.Err()
	}
	return records, err
}

func (a laneAPI) exists(ctx context.Context, issue string) (bool, error) {
	ask := a.ask
	ask.Prepare = nil
	who := "issue " + issue
	ask.Trouble = func(trouble extract.Trouble) { a.trouble(who, trouble) }
	defer a.trouble(who, extract.Trouble{})
	return a.client.IssueExists(ctx, issue, ask)
}
