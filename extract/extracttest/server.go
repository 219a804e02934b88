package extracttest

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// API is the sandbox: an HTTP handler, and the methods that change what it
// serves and tell what it holds. All of them may be called at once.
type API struct {
	opts   Options
	gen    *generator
	mux    *http.ServeMux
	offset atomic.Int64  // ShiftClock, in nanoseconds
	serial atomic.Uint64 // number of the request
	bufs   sync.Pool     // *[]byte

	// store guards what is served; see changes.go and issuestore.go.
	store   sync.RWMutex
	issues  issueStore
	tables  map[string]*table
	log     versionLog
	lagRand *rand.Rand

	// traffic guards what is known about requests. It is taken after store.
	traffic    sync.Mutex
	faults     []*pending
	chance     *rand.Rand
	budgets    map[string]*budget
	requests   map[string]int
	rejected   int
	violations []string
	served     map[servedVersion]bool
}

// New makes a sandbox. It panics if Options hold a size that ids cannot carry.
func New(opts Options) *API {
	opts = opts.withDefaults()
	if opts.Issues >= 1<<(indexBits-childBits) {
		panic("extracttest: too many issues")
	}
	g := newGenerator(opts)
	seed := uint64(opts.Seed)
	a := &API{
		opts:     opts,
		gen:      g,
		issues:   newIssueStore(opts.Issues),
		tables:   make(map[string]*table, len(specs)),
		log:      versionLog{known: map[objectRef]int{}},
		lagRand:  rand.New(rand.NewPCG(seed, 1)),
		chance:   rand.New(rand.NewPCG(seed, 2)),
		budgets:  map[string]*budget{},
		requests: map[string]int{},
		served:   map[servedVersion]bool{},
	}
	for _, s := range specs {
		a.tables[s.stream] = newTable(g, s)
	}
	a.mux = a.routes()
	return a
}

// Now is the time by the server's clock.
func (a *API) Now() time.Time {
	return a.opts.Clock().Add(time.Duration(a.offset.Load())).UTC()
}

// ShiftClock lets the server's clock jump, back if d is negative.
func (a *API) ShiftClock(d time.Duration) { a.offset.Add(int64(d)) }

// exchange is one request with its answer.
type exchange struct {
	api       *API
	w         http.ResponseWriter
	r         *http.Request
	endpoint  string
	requestID uuid
	now       time.Time
	fault     *Fault
	body      []byte
	buf       []byte // the answer
	shown     []servedVersion

	cursor    string // that the request asks for
	ranged    bool   // the request asks for a range of time with two ends
	search    searchRequest
	searchErr *apiError
}

// apiError is an answer that is not 200. Its text is for a person.
type apiError struct {
	status int
	code   string
	text   string
}

func badRequest(text string) *apiError { return &apiError{http.StatusBadRequest, "bad_request", text} }

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

// serve works a request like the real API: token, budget, then the request
// itself. Faults come after the budget, so that they cost a request too.
func (a *API) serve(w http.ResponseWriter, r *http.Request, endpoint string, h handler) {
	buf, _ := a.bufs.Get().(*[]byte)
	if buf == nil {
		buf = new([]byte)
	}
	x := &exchange{
		api: a, w: w, r: r, endpoint: endpoint, buf: (*buf)[:0],
		requestID: a.gen.ids.id(kindRequest, int(a.serial.Add(1))),
	}
	defer func() {
		if *buf = x.buf; cap(x.buf) < 8<<20 {
			a.bufs.Put(buf)
		}
	}()
	wait(r.Context(), a.opts.Latency)
	x.now = a.Now()
	w.Header()["Date"] = []string{x.now.Format(http.TimeFormat)}

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
		x.appendError(fail)
	}
	resign(x.buf, mix(a.gen.seed^a.serial.Load()))
	w.Header()["Content-Type"] = []string{"application/json; charset=utf-8"}
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

