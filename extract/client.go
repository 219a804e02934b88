package extract

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// Options is what a Client works with. Every field may be left out.
type Options struct {
	Traces     trace.TracerProvider  // of the requests; nil: none
	Transport  http.RoundTripper     // nil: one with connections and timeouts that suit the API
	Logger     *slog.Logger          // nil: nothing is logged
	Registerer prometheus.Registerer // nil: metrics are counted, and shown to nobody
	Version    string                // of the program, for the User-Agent; empty: the version that Go built in
}

// Client asks the Pylon API. Its methods are safe for concurrent use. They wait
// for the budget of their endpoint and try again whatever passes (429, 5xx,
// timeouts, broken connections and bodies) until Ask.Patience or ctx ends; then
// they return ErrGaveUp or ctx's error, wrapped. Other errors wrap an *APIError,
// which errors.Is tells apart as ErrUnauthorized, ErrForbidden and ErrNotFound, or
// ErrImpossible.
//
// A token from a file is read again when the API refuses it.
type Client struct {
	base      string // the API's URL without a slash at its end
	tokens    tokens
	userAgent string
	http      *http.Client
	log       *slog.Logger
	limiters  map[string]*limiter
	metrics   *metrics
	warner    *warner
	sizes     pageSizes
	shared    sharedLists
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
	if opts.Traces != nil {
		opts.Transport = traced(opts.Transport, opts.Traces)
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
	c := &Client{
		base:      base.String(),
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
	}
	c.tokens.current.Store(&token)
	if cfg.APITokenFile != "" {
		c.tokens.read = cfg.token
	}
	return c, nil
}

// traced makes a span of each request, named by its method. A trace ends here:
// Pylon is sent no headers of it.
func traced(base http.RoundTripper, traces trace.TracerProvider) http.RoundTripper {
	return otelhttp.NewTransport(base, otelhttp.WithTracerProvider(traces),
		otelhttp.WithMeterProvider(noop.NewMeterProvider()), otelhttp.WithPropagators(propagation.NewCompositeTextMapPropagator()))
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

// Skew returns the API's clock minus ours as of the last answer, to the second;
// 0 before the first one.
func (c *Client) Skew() time.Duration { return time.Duration(c.skew.Load()) }

// allowedSkew is how far Pylon's clock and ours may differ: more than that, and
// what the settings call now is not what Pylon calls so.
const allowedSkew = time.Minute

// ClockAdvice is what to do about a [Client.ClockWarning].
const ClockAdvice = "set this machine's clock by NTP, or look at the proxy in between"

// ClockWarning says by how much Pylon's clock, as the Date of its last answer has
// it, and this machine's differ; "" if that is no more than a minute.
func (c *Client) ClockWarning() string {
	switch skew := c.Skew().Round(time.Second); {
	case skew > allowedSkew:
		return fmt.Sprintf("Pylon's clock is %v ahead of this machine's", skew)
	case skew < -allowedSkew:
		return fmt.Sprintf("Pylon's clock is %v behind this machine's", -skew)
	default:
		return ""
	}
}

// now returns the time by the API's clock, as far as an answer has told it, or by
// ours, whichever is earlier.
func (c *Client) now() time.Time { return time.Now().Add(min(0, c.Skew())) }

// Usage is what was spent of an endpoint's budget.
type Usage struct {
	Requests  int64         // sent so far
	Waited    time.Duration // time in which at least one request waited for the budget or after a 429
	Limit     int           // requests a minute; 0: none
	Remaining int           // requests that could be sent now; -1: unknown, since there is no limit
}

// Usage returns the use of every endpoint by its name, see Endpoints.
func (c *Client) Usage() map[string]Usage {
	usage := make(map[string]Usage, len(c.limiters))
	for endpoint, l := range c.limiters {
		usage[endpoint] = Usage{
			Requests: c.metrics.sent[endpoint].Load(), Waited: l.waitedFor(), Limit: l.limit, Remaining: l.remaining(),
		}
	}
	return usage
}
