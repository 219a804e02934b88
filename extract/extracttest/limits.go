package extracttest

import (
	"math"
	"net/http"
	"sort"
	"strconv"
	"time"
)

// documentedLimits are the requests a minute that the real API allows each
// endpoint: 30, 120 or 300
// (https://docs.usepylon.com/pylon-docs/developer/api/rate-limits). Those of
// the small streams stand with them.
var documentedLimits = limitsOf(specs, map[string]int{
	"issues_search": 120, "issues_list": 30, "issues_get": 300, streamMessages: 120, streamThreads: 120, "me": 300,
})

func limitsOf(specs []spec, limits map[string]int) map[string]int {
	for _, s := range specs {
		limits[s.stream] = s.limit
	}
	return limits
}

// otherLimit is for endpoints that no stream reads.
const otherLimit = 120

// limit is how many requests a minute the endpoint takes, 0 or less for any number.
func (a *API) limit(endpoint string) int {
	if limit, named := a.opts.Limits[endpoint]; named {
		return limit
	}
	if limit, named := a.opts.Limits["*"]; named {
		return limit
	}
	return orElse(documentedLimits[endpoint], otherLimit)
}

// budget counts the requests of one endpoint. It is not safe for concurrent use.
type budget interface {
	// take lets a request through, or says how long to wait. remaining is how
	// many more would be let through now.
	take(now time.Time) (ok bool, remaining int, wait time.Duration)
}

func newBudget(limit int, window LimitWindow) budget {
	switch window {
	case LimitAligned:
		return &alignedBudget{limit: limit}
	case LimitBucket:
		return &bucketBudget{limit: float64(limit), tokens: float64(limit)}
	default:
		return &slidingBudget{limit: limit}
	}
}

// slidingBudget allows so many requests in any 60 seconds.
type slidingBudget struct {
	limit int
	taken []time.Time // when the last limit requests were let through, as a ring
	next  int
}

func (b *slidingBudget) take(now time.Time) (ok bool, remaining int, wait time.Duration) {
	if len(b.taken) == b.limit {
		if oldest := b.taken[b.next]; now.Sub(oldest) < time.Minute {
			return false, 0, time.Minute - now.Sub(oldest)
		}
		b.taken[b.next] = now
		b.next = (b.next + 1) % b.limit
	} else {
		b.taken = append(b.taken, now)
	}
	n := len(b.taken)
	expired := sort.Search(n, func(i int) bool { return now.Sub(b.taken[(b.next+i)%n]) < time.Minute })
	return true, b.limit - (n - expired), 0
}

// alignedBudget allows so many requests in every minute of the wall clock.
type alignedBudget struct {
	limit  int
	minute int64
	used   int
}

func (b *alignedBudget) take(now time.Time) (ok bool, remaining int, wait time.Duration) {
	minute := now.Unix() / 60
	if minute != b.minute {
		b.minute, b.used = minute, 0
	}
	if b.used >= b.limit {
		return false, 0, time.Unix((minute+1)*60, 0).Sub(now)
	}
	b.used++
	return true, b.limit - b.used, 0
}

// bucketBudget holds at most limit tokens and gains limit of them a minute; a
// request takes one. So remaining stays at limit-1 while requests come no faster
// than that, as it did on the live API.
type bucketBudget struct {
	limit, tokens float64
	last          time.Time
}

func (b *bucketBudget) take(now time.Time) (ok bool, remaining int, wait time.Duration) {
	perSecond := b.limit / 60
	if !b.last.IsZero() {
		b.tokens = min(b.limit, b.tokens+now.Sub(b.last).Seconds()*perSecond)
	}
	b.last = now
	const rounding = 1e-9
	if b.tokens < 1-rounding {
		return false, 0, time.Duration(math.Ceil((1 - b.tokens) / perSecond * float64(time.Second)))
	}
	b.tokens = max(b.tokens-1, 0)
	return true, int(b.tokens + rounding), 0
}

// admit counts the request and checks the endpoint's budget.
func (a *API) admit(x *exchange) *apiError {
	limit := a.limit(x.endpoint)
	a.traffic.mu.Lock()
	a.traffic.requests[x.endpoint]++
	if limit <= 0 {
		a.traffic.mu.Unlock()
		return nil
	}
	b := a.traffic.budgets[x.endpoint]
	if b == nil {
		b = newBudget(limit, a.opts.LimitWindow)
		a.traffic.budgets[x.endpoint] = b
	}
	ok, remaining, delay := b.take(time.Now())
	if !ok {
		a.traffic.rejected++
	}
	a.traffic.mu.Unlock()

	x.w.Header().Set("X-Rate-Limit-Remaining", strconv.Itoa(remaining))
	if !ok {
		a.setRetryAfter(x.w.Header(), x.now, delay)
		return &apiError{http.StatusTooManyRequests, "rate_limited", "Rate limit exceeded"}
	}
	return nil
}

// setRetryAfter says on a 429 when to come again; now is by the server's clock.
func (a *API) setRetryAfter(h http.Header, now time.Time, wait time.Duration) {
	seconds := max(int((wait+time.Second-1)/time.Second), 1)
	text := strconv.Itoa(seconds)
	switch a.opts.RetryAfter {
	case RetryAfterSeconds:
		h.Set("Retry-After", text)
	case RetryAfterDate:
		at := now.Add(wait + time.Second - 1).Truncate(time.Second) // a date has whole seconds: never too early
		h.Set("Retry-After", at.UTC().Format(http.TimeFormat))
	case RetryAfterBoth:
		h.Set("Retry-After", text)
		h.Set("X-Retry-After", text)
	case RetryAfterNone:
	default:
		h.Set("X-Retry-After", text)
	}
}

// FirstPass is how long the limits make a first read of everything take at
// least, by which endpoint, and with how many requests of it: the time that the
// slowest endpoint needs beyond its first minute's allowance, all being read side
// by side. It is 0 where no limit is reached.
func (a *API) FirstPass() (d time.Duration, endpoint string, requests int) {
	issues := a.Count(streamIssues)
	for name, n := range map[string]int{
		streamMessages: issues, streamThreads: issues,
		"issues_search": issues/maxLimit + 1,
		streamAccounts:  a.Count(streamAccounts)/maxLimit + 1,
		streamContacts:  a.Count(streamContacts)/maxLimit + 1,
		streamArticles:  a.Count(streamArticles)/maxLimit + a.Count(streamBases),
	} {
		if took := paced(n, a.limit(name), a.opts.LimitWindow); took > d || took == d && d > 0 && name < endpoint {
			d, endpoint, requests = took, name, n
		}
	}
	return d, endpoint, requests
}

// paced is how long n requests take at a limit, the first of them at once.
func paced(n, limit int, window LimitWindow) time.Duration {
	switch {
	case limit <= 0 || n <= limit:
		return 0
	case window == LimitBucket:
		return time.Duration(n-limit) * time.Minute / time.Duration(limit)
	}
	return time.Duration((n-1)/limit) * time.Minute
}
