package producer

import (
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
	stale   bool // what another claim read later is in Kafka
	settled bool
}

func newQuarrel() *quarrel {
	return &quarrel{claims: make(map[string]map[*claim]struct{}), lived: make(map[string]place)}
}

// begin notes that the children of an issue are about to be read. It returns nil
// where that is not needed: for the backlog, when the live lane has worked a
// later record of the issue.
func (q *quarrel) begin(issue string, at place, live bool) *claim {
	q.mu.Lock()
	defer q.mu.Unlock()
	if done, ok := q.lived[issue]; ok && !live && done.partition == at.partition && done.offset > at.offset {
		return nil
	}
	c := &claim{issue: issue, at: at, live: live, began: time.Now()}
	if q.claims[issue] == nil {
		q.claims[issue] = make(map[*claim]struct{}, 1)
	}
	q.claims[issue][c] = struct{}{}
	return c
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
		other.stale = other.stale || other.began.Before(c.began)
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
	gone    bool // the issue itself was deleted, and its children with it
	claim   *claim
}
