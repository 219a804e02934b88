package producer_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"pylon-kafka/extract/extracttest"
	"pylon-kafka/producer"
)

// TestContainer_copiesStopsAndGoesOn copies every stream to a real Kafka, where
// an independent reader finds each object once, stops, and goes on after
// changes: then just these are new, with what was there untouched.
func TestContainer_copiesStopsAndGoesOn(t *testing.T) {
	t.Parallel()
	streams := allStreams()
	w, _ := newRealWorld(t, extracttest.Options{Seed: 31, Issues: 80, Mistyped: 7, NoUpdatedAt: 11})
	w.settings["PYLON_REFRESH_INTERVAL"] = "500ms"
	first := w.launch(t)
	eventually(t, "everything is in Kafka", func() bool { return caughtUp(first.pipeline) && w.settled(t, streams) })
	if err := first.stop(); err != nil {
		t.Fatalf("the first run: %v", err)
	}
	r := w.newReader(t)
	records := make(map[string]int)
	for _, stream := range streams {
		records[stream] = r.wantEachObjectOnce(t, stream)
	}

	issue := w.api.IssueID(3)
	must(t, w.api.UpdateIssue(issue, extracttest.IssueChange{Title: "changed while nobody looked"}))
	message, err := w.api.AddMessage(w.api.IssueID(5), extracttest.MessageChange{HTML: "<p>new</p>"})
	must(t, err)
	tag := firstKey(t, w, "tags")
	must(t, w.api.Delete("tags", tag))
	second := w.launch(t)
	eventually(t, "the changes are in Kafka", func() bool { return caughtUp(second.pipeline) && w.settled(t, streams) })
	for _, s := range second.pipeline.Status() {
		if !s.Resumed {
			t.Errorf("%s: the second run does not resume", s.Stream)
		}
	}
	if err := second.stop(); err != nil {
		t.Fatalf("the second run: %v", err)
	}
	got := make(map[string][]string)
	for _, stream := range streams {
		truth := w.truth(t, stream)
		for _, rec := range r.records(t, stream)[records[stream]:] {
			got[stream] = append(got[stream], string(rec.Key))
			if stream != "tags" {
				r.wantObject(t, stream, rec, truth)
			} else if rec.Value != nil {
				t.Errorf("tag %s is deleted, and its record is no tombstone", rec.Key)
			}
		}
		slices.Sort(got[stream])
		w.wantWholeTransactions(t, stream)
	}
	changed := []string{issue, w.api.IssueID(5)} // a new message moves its issue
	slices.Sort(changed)
	want := map[string][]string{"issues": changed, "issue_messages": {message}, "tags": {tag}}
	maps.DeleteFunc(got, func(_ string, keys []string) bool { return len(keys) == 0 })
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("keys of new records (-want +got):\n%s", diff)
	}
	if records, tombstones := totals(w.sync(t)); records+tombstones != 0 {
		t.Errorf("a sync after that publishes %d records and %d tombstones, want none", records, tombstones)
	}
}

// caughtUp reports whether every stream has read once what there is.
func caughtUp(p *producer.Pipeline) bool {
	return !slices.ContainsFunc(p.Status(), func(s producer.Status) bool { return s.LastSuccess.IsZero() || s.Backlog > 0 })
}

// TestContainer_createsCompactedTopics looks at the topics as an operator would.
func TestContainer_createsCompactedTopics(t *testing.T) {
	t.Parallel()
	w, _ := newRealWorld(t, extracttest.Options{Seed: 32, Issues: 3})
	w.settings["KAFKA_TOPIC_PARTITIONS"] = "3"
	w.sync(t)
	cl, err := kgo.NewClient(w.opts...)
	must(t, err)
	defer cl.Close()
	adm := kadm.NewClient(cl)
	names := append(allStreams(), "offsets", "deadletter", "schemas")
	for i := range names {
		names[i] = w.topicOf(names[i])
	}
	topics, err := adm.ListTopics(t.Context(), names...)
	must(t, err)
	configs, err := adm.DescribeTopicConfigs(t.Context(), names...)
	must(t, err)
	for _, name := range names {
		config, err := configs.On(name, nil)
		must(t, err)
		settings := make(map[string]string)
		for _, c := range config.Configs {
			settings[c.Key] = c.MaybeValue()
		}
		partitions, want, size := 3, "compact", "16777216"
		switch strings.TrimPrefix(name, w.topicOf("")) {
		case "offsets":
			partitions, size = 16, "1048576"
		case "schemas":
			partitions, size = 1, "1048576"
		case "deadletter":
			partitions, want, size = 1, "delete", "33554432"
		}
		if n := len(topics[name].Partitions); n != partitions {
			t.Errorf("%s has %d partitions, want %d", name, n, partitions)
		}
		if policy, most := settings["cleanup.policy"], settings["max.message.bytes"]; policy != want || most != size {
			t.Errorf("%s: cleanup.policy %q, max.message.bytes %q; want %s, %s", name, policy, most, want, size)
		}
	}
}

