package producer_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"

	"pylon-kafka/extract/extracttest"
	"pylon-kafka/offsets/topic"
)

// newIndexWorld has streams of which an index is kept, by the limits that all
// tests have, and makes the first pass.
func newIndexWorld(t *testing.T) *world {
	t.Helper()
	w := newWorld(t, extracttest.Options{Seed: 71, Issues: 60, MessagesPerIssue: 2})
	w.settings["PYLON_STREAMS"] = "issues,issue_messages,contacts"
	w.settings["PYLON_SWEEP_INTERVAL"], w.settings["PYLON_RECONCILE_INTERVAL"] = "1ns", "1ns"
	w.sync(t)
	return w
}

// indexed reports whether a stream was last opened from the index.
func (w *world) indexed(t *testing.T, stream string) bool {
	t.Helper()
	var last string
	for _, line := range w.linesOf("stream opened") {
		if strings.Contains(line, "stream="+stream+" ") {
			last = line
		}
	}
	if last == "" {
		t.Fatalf("%s was not opened", stream)
	}
	return strings.Contains(last, "indexed=true")
}

// wantExact makes a pass, which is to end with the topics as Pylon is, and one
// more, which is to publish nothing.
func (w *world) wantExact(t *testing.T, streams ...string) {
	t.Helper()
	w.sync(t)
	for _, stream := range streams {
		if diff := cmp.Diff(w.truth(t, stream), w.table(t, stream)); diff != "" {
			t.Errorf("%s (-Pylon +topic):\n%s", stream, diff)
		}
	}
	again := w.sync(t)
	for _, stream := range streams {
		if s := again[stream]; s.Records+s.Tombstones != 0 {
			t.Errorf("%s: the next pass publishes %d records and %d tombstones", stream, s.Records, s.Tombstones)
		}
	}
}

// TestIndex_saysWhatTheTopicSays has passes with changes between them, each by a
// process of its own that knows of the topics what the index says.
func TestIndex_saysWhatTheTopicSays(t *testing.T) {
	t.Parallel()
	w := newIndexWorld(t)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 2))
	streams := []string{"issues", "issue_messages", "contacts"}
	for range 4 {
		w.api.Mutate(rng, 1+rng.IntN(40))
		w.wantExact(t, streams...)
		for _, stream := range streams {
			if !w.indexed(t, stream) {
				t.Errorf("%s is opened from the topic", stream)
			}
		}
	}
	w.deleteTopic(t, w.topicOf("index"))
	w.wantExact(t, streams...)
}

// damage puts a value of our own in the place of one of the index.
func (w *world) damage(t *testing.T, key string, of func(value []byte) []byte) {
	t.Helper()
	var found *kgo.Record
	must(t, topic.ReadAll(t.Context(), w.opts, w.topicOf("index"), topic.Stable, func(rec *kgo.Record) error {
		if strings.HasSuffix(string(rec.Key), key) {
			found = rec
		}
		return nil
	}))
	if found == nil {
		t.Fatalf("the index has no record %s", key)
	}
	cl, err := kgo.NewClient(append(w.opts, kgo.RecordPartitioner(kgo.ManualPartitioner()))...)
	must(t, err)
	defer cl.Close()
	must(t, cl.ProduceSync(t.Context(), &kgo.Record{Topic: found.Topic, Partition: found.Partition, Key: found.Key, Value: of(found.Value)}).FirstErr())
}

