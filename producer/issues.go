package producer

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"pylon-kafka/extract"
)

// issuesStream is the stream whose topic is the work queue of its children.
const issuesStream = "issues"

// issuesSource reads the issues: the backfill, then the poll, and on a slow
// clock beside it the sweep, which finds what the poll cannot see. The two have
// endpoints and so budgets of their own, and share the cursor's record.
type issuesSource struct {
	t      *task
	issues *extract.Issues
	sweep  *extract.Reconcile
	emit   emitFunc

	mu     sync.Mutex // held from the change of the cursor to the end of emit: cursors are committed in their order
	cursor issuesCursor
}

// issuesCursor is what is committed for the issues stream.
type issuesCursor struct {
	extract.IssuesCursor

	TopicID string     `json:"topic_id,omitempty"`
	Sweep   sweepState `json:"sweep"`
}

// sweepState is where the sweep stands and when the last one ended.
type sweepState struct {
	extract.ReconcileCursor

	EndedAt time.Time `json:"ended_at,omitzero"` // of the last sweep; at first, of the first start
}

func newIssuesSource(t *task) *issuesSource {
	return &issuesSource{
		t:      t,
		issues: extract.NewIssues(t.p.client, t.p.extract, extract.Ask{}),
		sweep:  extract.NewReconcile(t.p.client, t.p.extract, extract.Ask{}),
	}
}

func (s *issuesSource) read(ctx context.Context, cursor json.RawMessage, emit emitFunc) error {
	t := s.t
	s.emit = emit
	if err := decodeCursor(t.stream.Name, cursor, &s.cursor); err != nil {
		return err
	}
	if s.cursor.TopicID != "" && s.cursor.TopicID != t.topic.id {
		t.log.Warn("the topic is not the one that the cursor was written for: reading begins at PYLON_START_DATE again",
			"topic", t.topic.name, "cursor", string(cursor))
		s.cursor = issuesCursor{}
	}
	s.cursor.TopicID = t.topic.id
	if now := time.Now(); s.cursor.Sweep.EndedAt.IsZero() || s.cursor.Sweep.EndedAt.After(now) { // the first start, or a clock that jumped
		s.cursor.Sweep.EndedAt = now.UTC().Truncate(time.Second)
	}
	if t.p.once {
		if err := s.poll(ctx, nil); err != nil {
			return err
		}
		if s.sweepDue() <= 0 {
			return s.runSweep(ctx)
		}
		return nil
	}
	group, ctx := errgroup.WithContext(ctx)
	live := make(chan struct{}) // closed when the backfill is over
	group.Go(func() error { return s.poll(ctx, live) })
	if t.p.extract.SweepInterval > 0 {
		group.Go(func() error { return s.sweepNowAndThen(ctx, live) })
	}
	return group.Wait()
}

// poll reads pages for ever; in a sync, until it has caught up once. It closes
// live when it has caught up for the first time.
func (s *issuesSource) poll(ctx context.Context, live chan<- struct{}) error {
	cur := s.cursor.IssuesCursor
	caughtUp := false
	began := time.Now()
	for {
		page, err := s.issues.Fetch(ctx, cur)
		if err != nil {
			return err
		}
		cur = page.Next
		if err := s.revive(ctx, page.Records); err != nil {
			return err
		}
		b := batch{origin: page.Origin, records: page.Records, began: began, state: Live, progress: -1, upTo: cur.From, caughtUp: page.CaughtUp}
		if page.Origin == originBackfill {
			b.state, b.progress = Backfill, s.progress(cur)
		}
		if err := s.send(b, func(c *issuesCursor) { c.IssuesCursor = cur }); err != nil {
			return err
		}
		if !page.CaughtUp {
			continue
		}
		if s.t.p.once {
			return nil
		}
		if !caughtUp {
			caughtUp = true
			close(live)
		}
		if err := sleep(ctx, time.Until(began.Add(s.t.p.extract.Interval(s.t.stream)))); err != nil {
			return err
		}
		began = time.Now()
	}
}

// revive asks Pylon for each issue of a search's page that a sweep buried lately.
// If it exists after all, it may be published again; if not, it is only the index
// that lags behind, and the issue stays buried.
func (s *issuesSource) revive(ctx context.Context, records []extract.Record) error {
	t := s.t
	var doubtful []string
	t.viewMu.Lock()
	for key, at := range t.gone {
		if time.Since(at) > t.p.unsettled() {
			delete(t.gone, key)
		}
	}
	for i := range records {
		if _, buried := t.gone[records[i].Key]; buried {
			doubtful = append(doubtful, records[i].Key)
		}
	}
	t.viewMu.Unlock()
	for _, key := range doubtful {
		exists, err := t.p.client.IssueExists(ctx, key, extract.Ask{})
		if err != nil {
			return err
		}
		if exists {
			t.viewMu.Lock()
			delete(t.gone, key)
			t.viewMu.Unlock()
		}
	}
	return nil
}

