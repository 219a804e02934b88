package producer

import (
	"sync"
	"time"
)

// State is what a stream is doing.
type State string

// The states of a stream.
const (
	Starting State = "starting" // fencing, reading its cursor and what its topic holds
	Backfill State = "backfill" // reading what was there before the start, or a backlog
	Live     State = "live"     // following changes
	Idle     State = "idle"     // waiting for its next pass
	Done     State = "done"     // sync: finished
	Failed   State = "failed"   // see Reason; tried again later
)

// Status is one stream as seen from outside. Counts are since the start of the
// process, and of what was committed.
type Status struct {
	Stream      string        `json:"stream"`
	Topic       string        `json:"topic"`
	State       State         `json:"state"`
	Up          bool          `json:"up"`
	Reason      string        `json:"reason,omitempty"` // why it is down
	Records     int64         `json:"records"`
	Tombstones  int64         `json:"tombstones"`
	Unchanged   int64         `json:"unchanged"`
	DeadLetters int64         `json:"dead_letters"`
	Requests    int64         `json:"requests"`
	Cursor      time.Time     `json:"cursor,omitzero"`       // what Pylon held then is in Kafka
	LastSuccess time.Time     `json:"last_success,omitzero"` // when it last caught up
	Backlog     int64         `json:"backlog"`               // issues whose children are still to be read
	Progress    float64       `json:"progress"`              // of a backfill, 0 to 1; -1 where it is not known
	Resumed     bool          `json:"resumed"`               // a cursor was found at the start
	Elapsed     time.Duration `json:"elapsed_ns"`            // until it was done, or until now
}

// board holds one stream's status.
type board struct {
	mu      sync.Mutex
	status  Status
	started time.Time
	opened  bool // the cursor is loaded, or the stream has failed alone
}

func newBoard(stream, topic string) *board {
	return &board{status: Status{Stream: stream, Topic: topic, State: Starting, Progress: -1}, started: time.Now()}
}

// update changes the status under its lock.
func (b *board) update(change func(*Status)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	change(&b.status)
	switch b.status.State {
	case Done:
		if b.status.Elapsed == 0 {
			b.status.Elapsed = time.Since(b.started)
		}
	case Starting:
	default:
		b.opened = true
	}
}

func (b *board) read() Status {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.status
	if s.State != Done {
		s.Elapsed = time.Since(b.started)
	}
	return s
}

func (b *board) ready() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.opened
}
