package extract

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	backoffBase = 500 * time.Millisecond
	backoffCap  = time.Minute
	// retryAfterCap bounds what the API may ask for. Its limits are per minute
	// (https://docs.usepylon.com/pylon-docs/developer/api/rate-limits), so a longer
	// wait would be a mistake, and of a wrong clock most likely.
	retryAfterCap = 90 * time.Second
	// refusedPatience is how long an endpoint may answer nothing but 429 before a call
	// with patience gives up: one minute, over which the API counts, explains a
	// refusal, and what other clients of the organisation spend a second one.
	refusedPatience = 90 * time.Second
	// leastPause is how long to wait at least after a 429 that does not say.
	leastPause = time.Second
	// pageTries is how often an impossible page is read before its list begins
	// anew. The glitch of a page that promises data and holds none goes away within
	// a few tries. It is documented nowhere; dlt's source of Pylon knows it, too.
	pageTries = 4
	// warnEvery is the time between two warnings about one endpoint: while the API
	// is down, many requests fail at once and for long, and who asks shows it.
	warnEvery = 10 * time.Minute
	// slowAnswer is how long an answer may take to begin before that is a trouble.
	slowAnswer = 10 * time.Second
)

// verdict says what to do about a failed request.
type verdict int

const (
	giveUp   verdict = iota // another try would fail alike
	tryAgain                // try for ever: it is the API's or the network's trouble, and passes
	tryPage                 // try pageTries times: it may be a glitch, or stay as it is
)

// retryable is the one place that decides whether a request is sent again. The
// caller has made sure that its context has not ended.
func retryable(err error) verdict {
	var api *APIError
	switch {
	case errors.As(err, &api):
		switch {
		case api.Status == http.StatusTooManyRequests:
			// Refused before it was processed, whatever the verb. The wait is the limiter's.
			return tryAgain
		case api.Status >= 500:
			// Gateways and deployments of the API. There is no 5xx that is an answer to the request itself.
			return tryAgain
		case api.Status == http.StatusRequestTimeout, api.Status == http.StatusTooEarly:
			// A proxy lost patience with the connection, not with the request.
			return tryAgain
		}
		// The API understood and refuses: 400 for the parameters, 401, 403, 404, 410. Or it sends us elsewhere (3xx), where the
		// token does not go.
		return giveUp
	case errors.Is(err, errTooLarge):
		// It would be as large the next time.
		return giveUp
	case errors.Is(err, errPage):
		// Either the known glitch, or a cursor that will lead in a circle for ever.
		return tryPage
	}
	// No answer, a timeout, a connection that broke, a body that is cut off or malformed: nothing was learned. A page is whole
	// or read again.
	return tryAgain
}

// backoff returns the longest time to wait after the nth failed try, counted
// from 1. It doubles each time up to a cap; the wait itself is anything up to it
// (see Client.jitter), so that those who failed together do not come back
// together.
func backoff(try int) time.Duration {
	if shift := try - 1; shift < 7 { // 500 ms << 7 is beyond the cap
		return backoffBase << shift
	}
	return backoffCap
}

// effort is what one call has gone through so far. It is the one place where
// tries are counted and patience ends, whichever layer has met the trouble: a
// list that begins anew goes on with the effort of its call.
type effort struct {
	ask      Ask
	tries    int           // that failed since the last success
	refusals int           // of them, those that were answered with 429
	pages    int           // impossible pages of the request in work
	since    time.Time     // when the first of them was sent
	spent    time.Duration // of the patience since the last success, and lost
	lost     time.Duration // of the patience, for lists that were given up
	glitches int           // impossible pages, ever
}

// succeeded notes that a try succeeded.
func (e *effort) succeeded() {
	if e.tries > 0 && e.ask.Trouble != nil {
		e.ask.Trouble(Trouble{})
	}
	e.tries, e.refusals, e.pages, e.spent, e.since = 0, 0, 0, e.lost, time.Time{}
}

// sent notes that a request is sent, and tells of a trouble if its answer does not
// begin for slowAnswer. The function that it returns is called when it has begun,
// or the try has ended otherwise.
func (e *effort) sent(what string) (over func(answered bool)) {
	if e.ask.Trouble == nil {
		return func(bool) {}
	}
	began := time.Now()
	since, first := began, e.tries == 0
	if !first {
		since = e.since
	}
	var mu sync.Mutex
	ended, told := false, false
	timer := time.AfterFunc(slowAnswer, func() {
		mu.Lock()
		defer mu.Unlock()
		if !ended {
			told = true
			e.ask.Trouble(Trouble{Err: fmt.Errorf("%s: no answer since %s: %w", what, began.UTC().Format(time.TimeOnly), errTimeout), Since: since})
		}
	})
	return func(answered bool) {
		timer.Stop()
		mu.Lock()
		defer mu.Unlock()
		if ended = true; told && first && answered { // else failed says more
			e.ask.Trouble(Trouble{})
		}
	}
}

// failed notes that a try failed after it took some time. It returns how long to
// wait before the next one, or an error if there should be none. refused is for how
// long the endpoint has answered nothing but 429.
func (e *effort) failed(took time.Duration, cause error, refused time.Duration, jitter func(time.Duration) time.Duration) (time.Duration, error) {
	if e.tries++; e.tries == 1 {
		e.since = time.Now().Add(-took)
	}
	if errors.Is(cause, errPage) {
		e.glitches++
	}
	wait, err := e.verdict(took, cause, refused, jitter)
	if e.ask.Trouble != nil {
		t := Trouble{Err: cause, Since: e.since}
		if err == nil {
			t.Next = time.Now().Add(wait)
		}
		e.ask.Trouble(t)
	}
	return wait, err
}

