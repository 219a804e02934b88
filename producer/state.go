package producer

import (
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"pylon-kafka/extract"
)

// troubleShown is how long something may be tried again before it is shown;
// twice the stream's interval if that is shorter. An outage is met by the next
// poll (PYLON_POLL_INTERVAL is 15 s) or look at the topic (watchInterval), so it
// is shown within 35 s.
const troubleShown = 18 * time.Second

// state is everything that is shown of one stream. Status page, metrics, tables
// and logs all read it. It is safe for concurrent use.
type state struct {
	mu       sync.Mutex
	status   Status // without what read works out
	moments  moments
	opened   bool                       // the cursor is loaded, or the stream has failed alone
	troubles map[string]extract.Trouble // what is tried again now, by who tries
	left     map[string]int64           // issues still to be worked, by lane
	parked   map[string][]Parked        // by lane
	warnings map[string]string          // by what they are about
	trial    trial
	minutes  minutes // records and tombstones
	worked   minutes // issues whose children were read
	ended    transactions
}

// moments are when things happened to a stream.
type moments struct {
	started   time.Time
	committed time.Time // the last transaction
	worked    time.Time // the last children that were read and committed
}

// trial is a failure that is not over yet: the stream is open again, and the part
// of its cursor that failed has not got further. That the stream could be opened
// says nothing of what failed, such as an endpoint that answers 403.
type trial struct {
	part string // "": there is none
	extract.Trouble
}

// transactions counts how they ended.
type transactions struct {
	committed, aborted int64
	seconds            prometheus.Histogram
}

func newState(stream, topic string, interval time.Duration) *state {
	return &state{
		status: Status{
			Stream: stream, Topic: topic,
			Condition: Condition{State: Starting},
			Times:     Times{Interval: interval},
			Work:      Work{Progress: -1},
		},
		moments:  moments{started: time.Now()},
		troubles: make(map[string]extract.Trouble),
		left:     make(map[string]int64),
		parked:   make(map[string][]Parked),
		warnings: make(map[string]string),
		ended: transactions{seconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Namespace: namespace, Name: "transaction_duration_seconds",
			Help:        "From the begin of a Kafka transaction to its commit.",
			Buckets:     prometheus.ExponentialBuckets(0.001, 2, 15),
			ConstLabels: prometheus.Labels{"stream": stream},
		})},
	}
}

// starting shows that the stream is being opened. A reason that is shown stays
// until the stream is open.
func (s *state) starting() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.status.State != Failed {
		s.status.State = Starting
	}
}

// open shows that the stream is open, with what its cursor says. What failed while
// it was open last is shown until its part has got further, see [state.committed].
func (s *state) open(doc document, resumed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := &s.status.Condition
	c.State, c.Up, c.Reason, c.Since, c.NextTry = Idle, true, "", time.Time{}, time.Time{}
	c.Resumed = c.Resumed || resumed
	s.opened = true
	s.status.Cursor, s.status.LastSuccess = doc.UpTo, doc.CaughtUpAt
}

// fail shows that the stream is closed, why, and when it is opened again.
func (s *state) fail(t extract.Trouble) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := &s.status.Condition
	c.down(Failed, t)
	for _, before := range s.troubles { // the failure is the end of what was tried again
		c.earlier(before.Since)
	}
	if s.trial.part != "" {
		c.earlier(s.trial.Since)
	}
	var failed *partError
	if errors.As(t.Err, &failed) {
		s.trial.part = failed.part
	}
	s.trial.Trouble = extract.Trouble{Err: t.Err, Since: c.Since}
	s.opened = true
	clear(s.troubles)
}

// earlier moves the begin of an outage back.
func (c *Condition) earlier(since time.Time) {
	if since.Before(c.Since) {
		c.Since = since
	}
}

// waiting shows why the stream is not open yet.
func (s *state) waiting(t extract.Trouble) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.status.down(Starting, t)
}

// joining shows that no stream is this replica's yet.
func (s *state) joining(why string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.status.Reason, s.status.Since, s.status.NextTry = why, time.Time{}, time.Time{}
}

// seen shows what the cursor of a stream says that is not open here.
func (s *state) seen(doc document) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.status.Up {
		s.status.Cursor, s.status.LastSuccess = doc.UpTo, doc.CaughtUpAt
	}
}

// down sets the condition of a stream that is not open, and why.
func (c *Condition) down(state State, t extract.Trouble) {
	c.State, c.Up, c.Reason, c.NextTry = state, false, t.Err.Error(), t.Next
	c.LastError, c.LastErrorAt = c.Reason, time.Now()
	if c.Since.IsZero() {
		c.Since = t.Since
	}
}

// standby shows that another replica has the stream; owner may be empty.
func (s *state) standby(owner string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := &s.status.Condition
	*c = Condition{State: Standby, Owner: owner, LastError: c.LastError, LastErrorAt: c.LastErrorAt}
	s.opened = true
	s.status.Backlog, s.status.Progress = 0, -1
	s.trial = trial{}
	clear(s.troubles)
	clear(s.left)
	clear(s.parked)
	clear(s.warnings)
}

// standsBy reports whether another replica's is shown.
func (s *state) standsBy() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.status.State == Standby
}

// unleased shows that this replica has lost the lease, or cannot learn who has
// it: nobody may be working the stream.
func (s *state) unleased(err error) {
	s.fail(extract.Trouble{Err: err, Since: time.Now()})
	s.mu.Lock()
	defer s.mu.Unlock()
	s.status.Owned = false
}

