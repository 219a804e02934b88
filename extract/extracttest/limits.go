package extracttest

import (
	"net/http"
	"sort"
	"strconv"
	"time"
)

// documentedLimits are the requests a minute that the real API allows each
// endpoint: 30, 120 or 300.
var documentedLimits = map[string]int{
	"issues_search": 120, "issues_list": 30, "issues_get": 300, streamMessages: 120, streamThreads: 120,
	"accounts": 300, "contacts": 300, "tags": 300, "teams": 300, streamUsers: 300, streamCustomFields: 300,
	streamBases: 300, streamArticles: 120, "ticket_forms": 300, "user_roles": 300,
	"activity_types": 30, streamStatuses: 30, "me": 300,
}

// otherLimit is for endpoints that no stream reads.
const otherLimit = 120

// budget counts the requests of one endpoint.
type budget struct {
	limit int
	taken []time.Time // when the last limit requests were let through, as a ring
	next  int
	// Of an aligned window: which minute, and how many requests in it.
	minute int64
	used   int
}

func (a *API) newBudget(endpoint string) *budget {
	limit, named := a.opts.Limits[endpoint]
	if !named {
		limit, named = a.opts.Limits["*"]
	}
	if !named {
		limit = orElse(documentedLimits[endpoint], otherLimit)
	}
	return &budget{limit: limit}
}

// take lets a request through, or says how long to wait. remaining is how many
// more would be let through now, -1 without a limit.
func (b *budget) take(now time.Time, window LimitWindow) (ok bool, remaining int, wait time.Duration) {
	if b.limit <= 0 {
		return true, -1, 0
	}
	if window == LimitAligned {
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
