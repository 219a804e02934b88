package main

import (
	"bufio"
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"pylon-kafka/cmd/pylon-kafka/internal/settings"
)

// follower is a tail that follows a topic.
type follower struct {
	lines chan string
	log   logLines
	ended chan error
	stop  context.CancelFunc
}

// logLines takes what is logged, a line a call.
type logLines chan string

func (l logLines) Write(line []byte) (int, error) {
	l <- string(line)
	return len(line), nil
}

func follow(t *testing.T, env settings.Environment, args ...string) *follower {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	f := &follower{lines: make(chan string), log: make(logLines, 100), ended: make(chan error, 1), stop: cancel}
	reader, writer := io.Pipe()
	go func() {
		err := run(ctx, append([]string{"tail"}, args...), env, writer, f.log)
		_ = writer.Close()
		f.ended <- err
	}()
	go func() {
		defer close(f.lines)
		for scanner := bufio.NewScanner(reader); scanner.Scan(); {
			f.lines <- scanner.Text()
		}
	}()
	return f
}

// next returns the next line. When tail has found the end of the topic cannot be
// seen from outside: so publish is called until it shows one.
func (f *follower) next(t *testing.T, publish func()) tailed {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case line, ok := <-f.lines:
			if !ok {
				t.Fatalf("tail has ended: %v", <-f.ended)
			}
			return parseTailed(t, line)
		case <-tick.C:
			publish()
		}
	}
}

func TestTail_followsUntilItIsStopped(t *testing.T) {
	t.Parallel()
	cluster := newCluster(t)
	w := newTopicWriter(t, cluster, "tags", 1)
	w.commit(w.tag("old", "x"))
	f := follow(t, brokersOf(cluster), "tags")
	if got := f.next(t, func() { w.commit(w.tag("new", "y")) }); got.Key != "new" {
		t.Errorf("tail begins with %v, want what was published after it began", got)
	}
	f.stop()
	for range f.lines { // what was on the way
	}
	if err := <-f.ended; err != nil {
		t.Errorf("tail = %v, want nil after it was stopped", err)
	}
}

// TestTail_tellsThatItWaitsForAKey does so once, when every topic is read to where
// it ended at the start, be that at its beginning.
func TestTail_tellsThatItWaitsForAKey(t *testing.T) {
	t.Parallel()
	cluster := newCluster(t)
	tags := newTopicWriter(t, cluster, "tags", 2)
	newTopicWriter(t, cluster, "teams", 1)
	tags.commit(tags.tag("there", "x"))
	f := follow(t, brokersOf(cluster), "tags", "teams", "--from-beginning", "--key", "nope")
	select {
	case line := <-f.log:
		if !strings.Contains(line, "no record with this key") || !strings.Contains(line, "nope") || !strings.Contains(line, "teams") {
			t.Errorf("tail logs %s", line)
		}
	case <-time.After(patience):
		t.Fatal("tail says nothing of a key that is not there")
	}
	tags.commit(tags.tag("nope", "y"))
	if got := f.next(t, func() {}); got.Key != "nope" {
		t.Errorf("tail prints %v, want the record that came", got)
	}
	there := follow(t, brokersOf(cluster), "tags", "--from-beginning", "--key", "there")
	if got := there.next(t, func() {}); got.Key != "there" {
		t.Errorf("tail prints %v", got)
	}
	for _, f := range []*follower{f, there} {
		f.stop()
		if err := <-f.ended; err != nil {
			t.Errorf("tail = %v", err)
		}
		if len(f.log) > 0 {
			t.Errorf("tail also logs %s", <-f.log)
		}
	}
}

// TestTail_followsPartitionsThatAreAdded does so to the end of the topic, which is
// an error that says what has become of it.
func TestTail_followsPartitionsThatAreAdded(t *testing.T) {
	t.Parallel()
	cluster := newCluster(t)
	w := newTopicWriter(t, cluster, "tags", 1)
	f := follow(t, brokersOf(cluster), "tags", "--from-beginning")
	w.commit(w.tag("old", "x"))
	if got := f.next(t, func() {}); got.Key != "old" {
		t.Errorf("tail begins with %v", got)
	}
	adm := kadm.NewClient(w.cl)
	if _, err := adm.CreatePartitions(t.Context(), 1, w.topic); err != nil {
		t.Fatal(err)
	}
	added, err := kgo.NewClient(kgo.SeedBrokers(cluster.ListenAddrs()...), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	defer added.Close()
	rec := w.tag("added", "y")
	rec.Topic, rec.Partition = w.topic, 1
	if err := added.ProduceSync(t.Context(), rec).FirstErr(); err != nil {
		t.Fatal(err)
	}
	if got := f.next(t, func() {}); got.Key != "added" {
		t.Errorf("then tail prints %v, want the record of the partition that was added", got)
	}
	if _, err := adm.DeleteTopics(t.Context(), w.topic); err != nil {
		t.Fatal(err)
	}
	for range f.lines { // there is none
	}
	if err := <-f.ended; exitCode(err) != exitFailed || !strings.Contains(err.Error(), w.topic) || !strings.Contains(err.Error(), "does not exist") {
		t.Errorf("tail of a topic that was deleted ends with %v", err)
	}
}
