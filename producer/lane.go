package producer

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"pylon-kafka/extract"
)

// lane reads the messages or the threads of issues. The issues topic is its work
// queue: it reads the topic's keys and fetches the children of each, so it needs
// no search of its own, and its cursor is its position in that topic.
//
// A stream has two lanes, each with a position: live works what the poll
// published and what was deleted, backlog everything else, with what live leaves of
// the budget. So today's messages need not wait until a backlog of many hours is
// read, and neither do deletions.
type lane struct {
	role    role
	api     childrenAPI
	queue   queue
	quarrel *quarrel
	guard   *safeguard
	memory  *laneMemory
	claims  *claims
	pass    func(context.Context) (context.Context, func(error)) // begins one, for traces
	sweep   func(ended time.Time) bool                           // is a sweep due that ended then last
	// allParked has the read try every parked issue, and not only those whose time
	// has come.
	allParked bool

	stream    string
	connector string
	keys      keyFormat // of the issues topic
	log       *slog.Logger
	odd       sync.Once       // a record that is not ours is logged once
	at        map[int32]int64 // where the last read ended
}

// role is in what the lanes of a stream differ.
type role struct {
	name     string // of the part of the cursor
	live     bool   // it takes what the poll published, and else what it did not
	priority extract.Priority
	sweeps   bool // on a slow clock it takes every issue again
}

func liveRole() role { return role{name: "live", live: true, priority: extract.Foreground} }

func backlogRole(priority extract.Priority) role {
	return role{name: "backlog", priority: priority, sweeps: true}
}

// childrenAPI is what a lane asks Pylon.
type childrenAPI interface {
	children(ctx context.Context, issue string, priority extract.Priority, patience time.Duration) ([]extract.Record, error)
	exists(ctx context.Context, issue string) (bool, error)
}

// laneCursor is what is committed for a lane.
type laneCursor struct {
	Queue    string          `json:"issues_topic_id,omitempty"`
	Position map[int32]int64 `json:"position"` // in the issues topic by partition: everything before is worked
	// SweepTo says up to where every issue is taken again.
	SweepTo map[int32]int64 `json:"sweep_to,omitempty"`
	Parked  []Parked        `json:"parked,omitempty"`
}

// laneMemory is what a lane remembers of the issues that Pylon served last.
type laneMemory struct {
	mu     sync.Mutex
	served string // an issue whose children could be read
	at     time.Time
}

func (m *laneMemory) noteServed(issue string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.served, m.at = issue, time.Now()
}

func (m *laneMemory) lastServed() (issue string, at time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.served, m.at
}

// laneRun is one read of a lane.
type laneRun struct {
	*lane
	cursor  laneCursor
	written map[int32]int64 // where the queue ended when it was looked at last
	looked  time.Time       // when that was
	emit    emitFunc
	swept   time.Time // when a sweep ended in this read
}

// read works the queue up to where it ends. It also waits for transactions that
// are open there: what is written may be committed, though the last stable offset
// does not say so yet.
func (l *lane) read(ctx context.Context, p part, emit emitFunc) error {
	r := &laneRun{lane: l, emit: emit}
	if err := decodeCursor(l.stream, p.Cursor, &r.cursor); err != nil {
		return err
	}
	b, err := l.queue.bounds(ctx)
	if err != nil {
		return err
	}
	r.place(b)
	if err := r.tryParked(ctx); err != nil {
		return err
	}
	for {
		for !reached(r.cursor.Position, r.written) {
			c, err := r.next(ctx)
			if err != nil {
				return err
			}
			if err := r.work(ctx, c); err != nil {
				return err
			}
		}
		if !l.role.live {
			l.quarrel.caughtUp()
		}
		l.at = maps.Clone(r.cursor.Position)
		if r.swept.After(p.Ended) {
			p.Ended = r.swept
		}
		if !l.role.sweeps || !l.sweep(p.Ended) {
			return nil
		}
		r.swept = time.Now()
		l.log.Info("sweep begins: the children of every issue are read again")
		r.cursor.Position, r.cursor.SweepTo = maps.Clone(b.start), maps.Clone(r.written)
	}
}

// reached reports whether pos is at end or behind it in every partition.
func reached(pos, end map[int32]int64) bool {
	for p, e := range end {
		if pos[p] < e {
			return false
		}
	}
	return true
}

