package extract

import (
	"context"
	"slices"
	"sync"
	"time"
)

// minute is the span over which the API counts:
// https://docs.usepylon.com/pylon-docs/developer/api/rate-limits.
const minute = time.Minute

// limiter paces the requests to one endpoint. It promises that the API sees no
// more than limit requests in any 60 seconds, wherever its minutes begin: it
// keeps a sliding log in which a request holds a slot from before it is sent
// until 60 seconds after its answer came, by when it had long arrived. A token
// bucket would either send twice the limit in the first minute or waste a part
// of it.
//
// Within that, Foreground goes at once. Background is spaced evenly and takes
// the last free slot only if the next one comes back soon, so that a Foreground
// request waits for no more than about 60s/limit.
//
// It is safe for concurrent use. The first request goes alone: its answer tells what
// an earlier process has left of the minute. Of one priority, requests go in
// the order in which they came.
type limiter struct {
	limit    int           // requests a minute; 0: none, and only pauses count
	interval time.Duration // 60s/limit

	mu         sync.Mutex
	inFlight   int         // sent and not answered
	sent       int64       // all that were sent, ever
	answered   []time.Time // when the slots of answered requests come back, in order
	others     []time.Time // when slots that other clients of the organisation hold come back, in order
	probing    time.Time   // until when the others wait for the answer to the first request
	background time.Time   // no Background request goes before

	pauses
	queue
}

// queue is who waits in a limiter, which locks it.
type queue struct {
	waiting [2][]*waiter  // by priority, in order
	blocked int           // of them, those that could not go at once
	since   time.Time     // when the first of the blocked began to wait
	waited  time.Duration // time in which somebody was blocked, up to since
	changed chan struct{} // closed when something changed that may let somebody go
}

// pauses is what the 429 of an endpoint have brought about. The limiter locks it.
type pauses struct {
	paused  time.Time     // nothing goes before
	refused time.Duration // that nothing went since the last answer that was no 429
}

// probeWait bounds how long the requests to an endpoint wait for the answer to the
// first of them.
const probeWait = 5 * time.Second

// unknown is what the API says of its budget if it says nothing.
const unknown = -1

// waiter stands for one goroutine that waits. It is not empty so that each has
// an address of its own.
type waiter struct{ _ byte }

// slot is the place of one request in the log.
type slot struct {
	number int64 // it is the nth that was sent
	used   int   // slots of ours in the log when it was sent, itself included
}

func newLimiter(perMinute int) *limiter {
	l := &limiter{limit: perMinute, queue: queue{changed: make(chan struct{})}}
	if perMinute > 0 {
		l.interval = minute / time.Duration(perMinute)
	}
	return l
}

// acquire waits until a request may be sent and takes a slot for it, which must
// be given to done. The error is ctx's, and then there is no slot.
func (l *limiter) acquire(ctx context.Context, p Priority) (slot, error) {
	if ctx.Err() != nil {
		return slot{}, context.Cause(ctx)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	me := new(waiter)
	l.waiting[p] = append(l.waiting[p], me)
	defer l.wakeAll()
	for {
		now := time.Now()
		again, ok := time.Time{}, false
		if l.waiting[p][0] == me {
			again, ok = l.next(now, p)
		}
		if ok {
			l.waiting[p] = l.waiting[p][1:]
			return l.take(now, p), nil
		}
		if err := l.wait(ctx, again); err != nil {
			l.waiting[p] = slices.DeleteFunc(l.waiting[p], func(w *waiter) bool { return w == me })
			return slot{}, err
		}
	}
}

// wait gives up the lock until something changed or again, if that is set, is here.
func (l *limiter) wait(ctx context.Context, again time.Time) error {
	if l.blocked++; l.blocked == 1 {
		l.since = time.Now()
	}
	changed := l.changed
	l.mu.Unlock()
	defer func() {
		l.mu.Lock()
		if l.blocked--; l.blocked == 0 {
			l.waited += time.Since(l.since)
		}
	}()
	var timer <-chan time.Time
	if !again.IsZero() {
		timer = time.After(time.Until(again))
	}
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-changed:
	case <-timer:
	}
	return nil
}

// wakeAll lets everybody who waits look again. The caller holds the lock.
func (l *limiter) wakeAll() {
	close(l.changed)
	l.changed = make(chan struct{})
}

