package producer_test

import (
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"

	"pylon-kafka/extract/extracttest"
	"pylon-kafka/producer"
	"pylon-kafka/producer/producertest"
)

// within waits until ok holds, and returns how long that took. With the race
// detector it may take longer, see slowdown.
func within(t *testing.T, most time.Duration, what string, ok func() bool) time.Duration {
	t.Helper()
	most *= slowdown
	began := time.Now()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		if time.Since(began) > most {
			t.Fatalf("not within %v: %s", most, what)
		}
		<-tick.C
	}
	return time.Since(began)
}

// upInMetrics is what stream_up says.
func upInMetrics(t *testing.T, reg *prometheus.Registry) map[string]bool {
	t.Helper()
	families, err := reg.Gather()
	must(t, err)
	up := make(map[string]bool)
	for _, f := range families {
		if f.GetName() == "pylon_kafka_stream_up" {
			for _, m := range f.GetMetric() {
				up[m.GetLabel()[0].GetValue()] = m.GetGauge().GetValue() == 1
			}
		}
	}
	return up
}

// outageLines returns how often the log says that a stream is down, and that it
// no longer is.
func (w *world) outageLines(stream string) (down, over int) {
	for line := range strings.Lines(w.logs.String()) {
		if !strings.Contains(line, "stream="+stream+" ") {
			continue
		}
		if strings.Contains(line, `msg="stream is down; trying again"`) {
			down++
		}
		if strings.Contains(line, `msg="stream is no longer down"`) {
			over++
		}
	}
	return down, over
}

// wantOneOutage fails unless the log tells of one outage of each stream.
func (w *world) wantOneOutage(t *testing.T, streams ...string) {
	t.Helper()
	for _, stream := range streams {
		eventually(t, "the log says that the outage of "+stream+" is over", func() bool {
			_, over := w.outageLines(stream)
			return over > 0
		})
		if down, over := w.outageLines(stream); down != 1 || over != 1 {
			t.Errorf("%s: %d lines say that it is down and %d that it no longer is, want one of each", stream, down, over)
		}
	}
}

// TestRun_showsAnEndpointThatFails has Pylon answer 503 for one stream for ever:
// that stream is shown as down after twice its interval, and no other.
func TestRun_showsAnEndpointThatFails(t *testing.T) {
	t.Parallel()
	w := newWorld(t, extracttest.Options{Seed: 71})
	reg := prometheus.NewRegistry()
	w.registerer = reg
	p, _ := w.run(t, "PYLON_REFRESH_INTERVAL", "1s", "PYLON_POLL_INTERVAL", "1s")
	status := func(stream string) producer.Status { return byStream(p.Status())[stream] }
	eventually(t, "all streams have succeeded", func() bool { return !p.Status()[0].LastSuccess.IsZero() && !status("tags").LastSuccess.IsZero() })

	w.api.Fail(extracttest.Fault{Endpoint: "tags", Status: 503, Count: -1})
	broke := time.Now()
	took := within(t, 10*time.Second, "tags is retrying", func() bool { return status("tags").State == producer.Retrying })
	t.Logf("shown after %v", took)
	s := status("tags")
	if s.Up || !strings.Contains(s.Reason, "503") || s.Since.Before(broke.Add(-time.Second)) || s.NextTry.Before(s.Since) || s.LastError == "" {
		t.Errorf("status: %+v", s.Condition)
	}
	success, cursor, other := s.LastSuccess, s.Cursor, status("teams").LastSuccess
	up := upInMetrics(t, reg)
	for stream, ok := range up {
		if ok != (stream != "tags") {
			t.Errorf("stream_up of %s is %v", stream, ok)
		}
	}
	eventually(t, "teams goes on", func() bool { return status("teams").LastSuccess.After(other) })
	eventually(t, "the log says that tags is down", func() bool { down, _ := w.outageLines("tags"); return down > 0 })
	if s := status("tags"); !s.LastSuccess.Equal(success) || !s.Cursor.Equal(cursor) {
		t.Errorf("success moves from %v to %v, data up to from %v to %v, though each request fails", success, s.LastSuccess, cursor, s.Cursor)
	}
	w.api.ClearFaults()
	eventually(t, "tags is up", func() bool { return status("tags").Up && status("tags").LastSuccess.After(success) })
	w.wantOneOutage(t, "tags")
	for _, stream := range allStreams() {
		if down, _ := w.outageLines(stream); stream != "tags" && down > 0 {
			t.Errorf("the log says that %s is down", stream)
		}
	}
}

