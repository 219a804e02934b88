package extracttest

import (
	"math/rand/v2"
	"net/http"
	"strings"
	"time"
)

// EmptyPage says how a page lacks its objects.
type EmptyPage string

const (
	// EmptyPageMissing is {"request_id":"…"}, as the answer to an empty list is.
	EmptyPageMissing EmptyPage = "missing"
	// EmptyPageNull has "data":null.
	EmptyPageNull EmptyPage = "null"
	// EmptyPageList has "data":[].
	EmptyPageList EmptyPage = "list"
)

// Fault is an answer that goes wrong. It applies to the next requests that it
// matches; of several faults that match, the first one queued is used. DateAhead
// and Hide may come with any other fault: a queued one with nothing else leaves
// the request to the faults behind it. A fault without any of the kinds below
// answers 500. Ready-made ones are those of [API.FailByName].
type Fault struct {
	// What it matches: all that is named here.
	Endpoint string `json:"endpoint,omitempty"` // as in API.Requests, such as "issues_search"; empty is any
	Method   string `json:"method,omitempty"`
	Path     string `json:"path,omitempty"` // a part of the URL's path
	// Parent is the key of the issue or knowledge base, or the object type, whose
	// children a request asks for (or adds to): never a request for the parent itself.
	Parent string `json:"parent,omitempty"`
	// Skip lets that many matching requests pass first.
	Skip int `json:"skip,omitempty"`
	// Count is how many requests fail: 0 is one, negative all from then on.
	Count int `json:"count,omitempty"`
	// Probability of each matching request to fail, drawn from the seed: 0 is
	// always. Requests that are spared do not count.
	Probability float64 `json:"probability,omitempty"`

	// Delay comes before whatever else happens, and may be all that happens. In
	// JSON it is text, such as "1.5s".
	Delay time.Duration `json:"-"`

	// Status is answered instead, with an error body that holds Code, or with
	// Body as it is. A 429 comes bare: without X-Rate-Limit-Remaining, and with
	// no word on when to come again but what Header says.
	Status int         `json:"status,omitempty"`
	Code   string      `json:"code,omitempty"`
	Header http.Header `json:"header,omitempty"`
	Body   string      `json:"body,omitempty"`

	Drop             bool `json:"drop,omitempty"`               // the connection ends before the headers
	DropAfterHeaders bool `json:"drop_after_headers,omitempty"` // and after them
	Truncate         bool `json:"truncate,omitempty"`           // and in the middle of the body
	Malformed        bool `json:"malformed,omitempty"`          // a whole answer of half a document
	HTML             bool `json:"html,omitempty"`               // a web page, with Status or 200
	Empty            bool `json:"empty,omitempty"`              // 200 with no body

	// NoData answers a list with has_next_page and a cursor, but no data.
	NoData bool `json:"no_data,omitempty"`
	// EmptyPage answers a page that was promised (only requests with a cursor
	// match) as if it were behind the last one: without objects or a cursor.
	EmptyPage EmptyPage `json:"empty_page,omitempty"`
	// RepeatCursor answers a page whose next cursor is the one it was asked
	// with. Only requests with a cursor match.
	RepeatCursor bool `json:"repeat_cursor,omitempty"`
	// RefuseCursor answers 400 to a request with a cursor; others do not match.
	RefuseCursor bool `json:"refuse_cursor,omitempty"`
	// RefuseRange answers 400 to a request for a range of time with two ends;
	// others do not match.
	RefuseRange bool `json:"refuse_range,omitempty"`
	// RefuseOpenRange answers 400 to a search for a range of time without an
	// upper end; others do not match.
	RefuseOpenRange bool `json:"refuse_open_range,omitempty"`

	// ObjectBytes is what each object of a list takes at least, filled up with
	// spaces: a page grows with its limit, and what it says stays the same.
	ObjectBytes int `json:"object_bytes,omitempty"`
	// DateAhead is by how much the Date header is ahead of the server's clock and
	// of the times in the body, behind if negative. In JSON it is text.
	DateAhead time.Duration `json:"-"`
	// Hide is the share of the objects that the token does not see, always the
	// same ones: lists leave them out, and asked for by id they are 404. 1 is all. The
	// children of an issue that "issues_get" does not show are 404 too.
	Hide float64 `json:"hide,omitempty"`
}

// pending is a fault in the queue.
type pending struct {
	Fault

	left int // negative: for ever
}

// Fail queues faults.
func (a *API) Fail(faults ...Fault) {
	a.traffic.mu.Lock()
	defer a.traffic.mu.Unlock()
	for _, f := range faults {
		a.traffic.faults = append(a.traffic.faults, &pending{f, orElse(f.Count, 1)})
	}
}

// ClearFaults forgets all faults that have not happened yet.
func (a *API) ClearFaults() {
	a.traffic.mu.Lock()
	defer a.traffic.mu.Unlock()
	a.traffic.faults = nil
}

