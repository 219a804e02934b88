package producer

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// collector shows the states of all streams as metrics. It keeps nothing, so a
// metric says what the status says. Every series is there from the start, at 0.
type collector struct {
	status  func() []Status // all streams
	states  []*state
	metrics []metric
	ended   *prometheus.Desc
}

// metric is one number of a status.
type metric struct {
	desc  *prometheus.Desc
	kind  prometheus.ValueType
	value func(*Status) float64
}

func newCollector(states []*state, status func() []Status) *collector {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(namespace+"_"+name, help, append([]string{"stream"}, labels...), nil)
	}
	counter := func(name, help string, value func(*Status) int64) metric {
		return metric{desc(name, help), prometheus.CounterValue, func(s *Status) float64 { return float64(value(s)) }}
	}
	gauge := func(name, help string, value func(*Status) float64) metric {
		return metric{desc(name, help), prometheus.GaugeValue, value}
	}
	return &collector{
		states: states, status: status,
		ended: desc("transactions_total", "Kafka transactions ended, by outcome.", "outcome"),
		metrics: []metric{
			counter("records_published_total", "Records committed to the stream's topic, tombstones not counted.", func(s *Status) int64 { return s.Records }),
			counter("tombstones_published_total", "Tombstones committed to the stream's topic.", func(s *Status) int64 { return s.Tombstones }),
			counter("records_unchanged_total", "Objects read from Pylon that consumers have already.", func(s *Status) int64 { return s.Unchanged }),
			counter("records_deadlettered_total", "Objects that could not be published and went to the dead-letter topic.", func(s *Status) int64 { return s.DeadLetters }),
			counter("fields_unmapped_total", "Fields that the schema does not know or that do not fit it; they travel in unmapped.", func(s *Status) int64 { return s.Unmapped }),
			gauge("cursor_timestamp_seconds", "What Pylon held at this time is in Kafka (Unix time).", func(s *Status) float64 { return unix(s.Cursor) }),
			gauge("last_success_timestamp_seconds", "When the stream last caught up with Pylon (Unix time).", func(s *Status) float64 { return unix(s.LastSuccess) }),
			gauge("next_pass_timestamp_seconds", "When the stream looks at Pylon again (Unix time).", func(s *Status) float64 { return unix(s.NextPass) }),
			gauge("stream_interval_seconds", "Time between two passes of the stream.", func(s *Status) float64 { return s.Interval.Seconds() }),
			gauge("backlog", "Issues whose children are still to be read.", func(s *Status) float64 { return float64(s.Backlog) }),
			gauge("backlog_seconds", "How long the backlog takes at the pace of the last minutes.", func(s *Status) float64 { return s.BacklogLeft.Seconds() }),
			gauge("parked", "Issues whose children cannot be read; they are tried again ever more rarely.", func(s *Status) float64 { return float64(len(s.Parked)) }),
			gauge("stream_up", "1 while the stream works, 0 while it is down or something it needs is tried again.", func(s *Status) float64 { return oneIf(s.Up) }),
			gauge("stream_owned", "1 where this replica holds the stream's lease.", func(s *Status) float64 { return oneIf(s.Owned) }),
		},
	}
}

// Describe implements prometheus.Collector.
func (c *collector) Describe(ch chan<- *prometheus.Desc) {
	for _, m := range c.metrics {
		ch <- m.desc
	}
	ch <- c.ended
	for _, s := range c.states {
		s.ended.seconds.Describe(ch)
	}
}

// Collect implements prometheus.Collector.
func (c *collector) Collect(ch chan<- prometheus.Metric) {
	for _, s := range c.status() {
		for _, m := range c.metrics {
			ch <- prometheus.MustNewConstMetric(m.desc, m.kind, m.value(&s), s.Stream)
		}
	}
	for _, s := range c.states {
		s.mu.Lock()
		stream, ended := s.status.Stream, s.ended
		s.mu.Unlock()
		ch <- prometheus.MustNewConstMetric(c.ended, prometheus.CounterValue, float64(ended.committed), stream, "committed")
		ch <- prometheus.MustNewConstMetric(c.ended, prometheus.CounterValue, float64(ended.aborted), stream, "aborted")
		ended.seconds.Collect(ch)
	}
}

// unix is a time as a gauge shows it; one that is not known is 0.
func unix(at time.Time) float64 {
	if at.IsZero() {
		return 0
	}
	return float64(at.UnixMilli()) / 1000
}

func oneIf(ok bool) float64 {
	if ok {
		return 1
	}
	return 0
}