// place fits the cursor to the issues topic as it is now: positions in a topic
// that was deleted and made anew mean nothing, those that retention or
// truncation has passed move on to what is left.
func (r *laneRun) place(b bounds) {
	if r.cursor.Queue != "" && r.cursor.Queue != b.id {
		r.log.Warn("the issues topic is not the one that the cursor was written for: the children of all issues are read again",
			"issues_topic", b.name, "lane", r.role.name)
		r.cursor = laneCursor{Parked: r.cursor.Parked}
	}
	r.cursor.Queue = b.id
	r.written, r.looked = b.written, time.Now()
	pos := make(map[int32]int64, len(b.start))
	for p, first := range b.start {
		at, known := r.cursor.Position[p]
		switch {
		case !known:
			at = first
		case at < first:
			r.log.Warn("the issues topic begins behind the cursor: issues in between are left to the sweep",
				"issues_topic", b.name, "partition", p, "lane", r.role.name, "position", at, "begin", first)
			at = first
		case at > b.written[p]:
			r.log.Warn("the issues topic ends before the cursor: it is read from its beginning",
				"issues_topic", b.name, "partition", p, "lane", r.role.name, "position", at, "end", b.written[p])
			at = first
		}
		pos[p] = at
	}
	r.cursor.Position = pos
}

// takes tells whether a record is for this lane.
func (r *laneRun) takes(rec *kgo.Record, h headers, key string) bool {
	if h.connector != r.connector || h.origin == "" || key == "" {
		r.odd.Do(func() {
			r.log.Warn("the issues topic holds a record that this connector did not write; such records are passed over",
				"topic", rec.Topic, "partition", rec.Partition, "offset", rec.Offset)
		})
		return false
	}
	if h.moved {
		return false // the issue is there
	}
	if rec.Value == nil && r.role.live {
		return true // costs no request, and must not wait for a backlog of many hours
	}
	polled := h.origin == originPoll
	return polled == r.role.live || !r.role.live && rec.Offset < r.cursor.SweepTo[rec.Partition]
}

// next reads the next chunk. Of several records of one issue only the last is a
// job: its children are read as they are now.
func (r *laneRun) next(ctx context.Context) (chunk, error) {
	const most = 5000 // records
	records, end, err := r.queue.next(ctx, r.cursor.Position, most)
	if err != nil {
		return chunk{}, err
	}
	c := chunk{end: maps.Clone(r.cursor.Position)}
	maps.Copy(c.end, end)
	last := make(map[string]*job)
	var order []*job
	for _, rec := range records {
		h := readHeaders(rec)
		key, _ := r.keys.decode(rec.Key)
		if !r.takes(rec, h, key) {
			continue
		}
		j := &job{
			issue: key, at: place{rec.Partition, rec.Offset}, version: rec.Timestamp, gone: rec.Value == nil,
			parked: r.isParked(key), done: make(chan struct{}),
		}
		last[j.issue] = j
		order = append(order, j)
	}
	c.jobs = slices.DeleteFunc(order, func(j *job) bool { return last[j.issue] != j })
	return c, nil
}

// look looks where the queue ends now, if that was long ago.
func (r *laneRun) look(ctx context.Context) error {
	if time.Since(r.looked) < laneLook {
		return nil
	}
	b, err := r.queue.bounds(ctx)
	if err != nil {
		return err
	}
	if b.id != r.cursor.Queue {
		return againError{fmt.Errorf("topic %s was deleted and made anew", b.name)}
	}
	if len(b.written) != len(r.written) {
		return againError{fmt.Errorf("topic %s has %d partitions now, and not %d", b.name, len(b.written), len(r.written))}
	}
	r.written, r.looked = b.written, time.Now()
	return nil
}

// left is how many issues are still to be worked: the jobs of a chunk from next
// on, and what comes after the chunk, which is counted in records.
func (r *laneRun) left(c chunk, next int) int64 {
	n := int64(len(c.jobs) - next)
	for p, end := range r.written {
		n += max(0, end-c.end[p])
	}
	return n
}

// send emits what the jobs of a chunk from first up to next have read.
func (r *laneRun) send(ctx context.Context, c chunk, first, next int) error {
	if err := r.look(ctx); err != nil {
		return err
	}
	pos, left := c.before(next), r.left(c, next)
	b := batch{
		rule: &families{quarrel: r.quarrel, guard: r.guard}, origin: originPoll,
		note: note{lane: r.role.name, left: left},
	}
	for _, j := range c.jobs[first:next] {
		r.unpark(j)
		if j.claim == nil || j.skip {
			continue
		}
		b.families = append(b.families, family{issue: j.issue, records: j.records, gone: j.gone, claim: j.claim})
	}
	r.cursor.Position = pos
	if !r.role.live {
		b.origin = originBackfill
		if len(r.cursor.SweepTo) > 0 {
			b.origin = originSweep
			if reached(pos, r.cursor.SweepTo) {
				r.cursor.SweepTo, b.ended = nil, time.Now().UTC().Truncate(time.Second)
				r.swept = b.ended
				r.log.Info("sweep ends")
			}
		}
	}
	b.note.worked, b.note.parked = int64(len(b.families)), slices.Clone(r.cursor.Parked)
	b.note.upTo, b.note.caughtUp = r.claims.reached(ctx, r.role.name, r.looked, left == 0)
	var err error
	if b.cursor, err = json.Marshal(r.cursor); err != nil {
		return fmt.Errorf("cursor of %s: %w", r.role.name, err)
	}
	return r.emit(b)
}
