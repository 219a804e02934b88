package producer

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"pylon-kafka/extract"
)

// readIssues polls, and once the poll has caught up for the first time, on a
// slow clock beside it, reconciles. The two have endpoints and so budgets of
// their own.
func (t *task) readIssues(ctx context.Context, s *session, open func(string) *openPart) error {
	memory := newIssueMemory(t.set.unsettled)
	for key, at := range s.deleted {
		memory.noteDeleted(key, at)
	}
	const soon, patience = 5 * time.Second, 30 * time.Second // for the answer whether an issue exists
	warn := func(about string) func(string) { return func(text string) { t.state.warn(about, text) } }
	pollAsk, listAsk := t.ask(s, pollPart, false), t.ask(s, reconcilePart, false)
	poll := &pollReader{
		issues: extract.NewIssues(t.client, t.cfg.extract, pollAsk), exists: existence(t.client, pollAsk, soon),
		memory: memory, stream: t.set.stream.Name, start: t.cfg.extract.Start(), warn: warn("revive"),
	}
	reconcile := &reconcileReader{
		list: extract.NewReconcile(t.client, t.cfg.extract, listAsk), exists: existence(t.client, listAsk, patience), known: s.issues(),
		memory: memory, guard: t.guard, stream: t.set.stream.Name, unsettled: t.set.unsettled, log: t.set.log,
		warn: warn("unconfirmed"),
	}
	polled, listed := open(pollPart), open(reconcilePart)
	interval := t.cfg.extract.ReconcileInterval
	if t.cfg.once {
		if err := polled.pass(ctx, poll); err != nil {
			return err
		}
		if interval > 0 && reconcileDue(listed, interval) <= 0 {
			return listed.pass(ctx, reconcile)
		}
		return nil
	}
	group, ctx := errgroup.WithContext(ctx)
	caughtUp := make(chan struct{})
	group.Go(func() error { return t.pollAgainAndAgain(ctx, poll, polled, caughtUp) })
	if interval > 0 {
		group.Go(func() error {
			select {
			case <-caughtUp:
			case <-ctx.Done():
				return ctx.Err()
			}
			return t.reconcileAgainAndAgain(ctx, reconcile, listed, interval)
		})
	}
	return group.Wait()
}

// reconcileAgainAndAgain reconciles at the interval. What Pylon answers to the list
// is its own failure and not the poll's: it is shown as a warning and tried again.
func (t *task) reconcileAgainAndAgain(ctx context.Context, r reader, p *openPart, interval time.Duration) error {
	for attempt := 0; ; {
		due := reconcileDue(p, interval)
		if due > 0 {
			t.state.notDue(reconcilePart)
		}
		if err := sleep(ctx, due); err != nil {
			return err
		}
		err := p.pass(ctx, r)
		if err == nil {
			attempt = 0
			t.state.warn(reconcilePart, "")
			continue
		}
		if ctx.Err() != nil || fatal(err) || !answered(err) {
			return err
		}
		pause := pauseAfter(err, attempt)
		attempt++
		t.unreconciled(err, time.Now().Add(pause), attempt == 1)
		if err := sleep(ctx, pause); err != nil {
			return err
		}
	}
}

// unreconciled shows that the issues cannot be listed, in the log once.
func (t *task) unreconciled(err error, next time.Time, first bool) {
	t.state.trouble(reconcilePart, extract.Trouble{}) // it is not tried now
	text := fmt.Sprintf("the issues cannot be listed, so that deletions are not seen and what the poll cannot see is not repaired; changes arrive as ever: %v; next try at %s",
		err, next.UTC().Format(time.RFC3339))
	t.state.warn(reconcilePart, text)
	if first {
		t.set.log.Error("the issues cannot be listed, so that deletions are not seen; the poll goes on", "error", err, "next_try", next)
	}
}

// reconcileDue is how long it is until the next reconcile; one that broke off is
// due.
func reconcileDue(p *openPart, interval time.Duration) time.Duration {
	var cur extract.ReconcileCursor
	if json.Unmarshal(p.Cursor, &cur) == nil && !cur.Window.IsZero() {
		return 0
	}
	return time.Until(p.Ended.Add(interval))
}

// pollAgainAndAgain polls at the stream's interval; caughtUp is closed after the
// first time.
func (t *task) pollAgainAndAgain(ctx context.Context, r reader, p *openPart, caughtUp chan<- struct{}) error {
	for first := true; ; first = false {
		began := time.Now()
		if err := p.pass(ctx, r); err != nil {
			return err
		}
		if first {
			close(caughtUp)
		}
		due := began.Add(t.cfg.extract.Interval(t.set.stream))
		t.state.next(due)
		if err := sleep(ctx, time.Until(due)); err != nil {
			return err
		}
	}
}

// issues returns what a reconcile is to look for: nothing where tombstones are
// off.
func (s *session) issues() knownIssues {
	if !s.tombstones {
		return newKnown(false)
	}
	return s.known
}