// next reports whether a request may go now, and if not, when to look again; the
// zero time means on a change only.
func (l *limiter) next(now time.Time, p Priority) (again time.Time, ok bool) {
	if now.Before(l.paused) {
		return l.paused, false
	}
	if l.limit == 0 {
		return time.Time{}, true
	}
	if now.Before(l.probing) {
		// What this process has not sent, an earlier one may have. The first answer tells what is left.
		return l.probing, false
	}
	if p == Background && len(l.waiting[Foreground]) > 0 {
		return time.Time{}, false // whoever goes wakes the others
	}
	free := l.free(now)
	back := l.back()
	switch {
	case free <= 0:
		return back, false
	case p == Foreground:
		return time.Time{}, true
	case now.Before(l.background):
		return l.background, false
	case free > 1 || l.limit == 1:
		return time.Time{}, true
	case back.IsZero():
		return time.Time{}, false // the other slots are in flight: none comes back before an answer says when
	case back.After(now.Add(l.interval)):
		return back.Add(-l.interval), false
	}
	return time.Time{}, true
}

// free returns the number of free slots; negative if the log holds more than the limit.
func (l *limiter) free(now time.Time) int {
	l.answered = dropUntil(l.answered, now)
	l.others = dropUntil(l.others, now)
	return l.limit - l.inFlight - len(l.answered) - len(l.others)
}

// back returns when the next slot comes back, or zero where that is not known.
func (l *limiter) back() time.Time {
	switch {
	case len(l.answered) == 0 && len(l.others) == 0:
		return time.Time{}
	case len(l.answered) == 0:
		return l.others[0]
	case len(l.others) == 0 || l.answered[0].Before(l.others[0]):
		return l.answered[0]
	}
	return l.others[0]
}

func (l *limiter) take(now time.Time, p Priority) slot {
	l.inFlight++
	if l.sent++; l.sent == 1 {
		l.probing = now.Add(probeWait)
	}
	if p == Background && l.limit > 0 {
		// A wake-up that came a little late does not put off those after it.
		due := l.background
		if earliest := now.Add(-l.interval / 4); due.Before(earliest) {
			due = earliest
		}
		l.background = due.Add(l.interval)
	}
	return slot{number: l.sent, used: l.inFlight + len(l.answered)}
}

// done gives a slot back, 60 seconds from now: call it when the head of the
// answer is there, or when it is clear that none will come. remaining is what
// the API says is left of the budget, or unknown.
//
// A larger number than ours is never believed: the API has been seen to send
// the same one several times in a row. A smaller one means that another client
// of the organisation spends from the same budget, and that many slots are held
// back; since it is not known when they were spent, they come back evenly.
func (l *limiter) done(s slot, remaining int) {
	if s.number == 0 {
		return // acquire gave none
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	l.inFlight--
	l.probing = time.Time{}
	if l.limit > 0 {
		l.answered = append(l.answered, now.Add(minute))
		if remaining != unknown {
			// The API counted this request at some moment since it was sent. Until then it can have counted no more of ours
			// than were in the log at that time or were sent since.
			ours := s.used + int(l.sent-s.number)
			l.hold(now, l.limit-remaining-ours)
		}
	}
	l.wakeAll()
}

// hold makes sure that at least n slots are held back for other clients.
func (l *limiter) hold(now time.Time, n int) {
	l.others = dropUntil(l.others, now)
	missing := n - len(l.others)
	for j := 1; j <= missing; j++ {
		l.others = append(l.others, now.Add(minute*time.Duration(j)/time.Duration(missing)))
	}
	if missing > 0 {
		slices.SortFunc(l.others, time.Time.Compare)
	}
}

// pause lets nothing go before until, as the API has asked with a 429.
func (l *limiter) pause(until time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if until.After(l.paused) {
		from := time.Now()
		if l.paused.After(from) {
			from = l.paused // somebody else waits so long already
		}
		l.refused += until.Sub(from)
		l.paused = until
		l.wakeAll()
	}
}

// served notes that the API has answered with something else than 429.
func (l *limiter) served() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.refused = max(0, time.Until(l.paused)) // of another request's refusal, which is the later one
}

// refusedFor returns how long the pauses were since then.
func (l *limiter) refusedFor() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.refused
}

// remaining returns how many requests could be sent now; -1 without a limit.
func (l *limiter) remaining() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	switch {
	case now.Before(l.paused):
		return 0
	case l.limit == 0:
		return -1
	}
	return max(0, l.free(now))
}

// waitedFor returns for how long somebody has waited so far; several who wait
// count once.
func (l *limiter) waitedFor() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.blocked > 0 {
		return l.waited + time.Since(l.since)
	}
	return l.waited
}

// dropUntil removes from the ordered times those that are not after now.
func dropUntil(times []time.Time, now time.Time) []time.Time {
	n := 0
	for n < len(times) && !times[n].After(now) {
		n++
	}
	return slices.Delete(times, 0, n)
}
