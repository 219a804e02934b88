package producer

import (
	"sync"
	"time"
)

// board holds one stream's status.
type board struct {
	mu      sync.Mutex
	status  Status
	started time.Time
	opened  bool // the cursor is loaded, or the stream has failed alone
}

func newBoard(stream, topic string, interval time.Duration) *board {
	return &board{
		status: Status{
			Stream: stream, Topic: topic,
			Condition: Condition{State: Starting, Owned: true},
			Times:     Times{Interval: interval},
			Work:      Work{Progress: -1},
		},
		started: time.Now(),
	}
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

// down shows why the stream is in a state in which it is not up.
func (b *board) down(state State, err error) {
	b.update(func(s *Status) {
		now := time.Now()
		if s.Since.IsZero() {
			s.Since = now
		}
		s.State, s.Up, s.Reason = state, false, err.Error()
		s.LastError, s.LastErrorAt = s.Reason, now
	})
}

// next shows when what failed is tried again.
func (b *board) next(pause time.Duration) {
	b.update(func(s *Status) { s.NextTry = time.Now().Add(pause) })
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