// work reads the request and answers it, or lets it fail.
func (x *exchange) work(ctx context.Context, h handler) *apiError {
	if err := x.read(); err != nil {
		return err
	}
	x.fault = x.api.nextFault(x)
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
		x.body = body
	}
	switch query := x.r.URL.Query(); x.endpoint {
	case "issues_search":
		if query.Has("cursor") || query.Has("limit") {
			x.api.violate(x, "cursor or limit in the query of a POST, where the API ignores them")
		}
		x.searchErr = x.readSearch()
	case "issues_list":
		x.cursor, x.ranged = query.Get("cursor"), true
	default:
		x.cursor = query.Get("cursor")
	}
	return nil
}

func (x *exchange) appendError(e *apiError) {
	x.buf = append(x.buf[:0], `{"errors":[`...)
	x.buf = appendString(x.buf, e.text)
	x.buf = append(x.buf, `],`...)
	if e.code != "" {
		x.buf = append(x.buf, `"code":`...)
		x.buf = appendString(x.buf, e.code)
		x.buf = append(x.buf, ',')
	}
	x.appendRequestID()
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

// admit counts the request and checks the endpoint's budget.
func (a *API) admit(x *exchange) *apiError {
	a.traffic.Lock()
	a.requests[x.endpoint]++
	b := a.budgets[x.endpoint]
	if b == nil {
		b = a.newBudget(x.endpoint)
		a.budgets[x.endpoint] = b
	}
	ok, remaining, delay := b.take(time.Now(), a.opts.LimitWindow)
	if !ok {
		a.rejected++
	}
	a.traffic.Unlock()

	if remaining >= 0 {
		x.w.Header()["X-Rate-Limit-Remaining"] = []string{strconv.Itoa(remaining)}
	}
	if !ok {
		a.setRetryAfter(x.w.Header(), x.now, delay)
		return &apiError{http.StatusTooManyRequests, "rate_limited", "Rate limit exceeded"}
	}
	return nil
}

// maxViolations bounds how many are kept.
const maxViolations = 1000

func (a *API) violate(x *exchange, what string) {
	a.traffic.Lock()
	defer a.traffic.Unlock()
	if len(a.violations) < maxViolations {
		a.violations = append(a.violations, x.r.Method+" "+x.r.URL.Path+" ("+x.endpoint+"): "+what)
	}
}

// send writes n bytes of the body, whose whole length the header names.
func send(w http.ResponseWriter, status int, body []byte, n int) {
	w.Header()["Content-Length"] = []string{strconv.Itoa(len(body))}
	w.WriteHeader(status)
	_, _ = w.Write(body[:n]) // a client that is gone needs no answer
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

// TB is what NewServer needs of a *testing.T or *testing.B.
type TB interface {
	Helper()
	Cleanup(f func())
	Fatalf(format string, args ...any)
}

// Server is a sandbox on a port of this machine.
type Server struct {
	URL string // with Options.PathPrefix, without a slash at the end
	API *API

	close func()
}

// NewServer starts a sandbox for a test and stops it when the test ends.
func NewServer(tb TB, opts Options) *Server {
	tb.Helper()
	a := New(opts)
	listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatalf("start the sandbox: %v", err)
	}
	srv := &http.Server{Handler: a, ReadHeaderTimeout: time.Minute}
	done := make(chan error, 1)
	go func() { done <- srv.Serve(listener) }()
	var once sync.Once
	s := &Server{URL: "http://" + listener.Addr().String() + a.opts.PathPrefix, API: a, close: func() {
		once.Do(func() {
			_ = srv.Close() // connections that are cut are what a stop is
			if err := <-done; !errors.Is(err, http.ErrServerClosed) {
				tb.Fatalf("serve the sandbox: %v", err)
			}
		})
	}}
	tb.Cleanup(s.Close)
	return s
}

// Close stops the server: connections are refused from then on. It may be
// called more than once.
func (s *Server) Close() { s.close() }
