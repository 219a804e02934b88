package extract

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Values of the label code besides the HTTP statuses.
const (
	codeNoAnswer = "none"   // no answer: connection, timeout
	codeBroken   = "broken" // a success whose body was of no use
	codeLarge    = "large"  // a success that was asked for again with fewer objects
)

// metrics counts what goes over the wire, by endpoint.
type metrics struct {
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
	sent     map[string]*atomic.Int64
}

// newMetrics makes the metrics, with every series there from the start, and
// registers them with reg unless that is nil.
func newMetrics(reg prometheus.Registerer, limiters map[string]*limiter) (*metrics, error) {
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "pylon_kafka_api_requests_total",
			Help: "Requests to the Pylon API by what came of them: the HTTP status, none without an answer, broken for a body of no use, large for a page that was asked for again with fewer objects.",
		}, []string{"endpoint", "code"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "pylon_kafka_api_request_duration_seconds",
			Help:    "Time from sending a request to the end of its answer, the wait for the rate limit not included.",
			Buckets: []float64{.05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60},
		}, []string{"endpoint"}),
		sent: make(map[string]*atomic.Int64),
	}
	collectors := []prometheus.Collector{m.requests, m.duration}
	for endpoint, l := range limiters {
		m.sent[endpoint] = new(atomic.Int64)
		m.duration.WithLabelValues(endpoint)
		for _, code := range []string{"200", "400", "401", "403", "404", "429", "500", "502", "503", "504", codeNoAnswer, codeBroken, codeLarge} {
			m.requests.WithLabelValues(endpoint, code)
		}
		collectors = append(collectors, prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name:        "pylon_kafka_api_rate_limit_wait_seconds_total",
			Help:        "Time in which at least one request waited for the rate limit of the endpoint.",
			ConstLabels: prometheus.Labels{"endpoint": endpoint},
		}, func() float64 { return l.waitedFor().Seconds() }), prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name:        "pylon_kafka_api_rate_limit_remaining",
			Help:        "Requests that could be sent to the endpoint at this moment; +Inf without a limit.",
			ConstLabels: prometheus.Labels{"endpoint": endpoint},
		}, func() float64 {
			if n := l.remaining(); n >= 0 {
				return float64(n)
			}
			return math.Inf(1)
		}))
	}
	if reg == nil {
		return m, nil
	}
	for _, c := range collectors {
		if err := reg.Register(c); err != nil {
			return nil, fmt.Errorf("register metrics of the API: %w", err)
		}
	}
	return m, nil
}

// done counts one finished try.
func (m *metrics) done(endpoint, code string, took time.Duration) {
	m.requests.WithLabelValues(endpoint, code).Inc()
	m.duration.WithLabelValues(endpoint).Observe(took.Seconds())
}

// codeOf returns the label of a success whose body could not be used.
func codeOf(err error) string {
	if large := (*largePage)(nil); errors.As(err, &large) {
		return codeLarge
	}
	return codeBroken
}

// statusCode returns the label of an HTTP status.
func statusCode(status int) string { return strconv.Itoa(status) }
