package producer

import (
	"github.com/prometheus/client_golang/prometheus"

	"pylon-kafka/extract"
)

// metrics are this package's series. Every one is there from the start, at 0.
type metrics struct {
	published, tombstones, unchanged, deadLetters, unmapped *prometheus.CounterVec
	transactions                                            *prometheus.CounterVec
	transactionSeconds                                      *prometheus.HistogramVec
	cursor, lastSuccess, backlog, up                        *prometheus.GaugeVec
}

const namespace = "pylon_kafka"

// The outcomes of a transaction.
const (
	committed = "committed"
	aborted   = "aborted"
)

func newMetrics(reg prometheus.Registerer, streams []extract.Stream) *metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help}, append([]string{"stream"}, labels...))
		reg.MustRegister(c)
		return c
	}
	gauge := func(name, help string) *prometheus.GaugeVec {
		g := prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: namespace, Name: name, Help: help}, []string{"stream"})
		reg.MustRegister(g)
		return g
	}
	m := &metrics{
		published:    counter("records_published_total", "Records committed to the stream's topic, tombstones not counted."),
		tombstones:   counter("tombstones_published_total", "Tombstones committed to the stream's topic."),
		unchanged:    counter("records_unchanged_total", "Objects read from Pylon that consumers have already."),
		deadLetters:  counter("records_deadlettered_total", "Objects that could not be encoded and went to the dead-letter topic."),
		unmapped:     counter("fields_unmapped_total", "Fields that the schema does not know or that do not fit it; they travel in unmapped."),
		transactions: counter("transactions_total", "Kafka transactions ended, by outcome.", "outcome"),
		transactionSeconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: namespace, Name: "transaction_duration_seconds",
			Help:    "From the begin of a Kafka transaction to its commit.",
			Buckets: prometheus.ExponentialBuckets(0.001, 2, 15),
		}, []string{"stream"}),
		cursor:      gauge("cursor_timestamp_seconds", "What Pylon held at this time is in Kafka (Unix time)."),
		lastSuccess: gauge("last_success_timestamp_seconds", "When the stream last caught up with Pylon (Unix time)."),
		backlog:     gauge("backlog", "Issues whose children are still to be read."),
		up:          gauge("stream_up", "1 while the stream works, 0 while it is down."),
	}
	reg.MustRegister(m.transactionSeconds)
	for _, s := range streams {
		for _, c := range []*prometheus.CounterVec{m.published, m.tombstones, m.unchanged, m.deadLetters, m.unmapped} {
			c.WithLabelValues(s.Name)
		}
		m.transactions.WithLabelValues(s.Name, committed)
		m.transactions.WithLabelValues(s.Name, aborted)
		m.transactionSeconds.WithLabelValues(s.Name)
		for _, g := range []*prometheus.GaugeVec{m.cursor, m.lastSuccess, m.backlog, m.up} {
			g.WithLabelValues(s.Name)
		}
	}
	return m
}
