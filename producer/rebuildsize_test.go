package producer_test

import (
	"context"
	"flag"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"pylon-kafka/extract/extracttest"
	"pylon-kafka/offsets/topic"
)

// rebuildMessages is how large the topics of TestRebuildSize are, such as
//
//	go test ./producer -run TestRebuildSize -v -rebuild-messages 3000000 -timeout 1h
var rebuildMessages = flag.Int("rebuild-messages", 0, "TestRebuildSize: how many messages, with a third as many issues; 0 skips it")

// TestRebuildSize measures how long a hand-over takes where much is known: from
// the start of a replica to the opening of its stream, whose topic on a real Kafka
// holds that many objects. The content is the sandbox's.
func TestRebuildSize(t *testing.T) {
	if *rebuildMessages == 0 {
		t.Skip("it measures, and takes minutes: give -rebuild-messages")
	}
	w, _ := newRealWorld(t, extracttest.Options{Seed: 61, Issues: 300, MessagesPerIssue: 3, IssueBytes: 7200})
	w.usualIndex = true
	w.settings["PYLON_STREAMS"] = "issues,issue_messages"
	w.sync(t)
	cl, err := kgo.NewClient(append(w.opts, kgo.ProducerBatchCompression(kgo.ZstdCompression()), kgo.MaxBufferedRecords(20_000))...)
	must(t, err)
	defer cl.Close()
	sizes := map[string]int{"issues": *rebuildMessages / 3, "issue_messages": *rebuildMessages}
	for stream, n := range sizes {
		w.multiply(t, cl, stream, n)
	}
	for stream, n := range sizes {
		for _, from := range []string{"the topic", "the index", "the index"} {
			began, cpu := time.Now(), cpuTime(t)
			one := w.launch(t, "PYLON_STREAMS", stream)
			one.opened(t, 10*time.Minute)
			t.Logf("%s with %d objects more, from %s: open %v after the start, with %v of CPU time beside the broker's",
				stream, n, from, time.Since(began).Round(time.Millisecond), (cpuTime(t) - cpu).Round(time.Millisecond))
			if from == "the topic" {
				eventually(t, "the index is written", func() bool { return strings.Contains(w.logs.String(), `msg="wrote the index" stream=`+stream+" ") })
			}
			must(t, one.stop())
		}
	}
	for line := range strings.Lines(w.logs.String()) {
		if strings.Contains(line, "msg=opening") || strings.Contains(line, "index") {
			t.Log(strings.TrimSpace(line))
		}
	}
}

// opened is up with a patience of its own.
func (i *instance) opened(t *testing.T, patience time.Duration) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(patience)
	for !i.pipeline.Status()[0].Up {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("the stream is not open within %v", patience)
		}
	}
}

// cpuTime is what this process has used.
func cpuTime(t *testing.T) time.Duration {
	t.Helper()
	var usage syscall.Rusage
	must(t, syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// multiply copies the records of a topic under new keys until there are n more.
func (w *world) multiply(t *testing.T, cl *kgo.Client, stream string, n int) {
	t.Helper()
	var originals []*kgo.Record
	must(t, topic.ReadAll(t.Context(), w.opts, w.topicOf(stream), topic.Stable, func(rec *kgo.Record) error {
		if rec.Value != nil {
			originals = append(originals, rec)
		}
		return nil
	}))
	bytes := 0
	failed := make(chan error, 1)
	for i := range n {
		from := originals[i%len(originals)]
		rec := &kgo.Record{Topic: from.Topic, Key: fmt.Appendf(nil, "%08x-%s", i, from.Key[9:]), Value: from.Value}
		for _, h := range from.Headers {
			if h.Key == "parent" {
				h.Value = fmt.Appendf(nil, "%08x-%s", i/3, h.Value[9:])
			}
			rec.Headers = append(rec.Headers, h)
		}
		bytes += len(rec.Key) + len(rec.Value)
		cl.Produce(context.Background(), rec, func(_ *kgo.Record, err error) {
			if err != nil {
				select {
				case failed <- err:
				default:
				}
			}
		})
	}
	must(t, cl.Flush(t.Context()))
	select {
	case err := <-failed:
		t.Fatal(err)
	default:
	}
	t.Logf("%s: %d records of %d bytes on average", stream, n, bytes/n)
}
