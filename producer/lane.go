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
	laneSettings
	api     childrenAPI
	queue   queue
	quarrel *quarrel
	memory  *laneMemory
	claims  *claims
	pass    func(context.Context) (context.Context, func(error)) // begins one, for traces
	sweep   func(ended time.Time) bool                           // is a sweep due that ended then last
	// allParked has the read try every parked issue, and not only those whose time
	// has come.
	allParked bool
	odd       sync.Once       // a record that is not ours is logged once
	at        map[int32]int64 // where the last read ended
}

// laneSettings is what a lane is opened with.
type laneSettings struct {
	role      role
	stream    string
	connector string
	keys      keyFormat // of the issues topic
	known     knownChildren
	guard     *safeguard
	log       *slog.Logger
}

// role is in what the lanes of a stream differ.
type role struct {
	name     string // of the part of the cursor
	live     bool   // it takes what the poll published, and else what it did not
	priority extract.Priority
	sweeps   bool // on a slow clock it takes every issue again
}

func liveRole() role { return role{name: liveLane, live: true, priority: extract.Foreground} }

func backlogRole(priority extract.Priority) role {
	return role{name: backlogLane, priority: priority, sweeps: true}
}

// childrenAPI is what a lane asks Pylon.
type childrenAPI interface {
	children(ctx context.Context, issue string, priority extract.Priority, patience time.Duration) ([]extract.Record, error)
	exists(ctx context.Context, issue string, patience time.Duration) (bool, error)
	parked(issue string) // its children could not be read, and are no trouble of the stream
}

// laneCursor is what is committed for a lane.
type laneCursor struct {
	Queue    string          `json:"issues_topic_id,omitempty"`
	Position map[int32]int64 `json:"position"` // in the issues topic by partition: everything before is worked
	// SweepTo says up to where every issue is taken again.
	SweepTo map[int32]int64 `json:"sweep_to,omitempty"`
	Parked  []Parked        `json:"parked,omitempty"`
}

// encode returns the cursor of a lane as it is committed.
func (c *laneCursor) encode(lane string) (json.RawMessage, error) {
	text, err := json.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("cursor of %s: %w", lane, err)
	}
	return text, nil
}

// laneRun is one read of a lane.
type laneRun struct {
	*lane
	cursor  laneCursor
	begin   map[int32]int64 // where the queue began when the read did
	written map[int32]int64 // where it ended when it was looked at last
	looked  time.Time       // when that was
	emit    emitFunc
	swept   time.Time // when a sweep ended in this read
	ahead   ahead
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
	r.begin, r.written, r.looked = b.start, b.written, time.Now()
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

const (
	// laneLook is how often a lane that waits for issues looks around.
	laneLook = 5 * time.Second
	// laneLookSync is the same in a sync, where the last issue may be there.
	laneLookSync = 200 * time.Millisecond
)

// job is one issue of a chunk.
type job struct {
	issue    string
	lastSeen      // the issue's record
	parked   bool // its children could not be read before

	done     chan struct{} // closed when the fields below are set
	claim    *claim        // nil: the other lane has worked the issue
	records  []extract.Record
	served   bool // its children could be read
	believed bool // it lacks many of them, and that was looked at
	doubted  bool // it lacks many of them, and so do other issues
	skip     bool // nothing to publish
	err      error
}

// chunk is a piece of the queue: the jobs in their order, and how far it goes.
type chunk struct {
	jobs []*job
	end  map[int32]int64 // position after the chunk, by partition
}

// parkedPatience is how long a try of a parked issue lasts.
const parkedPatience = 10 * time.Second

// patience is how long the children are tried, 429 not counted; 0 is as long as
// the stream's own.
func (j *job) patience() time.Duration {
	if j.parked {
		return parkedPatience
	}
	return 0
}

// before is the position before the job of that number: everything that comes
// before it in its partition is worked, or worked again by a later job.
func (c chunk) before(number int) map[int32]int64 {
	pos := maps.Clone(c.end)
	for _, j := range c.jobs[number:] {
		if j.at.offset < pos[j.at.partition] {
			pos[j.at.partition] = j.at.offset
		}
	}
	return pos
}

func (r *laneRun) isParked(issue string) bool {
	return slices.ContainsFunc(r.cursor.Parked, func(p Parked) bool { return p.Issue == issue })
}

// unpark forgets that the issue of a job whose children were read was parked.
func (r *laneRun) unpark(j *job) {
	if !j.skip && j.err == nil && r.isParked(j.issue) {
		r.cursor.Parked = slices.DeleteFunc(slices.Clone(r.cursor.Parked), func(p Parked) bool { return p.Issue == j.issue })
		r.log.Info("the children of an issue that was parked are read", "issue", j.issue)
	}
}
