package producer_test

import (
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"pylon-kafka/extract/extracttest"
	"pylon-kafka/producer"
)

// TestRun_aFailureIsOverOnlyWhenWhatFailedWorks has the broker refuse each
// record of a stream, so that the stream is closed and opened again and again.
// That it can be opened does not show it as up: it is one outage, from the first
// refusal to the first commit.
func TestRun_aFailureIsOverOnlyWhenWhatFailedWorks(t *testing.T) {
	t.Parallel()
	w := newWorld(t, extracttest.Options{Seed: 173, Issues: 5})
	reg := prometheus.NewRegistry()
	w.registerer = reg
	p, _ := w.run(t, "PYLON_STREAMS", "tags,teams", "PYLON_REFRESH_INTERVAL", "1s")
	tags := func() producer.Status { return byStream(p.Status())["tags"] }
	eventually(t, "tags is up", func() bool { return tags().Records > 0 && tags().Up })

	refuse := make(chan struct{})
	w.cluster.ControlKey(int16(kmsg.Produce), func(req kmsg.Request) (kmsg.Response, error, bool) {
		w.cluster.KeepControl()
		r, ok := req.(*kmsg.ProduceRequest)
		select {
		case <-refuse:
			ok = false
		default:
		}
		if !ok {
			return nil, nil, false
		}
		return refuseRecords(r), nil, true
	})
	for tag := range w.api.Objects("tags") {
		must(t, w.api.Update("tags", tag))
		break
	}
	within(t, 30*time.Second, "tags is down", func() bool { return !tags().Up })
	since := tags().Since
	states := make(map[producer.State]int)
	was := producer.State("")
	within(t, time.Minute, "the stream was opened again three times", func() bool {
		s := tags()
		if s.Up || s.Reason == "" || s.Since.After(since) || upInMetrics(t, reg)["tags"] {
			t.Fatalf("nothing was committed, and the status says %+v; down since %v", s.Condition, since)
		}
		if s.State != was {
			states[s.State]++
		}
		was = s.State
		return states[producer.Failed] > 3
	})
	close(refuse)
	within(t, time.Minute, "tags is up", func() bool { return tags().Up && tags().Reason == "" })
	w.wantOneOutage(t, "tags")
}

// refuseRecords answers a request to write with an error that is not tried again.
func refuseRecords(req *kmsg.ProduceRequest) *kmsg.ProduceResponse {
	resp := kmsg.NewPtrProduceResponse()
	resp.SetVersion(req.GetVersion())
	for _, topic := range req.Topics {
		refused := kmsg.NewProduceResponseTopic()
		refused.Topic, refused.TopicID = topic.Topic, topic.TopicID
		for _, partition := range topic.Partitions {
			p := kmsg.NewProduceResponseTopicPartition()
			p.Partition, p.ErrorCode = partition.Partition, kerr.InvalidRecord.Code
			refused.Partitions = append(refused.Partitions, p)
		}
		resp.Topics = append(resp.Topics, refused)
	}
	return resp
}

// TestRun_tellsHowFarABacklogIs watches the messages of many issues come in, from
// a start to a stop and, after a restart, on from there.
func TestRun_tellsHowFarABacklogIs(t *testing.T) {
	t.Parallel()
	w := newWorld(t, extracttest.Options{Seed: 174, Issues: 3000})
	streams := []string{"PYLON_STREAMS", "issues,issue_messages"}
	progress := func(p *producer.Pipeline) float64 {
		s := byStream(p.Status())["issue_messages"]
		if (s.State == producer.Backfill) != (s.Backlog > 0) || s.State == producer.Backfill && (s.Progress < 0 || s.Progress > 1) {
			t.Errorf("%s, backlog %d, progress %v", s.State, s.Backlog, s.Progress)
		}
		if s.State != producer.Backfill {
			return -1
		}
		return s.Progress
	}
	w.sync(t, "PYLON_STREAMS", "issues")
	one := w.launch(t, streams...)
	was := 0.0
	within(t, time.Minute, "a tenth is read", func() bool {
		is := progress(one.pipeline)
		if is >= 0 && is < was {
			t.Errorf("progress goes back from %v to %v", was, is)
		}
		was = max(was, is)
		return was > 0.1
	})
	must(t, one.stop())
	other := w.launch(t, streams...)
	within(t, time.Minute, "the backlog goes on", func() bool { return progress(other.pipeline) >= 0 })
	if is := progress(other.pipeline); is >= 0 && is < was {
		t.Errorf("progress was %v, and after a restart %v", was, is)
	}
	within(t, time.Minute, "all is read", func() bool { return byStream(other.pipeline.Status())["issue_messages"].State == producer.Live })
}

// TestRun_warnsOfAClockThatDiffers has Pylon's answers bear a wrong date for a
// while.
func TestRun_warnsOfAClockThatDiffers(t *testing.T) {
	t.Parallel()
	w := newWorld(t, extracttest.Options{Seed: 175, Issues: 5})
	w.api.Fail(extracttest.Fault{DateAhead: time.Hour, Count: -1})
	p, _ := w.run(t, "PYLON_STREAMS", "issues,tags", "PYLON_POLL_INTERVAL", "1s")
	warned := func() int {
		n := 0
		for _, s := range p.Status() {
			if strings.Contains(strings.Join(s.Warnings, "\n"), "Pylon's clock is ") {
				n++
			}
		}
		return n
	}
	eventually(t, "both streams warn", func() bool { return warned() == 2 })
	w.api.ClearFaults()
	eventually(t, "no stream warns", func() bool { return warned() == 0 })
	if log := w.logs.String(); strings.Count(log, "the clocks differ") != 1 || strings.Count(log, "the clocks agree again") != 1 {
		t.Errorf("log:\n%s", log)
	}
}
