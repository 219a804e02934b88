package producer

import (
	"context"
	"sync"
	"time"

	"pylon-kafka/extract"
)

// quarrel settles which of the two lanes may publish the children of an issue
// that both have read: what was read earlier must not be published after what
// was read later. It is safe for concurrent use.
type quarrel struct {
	mu     sync.Mutex
	claims map[string]map[*claim]struct{} // by issue: children that are being read, or wait to be committed
	begun  int64                          // claims so far
	lived  map[string]place               // records of issues that the live lane worked and the backlog has not reached
}

// place is where a record stands in its topic.
type place struct {
	partition int32
	offset    int64
}

// claim is one reading of the children of an issue.
type claim struct {
	issue   string
	at      place
	live    bool
	began   time.Time
	order   int64 // of the beginnings
	stale   bool  // what another claim read later is in Kafka
	settled bool
	read    chan struct{} // closed when the reading is over
	over    bool          // it is
}

func newQuarrel() *quarrel {
	return &quarrel{claims: make(map[string]map[*claim]struct{}), lived: make(map[string]place)}
}

// begin notes that the children of an issue are about to be read. While another
// claim reads them it waits, until ctx ends at the latest: of two requests that are
// under way together it cannot be told which was answered from the newer state. It
// returns nil where reading is not needed: for the backlog, when the live lane has
// worked a later record of the issue. Whoever gets a claim calls readOver.
func (q *quarrel) begin(ctx context.Context, issue string, at place, live bool) *claim {
	for {
		c, other := q.tryBegin(issue, at, live, ctx.Err() != nil)
		if other == nil {
			return c
		}
		select {
		case <-other.read:
		case <-ctx.Done():
		}
	}
}

// tryBegin is begin without waiting: it returns a claim that is reading, unless
// they may read together.
func (q *quarrel) tryBegin(issue string, at place, live, together bool) (c, other *claim) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if done, ok := q.lived[issue]; ok && !live && done.partition == at.partition && done.offset > at.offset {
		return nil, nil
	}
	for other := range q.claims[issue] {
		if !other.over && !together {
			return nil, other
		}
	}
	q.begun++
	c = &claim{issue: issue, at: at, live: live, began: time.Now(), order: q.begun, read: make(chan struct{})}
	if q.claims[issue] == nil {
		q.claims[issue] = make(map[*claim]struct{}, 1)
	}
	q.claims[issue][c] = struct{}{}
	return c, nil
}

// readOver notes that what the claim is about was read, or could not be.
func (q *quarrel) readOver(c *claim) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !c.over {
		c.over = true
		close(c.read)
	}
}

// settle is called when c is about to be committed. It returns false where c is
// stale, and makes stale those claims on its issue that began earlier.
func (q *quarrel) settle(c *claim) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if c.settled {
		return !c.stale
	}
	c.settled = true
	delete(q.claims[c.issue], c)
	for other := range q.claims[c.issue] {
		other.stale = other.stale || other.order < c.order
	}
	if len(q.claims[c.issue]) == 0 {
		delete(q.claims, c.issue)
	}
	if c.live {
		q.lived[c.issue] = c.at
	}
	return !c.stale
}

// drop forgets a claim whose reading came to nothing.
func (q *quarrel) drop(c *claim) {
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.claims[c.issue], c)
	if len(q.claims[c.issue]) == 0 {
		delete(q.claims, c.issue)
	}
}

// caughtUp is called when the backlog has reached the end: what comes now is
// behind everything that the live lane has worked.
func (q *quarrel) caughtUp() {
	q.mu.Lock()
	defer q.mu.Unlock()
	clear(q.lived)
}

// family is all children of one issue.
type family struct {
	issue   string
	records []extract.Record
	gone    bool // the issue itself was deleted, by what the issues topic says, and its children with it
	// believed: it lacks many of those that consumers have, and that was looked at.
	believed bool
	doubted  bool // so do other issues: what else a batch holds speaks not for it
	claim    *claim
}