// TestIndex_recordsOfOthersAreSeen writes tombstones by hand, which take away what
// they name: while no process runs, and between two transactions of one that does,
// where the next process must find them though later transactions are indexed.
func TestIndex_recordsOfOthersAreSeen(t *testing.T) {
	t.Parallel()
	w := newIndexWorld(t)
	contacts := slices.Sorted(func(yield func(string) bool) {
		for key := range w.api.Objects("contacts") {
			if !yield(key) {
				return
			}
		}
	})
	topic := w.topicOf("contacts")
	w.produce(t, &kgo.Record{Topic: topic, Key: []byte(contacts[0])})
	if s := w.sync(t)["contacts"]; s.Records != 1 || !w.indexed(t, "contacts") {
		t.Errorf("%d records are published after a tombstone by hand, want 1", s.Records)
	}

	_, stop := w.run(t, "PYLON_REFRESH_INTERVAL", "30ms")
	for round := range 15 {
		if round == 1 {
			w.produce(t, &kgo.Record{Topic: topic, Key: []byte(contacts[1])})
		}
		want := fmt.Sprintf("round %d", round)
		for _, key := range contacts[2:12] {
			w.put(t, "contacts", map[string]string{key: fmt.Sprintf(`{"id":%q,"name":%q}`, key, want)})
		}
		eventually(t, want, func() bool { return strings.Contains(w.table(t, "contacts")[contacts[2]], want) })
	}
	must(t, stop())
	if n := strings.Count(w.logs.String(), `msg="wrote the index" stream=contacts `); n < 2 {
		t.Errorf("%d bases of contacts are written, want another than the first", n)
	}
	if s := w.sync(t)["contacts"]; s.Records != 1 || !w.indexed(t, "contacts") {
		t.Errorf("%d records are published after a tombstone by hand between others, want 1", s.Records)
	}
	w.wantExact(t, "contacts")
}

// TestIndex_thatDoesNotFit changes what the index was made for: it is not used, or
// what it lacks is read, and the topic ends as Pylon is.
func TestIndex_thatDoesNotFit(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change  func(*testing.T, *world)
		indexed bool // the next open is from the index
	}{
		"nothing":          {func(*testing.T, *world) {}, true},
		"no index":         {func(t *testing.T, w *world) { t.Helper(); w.deleteTopic(t, w.topicOf("index")) }, false},
		"records removed":  {func(t *testing.T, w *world) { t.Helper(); w.truncate(t, w.topicOf("contacts"), 5) }, false},
		"partitions added": {func(t *testing.T, w *world) { t.Helper(); w.addPartitions(t, 3, "contacts") }, false},
		"publish anew":     {func(t *testing.T, w *world) { t.Helper(); w.publishAnew(t, "contacts") }, false},
		"the topic anew":   {func(t *testing.T, w *world) { t.Helper(); w.deleteTopic(t, w.topicOf("contacts")) }, false},
		"half a head": {func(t *testing.T, w *world) {
			t.Helper()
			w.damage(t, "contacts/head", func(value []byte) []byte { return value[:len(value)/2] })
		}, false},
		"a head without its blocks": {func(t *testing.T, w *world) {
			t.Helper()
			w.damage(t, "contacts/head", func(value []byte) []byte {
				return bytes.Replace(value, []byte(`"generation":1`), []byte(`"generation":2`), 1)
			})
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newIndexWorld(t)
			test.change(t, w)
			w.sync(t)
			if w.indexed(t, "contacts") != test.indexed {
				t.Errorf("opened from the index: %v, want %v", !test.indexed, test.indexed)
			}
			w.wantExact(t, "contacts")
		})
	}
}

// TestIndex_aTopicThatTakesNothing refuses the index topic: streams go on, with a
// warning.
func TestIndex_aTopicThatTakesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, extracttest.Options{Seed: 72, Issues: 60})
	w.settings["PYLON_STREAMS"] = "issues,contacts"
	w.createTopic(t, w.topicOf("index"), map[string]string{"max.message.bytes": "300", "cleanup.policy": "compact"})
	w.sync(t)
	for _, stream := range []string{"issues", "contacts"} {
		if diff := cmp.Diff(w.truth(t, stream), w.table(t, stream)); diff != "" {
			t.Errorf("%s (-Pylon +topic):\n%s", stream, diff)
		}
	}
	if n := strings.Count(w.logs.String(), "the index topic takes no records"); n != 2 {
		t.Errorf("%d lines say that the index topic takes no records, want one for each stream", n)
	}
}
