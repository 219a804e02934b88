package extracttest

import (
	"context"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// exchange is one request with its answer.
type exchange struct {
	api       *API
	w         http.ResponseWriter
	r         *http.Request
	endpoint  string
	requestID string
	now       time.Time
	asked     asked
	fault     *Fault        // what happens to the answer, nil for nothing
	ahead     time.Duration // of the Date header
	hide      hiding        // from the token
	buf       []byte        // the answer
	shown     []servedVersion
}

// hiding is which share of the objects the token does not see.
type hiding struct {
	objects float64
	issues  float64 // whose children are asked for
}

// asked is what a request asks for, as far as faults look at it.
type asked struct {
	body      []byte
	cursor    string
	parent    string // issue, knowledge base or object type whose objects are asked for
	bounded   bool   // a range of time with two ends
	open      bool   // a range of time without an upper end
	search    searchRequest
	searchErr *apiError
}

// apiError is an answer that is not 200. Its text is for a person; only codes
// that were seen on the real API are used, and a 400 has none.
type apiError struct {
	status int
	code   string
	text   string
}

func badRequest(text string) *apiError { return &apiError{http.StatusBadRequest, "", text} }

func notFound(text string) *apiError { return &apiError{http.StatusNotFound, "not_found", text} }

// handler works a request: it writes the body of a 200 into x.buf, or returns
// an error.
type handler func(x *exchange) *apiError

// ServeHTTP answers a request of the Pylon API, or of the control below
// /_sandbox/.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if p := a.opts.PathPrefix; p != "" {
		rest, found := strings.CutPrefix(r.URL.Path, p)
		if !found || !strings.HasPrefix(rest, "/") {
			a.serve(w, r, "unknown", unknownPath)
			return
		}
		r2 := *r
		u := *r.URL
		u.Path, u.RawPath = rest, ""
		r2.URL = &u
		r = &r2
	}
	a.mux.ServeHTTP(w, r)
}

// route adds a path of the real API.
func (a *API) route(mux *http.ServeMux, pattern, endpoint string, h handler) {
	mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) { a.serve(w, r, endpoint, h) })
}

// maxPooled bounds the buffers that are kept for the next answer.
const maxPooled = 8 << 20

// serve works a request like the real API: token, budget, then the request
// itself. Faults come after the budget, so that they cost a request too.
func (a *API) serve(w http.ResponseWriter, r *http.Request, endpoint string, h handler) {
	buf, _ := a.bufs.Get().(*[]byte)
	if buf == nil {
		buf = new([]byte)
	}
	serial := a.serial.Add(1)
	x := &exchange{
		api: a, w: w, r: r, endpoint: endpoint, buf: (*buf)[:0],
		requestID: a.gen.ids.id(kindRequest, int(serial)).String(),
	}
	defer func() {
		if *buf = x.buf; cap(x.buf) < maxPooled {
			a.bufs.Put(buf)
		}
	}()
	// The work is done in the middle of the latency, as it is on the other side of
	// a network.
	wait(r.Context(), a.opts.Latency/2)
	x.now = a.Now()
	x.setHeaders()

	fail := a.authorize(x)
	if fail == nil {
		fail = a.admit(x)
	}
	if fail == nil {
		fail = x.work(r.Context(), h)
	}
	status := http.StatusOK
	if fail != nil {
		status = fail.status
		x.shown = nil
		x.writeError(fail)
	}
	resign(x.buf, mix(a.gen.seed^serial))
	w.Header().Set("Date", a.Now().Add(x.ahead).Format(http.TimeFormat))
	wait(r.Context(), a.opts.Latency-a.opts.Latency/2)
	if x.fault == nil || !x.fault.spoilsBody() {
		// Before the client can have read it: whoever waits for a version to be
		// shown must not find it unrecorded.
		a.recordServed(x.shown)
	}
	if x.fault != nil {
		x.fault.write(w, status, x.buf)
		return
	}
	send(w, status, x.buf, len(x.buf))
}