// progress tells how much of the time from the start date to now is backfilled.
func (s *issuesSource) progress(cur extract.IssuesCursor) float64 {
	start := s.t.p.extract.Start()
	whole := time.Since(start)
	if whole <= 0 {
		return 1
	}
	return max(0, min(1, float64(cur.From.Sub(start))/float64(whole)))
}

// send emits a batch with the cursor as change leaves it.
func (s *issuesSource) send(b batch, change func(*issuesCursor)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.cursor)
	var err error
	if b.cursor, err = json.Marshal(s.cursor); err != nil {
		return err
	}
	return s.emit(b)
}

// sweepDue is how long it is until the next sweep; a sweep that broke off is due.
func (s *issuesSource) sweepDue() time.Duration {
	interval := s.t.p.extract.SweepInterval
	if interval <= 0 {
		return 1
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.cursor.Sweep.Window.IsZero() {
		return 0
	}
	return time.Until(s.cursor.Sweep.EndedAt.Add(interval))
}

func (s *issuesSource) sweepNowAndThen(ctx context.Context, live <-chan struct{}) error {
	select {
	case <-live:
	case <-ctx.Done():
		return ctx.Err()
	}
	for {
		if err := sleep(ctx, s.sweepDue()); err != nil {
			return err
		}
		if err := s.runSweep(ctx); err != nil {
			return err
		}
	}
}

// runSweep lists every issue, window by window of its creation: it publishes
// what the topic lacks or has older, and a tombstone for what was created in a
// window and is not listed there, once Pylon confirms that the issue is gone.
// It begins at the window in which an earlier one broke off.
//
// The list is fresh, and the index that the poll reads may lag behind it by up
// to the lookback. So that the poll does not go back behind what the sweep has
// published, the sweep leaves to it what was updated lately, and the poll does
// not take what the sweep has buried lately (revive).
func (s *issuesSource) runSweep(ctx context.Context) error {
	s.mu.Lock()
	cur := s.cursor.Sweep.ReconcileCursor
	s.mu.Unlock()
	cur.Page = "" // what was seen on the window's earlier pages is forgotten
	s.t.log.Info("sweep begins", "window", cur.Window)
	seen := make(map[string]struct{})
	buried := 0
	for {
		began := time.Now()
		page, err := s.sweep.Fetch(ctx, cur)
		if err != nil {
			return err
		}
		cur = page.Next
		for _, key := range page.Seen {
			seen[key] = struct{}{}
		}
		b := batch{
			origin: originSweep, records: page.Records, repair: true, settled: page.Date.Add(-s.t.p.unsettled()),
			began: began, state: Live, progress: -1,
		}
		if page.WindowDone {
			if b.gone, err = s.gone(ctx, seen, page); err != nil {
				return err
			}
			buried += len(b.gone)
			clear(seen)
		}
		err = s.send(b, func(c *issuesCursor) {
			c.Sweep.ReconcileCursor = cur
			if page.Done {
				c.Sweep = sweepState{EndedAt: time.Now().UTC().Truncate(time.Second)}
			}
		})
		if err != nil {
			return err
		}
		if page.Done {
			s.t.log.Info("sweep ends", "tombstones", buried)
			return nil
		}
	}
}

// gone returns the issues that were created in the page's window, are not among
// those seen, and that Pylon says are gone, one by one. After the last window it
// also asks for those whose time of creation is not known.
func (s *issuesSource) gone(ctx context.Context, seen map[string]struct{}, page extract.ReconcilePage) ([]string, error) {
	// Windows are whole days, but for the last, which ends now: an issue of today
	// that was created since is not listed, and Pylon says that it exists.
	first, last := dayOf(page.From), dayOf(page.To.Add(-1))
	s.t.viewMu.Lock()
	candidates := s.t.view.marked(func(mark uint16) bool {
		return mark >= first && mark <= last || mark == 0 && page.Done
	})
	s.t.viewMu.Unlock()
	var gone []string
	for _, key := range candidates {
		if _, ok := seen[key]; ok {
			continue
		}
		exists, err := s.t.p.client.IssueExists(ctx, key, extract.Ask{})
		if err != nil {
			return nil, err
		}
		if !exists {
			gone = append(gone, key)
		}
	}
	return gone, nil
}
