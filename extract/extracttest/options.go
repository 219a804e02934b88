package extracttest

import (
	"fmt"
	"strings"
	"time"
)

// Bounds says whether the bounds of time filters belong to the range. It is not
// documented which of the two the real API does.
type Bounds string

const (
	// BoundsInclusive takes an object whose time equals a bound.
	BoundsInclusive Bounds = "inclusive"
	// BoundsExclusive leaves it out.
	BoundsExclusive Bounds = "exclusive"
)

// LimitWindow says over which minute requests are counted.
type LimitWindow string

const (
	// LimitSliding counts the requests of any 60 seconds.
	LimitSliding LimitWindow = "sliding"
	// LimitAligned counts the requests of whole minutes of the wall clock.
	LimitAligned LimitWindow = "aligned"
	// LimitBucket is a bucket of tokens that holds the minute's limit and is
	// refilled all the time: what the live API looks like (X-Rate-Limit-Remaining
	// stayed at 119 over four rapid requests, and over two a second apart).
	LimitBucket LimitWindow = "bucket"
)

// MarshalText and UnmarshalText let a flag hold it; what is none of the three is
// an error.
func (w LimitWindow) MarshalText() ([]byte, error) { return []byte(w), nil }

// UnmarshalText is the reverse of MarshalText.
func (w *LimitWindow) UnmarshalText(text []byte) error {
	switch v := LimitWindow(text); v {
	case LimitSliding, LimitAligned, LimitBucket:
		*w = v
		return nil
	}
	return fmt.Errorf("%q is none of %s, %s and %s", text, LimitSliding, LimitAligned, LimitBucket)
}

// RetryAfter says how a 429 tells when to come again.
type RetryAfter string

const (
	// RetryAfterPylon sends X-Retry-After in seconds, as the real API does.
	RetryAfterPylon RetryAfter = "x-retry-after"
	// RetryAfterSeconds sends the standard Retry-After in seconds.
	RetryAfterSeconds RetryAfter = "retry-after"
	// RetryAfterDate sends the standard Retry-After as an HTTP date.
	RetryAfterDate RetryAfter = "date"
	// RetryAfterBoth sends both headers in seconds.
	RetryAfterBoth RetryAfter = "both"
	// RetryAfterNone sends neither.
	RetryAfterNone RetryAfter = "none"
)

// LastPage says how the last page of a paginated list ends.
type LastPage string

const (
	// LastPageBare has no pagination, as the live API answers since 2026.
	LastPageBare LastPage = "bare"
	// LastPageMarked says "pagination":{"cursor":"","has_next_page":false}, as it
	// did in 2025.
	LastPageMarked LastPage = "marked"
)

// Touch says whether the change of a message or thread moves its issue's
// updated_at. A new message moves the issue's latest_message_time in any case.
type Touch string

const (
	// TouchIssue moves updated_at of the issue.
	TouchIssue Touch = "issue"
	// TouchNothing leaves it, so that only a sweep can see the change.
	TouchNothing Touch = "nothing"
)

