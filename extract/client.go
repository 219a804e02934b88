package extract

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"runtime/debug"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

const (
	// headerTimeout is how long an answer may take to begin.
	headerTimeout = 60 * time.Second
	// idleTimeout is how long a body may be silent. There is no short bound on the
	// whole of it: a page of issues can be large and a line slow.
	idleTimeout = 30 * time.Second
	// tryTimeout bounds one try even if bytes drip in for ever.
	tryTimeout = 15 * time.Minute
	// maxErrorBody is how much of a refusal is read.
	maxErrorBody = 64 << 10
	// maxMessage is how much of the API's message goes into an error, in characters.
	maxMessage = 300
)

// Priority of a request against its endpoint's budget.
type Priority int

const (
	// Foreground goes as soon as the budget permits.
	Foreground Priority = iota
	// Background is spaced evenly and lets Foreground pass, which then waits for
	// no more than about 60s/limit.
	Background
)

// Options is what a Client works with. Every field may be left out.
type Options struct {
	Transport  http.RoundTripper     // nil: one with connections and timeouts that suit the API
	Logger     *slog.Logger          // nil: nothing is logged
	Registerer prometheus.Registerer // nil: metrics are counted, and shown to nobody
	Version    string                // of the program, for the User-Agent; empty: the version that Go built in
}

// Client asks the Pylon API. Its methods may be called at once. They wait for
// the budget of their endpoint and try again whatever passes (429, 5xx,
// timeouts, broken connections and bodies) until ctx ends; then they return
// ctx's error, wrapped. Other errors are an *APIError, which errors.Is tells
// apart as ErrUnauthorized, ErrForbidden and ErrNotFound, or name a page that
// stays impossible however often it is read.
type Client struct {
	base      string // the API's URL without a slash at its end
	token     Secret
	userAgent string
	http      *http.Client
	log       *slog.Logger
	limiters  map[string]*limiter
	metrics   *metrics
	warner    *warner
	jitter    func(limit time.Duration) time.Duration // anything up to limit
	skew      atomic.Int64                            // the API's clock minus ours in nanoseconds, as of the last answer
}

// NewClient returns a client for the API of cfg. It reports what is wrong with
// the settings that it needs (URL, token, rate limits), and metrics that reg
// has already.
func NewClient(cfg Config, opts Options) (*Client, error) {
	if err := cfg.validateAccess(); err != nil {
		return nil, err
	}
	token, err := cfg.token()
	if err != nil {
		return nil, err
	}
	base, err := cfg.baseURL()
	if err != nil {
		return nil, err
	}
	if opts.Transport == nil {
		opts.Transport = newTransport()
	}
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	if opts.Version == "" {
		opts.Version = builtVersion()
	}
	limiters := make(map[string]*limiter)
	for _, e := range Endpoints() {
		limiters[e.Name] = newLimiter(cfg.RateLimits.perMinute(e))
	}
	m, err := newMetrics(opts.Registerer, limiters)
	if err != nil {
		return nil, err
	}
	return &Client{
		base:      base.String(),
		token:     token,
		userAgent: "pylon-kafka/" + opts.Version,
		http: &http.Client{
			Transport: opts.Transport,
			// A redirect is an answer like any other: the token stays with the host that it was meant for.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		log:      opts.Logger,
		limiters: limiters,
		metrics:  m,
		jitter:   func(limit time.Duration) time.Duration { return rand.N(limit) + 1 },
		warner:   &warner{log: opts.Logger, last: make(map[string]time.Time), kept: make(map[string]int)},
	}, nil
}

// newTransport returns a transport for one host and many streams. The pings
// find a connection that died silently, which would otherwise take every try
// with it until TCP gives up.
func newTransport() *http.Transport {
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 15 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		ForceAttemptHTTP2:     true,
		HTTP2:                 &http.HTTP2Config{SendPingTimeout: 15 * time.Second, PingTimeout: 15 * time.Second},
		MaxIdleConnsPerHost:   32,
		IdleConnTimeout:       90 * time.Second,
		TLSHandshakeTimeout:   15 * time.Second,
		ExpectContinueTimeout: time.Second,
	}
}

// builtVersion returns the version of the module that Go built in.
func builtVersion() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return "dev"
}

// Requests returns the number of requests sent so far by endpoint.
func (c *Client) Requests() map[string]int64 {
	counts := make(map[string]int64, len(c.metrics.sent))
	for endpoint, n := range c.metrics.sent {
		counts[endpoint] = n.Load()
	}
	return counts
}

// now returns the time by the API's clock, as far as an answer has told it.
func (c *Client) now() time.Time { return time.Now().Add(time.Duration(c.skew.Load())) }

// Skew returns by how much the API's clock is ahead of ours (negative: behind),
// by the last answer that told it; 0 before the first. It is right to a second.
func (c *Client) Skew() time.Duration { return time.Duration(c.skew.Load()) }