// TestRun_childrenClaimNoMoreThanIssues has the search of issues fail: what
// messages and threads say of themselves stands still with it.
func TestRun_childrenClaimNoMoreThanIssues(t *testing.T) {
	t.Parallel()
	w := newWorld(t, extracttest.Options{Seed: 72})
	p, _ := w.run(t, "PYLON_STREAMS", "issues,issue_messages,issue_threads", "PYLON_POLL_INTERVAL", "500ms")
	children := []string{"issue_messages", "issue_threads"}
	eventually(t, "all have succeeded", func() bool {
		s := byStream(p.Status())
		return !s["issue_messages"].LastSuccess.IsZero() && !s["issue_threads"].LastSuccess.IsZero()
	})
	w.api.Fail(extracttest.Fault{Endpoint: "issues_search", Status: 503, Count: -1})
	eventually(t, "issues is down", func() bool { return !byStream(p.Status())["issues"].Up })
	limit := byStream(p.Status())["issues"].Times
	down := time.Now()
	eventually(t, "the lanes have looked twice, and could have claimed", func() bool { return time.Since(down) > 10*time.Second })
	for _, stream := range children {
		if s := byStream(p.Status())[stream]; s.LastSuccess.After(limit.LastSuccess) || s.Cursor.After(limit.Cursor) {
			t.Errorf("%s claims success at %v and data up to %v; issues say %v and %v", stream, s.LastSuccess, s.Cursor, limit.LastSuccess, limit.Cursor)
		}
	}
	w.api.ClearFaults()
	for _, stream := range children {
		eventually(t, stream+" goes on", func() bool { return byStream(p.Status())[stream].LastSuccess.After(limit.LastSuccess) })
	}
}

// TestRun_showsABrokerThatStandsStill pauses the only broker with the default
// settings: within 35 s every stream is down in status, metric and log, claims
// nothing meanwhile, and is up again once the broker answers.
func TestRun_showsABrokerThatStandsStill(t *testing.T) {
	t.Parallel()
	w := newWorld(t, extracttest.Options{Seed: 73})
	proxy := producertest.StartProxy(t)
	proxy.Connect(w.cluster.ListenAddrs()[0])
	w.opts = append(w.opts, kgo.Dialer(proxy.Dial))
	reg := prometheus.NewRegistry()
	w.registerer = reg
	p, _ := w.run(t, "PYLON_POLL_INTERVAL", "15s")
	eventually(t, "all streams are ready and have succeeded", func() bool {
		for _, s := range p.Status() {
			if s.LastSuccess.IsZero() || !s.Up {
				return false
			}
		}
		return p.Ready()
	})
	proxy.Pause()
	paused := time.Now()
	took := within(t, 35*time.Second, "all streams are down", func() bool {
		for stream, up := range upInMetrics(t, reg) {
			if down, _ := w.outageLines(stream); up || down == 0 {
				return false
			}
		}
		return true
	})
	t.Logf("shown after %v", took)
	for _, s := range p.Status() {
		if s.Up || s.State != producer.Retrying && s.State != producer.Failed || s.Reason == "" || s.Since.IsZero() {
			t.Errorf("%s: %+v", s.Stream, s.Condition)
		}
		if s.Cursor.After(paused.Add(time.Second)) || s.LastSuccess.After(paused.Add(time.Second)) {
			t.Errorf("%s claims success at %v and data up to %v; the broker stands still since %v", s.Stream, s.LastSuccess, s.Cursor, paused)
		}
	}
	proxy.Mend()
	took = within(t, 2*time.Minute, "all streams are up", func() bool {
		for _, up := range upInMetrics(t, reg) {
			if !up {
				return false
			}
		}
		return true
	})
	t.Logf("up again after %v", took)
	w.wantOneOutage(t, allStreams()...)
}

// TestRun_afterARestartNothingIsNever starts again while Pylon answers nothing:
// status and metrics of every stream begin with what was committed.
func TestRun_afterARestartNothingIsNever(t *testing.T) {
	t.Parallel()
	w := newWorld(t, extracttest.Options{Seed: 75})
	before := w.sync(t)
	w.api.Fail(extracttest.Fault{Status: 503, Count: -1})
	reg := prometheus.NewRegistry()
	w.registerer = reg
	p, _ := w.run(t)
	eventually(t, "all cursors are loaded", func() bool {
		for _, s := range p.Status() {
			if !s.Resumed {
				return false
			}
		}
		return true
	})
	families, err := reg.Gather()
	must(t, err)
	for _, f := range families {
		if name := f.GetName(); name != "pylon_kafka_cursor_timestamp_seconds" && name != "pylon_kafka_last_success_timestamp_seconds" {
			continue
		}
		for _, m := range f.GetMetric() {
			if age := time.Since(time.Unix(int64(m.GetGauge().GetValue()), 0)); age > time.Hour {
				t.Errorf("%s of %s is %v old", f.GetName(), m.GetLabel()[0].GetValue(), age)
			}
		}
	}
	for _, s := range p.Status() {
		was := before[s.Stream]
		if s.Cursor.IsZero() || s.LastSuccess.IsZero() || s.Cursor.Sub(was.Cursor).Abs() > time.Second || s.LastSuccess.Sub(was.LastSuccess).Abs() > time.Second {
			t.Errorf("%s: data up to %v, success at %v; before the restart %v and %v", s.Stream, s.Cursor, s.LastSuccess, was.Cursor, was.LastSuccess)
		}
	}
}
