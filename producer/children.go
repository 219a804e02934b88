package producer

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/sync/errgroup"

	"pylon-kafka/extract"
	"pylon-kafka/offsets"
)

// childrenSource reads the messages or the threads of issues. The issues topic
// is its work queue: it reads the topic's keys and fetches the children of each,
// so it needs no search of its own, and its cursor is its position in that topic.
//
// There are two lanes, each with a position: live works what the poll published,
// backlog everything else, with what live leaves of the budget. So today's
// messages need not wait until a backlog of many hours is read. On the slow
// clock of the sweep the backlog lane begins at the topic's beginning again and
// then takes every issue.
type childrenSource struct {
	t          *task
	topicName  string // of issues
	emit       emitFunc
	issuesDone <-chan struct{} // a sync: closed when no more issues will come

	mu      sync.Mutex // held from the change of the cursor to the end of emit
	cursor  childrenCursor
	lived   map[string]int64             // offsets of issues that the live lane worked and the backlog has not reached
	started map[string]map[*job]struct{} // jobs whose children are being read or wait to be sent, by issue
	todo    map[string]int64             // issues still to be worked, by lane
	latest  map[int32]int64              // end of the issues topic, as either lane has seen it
	ends    map[int32]int64              // a sync: where to stop
	swept   bool                         // a sync: it has swept once
	odd     sync.Once                    // a record of somebody else's is logged once
}

// childrenCursor is what is committed for a stream of children: positions in
// the issues topic by partition.
type childrenCursor struct {
	TopicID string          `json:"topic_id,omitempty"`        // of the stream's own topic
	Queue   string          `json:"issues_topic_id,omitempty"` // of the issues topic
	Live    map[int32]int64 `json:"live"`
	Backlog map[int32]int64 `json:"backlog"`
	// SweepTo says up to where the backlog lane takes every issue again.
	SweepTo map[int32]int64 `json:"sweep_to,omitempty"`
	// SweptAt is when the last sweep ended; at first, the first start.
	SweptAt time.Time `json:"swept_at,omitzero"`
}

func newChildrenSource(t *task) *childrenSource {
	return &childrenSource{
		t: t, topicName: t.p.cfg.Kafka.Topic(issuesStream), issuesDone: t.p.issuesDone,
		lived:   make(map[string]int64),
		started: make(map[string]map[*job]struct{}),
		todo:    make(map[string]int64),
		latest:  make(map[int32]int64),
	}
}

func (s *childrenSource) read(ctx context.Context, cursor json.RawMessage, emit emitFunc) error {
	s.emit = emit
	if err := decodeCursor(s.t.stream.Name, cursor, &s.cursor); err != nil {
		return err
	}
	if err := s.place(ctx); err != nil {
		return err
	}
	live := &lane{
		src: s, name: "live", priority: extract.Foreground, inFlight: 16, pos: maps.Clone(s.cursor.Live),
		takes: func(_ int32, _ int64, h headers) bool { return h.origin == originPoll },
	}
	backlog := &lane{
		src: s, name: "backlog", priority: extract.Background, inFlight: 16, pos: maps.Clone(s.cursor.Backlog),
		takes: s.takesBacklog,
	}
	if s.t.p.once {
		backlog.priority = extract.Foreground // nothing live waits behind it
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return s.run(ctx, live) })
	group.Go(func() error { return s.run(ctx, backlog) })
	return group.Wait()
}

// place fits the positions of the cursor to the issues topic as it is now:
// positions in a topic that was deleted and made anew mean nothing, those that
// retention or truncation has passed move on to what is left.
func (s *childrenSource) place(ctx context.Context) error {
	issues, err := s.t.p.topic(ctx, issuesStream)
	if err != nil {
		return err
	}
	start, end, err := offsets.Bounds(ctx, s.t.p.cl, s.topicName)
	if err != nil {
		return err
	}
	c := &s.cursor
	now := childrenCursor{TopicID: s.t.topic.id, Queue: issues.id, SweptAt: c.SweptAt}
	if c.TopicID != now.TopicID || c.Queue != now.Queue {
		if c.TopicID != "" {
			s.t.log.Warn("the topic, or that of issues, is not the one that the cursor was written for: the children of all issues are read again",
				"topic", s.t.topic.name, "issues_topic", s.topicName)
		}
		*c = now
	}
	if now := time.Now(); c.SweptAt.IsZero() || c.SweptAt.After(now) { // the first start, or a clock that jumped
		c.SweptAt = now.UTC().Truncate(time.Second)
	}
	c.Live, c.Backlog = s.within("live", c.Live, start, end), s.within("backlog", c.Backlog, start, end)
	return nil
}