// TestContainer_refusesAnOffsetsTopicThatLosesCursors has an offsets topic that
// is not compacted, and wants a message that says how to mend it, which works.
func TestContainer_refusesAnOffsetsTopicThatLosesCursors(t *testing.T) {
	t.Parallel()
	w, _ := newRealWorld(t, extracttest.Options{Seed: 33, Issues: 3})
	w.settings["PYLON_STREAMS"] = "tags"
	cl, err := kgo.NewClient(w.opts...)
	must(t, err)
	defer cl.Close()
	adm := kadm.NewClient(cl)
	topic := w.topicOf("offsets")
	policy := "delete"
	_, err = adm.CreateTopic(t.Context(), 1, 1, map[string]*string{"cleanup.policy": &policy}, topic)
	must(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for name, run := range map[string]func(context.Context) error{"sync": w.pipeline(t).Sync, "run": w.pipeline(t).Run} {
		err := run(ctx)
		if err == nil || errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("%s: %v, want an error about the topic", name, err)
		}
		for _, part := range []string{topic, "not compacted", "kafka-configs.sh", "--add-config cleanup.policy=compact"} {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%s: error %q does not say %q", name, err, part)
			}
		}
	}
	mended := "compact"
	answers, err := adm.AlterTopicConfigs(t.Context(), []kadm.AlterConfig{{Op: kadm.SetConfig, Name: "cleanup.policy", Value: &mended}}, topic)
	must(t, err)
	for _, a := range answers {
		must(t, a.Err)
	}
	w.sync(t)
	w.wantTruth(t, "tags")
}

// TestContainer_firstRecordIsThereSoon measures the time from the start, with
// default settings and topics still to be made, to the first record that a
// consumer sees.
func TestContainer_firstRecordIsThereSoon(t *testing.T) {
	t.Parallel()
	w, _ := newRealWorld(t, extracttest.Options{Seed: 34})
	for _, name := range []string{"PYLON_POLL_INTERVAL", "PYLON_WINDOW"} {
		delete(w.settings, name)
	}
	var topics []string
	for _, stream := range allStreams() {
		topics = append(topics, w.topicOf(stream))
	}
	cl, err := kgo.NewClient(append(w.opts,
		kgo.ConsumeTopics(topics...),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.MetadataMinAge(50*time.Millisecond),
		kgo.MetadataMaxAge(100*time.Millisecond), // its topics are not there yet
		kgo.UnknownTopicRetries(-1),
	)...)
	must(t, err)
	defer cl.Close()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	began := time.Now()
	w.launch(t)
	for {
		fetches := cl.PollFetches(ctx)
		if ctx.Err() != nil {
			t.Fatalf("no record within %v", patience)
		}
		if fetches.NumRecords() > 0 {
			break
		}
	}
	took := time.Since(began)
	t.Logf("first committed record %v after the start", took.Round(time.Millisecond))
	if took > slowdown*15*time.Second {
		t.Errorf("the first committed record came after %v, want it within 3 s on a machine that is not busy", took)
	}
}

// TestContainer_survivesLostAnswers loses connections to a real Kafka at the
// moments at which what happened is hardest to tell.
func TestContainer_survivesLostAnswers(t *testing.T) {
	t.Parallel()
	for name, lost := range map[string]func(w *world) *rule{
		"the request to commit":    func(w *world) *rule { return &rule{key: kmsg.EndTxn, when: w.commits("issues"), lose: true} },
		"the answer to the commit": func(w *world) *rule { return &rule{key: kmsg.EndTxn, when: w.commits("issues"), loseDone: true} },
		"the answer to records":    func(w *world) *rule { return &rule{key: kmsg.Produce, when: w.produces("issues"), loseDone: true} },
		"the commit, answered with an error": func(w *world) *rule {
			return &rule{key: kmsg.EndTxn, when: w.commits("issues"), edit: failCommit}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, k := newRealWorld(t, extracttest.Options{Seed: 35, Issues: 30})
			w.on(k.wire.Addr())
			w.settings["PYLON_STREAMS"] = "issues"
			w.sync(t)
			for i := range 10 {
				must(t, w.api.UpdateIssue(w.api.IssueID(i), extracttest.IssueChange{}))
			}
			r := k.wire.meddle(lost(w))
			defer r.Remove()
			w.sync(t)
			if r.Hits() != 1 {
				t.Errorf("it happened %d times, want once", r.Hits())
			}
			w.wantTruth(t, "issues")
			w.wantNoRepeats(t, "issues")
			w.wantWholeTransactions(t, "issues")
			if got, want := len(w.messages(t, "issues")), 30+10; got != want {
				t.Errorf("%d records, want one for each of %d versions", got, want)
			}
		})
	}
}
