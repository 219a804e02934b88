package producer_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"

	"pylon-kafka/extract/extracttest"
	"pylon-kafka/producer"
)

// watched starts the service over two streams; it looks at its topics each
// interval. It waits until both are copied.
func (w *world) watched(t *testing.T, interval time.Duration, overrides ...string) *producer.Pipeline {
	t.Helper()
	p := w.pipeline(t, append([]string{"PYLON_STREAMS", "tags,teams"}, overrides...)...)
	p.SetWatch(interval)
	w.running(t, p)
	for _, stream := range []string{"tags", "teams"} {
		eventually(t, stream+" is copied", func() bool { return byStream(p.Status())[stream].Records > 0 })
	}
	return p
}

// schemas returns what the schemas topic holds.
func (w *world) schemas(t *testing.T) map[string]string {
	t.Helper()
	held := make(map[string]string)
	for _, rec := range w.rawRecords(t, "pylon.schemas") {
		held[string(rec.Key)] = string(rec.Value)
	}
	return held
}

// TestRun_aSchemasTopicThatIsDeletedIsMadeAnewAndFilled while no stream has
// anything to publish: with the schemas of the streams, and with one of an earlier
// version, under which records still stand.
func TestRun_aSchemasTopicThatIsDeletedIsMadeAnewAndFilled(t *testing.T) {
	t.Parallel()
	w := newWorld(t, extracttest.Options{Seed: 181, Issues: -1})
	must(t, w.cluster.CreateTopic("pylon.schemas", 1, map[string]string{"cleanup.policy": "compact"}))
	cl, err := kgo.NewClient(w.opts...)
	must(t, err)
	t.Cleanup(cl.Close)
	must(t, cl.ProduceSync(t.Context(), &kgo.Record{Topic: "pylon.schemas", Key: []byte("0123456789abcdef"), Value: []byte(`"string"`)}).FirstErr())
	p := w.watched(t, 100*time.Millisecond)
	before := w.schemas(t)
	if len(before) != 3 {
		t.Fatalf("pylon.schemas holds %d schemas, want 3", len(before))
	}
	for range 2 {
		w.deleteTopic(t, "pylon.schemas")
		eventually(t, "the topic is filled", func() bool { return len(w.schemas(t)) == len(before) })
		if diff := cmp.Diff(before, w.schemas(t)); diff != "" {
			t.Errorf("pylon.schemas (-before +anew):\n%s", diff)
		}
		if n := len(w.rawRecords(t, "pylon.schemas")); n != len(before) {
			t.Errorf("pylon.schemas holds %d records, want each of the %d schemas once", n, len(before))
		}
	}
	_, err = w.api.Create("tags", "")
	must(t, err)
	for stream, s := range byStream(p.Status()) {
		if !s.Up {
			t.Errorf("%s: %+v", stream, s)
		}
	}
	w.wantNoRepeats(t, "teams")
}

// TestRun_aSchemasTopicThatIsDeletedBetweenTwoRuns is filled before anything
// changes.
func TestRun_aSchemasTopicThatIsDeletedBetweenTwoRuns(t *testing.T) {
	t.Parallel()
	w := newWorld(t, extracttest.Options{Seed: 182, Issues: -1})
	w.sync(t, "PYLON_STREAMS", "tags,teams")
	before := w.schemas(t)
	w.deleteTopic(t, "pylon.schemas")
	p := w.pipeline(t, "PYLON_STREAMS", "tags,teams")
	p.SetWatch(100 * time.Millisecond)
	w.running(t, p)
	eventually(t, "the topic is filled", func() bool { return cmp.Equal(before, w.schemas(t)) })
}

// TestRun_aDeadLetterTopicThatIsDeletedIsMadeAnewAndFilled with the dead letters
// that there still are.
func TestRun_aDeadLetterTopicThatIsDeletedIsMadeAnewAndFilled(t *testing.T) {
	t.Parallel()
	w := newWorld(t, extracttest.Options{Seed: 183, Issues: -1})
	w.put(t, "tags", map[string]string{"bad": keyless()["bad-1"]})
	p := w.watched(t, 100*time.Millisecond, "PYLON_REFRESH_INTERVAL", "200ms")
	for range 2 { // the second time the client knows the topic
		eventually(t, "there is a dead letter", func() bool { return len(w.deadLetters(t)) > 0 })
		w.deleteTopic(t, "pylon.deadletter")
	}
	eventually(t, "there is a dead letter", func() bool { return len(w.deadLetters(t)) > 0 })
	eventually(t, "the stream is up", func() bool { return byStream(p.Status())["tags"].Up })
	wantLog(t, w, "the topic was deleted and is made anew", "topic=pylon.deadletter")
}