// own shows that this replica has the stream. A reason that is shown stays until
// the stream is open.
func (s *state) own() {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := &s.status.Condition
	c.Owned, c.Owner = true, ""
	if c.Since.IsZero() {
		c.Reason = ""
	}
	if c.State != Failed {
		c.State, c.Up = Starting, false
	}
}

// trouble notes what who tries again; a zero Trouble that it is over.
func (s *state) trouble(who string, t extract.Trouble) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.troubleLocked(who, t)
}

func (s *state) troubleLocked(who string, t extract.Trouble) {
	if t.Err == nil {
		delete(s.troubles, who)
		return
	}
	if before, ok := s.troubles[who]; ok && before.Since.Before(t.Since) {
		t.Since = before.Since
	}
	s.troubles[who] = t
	s.status.LastError, s.status.LastErrorAt = t.Err.Error(), time.Now()
}

// warn shows text about a matter until it is replaced or, by "", removed.
func (s *state) warn(about, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if text == "" {
		delete(s.warnings, about)
		return
	}
	s.warnings[about] = text
}

// notDue ends the trial of a part that has nothing to read yet: what failed was
// committed after all.
func (s *state) notDue(part string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.trial.part == part {
		s.trial = trial{}
	}
}

// committed shows a batch that is in Kafka.
func (s *state) committed(b *batch, c Counts) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if b.part == s.trial.part && b.further() {
		s.trial = trial{}
	}
	s.status.Records += c.Records
	s.status.Tombstones += c.Tombstones
	s.status.Unchanged += c.Unchanged
	s.status.DeadLetters += c.DeadLetters
	s.status.Unmapped += c.Unmapped
	s.minutes.add(time.Now(), c.Records+c.Tombstones)
	s.noteLocked(b.note)
}

func (s *state) noteLocked(n note) {
	if n.state != "" {
		s.status.State, s.status.Progress = n.state, n.progress
	}
	if n.upTo.After(s.status.Cursor) {
		s.status.Cursor = n.upTo
	}
	if n.caughtUp.After(s.status.LastSuccess) {
		s.status.LastSuccess = n.caughtUp
	}
	if n.lane != "" {
		s.left[n.lane] = n.left
		s.parked[n.lane] = n.parked
		s.worked.add(time.Now(), n.worked)
		if n.worked > 0 {
			s.moments.worked = time.Now()
		}
		s.status.Backlog = 0
		for _, left := range s.left {
			s.status.Backlog += left
		}
		switch {
		case s.left[backlogLane] == 0:
			s.status.State, s.status.Progress = Live, -1
		case n.lane == backlogLane:
			s.status.State, s.status.Progress = Backfill, n.progress
		}
	}
}

// done shows that a sync of the stream is finished.
func (s *state) done() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.status.State, s.status.Elapsed = Done, time.Since(s.moments.started)
	s.trial = trial{}
}

// next shows when the stream looks again.
func (s *state) next(at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.status.NextPass = at
}

// transaction counts one that ended after d.
func (s *state) transaction(committed bool, d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !committed {
		s.ended.aborted++
		return
	}
	s.moments.committed = time.Now()
	s.ended.committed++
	s.ended.seconds.Observe(d.Seconds())
}

// read returns the status as of now.
func (s *state) read() Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	out := s.status
	if out.State != Done {
		out.Elapsed = now.Sub(s.moments.started)
	}
	for _, lane := range slices.Sorted(maps.Keys(s.parked)) {
		out.Parked = append(out.Parked, s.parked[lane]...)
	}
	for _, about := range slices.Sorted(maps.Keys(s.warnings)) {
		out.Warnings = append(out.Warnings, s.warnings[about])
	}
	out.Throughput = s.minutes.hour(now)
	out.BacklogLeft = s.estimate(now)
	if t, ok := s.worst(now); ok && out.Up {
		out.State, out.Up = Retrying, false
		out.Reason, out.Since, out.NextTry = t.Err.Error(), t.Since, t.Next
	}
	return out
}

// worst returns the trouble that has lasted longest, if it is to be shown. The
// children of many issues are asked for side by side: while those of others come,
// a request that is tried again, or waits for the budget, is no trouble of the
// stream; an issue whose children do not come is parked.
func (s *state) worst(now time.Time) (extract.Trouble, bool) {
	var worst extract.Trouble
	for _, t := range s.troubles {
		if worst.Err == nil || t.Since.Before(worst.Since) {
			worst = t
		}
	}
	if s.trial.part != "" {
		if worst.Err == nil {
			worst = s.trial.Trouble
		}
		worst.Since = s.trial.Since
		return worst, true
	}
	shown := troubleShown
	if s.status.Interval > 0 {
		shown = min(shown, 2*s.status.Interval)
	}
	return worst, worst.Err != nil && now.Sub(worst.Since) >= shown && now.Sub(s.moments.worked) >= shown
}

// estimate is how long the backlog takes at the pace of the last minutes.
func (s *state) estimate(now time.Time) time.Duration {
	const window = 5
	n := s.worked.last(now, window)
	if s.status.Backlog == 0 || n == 0 {
		return 0
	}
	span := min(now.Sub(s.moments.started), window*time.Minute)
	return time.Duration(float64(span) / float64(n) * float64(s.status.Backlog)).Round(time.Second)
}

func (s *state) ready() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.opened
}

// lastCommit tells when a transaction was last committed. A page that is read
// again and changes nothing is no progress.
func (s *state) lastCommit() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.moments.committed
}