// Options says what the sandbox holds and how it behaves. The zero value is a
// workspace with a handful of objects and the real API's limits. Of a size, 0
// is the default and a negative number is none.
type Options struct {
	// Seed decides every id and every content.
	Seed int64

	Issues           int     // default 25
	MessagesPerIssue float64 // mean, default 3: 0 to 7 messages an issue
	ThreadsPerIssue  float64 // mean, default 0.3
	Accounts         int     // default 12
	Contacts         int     // default 30
	Tags             int     // default 12
	Teams            int     // default 4
	Users            int     // default 9
	CustomFields     int     // for each of the seven object types, default 4
	KnowledgeBases   int     // default 2
	Articles         int     // in each knowledge base, default 6
	TicketForms      int     // default 3
	UserRoles        int     // default 4
	ActivityTypes    int     // default 5
	IssueStatuses    int     // default 8; the five base ones are always there

	// IssueBytes is the mean size of an issue's JSON, by the length of its body.
	// Default: about 2,400. Of one live workspace it was 7,200 bytes.
	IssueBytes int

	// Start and Now are the span over which objects were made and changed.
	// Default: the 90 days before the server starts.
	Start, Now time.Time
	// Clock is the server's clock: for the Date header, updated_at and the
	// counters. Default: it stands at Now when the server starts, and runs.
	Clock func() time.Time

	// Token is the only bearer token accepted; empty accepts any.
	Token string
	// WrongRegionToken is refused as a token of the other region.
	WrongRegionToken string
	// PathPrefix goes before every path, such as "/proxy/pylon".
	PathPrefix string

	// Limits are requests a minute by endpoint; "*" is for all that are not
	// named, and 0 is no limit. Endpoints not named have the documented limit.
	Limits      map[string]int
	LimitWindow LimitWindow // default LimitSliding
	RetryAfter  RetryAfter  // default RetryAfterPylon
	// Latency is added to every answer: half of it before the request is worked,
	// half after it.
	Latency time.Duration
	// MaxPage is how many objects a page holds at most, whatever limit a request
	// asks for: many pages of few objects. 0 is what the API documents.
	MaxPage int

	// SearchLag is how long after a change POST /issues/search shows it.
	SearchLag time.Duration
	// RandomSearchLag draws the lag of each change between 0 and SearchLag.
	RandomSearchLag bool
	// Bounds is for time filters and for GET /issues. Default BoundsInclusive.
	Bounds Bounds
	// LastPage is how the last page of a paginated list ends. Default LastPageBare.
	LastPage LastPage
	// MaxListRange is the longest range that GET /issues takes, default 365 days;
	// until 2026 it was 30.
	MaxListRange time.Duration
	// MaxSearchRange is the longest range that a search takes for updated_at or
	// created_at; without an upper end it reaches until now. 0 is any.
	MaxSearchRange time.Duration
	// RefusedFields are filter fields that a search does not know, such as
	// "latest_message_activity_at".
	RefusedFields []string

	// Every so many issues lack updated_at in the JSON; 0 is none.
	NoUpdatedAt int
	// Every so many issues hold values of another type than documented; 0 is none.
	Mistyped int
	// Every so many issues hold undocumented members. Default 40, negative none.
	UnknownFields int

	// MessageTouch is what changes of messages and threads do that come over
	// HTTP or from Mutate. Default TouchIssue.
	MessageTouch Touch
	// RecordServed remembers which versions of objects answers have shown.
	RecordServed bool
}

const (
	defaultSpan         = 90 * 24 * time.Hour
	defaultMaxListRange = 365 * 24 * time.Hour
	baseStatuses        = 5
)

// withDefaults fills in what was left out.
func (o Options) withDefaults() Options {
	for _, s := range []struct {
		size *int
		def  int
	}{
		{&o.Issues, 25},
		{&o.Accounts, 12},
		{&o.Contacts, 30},
		{&o.Tags, 12},
		{&o.Teams, 4},
		{&o.Users, 9},
		{&o.CustomFields, 4},
		{&o.KnowledgeBases, 2},
		{&o.Articles, 6},
		{&o.TicketForms, 3},
		{&o.UserRoles, 4},
		{&o.ActivityTypes, 5},
		{&o.IssueStatuses, 8},
		{&o.UnknownFields, 40},
	} {
		if *s.size == 0 {
			*s.size = s.def
		}
		*s.size = max(*s.size, 0)
	}
	o.IssueStatuses = max(o.IssueStatuses, baseStatuses)
	if o.MessagesPerIssue == 0 {
		o.MessagesPerIssue = 3
	}
	if o.ThreadsPerIssue == 0 {
		o.ThreadsPerIssue = 0.3
	}
	o.MessagesPerIssue, o.ThreadsPerIssue = max(o.MessagesPerIssue, 0), max(o.ThreadsPerIssue, 0)

	if o.Now.IsZero() {
		if o.Clock != nil {
			o.Now = o.Clock()
		} else {
			o.Now = time.Now()
		}
	}
	if o.Start.IsZero() {
		o.Start = o.Now.Add(-defaultSpan)
	}
	// No two issues are made in the same millisecond.
	if least := o.Now.Add(-time.Duration(o.Issues) * time.Millisecond); o.Start.After(least) {
		o.Start = least
	}
	if o.Clock == nil {
		now, began := o.Now.UTC(), time.Now()
		o.Clock = func() time.Time { return now.Add(time.Since(began)) }
	}
	if o.MaxListRange == 0 {
		o.MaxListRange = defaultMaxListRange
	}
	o.LimitWindow = orElse(o.LimitWindow, LimitSliding)
	o.RetryAfter = orElse(o.RetryAfter, RetryAfterPylon)
	o.LastPage = orElse(o.LastPage, LastPageBare)
	o.Bounds = orElse(o.Bounds, BoundsInclusive)
	o.MessageTouch = orElse(o.MessageTouch, TouchIssue)
	o.PathPrefix = strings.TrimRight(o.PathPrefix, "/")
	return o
}

func orElse[T comparable](v, def T) T {
	var zero T
	if v == zero {
		return def
	}
	return v
}