func (e *effort) verdict(took time.Duration, cause error, refused time.Duration, jitter func(time.Duration) time.Duration) (time.Duration, error) {
	if isStatus(cause, http.StatusTooManyRequests) {
		return e.refusal(cause, refused, jitter)
	}
	wait := jitter(backoff(e.tries))
	switch retryable(cause) {
	case giveUp:
		return 0, cause
	case tryPage:
		if e.pages++; e.pages == pageTries {
			return 0, fmt.Errorf("after %d tries: %w", pageTries, cause)
		}
		// Some seconds in all, whatever the jitter.
		wait = leastPause<<(e.pages-1) + jitter(leastPause)
	case tryAgain:
		var api *APIError
		if errors.As(cause, &api) && api.RetryAfter > 0 {
			wait = api.RetryAfter
		}
	}
	e.spent += took
	if e.ask.Patience > 0 && (e.spent >= e.ask.Patience || e.refusals > 1 && e.leftOfRefusals(refused) <= 0) {
		return 0, e.over(cause)
	}
	if e.ask.Patience > 0 {
		wait = min(wait, e.ask.Patience-e.spent)
	}
	e.spent += wait
	return wait, nil
}

// refusal is the verdict about a 429. One explains itself: the minute is spent, by
// us or by another client. Of several in a row the waits count.
func (e *effort) refusal(cause error, refused time.Duration, jitter func(time.Duration) time.Duration) (time.Duration, error) {
	e.refusals++
	// The jitter comes on top: at once, and a little later for each who waits, would be refused again.
	least := min(leastPause<<min(e.tries-1, 7), backoffCap)
	wait := least + jitter(least/2)
	var api *APIError
	if errors.As(cause, &api) && api.RetryAfter > 0 {
		wait = api.RetryAfter
	}
	if e.ask.Patience <= 0 {
		return wait, nil
	}
	left := e.leftOfRefusals(refused)
	if left <= 0 {
		return 0, e.over(cause)
	}
	return min(wait, max(left, leastPause)), nil
}

// leftOfRefusals returns how long an endpoint that has answered with 429 alone for
// some time may go on so before the call gives up.
func (e *effort) leftOfRefusals(refused time.Duration) time.Duration {
	return max(e.ask.Patience, refusedPatience) - refused - e.spent
}

func (e *effort) over(cause error) error {
	return fmt.Errorf("%w after %d tries in %s: %w", ErrGaveUp, e.tries, time.Since(e.since).Round(time.Second), cause)
}

// gaveUp notes that one list of several was given up after some time. One call
// has one patience: the lists that follow have what is left of it.
func (e *effort) gaveUp(after time.Duration) {
	e.lost = min(e.ask.Patience, e.lost+after)
	e.spent = max(e.spent, e.lost)
}

// exhausted reports that lists which follow one that was given up fail as well,
// for so long that the others need not be tried.
func (e *effort) exhausted() bool { return e.ask.Patience > 0 && e.spent >= e.ask.Patience*7/6 }

// headerTimeout returns how long the next answer may take to begin: an API that
// hangs must not use up much more than the patience that is left.
func (e *effort) headerTimeout() time.Duration {
	if e.ask.Patience <= 0 {
		return headerTimeout
	}
	return min(headerTimeout, max(leastTimeout, e.ask.Patience-e.spent))
}

// parseRetryAfter returns how long an answer asks to wait, 0 where it does not
// say. It reads X-Retry-After, which Pylon documents, and Retry-After, which
// proxies in front of it may send; each in seconds or as an HTTP date, which is
// taken by the clock of the answer itself.
func parseRetryAfter(h http.Header, local time.Time) time.Duration {
	now := local
	if date, err := http.ParseTime(h.Get("Date")); err == nil {
		now = date
	}
	for _, name := range []string{"X-Retry-After", "Retry-After"} {
		text := strings.TrimSpace(h.Get(name))
		var wait time.Duration
		if seconds, err := strconv.ParseFloat(text, 64); err == nil && !math.IsNaN(seconds) {
			wait = time.Duration(min(max(seconds, 0), retryAfterCap.Seconds()) * float64(time.Second))
		} else if date, err := http.ParseTime(text); err == nil {
			wait = date.Sub(now)
		}
		if wait > 0 {
			return min(wait, retryAfterCap)
		}
	}
	return 0
}

// warner logs failed tries, not too many of them.
type warner struct {
	log *slog.Logger

	mu   sync.Mutex
	last map[string]time.Time // by endpoint
	kept map[string]int       // by endpoint: failures since that were not warned of
}

// failed logs that a request failed and will be tried again after wait.
func (w *warner) failed(ctx context.Context, endpoint string, try int, wait time.Duration, err error) {
	level := slog.LevelWarn
	w.mu.Lock()
	kept := w.kept[endpoint]
	if now := time.Now(); now.Sub(w.last[endpoint]) < warnEvery {
		level = slog.LevelDebug
		w.kept[endpoint]++
	} else {
		w.last[endpoint] = now
		w.kept[endpoint] = 0
	}
	w.mu.Unlock()
	w.log.Log(ctx, level, "request failed, trying again",
		"endpoint", endpoint, "attempt", try, "wait", wait.Round(time.Millisecond).String(), "request_id", requestIDOf(err),
		"unreported", kept, "error", err)
}

// requestIDOf returns the request id that err knows of.
func requestIDOf(err error) string {
	var api *APIError
	var req *requestError
	switch {
	case errors.As(err, &api):
		return api.RequestID
	case errors.As(err, &req):
		return req.requestID
	}
	return ""
}

// sleep waits for d, or returns ctx's error if it ends before.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}
