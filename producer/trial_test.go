package producer_test

import (
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
		select {
		case <-refuse:
			return nil, nil, false
		default:
		}
		return refuseRecords(req.(*kmsg.ProduceRequest)), nil, true
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
	resp := req.ResponseKind().(*kmsg.ProduceResponse)
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
