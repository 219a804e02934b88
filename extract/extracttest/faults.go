package extracttest

import (
	"math/rand/v2"
	"net/http"
	"strings"
	"time"
)

// Fault is an answer that goes wrong. It applies to the next requests that it
// matches; of several faults that match, the first one queued is used. A fault
// without any of the kinds below answers 500.
type Fault struct {
	Endpoint string `json:"endpoint,omitempty"` // such as "issues_search"; empty is any
	Method   string `json:"method,omitempty"`
	Path     string `json:"path,omitempty"` // a part of the URL's path
	// Skip lets that many matching requests pass first.
	Skip int `json:"skip,omitempty"`
	// Count is how many requests fail: 0 is one, negative all from then on.
	Count int `json:"count,omitempty"`
	// Probability of each matching request to fail, drawn from the seed: 0 is
	// always. Requests that are spared do not count.
	Probability float64 `json:"probability,omitempty"`

	// Delay comes before whatever else happens, and may be all that happens.
	Delay time.Duration `json:"delay,omitempty"`

	// Status is answered instead, with an error body that holds Code, or with
	// Body as it is.
	Status int         `json:"status,omitempty"`
	Code   string      `json:"code,omitempty"`
	Header http.Header `json:"header,omitempty"`
	Body   string      `json:"body,omitempty"`

	Drop             bool `json:"drop,omitempty"`               // the connection ends before the headers
	DropAfterHeaders bool `json:"drop_after_headers,omitempty"` // and after them
	Truncate         bool `json:"truncate,omitempty"`           // and in the middle of the body
	Malformed        bool `json:"malformed,omitempty"`          // a whole answer of half a document
	HTML             bool `json:"html,omitempty"`               // 200 with a web page
	Empty            bool `json:"empty,omitempty"`              // 200 with no body

	// NoData answers a list with has_next_page and a cursor, but no data.
	NoData bool `json:"no_data,omitempty"`
	// RepeatCursor answers a page whose next cursor is the one it was asked
	// with. Only requests with a cursor match.
	RepeatCursor bool `json:"repeat_cursor,omitempty"`
	// RefuseCursor answers 400 to a request with a cursor; others do not match.
	RefuseCursor bool `json:"refuse_cursor,omitempty"`
	// RefuseRange answers 400 to a request for a range of time with two ends;
	// others do not match.
	RefuseRange bool `json:"refuse_range,omitempty"`
}

// pending is a fault in the queue.
type pending struct {
	Fault
	left int // negative: for ever
}

// Fail queues faults.
func (a *API) Fail(faults ...Fault) {
	a.traffic.Lock()
	defer a.traffic.Unlock()
	for _, f := range faults {
		a.faults = append(a.faults, &pending{f, orElse(f.Count, 1)})
	}
}

// ClearFaults forgets all faults that have not happened yet.
func (a *API) ClearFaults() {
	a.traffic.Lock()
	defer a.traffic.Unlock()
	a.faults = nil
}

// FaultsLeft is how many requests are still to fail, faults without end counted
// as one: 0 proves that every fault has happened.
func (a *API) FaultsLeft() int {
	a.traffic.Lock()
	defer a.traffic.Unlock()
	n := 0
	for _, p := range a.faults {
		n += max(p.left, -p.left)
	}
	return n
}

func (p *pending) matches(x *exchange, chance *rand.Rand) bool {
	if p.Endpoint != "" && p.Endpoint != x.endpoint ||
		p.Method != "" && p.Method != x.r.Method ||
		!strings.Contains(x.r.URL.Path, p.Path) ||
		(p.RepeatCursor || p.RefuseCursor) && x.cursor == "" ||
		p.RefuseRange && !x.ranged {
		return false
	}
	if p.Skip > 0 {
		p.Skip--
		return false
	}
	return p.Probability == 0 || chance.Float64() < p.Probability
}

// nextFault takes the fault for this request out of the queue, nil for none.
func (a *API) nextFault(x *exchange) *Fault {
	a.traffic.Lock()
	defer a.traffic.Unlock()
	for i, p := range a.faults {
		if !p.matches(x, a.chance) {
			continue
		}
		if p.left > 0 {
			p.left--
		}
		if p.left == 0 {
			a.faults = append(a.faults[:i:i], a.faults[i+1:]...)
		}
		f := p.Fault
		return &f
	}
	return nil
}

// instead returns the error that the fault answers instead of the request's own
// result, nil if the request is worked as usual.
func (f *Fault) instead() *apiError {
	switch {
	case f.Status != 0:
		return &apiError{f.Status, f.Code, "the sandbox was told to fail"}
	case f.RefuseCursor:
		return badRequest("invalid cursor")
	case f.RefuseRange:
		return badRequest("time range is too long")
	case f.Delay > 0, f.Drop, f.DropAfterHeaders, f.Truncate, f.Malformed, f.HTML, f.Empty, f.NoData, f.RepeatCursor:
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
