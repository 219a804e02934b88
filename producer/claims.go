package producer

import (
	"context"
	"errors"
	"sync"
	"time"

	"pylon-kafka/offsets"
)

// claims is what a stream of children may say of itself: never more than its two
// lanes have worked, and never more than the stream of their parents says.
type claims struct {
	stream string // of the parents
	store  offsets.Store
	state  *state // of the parents; nil: they are read elsewhere

	mu     sync.Mutex
	atEnd  map[string]bool // by lane: it has worked everything that was in the issues topic
	loaded time.Time       // when the parents' cursor was read last
	doc    document        // what it said
}

// parentsLook is how often the cursor of parents is read that another process
// works.
const parentsLook = time.Minute

// reached notes whether a lane has worked what was there when it began to read,
// and returns what the stream may claim: up to when what Pylon held is in Kafka,
// and when the stream caught up. Both are zero where nothing can be said.
func (c *claims) reached(ctx context.Context, lane string, began time.Time, end bool) (upTo, caughtUp time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.atEnd[lane] = end
	if !end || !c.atEnd[liveLane] || !c.atEnd[backlogLane] {
		return upTo, caughtUp
	}
	upTo, caughtUp = c.parents(ctx)
	return earlier(upTo, began), earlier(caughtUp, began)
}

// parents is what the stream of the parents claims.
func (c *claims) parents(ctx context.Context) (upTo, caughtUp time.Time) {
	if c.state != nil {
		if now := c.state.read(); now.Owned {
			return now.Cursor, now.LastSuccess
		}
	}
	if time.Since(c.loaded) >= parentsLook {
		entry, err := c.store.Load(ctx, c.stream)
		if err == nil {
			c.doc, err = parseDocument(c.stream, entry.Cursor)
		}
		if err == nil || errors.Is(err, offsets.ErrNoCursor) {
			c.loaded = time.Now()
		}
	}
	return c.doc.UpTo, c.doc.CaughtUpAt
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