// setHeaders sets what every answer of the live API carries (recorded on
// 2026-10-08); X-Rate-Limit-Remaining comes once the token is known to be good,
// and Date when the answer is.
func (x *exchange) setHeaders() {
	h := x.w.Header()
	for name, value := range map[string]string{
		"Access-Control-Expose-Headers": "X-Pylon-Request-ID",
		"Content-Type":                  "application/json",
		"Strict-Transport-Security":     "max-age=31536000; includeSubDomains",
		"Vary":                          "Accept-Encoding, Origin",
		"X-Content-Type-Options":        "nosniff",
		"X-Frame-Options":               "DENY",
		"X-Pylon-Request-Id":            x.requestID,
	} {
		h.Set(name, value)
	}
}

// work reads the request and answers it, or lets it fail.
func (x *exchange) work(ctx context.Context, h handler) *apiError {
	if err := x.read(); err != nil {
		return err
	}
	x.api.applyFaults(x)
	if x.fault != nil {
		wait(ctx, x.fault.Delay)
		if instead := x.fault.instead(); instead != nil {
			return instead
		}
	}
	return h(x)
}

const maxRequestBody = 10 << 20

func (x *exchange) read() *apiError {
	if x.r.Body != nil && x.r.Method != http.MethodGet {
		body, err := io.ReadAll(io.LimitReader(x.r.Body, maxRequestBody))
		if err != nil {
			return badRequest("request body cannot be read")
		}
		x.asked.body = body
	}
	query := x.r.URL.Query()
	x.asked.cursor = query.Get("cursor")
	x.asked.parent = x.parent(query.Get("object_type"))
	switch x.endpoint {
	case "issues_search":
		if query.Has("cursor") || query.Has("limit") {
			x.api.violate(x, "cursor or limit in the query of a POST, where the API ignores them")
		}
		x.asked.searchErr = x.readSearch()
	case "issues_list":
		x.asked.bounded = true
	}
	return nil
}

// parent is the key of the object whose children a request is about.
func (x *exchange) parent(objectType string) string {
	issue := x.r.PathValue("issue")
	if number, err := strconv.Atoi(issue); err == nil {
		return x.api.IssueID(number - 1)
	}
	return orElse(issue, orElse(x.r.PathValue("base"), objectType))
}

// errorJSON is the envelope of an error.
type errorJSON struct {
	Errors    [1]string `json:"errors"`
	RequestID string    `json:"request_id"`
	Code      string    `json:"code,omitempty"`
}

func (x *exchange) writeError(e *apiError) {
	x.buf = appendJSON(x.buf[:0], errorJSON{[1]string{e.text}, x.requestID, e.code})
}

// authorize checks the token.
func (a *API) authorize(x *exchange) *apiError {
	token, found := strings.CutPrefix(x.r.Header.Get("Authorization"), "Bearer ")
	refuse := func(code, text string) *apiError {
		a.violate(x, text)
		return &apiError{http.StatusUnauthorized, code, text}
	}
	switch {
	case !found || token == "":
		return refuse("invalid_authorization_header", "Token must follow Bearer authorization scheme: Authorization: Bearer <token>")
	case a.opts.WrongRegionToken != "" && token == a.opts.WrongRegionToken:
		return refuse("wrong_region_token", "This token belongs to another region")
	case a.opts.Token != "" && token != a.opts.Token:
		return refuse("invalid_api_token", "Invalid API token")
	}
	return nil
}

// maxViolations bounds how many are kept.
const maxViolations = 1000

func (a *API) violate(x *exchange, what string) {
	a.traffic.mu.Lock()
	defer a.traffic.mu.Unlock()
	if len(a.traffic.violations) < maxViolations {
		a.traffic.violations = append(a.traffic.violations, x.r.Method+" "+x.r.URL.Path+" ("+x.endpoint+"): "+what)
	}
}

// send writes n bytes of the body, whose whole length the header names.
func send(w http.ResponseWriter, status int, body []byte, n int) {
	w.Header()["Content-Length"] = []string{strconv.Itoa(len(body))}
	w.WriteHeader(status)
	_, _ = w.Write(body[:n]) // a client that has left needs no answer
	if n < len(body) {
		_ = http.NewResponseController(w).Flush()
	}
}

// wait waits for d, or until ctx ends.
func wait(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
