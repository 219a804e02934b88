package producer_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"pylon-kafka/extract/extracttest"
	"pylon-kafka/producer"
)

// requestCount counts what clients ask of brokers, by request.
type requestCount struct {
	mu    sync.Mutex
	count map[string]int
}

// OnBrokerWrite is called by a client for each request.
func (c *requestCount) OnBrokerWrite(_ kgo.BrokerMetadata, key int16, _ int, _, _ time.Duration, _ error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.count[kmsg.NameForKey(key)]++
}

func (c *requestCount) reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.count = make(map[string]int)
}

func (c *requestCount) all() (n int, each string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, name := range slices.Sorted(maps.Keys(c.count)) {
		n += c.count[name]
		each += fmt.Sprintf(" %s %d", name, c.count[name])
	}
	return n, each
}

// TestReplicas_oneThatStandsByIsQuiet counts for a while what a replica without a
// stream asks of the broker.
func TestReplicas_oneThatStandsByIsQuiet(t *testing.T) {
	t.Parallel()
	w := newWorld(t, extracttest.Options{Seed: 43, Issues: 20})
	w.settings["KAFKA_OFFSETS_PARTITIONS"], w.settings["PYLON_POLL_INTERVAL"] = "1", "1s"
	one := w.launch(t, "KAFKA_CLIENT_ID", "one")
	one.up(t)
	for _, stream := range allStreams() {
		eventually(t, stream+" has succeeded", func() bool { return !byStream(one.pipeline.Status())[stream].LastSuccess.IsZero() })
	}
	requests := new(requestCount)
	requests.reset()
	w.opts = append(slices.Clone(w.opts), kgo.WithHooks(requests))
	other := w.launch(t, "KAFKA_CLIENT_ID", "other")
	eventually(t, "the other stands by", func() bool { return other.pipeline.Ready() })
	for stream, s := range byStream(other.pipeline.Status()) {
		if s.State != producer.Standby || s.Cursor.IsZero() || s.LastSuccess.IsZero() {
			t.Errorf("the replica that stands by shows %s as %s, data up to %v, success at %v", stream, s.State, s.Cursor, s.LastSuccess)
		}
	}
	requests.reset()
	const window = 20 * time.Second
	<-time.After(window) // a rate takes time
	n, each := requests.all()
	t.Logf("%.2f requests a second:%s in %v", float64(n)/window.Seconds(), each, window)
	if most := int(2 * window.Seconds()); n == 0 || n > most {
		t.Errorf("%d requests in %v, want at most %d", n, window, most)
	}
}

// TestRun_saysThatItJoinsTheGroup holds up the coordinator's answer, as it does
// while it waits for a member that died.
func TestRun_saysThatItJoinsTheGroup(t *testing.T) {
	t.Parallel()
	w := newWorld(t, extracttest.Options{Seed: 44, Issues: 5})
	before := w.sync(t)
	answer := make(chan struct{})
	w.cluster.ControlKey(int16(kmsg.JoinGroup), func(kmsg.Request) (kmsg.Response, error, bool) {
		w.cluster.SleepControl(func() { <-answer })
		return nil, nil, false
	})
	p := w.launch(t).pipeline
	eventually(t, "all streams wait for the group", func() bool {
		for stream, s := range byStream(p.Status()) {
			if s.Owned || s.State != producer.Starting || !strings.Contains(s.Reason, "joining group pylon-kafka") || s.Cursor.Sub(before[stream].Cursor).Abs() > time.Second {
				return false
			}
		}
		return !p.Ready()
	})
	close(answer)
	eventually(t, "all streams are at work", func() bool {
		for _, s := range p.Status() {
			if !s.Owned || !s.Up || s.Reason != "" {
				return false
			}
		}
		return p.Ready()
	})
}