// request is one request, to be tried until it succeeds.
type request struct {
	endpoint string
	priority Priority
	method   string
	path     string // escaped, below the API's URL
	query    url.Values
	body     []byte

	stream *Stream // whose records the answer holds; nil: one object
	parent parent  // of the records
	cursor string  // of the page asked for, wherever it stands in the request
	seen   cycle   // cursors of this pass so far
}

// parent is what the records of a list belong to.
type parent struct {
	id    string // knowledge base, issue or object type; empty for none
	field string // the same as a JSON member, or empty
	hash  uint64 // of the member
}

// answer is the whole answer to a request.
type answer struct {
	Page
	cursor string    // of the next page, empty after the last one
	seen   cycle     // with that cursor
	began  time.Time // a moment before the API began to work, by its own clock
	object []byte    // the one object, for a request without a stream
}

// do tries the request until it succeeds, is refused, or ctx ends.
func (c *Client) do(ctx context.Context, r request) (answer, error) {
	pageTry := 0
	var last error // why the one before was tried again
	ended := func() error {
		if last == nil {
			return fmt.Errorf("%s %s: %w", r.method, r.path, context.Cause(ctx))
		}
		return fmt.Errorf("%s %s: %w; the last try: %w", r.method, r.path, context.Cause(ctx), last)
	}
	for try := 1; ; try++ {
		ans, err := c.try(ctx, r)
		if err == nil {
			return ans, nil
		}
		if ctx.Err() != nil {
			return answer{}, ended()
		}
		last = err
		switch retryable(err) {
		case giveUp:
			return answer{}, err
		case tryPage:
			if pageTry++; pageTry == pageTries {
				return answer{}, fmt.Errorf("after %d tries: %w", pageTries, err)
			}
		case tryAgain:
		}
		wait := c.jitter(backoff(try))
		var api *APIError
		if errors.As(err, &api) && api.RetryAfter > 0 {
			wait = api.RetryAfter
		}
		if isStatus(err, http.StatusTooManyRequests) {
			// Nobody's request to this endpoint would fare better before.
			c.limiters[r.endpoint].pause(time.Now().Add(wait))
		}
		c.warner.failed(ctx, r.endpoint, try, wait, err)
		if sleep(ctx, wait) != nil {
			return answer{}, ended()
		}
	}
}

// try sends the request once and reads its answer to the end.
func (c *Client) try(ctx context.Context, r request) (answer, error) {
	place, err := c.acquire(ctx, r)
	if err != nil {
		return answer{}, err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	alive := time.AfterFunc(headerTimeout, func() { cancel(fmt.Errorf("no answer within %s: %w", headerTimeout, errTimeout)) })
	defer alive.Stop()
	whole := time.AfterFunc(tryTimeout, func() { cancel(fmt.Errorf("answer not complete within %s: %w", tryTimeout, errTimeout)) })
	defer whole.Stop()

	connections := 0
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) {
		if connections++; connections == 1 {
			return
		}
		// net/http sends a request again by itself when a connection that it kept turns out to be closed. The API may have
		// counted the first one, so the second one takes a slot of its own. An error means that ctx ended, which ends the try.
		alive.Stop()
		c.limiters[r.endpoint].done(place, unknown)
		place, _ = c.acquire(ctx, r)
		alive.Reset(headerTimeout)
	}})

	sent := time.Now()
	resp, err := c.send(ctx, r)
	arrived := time.Now()
	if err != nil {
		c.limiters[r.endpoint].done(place, unknown)
		c.metrics.done(r.endpoint, codeNoAnswer, arrived.Sub(sent))
		if cause := context.Cause(ctx); cause != nil {
			err = cause
		}
		return answer{}, &requestError{method: r.method, path: r.path, err: err}
	}
	defer resp.Body.Close()
	alive.Reset(idleTimeout)
	c.limiters[r.endpoint].done(place, budgetLeft(resp))

	body := &bodyReader{
		r: resp.Body, alive: alive, idle: idleTimeout, maxValue: maxRecord,
		cause: func() error { return context.Cause(ctx) },
	}
	code := statusCode(resp.StatusCode)
	var ans answer
	if resp.StatusCode/100 == 2 {
		if ans, err = r.decode(body); err != nil {
			code = codeBroken
			err = &requestError{method: r.method, path: r.path, requestID: ans.RequestID, err: err}
		}
	} else {
		err = c.refusal(r, resp, body)
	}
	c.metrics.done(r.endpoint, code, time.Since(sent))
	ans.Date = c.setClock(resp.Header, arrived)
	// The Date header is cut to the second and is of the answer's beginning; what the answer holds is older by no more than
	// the time that the request took.
	ans.began = ans.Date.Add(-arrived.Sub(sent)).Truncate(time.Second)
	return ans, err
}

// acquire waits for the endpoint's budget and counts the request that follows.
func (c *Client) acquire(ctx context.Context, r request) (slot, error) {
	place, waited, err := c.limiters[r.endpoint].acquire(ctx, r.priority)
	c.metrics.wait.WithLabelValues(r.endpoint).Add(waited.Seconds())
	if err == nil {
		c.metrics.sent[r.endpoint].Add(1)
	}
	return place, err
}