// within returns pos for the partitions that there are, each inside its bounds.
func (s *childrenSource) within(lane string, pos, start, end map[int32]int64) map[int32]int64 {
	out := make(map[int32]int64, len(start))
	for p, first := range start {
		at, known := pos[p]
		switch {
		case !known:
			at = first
		case at < first:
			s.t.log.Warn("the issues topic begins behind the cursor: issues in between are left to the sweep",
				"topic", s.topicName, "partition", p, "lane", lane, "position", at, "begin", first)
			at = first
		case at > end[p]:
			s.t.log.Warn("the issues topic ends before the cursor: it is read from its beginning",
				"topic", s.topicName, "partition", p, "lane", lane, "position", at, "end", end[p])
			at = first
		}
		out[p] = at
	}
	return out
}

// run works one lane until ctx ends; in a sync, until it has reached the end of
// the issues topic once no more issues will come.
func (s *childrenSource) run(ctx context.Context, l *lane) error {
	cl, err := l.open(s.topicName, s.t.p.opts)
	if err != nil {
		return err
	}
	defer func() { cl.Close() }()
	for {
		if done, err := s.finished(ctx, l); done || err != nil {
			return err
		}
		if s.rewind(ctx, l) {
			anew, err := l.open(s.topicName, s.t.p.opts)
			if err != nil {
				return err
			}
			cl.Close()
			cl = anew
		}
		wake, cancel := s.wake(ctx)
		c, err := l.next(ctx, wake, cl)
		cancel()
		if err != nil {
			return err
		}
		if maps.Equal(c.end, l.pos) {
			s.quiet(l)
			continue
		}
		if err := l.work(ctx, c); err != nil {
			return err
		}
		l.pos = c.end
	}
}

// wake ends when a lane that waits for records should look around again.
func (s *childrenSource) wake(ctx context.Context) (context.Context, context.CancelFunc) {
	const while, soon = 5 * time.Second, 200 * time.Millisecond
	if s.t.p.once {
		return context.WithTimeout(ctx, soon) // the last issue may be there
	}
	return context.WithTimeout(ctx, while)
}

// finished tells whether a lane of a sync has nothing left to do.
func (s *childrenSource) finished(ctx context.Context, l *lane) (bool, error) {
	if !s.t.p.once {
		return false, nil
	}
	select {
	case <-s.issuesDone:
	default:
		return false, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ends == nil {
		_, end, err := offsets.Bounds(ctx, s.t.p.cl, s.topicName)
		if err != nil {
			return false, err
		}
		s.ends = end
	}
	for p, end := range s.ends {
		if l.pos[p] < end {
			return false, nil
		}
	}
	if l.name == "backlog" && s.sweepDueLocked() {
		return false, nil // finished sends it round once more
	}
	return true, nil
}

// sweepDueLocked tells whether the backlog lane, at its end, should begin again.
func (s *childrenSource) sweepDueLocked() bool {
	interval := s.t.p.extract.SweepInterval
	return interval > 0 && len(s.cursor.SweepTo) == 0 && time.Since(s.cursor.SweptAt) >= interval && (!s.t.p.once || !s.swept)
}

// rewind sends the backlog lane back to the beginning of the topic if a sweep
// is due and the lane has reached the end.
func (s *childrenSource) rewind(ctx context.Context, l *lane) bool {
	if l.name != "backlog" {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.sweepDueLocked() {
		return false
	}
	start, end, err := offsets.Bounds(ctx, s.t.p.cl, s.topicName)
	if err != nil {
		return false // tried again at the next turn
	}
	for p, e := range end {
		if l.pos[p] < e {
			return false
		}
	}
	s.t.log.Info("sweep begins: the children of every issue are read again")
	s.cursor.Backlog, s.cursor.SweepTo, s.swept = start, end, true
	l.pos = maps.Clone(start)
	return true
}

// takesBacklog tells whether a record is for the backlog lane.
func (s *childrenSource) takesBacklog(partition int32, offset int64, h headers) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return h.origin != originPoll || offset < s.cursor.SweepTo[partition]
}

// quiet is called when a lane has nothing to read.
func (s *childrenSource) quiet(l *lane) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.show(l, 0)
	if l.name == "backlog" {
		clear(s.lived) // what comes now is behind all that the live lane worked
		return
	}
	now := time.Now()
	s.t.board.update(func(st *Status) {
		st.LastSuccess = now
		if st.Backlog == 0 {
			st.Cursor, st.State = now, Live
		}
	})
	s.t.p.metrics.lastSuccess.WithLabelValues(s.t.stream.Name).Set(float64(now.Unix()))
}