// TestRun_aDeadLetterMeetsADeletedTopic before the service has looked: the stream
// is down for a moment, says which topic it is, and makes it anew.
func TestRun_aDeadLetterMeetsADeletedTopic(t *testing.T) {
	t.Parallel()
	for name, first := range map[string]map[string]string{"the first one": nil, "a later one": {"worse": keyless()["bad-2"]}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			deadLetterMeetsADeletedTopic(t, first)
		})
	}
}

func deadLetterMeetsADeletedTopic(t *testing.T, first map[string]string) {
	t.Helper()
	w := newWorld(t, extracttest.Options{Seed: 184, Issues: -1})
	w.put(t, "tags", first)
	p := w.watched(t, time.Hour, "PYLON_REFRESH_INTERVAL", "200ms")
	w.deleteTopic(t, "pylon.deadletter")
	w.put(t, "tags", map[string]string{"bad": keyless()["bad-1"]})
	reason := ""
	eventually(t, "the dead letter is there", func() bool {
		if s := byStream(p.Status())["tags"]; !s.Up && s.Reason != "" {
			reason = s.Reason
		}
		return len(w.deadLetters(t)) == 1+len(first)
	})
	eventually(t, "the stream is up", func() bool { return byStream(p.Status())["tags"].Up })
	for _, part := range []string{"topic pylon.deadletter: ", "UNKNOWN_TOPIC_"} { // OR_PARTITION, or ID where the client knows the topic
		if !strings.Contains(reason, part) {
			t.Errorf("%q is not in the reason: %s", part, reason)
		}
	}
	if !byStream(p.Status())["teams"].Up {
		t.Errorf("teams: %+v", byStream(p.Status())["teams"])
	}
}

// TestRun_aSharedTopicThatMayNotBeMade is shown, and keeps no stream from going on
// that does not need it.
func TestRun_aSharedTopicThatMayNotBeMade(t *testing.T) {
	t.Parallel()
	w := newWorld(t, extracttest.Options{Seed: 185, Issues: -1})
	w.sync(t, "PYLON_STREAMS", "tags,teams")
	p := w.pipeline(t, "PYLON_STREAMS", "tags,teams", "KAFKA_CREATE_TOPICS", "false", "PYLON_REFRESH_INTERVAL", "200ms")
	p.SetWatch(100 * time.Millisecond)
	w.running(t, p)
	eventually(t, "the stream is up", func() bool { return byStream(p.Status())["tags"].Up })
	w.deleteTopic(t, "pylon.deadletter")
	eventually(t, "the status says so", func() bool {
		s := byStream(p.Status())["tags"]
		return strings.Contains(strings.Join(s.Warnings, " "), "topic pylon.deadletter") && strings.Contains(strings.Join(s.Warnings, " "), "KAFKA_CREATE_TOPICS")
	})
	_, err := w.api.Create("tags", "")
	must(t, err)
	eventually(t, "the new tag is published", func() bool { return len(w.table(t, "tags")) == w.api.Count("tags") })
	must(t, w.cluster.CreateTopic("pylon.deadletter", 1, map[string]string{"cleanup.policy": "delete", "retention.ms": "-1", "max.message.bytes": "33554432"}))
	eventually(t, "the warning goes", func() bool { return len(byStream(p.Status())["tags"].Warnings) == 0 })
}

// TestContainer_sharedTopicsThatAreDeleted are made anew and filled on a real Kafka,
// by a client that knows them by the ids that they had.
func TestContainer_sharedTopicsThatAreDeleted(t *testing.T) {
	t.Parallel()
	for name, interval := range map[string]time.Duration{"watched": 300 * time.Millisecond, "met": time.Hour} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, _ := newRealWorld(t, extracttest.Options{Seed: 186, Issues: -1})
			w.put(t, "tags", map[string]string{"bad": keyless()["bad-1"]})
			p := w.watched(t, interval, "PYLON_REFRESH_INTERVAL", "300ms")
			letters, schemas := w.topicOf("deadletter"), w.topicOf("schemas")
			eventually(t, "there is a dead letter", func() bool { return len(w.rawRecords(t, letters)) == 1 })
			w.deleteTopic(t, letters)
			if name == "met" {
				w.put(t, "tags", map[string]string{"worse": keyless()["bad-2"]})
			} else {
				w.deleteTopic(t, schemas)
				eventually(t, "there are schemas again", func() bool { return len(w.rawRecords(t, schemas)) == 2 })
			}
			eventually(t, "there is a dead letter again", func() bool { return len(w.rawRecords(t, letters)) > 0 })
			eventually(t, "the stream is up", func() bool { return byStream(p.Status())["tags"].Up })
		})
	}
}

// wantLog wants a line of the log that holds all parts.
func wantLog(t *testing.T, w *world, parts ...string) {
	t.Helper()
	for line := range strings.Lines(w.logs.String()) {
		found := 0
		for _, part := range parts {
			if strings.Contains(line, part) {
				found++
			}
		}
		if found == len(parts) {
			return
		}
	}
	t.Errorf("no line of the log holds %q", parts)
}