func (c *Client) send(ctx context.Context, r request) (*http.Response, error) {
	target := c.base + r.path
	if len(r.query) > 0 {
		target += "?" + r.query.Encode()
	}
	var body io.Reader
	if r.body != nil {
		body = bytes.NewReader(r.body)
	}
	req, err := http.NewRequestWithContext(ctx, r.method, target, body)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+string(c.token))
	req.Header.Set("User-Agent", c.userAgent)
	req.Header.Set("Accept", "application/json")
	if r.body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := c.http.Do(req)
	var urlErr *url.Error
	if errors.As(err, &urlErr) {
		err = urlErr.Err // without the URL and its query
	}
	return resp, err
}

// budgetLeft returns what the API says is left of the endpoint's budget, or unknown.
// With a 429 nothing is learned from it: the pause that follows says all.
func budgetLeft(resp *http.Response) int {
	left, err := strconv.Atoi(strings.TrimSpace(resp.Header.Get("X-Rate-Limit-Remaining")))
	if err != nil || left < 0 || resp.StatusCode == http.StatusTooManyRequests {
		return unknown
	}
	return left
}

// setClock returns the time of an answer by the API's clock, and ours where it
// does not say.
func (c *Client) setClock(h http.Header, arrived time.Time) time.Time {
	date, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		return arrived.UTC()
	}
	c.skew.Store(int64(date.Sub(arrived)))
	return date.UTC()
}

// decode reads a successful answer. With an error, only RequestID may be set.
func (r request) decode(body *bodyReader) (answer, error) {
	var ans answer
	var d digester
	env, err := decodeEnvelope(body, func(raw []byte) {
		if r.stream != nil {
			ans.Records = append(ans.Records, d.record(raw, r.stream, r.parent))
		}
	})
	ans.RequestID = env.requestID
	if err == nil {
		err = r.check(&env)
	}
	if err != nil {
		return answer{Page: Page{RequestID: env.requestID}}, err
	}
	for i := range ans.Records {
		rec := &ans.Records[i]
		rec.RequestID = env.requestID
		if rec.Err != nil {
			rec.Err = fmt.Errorf("%s: %w; request %s", r.stream.Name, rec.Err, env.requestID)
		}
	}
	ans.object = env.object
	ans.seen = r.seen
	if ans.Last = !env.hasNext; ans.Last {
		return ans, nil
	}
	ans.cursor = env.cursor
	var again bool
	if ans.seen, again = r.seen.with(env.cursor); again || env.cursor == r.cursor {
		return answer{Page: ans.Page}, fmt.Errorf("%w: its cursor %s leads back to a page that was read", errPage, quoteCursor(env.cursor))
	}
	return ans, nil
}

// check reports why a body that is whole is not an answer to the request.
func (r request) check(env *envelope) error {
	switch {
	case r.stream == nil && env.data != '{':
		return fmt.Errorf("%w: no object", errPage)
	case r.stream == nil:
		return nil
	case env.data == '{':
		return fmt.Errorf("%w: data is an object, want a list", errBroken)
	case env.hasNext && env.count == 0:
		return fmt.Errorf("%w: it promises more and holds no data", errPage)
	case env.hasNext && env.cursor == "":
		return fmt.Errorf("%w: it promises more and gives no cursor", errPage)
	}
	return nil
}

// refusal returns the error for an answer that is not a success.
func (c *Client) refusal(r request, resp *http.Response, body io.Reader) error {
	e := &APIError{
		Method: r.method, Path: r.path, Status: resp.StatusCode,
		RequestID: resp.Header.Get("X-Request-Id"), RetryAfter: parseRetryAfter(resp.Header, time.Now()),
	}
	var refused struct {
		Errors    []string `json:"errors"`
		Code      string   `json:"code"`
		RequestID string   `json:"request_id"`
	}
	// What of it cannot be read is not worth another error: the status says enough.
	text, _ := io.ReadAll(io.LimitReader(body, maxErrorBody))
	if json.Unmarshal(text, &refused) == nil {
		e.Code = refused.Code
		if refused.RequestID != "" {
			e.RequestID = refused.RequestID
		}
		if len(refused.Errors) > 0 {
			e.Message = c.clean(refused.Errors[0])
		}
	}
	if location, err := resp.Location(); err == nil && resp.StatusCode/100 == 3 {
		e.Message = fmt.Sprintf("redirected to %s://%s, where the token is not sent: PYLON_API_URL must be the API's own address",
			location.Scheme, location.Host)
	}
	return e
}

// clean makes a message of the API fit for one line of a log.
func (c *Client) clean(message string) string {
	message = strings.ReplaceAll(message, string(c.token), Secret("x").mask())
	message = strings.Join(strings.Fields(message), " ")
	if runes := []rune(message); len(runes) > maxMessage {
		message = string(runes[:maxMessage]) + "…"
	}
	return message
}