// FaultsLeft is how many requests are still to fail, faults without end counted
// as one: 0 proves that every fault has happened.
func (a *API) FaultsLeft() int {
	a.traffic.mu.Lock()
	defer a.traffic.mu.Unlock()
	n := 0
	for _, p := range a.traffic.faults {
		n += max(p.left, -p.left)
	}
	return n
}

func (p *pending) matches(x *exchange, chance *rand.Rand) bool {
	named := (p.Endpoint == "" || p.Endpoint == x.endpoint) &&
		(p.Method == "" || p.Method == x.r.Method) &&
		(p.Parent == "" || p.Parent == x.asked.parent) &&
		strings.Contains(x.r.URL.Path, p.Path)
	if !named || p.needsCursor() && x.asked.cursor == "" || p.RefuseRange && !x.asked.bounded || p.RefuseOpenRange && !x.asked.open {
		return false
	}
	if p.Skip > 0 {
		p.Skip--
		return false
	}
	return p.Probability == 0 || chance.Float64() < p.Probability
}

func (f *Fault) needsCursor() bool { return f.RepeatCursor || f.RefuseCursor || f.EmptyPage != "" }

// applyFaults takes the faults for this request out of the queue.
func (a *API) applyFaults(x *exchange) {
	a.traffic.mu.Lock()
	defer a.traffic.mu.Unlock()
	kept := a.traffic.faults[:0:0]
	for _, p := range a.traffic.faults {
		if p.Endpoint == "issues_get" {
			x.hide.issues = max(x.hide.issues, p.Hide)
		}
		if x.fault == nil && p.matches(x, a.traffic.chance) {
			p.applyTo(x)
			if p.left > 0 {
				p.left--
			}
		}
		if p.left != 0 {
			kept = append(kept, p)
		}
	}
	a.traffic.faults = kept
}

// applyTo does what the fault does to an exchange before it is worked.
func (p *pending) applyTo(x *exchange) {
	x.ahead = orElse(p.DateAhead, x.ahead)
	x.hide.objects = max(x.hide.objects, p.Hide)
	if (p.DateAhead != 0 || p.Hide > 0) && !p.spoils() {
		return
	}
	x.fault = new(p.Fault)
}

// spoils is true if the fault does more than to shift the date and hide objects.
func (f *Fault) spoils() bool {
	return f.Status != 0 || f.Delay > 0 || f.Body != "" || f.refuses() != nil || f.spoilsBody() || f.changesPage()
}

// changesPage is true if the answer is whole, but not what was asked for.
func (f *Fault) changesPage() bool {
	return f.NoData || f.EmptyPage != "" || f.RepeatCursor || f.ObjectBytes > 0
}

// refuses returns the refusal of what the fault matches, nil for none.
func (f *Fault) refuses() *apiError {
	switch {
	case f.RefuseCursor:
		return badRequest("invalid cursor")
	case f.RefuseRange:
		return badRequest("time range is too long")
	case f.RefuseOpenRange:
		return badRequest("time range needs an upper bound")
	}
	return nil
}

// instead returns the error that the fault answers instead of the request's own
// result, nil if the request is worked as usual.
func (f *Fault) instead() *apiError {
	if f.Status != 0 {
		return &apiError{f.Status, f.Code, "the sandbox was told to fail"}
	}
	if refused := f.refuses(); refused != nil {
		return refused
	}
	if f.Delay > 0 || f.spoilsBody() || f.changesPage() {
		return nil
	}
	return &apiError{http.StatusInternalServerError, f.Code, "the sandbox was told to fail"}
}

// spoilsBody is true if the client cannot read what the answer shows.
func (f *Fault) spoilsBody() bool {
	return f.Drop || f.DropAfterHeaders || f.Truncate || f.Malformed || f.HTML || f.Empty
}

// write sends the answer with what the fault does to it.
func (f *Fault) write(w http.ResponseWriter, status int, body []byte) {
	if f.Status == http.StatusTooManyRequests {
		w.Header().Del("X-Rate-Limit-Remaining")
	}
	for k, values := range f.Header {
		for _, v := range values {
			w.Header().Add(k, v)
		}
	}
	if f.Body != "" {
		body = []byte(f.Body)
	}
	switch {
	case f.Drop:
		panic(http.ErrAbortHandler)
	case f.DropAfterHeaders:
		send(w, status, body, 0)
		panic(http.ErrAbortHandler)
	case f.Truncate:
		send(w, status, body, len(body)/2)
		panic(http.ErrAbortHandler)
	case f.Malformed:
		body = body[:len(body)*2/3]
	case f.HTML:
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		body = []byte("<!DOCTYPE html><html><title>Just a moment…</title><body>Checking your browser</body></html>")
	case f.Empty:
		body = nil
	}
	send(w, status, body, len(body))
}