// show tells how many issues a lane has left to work.
func (s *childrenSource) show(l *lane, left int64) {
	s.todo[l.name] = left
	var all int64
	for _, n := range s.todo {
		all += n
	}
	s.t.p.metrics.backlog.WithLabelValues(s.t.stream.Name).Set(float64(all))
	s.t.board.update(func(st *Status) { st.Backlog = all })
}

// saw notes how far the issues topic goes.
func (s *childrenSource) saw(partition int32, end int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.latest[partition] = max(s.latest[partition], end)
}

// left is how many issues a lane has to work: the jobs of its chunk from next on,
// and what comes after the chunk, which is counted in records.
func (s *childrenSource) left(c chunk, next int) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := int64(len(c.jobs) - next)
	for p, end := range s.latest {
		n += max(0, end-c.end[p])
	}
	return n
}

// fetch reads the children of one job's issue.
func (s *childrenSource) fetch(ctx context.Context, l *lane, j *job) {
	if !s.start(l, j) || j.gone {
		return
	}
	j.records, j.err = s.t.p.client.Children(ctx, s.t.stream, j.issue, extract.Ask{Priority: l.priority})
	if !errors.Is(j.err, extract.ErrNotFound) {
		return
	}
	exists, err := s.t.p.client.IssueExists(ctx, j.issue, extract.Ask{})
	switch {
	case err != nil:
		j.err = err
	case exists:
		// The issue is there and its children are not to be had: nothing is
		// known of them, so nothing is published.
		s.t.log.Warn("Pylon has the issue but does not give its children; they are left as they are", "issue", j.issue, "err", j.err)
		j.skip, j.err = true, nil
	default:
		j.gone, j.err = true, nil
	}
}

// start notes that a job's children are about to be read. It returns false
// where the live lane has worked a later record of the issue already.
func (s *childrenSource) start(l *lane, j *job) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if at, ok := s.lived[j.issue]; ok && l.name == "backlog" && at > j.offset {
		j.skip = true
		return false
	}
	j.began = time.Now()
	if s.started[j.issue] == nil {
		s.started[j.issue] = make(map[*job]struct{}, 1)
	}
	s.started[j.issue][j] = struct{}{}
	return true
}

// end takes a job that is about to be sent off the list, and tells those of its
// issue in the other lane which began to read earlier that they are stale: what
// they have read must not be published after this.
func (s *childrenSource) end(l *lane, j *job) {
	delete(s.started[j.issue], j)
	for other := range s.started[j.issue] {
		other.stale = other.stale || other.began.Before(j.began)
	}
	if len(s.started[j.issue]) == 0 {
		delete(s.started, j.issue)
	}
	if l.name == "live" {
		s.lived[j.issue] = j.offset
	}
}

// send emits what jobs of a lane have read; the lane stands at pos after them,
// and has left more issues to work.
func (s *childrenSource) send(l *lane, jobs []*job, pos map[int32]int64, left int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := batch{origin: originPoll, began: time.Now(), progress: -1, state: Live}
	for _, j := range jobs {
		if j.skip {
			continue
		}
		s.end(l, j)
		if !j.stale {
			b.families = append(b.families, family{issue: j.issue, records: j.records, gone: j.gone})
		}
		b.upTo = j.at
	}
	if l.name == "backlog" {
		b.origin, b.upTo = s.advance(pos), time.Time{}
	} else {
		s.cursor.Live = pos
	}
	s.show(l, left)
	b.caughtUp = left == 0
	if s.todo["backlog"] > 0 {
		b.state = Backfill
	}
	var err error
	if b.cursor, err = json.Marshal(s.cursor); err != nil {
		return err
	}
	return s.emit(b)
}

// advance moves the backlog lane's position and returns the origin of what it
// publishes before it.
func (s *childrenSource) advance(pos map[int32]int64) string {
	s.cursor.Backlog = pos
	if len(s.cursor.SweepTo) == 0 {
		return originBackfill
	}
	if reached(pos, s.cursor.SweepTo) {
		s.cursor.SweepTo, s.cursor.SweptAt = nil, time.Now().UTC().Truncate(time.Second)
		s.t.log.Info("sweep ends")
	}
	return originSweep
}

func reached(pos, end map[int32]int64) bool {
	for p, e := range end {
		if pos[p] < e {
			return false
		}
	}
	return true
}

// stranger logs, once, that somebody else writes to the issues topic.
func (s *childrenSource) stranger(rec *kgo.Record) {
	s.odd.Do(func() {
		s.t.log.Warn("the issues topic holds a record that pylon-kafka did not write; such records are passed over",
			"topic", rec.Topic, "partition", rec.Partition, "offset", rec.Offset)
	})
}
