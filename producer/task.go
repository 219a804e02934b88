package producer

import (
	"context"
	"math/rand/v2"
	"time"

	"golang.org/x/sync/errgroup"

	"pylon-kafka/extract"
)

// task copies one stream into its topic, session after session.
type task struct {
	set     streamSettings
	wire    *wire
	state   *state
	outages *outageLog
	guard   *safeguard
	client  *extract.Client
	cfg     taskConfig
	done    chan struct{} // a sync: closed when the stream is finished
	parent  parent        // of a stream of children
	queue   func() queue  // makes a queue over the topic of the parent stream
	// readers runs the ways to read the stream, each with its part of the cursor.
	readers func(ctx context.Context, s *session, open func(part string) *openPart) error

	kept kept
}

// kept is what a task keeps over its sessions.
type kept struct {
	fit    []objectID // dead letters that the topic takes now, to be read again
	served laneMemory // of a stream of children
}

// taskConfig says how a stream is read.
type taskConfig struct {
	extract     extract.Config
	once        bool          // a sync
	patience    time.Duration // of a request, before the stream fails; 0: for ever
	snapshot    bool
	mostLetters int
	watch       time.Duration // between two looks at the topic
}

// parent is what a stream of children must know of the stream of their parents.
type parent struct {
	done  <-chan struct{} // a sync: closed when no more parents will come
	state *state          // nil: they are read elsewhere
	keys  keyFormat       // of their records
}

// run copies the stream until ctx ends or, in a sync, until one pass is done.
// Records and the cursor that follows them are committed together or not at all,
// so a crash anywhere repeats at most what is in flight, which is then compared
// with what the topic holds. It calls opened when the stream is open.
func (t *task) run(ctx context.Context, opened func(*session)) error {
	t.state.starting()
	s, err := openSession(ctx, t.set, t.wire)
	if err != nil {
		return err
	}
	defer s.close()
	opened(s)
	t.readAgain(s)
	t.state.open(s.doc, s.resumed)
	t.outages.tell()
	c := t.newCommitter(s)
	c.warnOf(s.topic)
	c.showMoved()
	t.state.warn("transaction", s.shortTransactions())
	group, ctx := errgroup.WithContext(ctx)
	batches := make(chan batch) // unbuffered: the next page is read while this one is committed, and no more
	committed := make(chan struct{})
	group.Go(func() error {
		err := t.read(ctx, s, batches)
		close(batches)
		<-committed // what was read before the error counts
		return err
	})
	group.Go(func() error {
		defer close(committed)
		return commitAll(ctx, c, batches, t.cfg.watch)
	})
	return group.Wait()
}

// newCommitter returns the committer of a session.
func (t *task) newCommitter(s *session) *committer {
	return &committer{
		s: s, state: t.state, mostLetters: t.cfg.mostLetters,
		log: newPassLog(t.set.log, t.usage),
		fit: func(ids []objectID) { t.kept.fit = append(t.kept.fit, ids...) },
	}
}

// commitAll commits batches until there are no more, and looks at the topic each
// interval.
func commitAll(ctx context.Context, c *committer, batches <-chan batch, interval time.Duration) error {
	watch := time.NewTicker(interval)
	defer watch.Stop()
	defer c.log.end()
	for {
		select {
		case b, ok := <-batches:
			if !ok {
				return nil
			}
			if err := c.commit(ctx, &b); err != nil {
				return inPart(b.part, err)
			}
		case <-watch.C:
			if err := c.watch(ctx); err != nil {
				return err
			}
		}
	}
}

// read runs the readers of the stream; all of them emit into batches.
func (t *task) read(ctx context.Context, s *session, batches chan<- batch) error {
	return t.readers(ctx, s, func(name string) *openPart {
		return &openPart{part: s.doc.Parts[name], name: name, ctx: ctx, batches: batches, tracing: s.opts.tracing, usage: t.usage}
	})
}

// ask says how the client is to answer the readers of a session.
func (t *task) ask(s *session, who string, always bool) extract.Ask {
	return extract.Ask{
		Patience: t.cfg.patience,
		Prepare:  s.prepare(always),
		Trouble:  func(trouble extract.Trouble) { t.state.trouble(who, trouble) },
	}
}

// usage is what the stream has spent of its endpoints' budgets.
func (t *task) usage() extract.Usage { return streamUsage(t.set.stream, t.client.Usage()) }

// streamUsage adds up what a stream has spent; limit and remaining are those of
// the endpoint that reads it.
func streamUsage(s extract.Stream, all map[string]extract.Usage) extract.Usage {
	sum := all[s.Endpoint]
	for _, more := range []extract.Call{s.Scan, s.Get} {
		if more.Path != "" && more.Endpoint != s.Endpoint {
			sum.Requests += all[more.Endpoint].Requests
			sum.Waited += all[more.Endpoint].Waited
		}
	}
	return sum
}

// readList reads a full-refresh stream. A pass begins when the last one began an
// interval ago; a restart does not count. Passes do not overlap: one that takes
// longer than the interval is followed by the next at once.
func (t *task) readList(ctx context.Context, s *session, open func(string) *openPart) error {
	r := &refreshReader{
		client: t.client, stream: t.set.stream, ask: t.ask(s, refreshPart, t.cfg.snapshot),
		guard: t.guard, snapshot: t.cfg.snapshot,
	}
	p := open(refreshPart)
	if t.cfg.once {
		return p.pass(ctx, r)
	}
	interval := t.cfg.extract.Interval(t.set.stream)
	due := p.Ended.Add(interval)
	if due.After(time.Now()) {
		t.state.notDue(refreshPart)
	}
	if earliest := time.Now().Add(startJitter(interval)); due.Before(earliest) {
		due = earliest
	}
	for {
		t.state.next(due)
		if err := sleep(ctx, time.Until(due)); err != nil {
			return err
		}
		began := time.Now()
		if err := p.pass(ctx, r); err != nil {
			return err
		}
		due = began.Add(interval)
	}
}

// startJitter spreads the first passes, so that not all streams ask at the same
// moment.
func startJitter(interval time.Duration) time.Duration {
	return rand.N(min(interval/10, 2*time.Second) + 1)
}

// readAgain has a session read at once what became a dead letter and fits now,
// and what is to be moved to another partition.
func (t *task) readAgain(s *session) {
	moved := s.known.misplaced.Len() > 0
	if len(t.kept.fit) == 0 && !moved {
		return
	}
	switch t.set.stream.Sync {
	case extract.SyncChildren:
		p := s.doc.Parts[backlogLane]
		var cur laneCursor
		if decodeCursor(t.set.stream.Name, p.Cursor, &cur) != nil {
			return // the lane says so
		}
		now := time.Now().UTC().Truncate(time.Second)
		for _, id := range t.kept.fit {
			cur.Parked = append(cur.Parked, Parked{Issue: id.parent, Since: now, Next: now, Reason: "a child was larger than the topic took"})
		}
		b := batch{part: backlogLane}
		if moved {
			b.ended = longAgo()
		}
		if text, err := cur.encode(backlogLane); err == nil {
			b.cursor = text
			s.doc = s.doc.with(&b)
		}
	case extract.SyncIssues:
		s.doc = s.doc.with(&batch{part: reconcilePart, ended: longAgo()})
	default:
		s.doc = s.doc.with(&batch{part: refreshPart, ended: longAgo()})
	}
	t.kept.fit = nil
}

// longAgo is when something was done that is due now.
func longAgo() time.Time { return time.Unix(0, 0).UTC() }
