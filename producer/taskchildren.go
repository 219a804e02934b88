package producer

import (
	"context"
	"errors"
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
	quarrel := newQuarrel()
	claims := &claims{stream: t.set.stream.Parent, store: t.set.store, state: t.parent.state, atEnd: make(map[string]bool)}
	group, ctx := errgroup.WithContext(ctx)
	for _, role := range []role{liveRole(), backlogRole(background)} {
		q := &waitingQueue{queue: t.queue(), await: func(ctx context.Context) func() {
			return t.state.await(ctx, role.name+": look where the topic of "+t.set.stream.Parent+" ends", s.reachable)
		}}
		l := &lane{
			laneSettings: laneSettings{
				role: role, stream: t.set.stream.Name, connector: t.set.connector, keys: t.parent.keys, known: s.children(), guard: t.guard, log: t.set.log,
			},
			api:   laneAPI{t.client, t.set.stream, t.ask(s, role.name, false), t.state.trouble},
			queue: q, quarrel: quarrel, memory: &t.kept.served, claims: claims,
		}
		p := open(role.name)
		l.pass = p.begin
		group.Go(func() error {
			defer q.close()
			if t.cfg.once {
				return inPart(role.name, t.syncLane(ctx, l, q, p))
			}
			return inPart(role.name, t.runLane(ctx, l, q, p))
		})
	}
	return group.Wait()
}

// runLane works a lane for ever.
func (t *task) runLane(ctx context.Context, l *lane, q *waitingQueue, p *openPart) error {
	l.sweep = t.sweepDue
	for {
		began := time.Now()
		if err := l.read(ctx, p.part, p.emit); err != nil {
			return err
		}
		if err := t.claim(ctx, l, p, began); err != nil {
			return err
		}
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
		began := time.Now()
		if err := l.read(ctx, p.part, p.emit); err != nil {
			return err
		}
		if err := t.claim(ctx, l, p, began); err != nil {
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

// claim emits what a lane that has come to its end lets the stream claim.
func (t *task) claim(ctx context.Context, l *lane, p *openPart, began time.Time) error {
	n := note{lane: l.role.name, parked: l.parkedIn(p)}
	n.upTo, n.caughtUp = l.claims.reached(ctx, l.role.name, began, true)
	return p.emit(batch{rule: &families{quarrel: l.quarrel, guard: l.guard}, origin: originPoll, note: n})
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

// patient says how the client is to answer about one issue: it tries no longer than
// patience, if that is not 0.
func (a laneAPI) patient(patience time.Duration) extract.Ask {
	ask := a.ask
	switch {
	case patience > 0:
		ask.Patience = patience
	case ask.Patience == 0:
		ask.Patience = childrenPatience
	default:
		ask.Patience = min(ask.Patience, childrenPatienceSync)
	}
	return ask
}

func (a laneAPI) children(ctx context.Context, issue string, priority extract.Priority, patience time.Duration) ([]extract.Record, error) {
	ask := a.patient(patience)
	ask.Priority = priority
	who := a.childrenOf(issue)
	ask.Trouble = func(trouble extract.Trouble) {
		if !errors.Is(trouble.Err, extract.ErrNotFound) { // an issue that is deleted is no trouble
			a.trouble(who, trouble)
		}
	}
	records, err := a.client.Children(ctx, a.stream, issue, ask)
	if err == nil || ctx.Err() != nil || errors.Is(err, extract.ErrNotFound) {
		a.trouble(who, extract.Trouble{}) // that of an issue which cannot be read stays until it is parked
	}
	if err != nil && ctx.Err() != nil && !errors.Is(err, extract.ErrUnauthorized) {
		return nil, ctx.Err()
	}
	return records, err
}

func (a laneAPI) exists(ctx context.Context, issue string, patience time.Duration) (bool, error) {
	ask := a.patient(patience)
	who := existenceOf(issue)
	ask.Trouble = func(trouble extract.Trouble) { a.trouble(who, trouble) }
	exists, err := a.client.IssueExists(ctx, issue, ask)
	if err == nil || ctx.Err() != nil {
		a.trouble(who, extract.Trouble{}) // as with children
	}
	return exists, err
}

func (a laneAPI) parked(issue string) {
	a.trouble(a.childrenOf(issue), extract.Trouble{})
	a.trouble(existenceOf(issue), extract.Trouble{})
}

// childrenOf is who reads them: calls run side by side, each with troubles of its own.
func (a laneAPI) childrenOf(issue string) string { return a.stream.Name + " of " + issue }

func existenceOf(issue string) string { return "issue " + issue }
