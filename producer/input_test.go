package producer_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"pylon-kafka/extract"
	"pylon-kafka/extract/extracttest"
	"pylon-kafka/offsets/topic"
)

// createTopic makes a topic with settings of its own before we come.
func (w *world) createTopic(t *testing.T, topic string, config map[string]string) {
	t.Helper()
	cl, err := kgo.NewClient(w.opts...)
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	values := make(map[string]*string)
	for k, v := range config {
		values[k] = &v
	}
	if _, err := kadm.NewClient(cl).CreateTopic(t.Context(), 1, 1, values, topic); err != nil {
		t.Fatal(err)
	}
}

// produce writes records of somebody else's.
func (w *world) produce(t *testing.T, recs ...*kgo.Record) {
	t.Helper()
	cl, err := kgo.NewClient(w.opts...)
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	if err := cl.ProduceSync(t.Context(), recs...).FirstErr(); err != nil {
		t.Fatal(err)
	}
}

// truncate removes the records of a topic before an offset, as retention would.
func (w *world) truncate(t *testing.T, topic string, at int64) {
	t.Helper()
	cl, err := kgo.NewClient(w.opts...)
	must(t, err)
	defer cl.Close()
	var cut kadm.Offsets
	cut.Add(kadm.Offset{Topic: topic, Partition: 0, At: at})
	_, err = kadm.NewClient(cl).DeleteRecords(t.Context(), cut)
	must(t, err)
}

// failingSync makes a pass that must fail with an error that says all of these.
func (w *world) failingSync(t *testing.T, says []string, overrides ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	err := w.pipeline(t, overrides...).Sync(ctx)
	if err == nil {
		t.Fatal("sync succeeds, want an error")
	}
	for _, want := range says {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error does not say %q:\n%v", want, err)
		}
	}
}

func TestSync_refusesAnOffsetsTopicThatIsNotCompacted(t *testing.T) {
	t.Parallel()
	w := newWorld(t, extracttest.Options{})
	w.createTopic(t, "pylon.offsets", map[string]string{"cleanup.policy": "delete"})
	w.failingSync(t, []string{"pylon.offsets", "not compacted", "--add-config cleanup.policy=compact"})
	if n := len(w.api.Requests()); n != 0 {
		t.Errorf("%d endpoints of Pylon were asked, want none", n)
	}
}

func TestSync_namesATopicThatMayNotBeCreated(t *testing.T) {
	t.Parallel()
	w := newWorld(t, extracttest.Options{})
	w.failingSync(t, []string{"pylon.offsets", "KAFKA_CREATE_TOPICS"}, "KAFKA_CREATE_TOPICS", "false")

	w = newWorld(t, extracttest.Options{})
	w.sync(t, "PYLON_STREAMS", "tags")
	w.failingSync(t, []string{"pylon.teams", "KAFKA_CREATE_TOPICS"}, "KAFKA_CREATE_TOPICS", "false", "PYLON_STREAMS", "tags,teams")
	w.failingSync(t, []string{"pylon.users", "replication factor 9"}, "KAFKA_TOPIC_REPLICATION_FACTOR", "9", "PYLON_STREAMS", "users")
}

// TestSync_stopsAtACursorItCannotRead leaves the cursor as it is, and the other
// streams go on.
func TestSync_stopsAtACursorItCannotRead(t *testing.T) {
	t.Parallel()
	for name, value := range map[string]string{
		"later version": `{"version":99,"stream":"issues","cursor":{}}`,
		"no JSON":       `garbage`,
		"other cursor":  `{"version":1,"stream":"issues","cursor":["?"]}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, extracttest.Options{Seed: 20})
			w.createTopic(t, "pylon.offsets", map[string]string{"cleanup.policy": "compact"})
			w.produce(t, &kgo.Record{Topic: "pylon.offsets", Key: []byte("pylon/issues"), Value: []byte(value)})
			w.failingSync(t, []string{"issues: ", "cursor", "reset the stream"})
			w.wantTruth(t, "tags", "accounts")
			if got := w.table(t, "issues"); len(got) != 0 {
				t.Errorf("%d issues published, want none", len(got))
			}
			last := ""
			err := topic.ReadAll(t.Context(), w.opts, "pylon.offsets", topic.Stable, func(rec *kgo.Record) error {
				if string(rec.Key) == "pylon/issues" {
					last = string(rec.Value)
				}
				return nil
			})
			if err != nil || last != value {
				t.Errorf("cursor is now %q (%v), want it untouched", last, err)
			}
		})
	}
}

// TestSync_aBrokerThatIsNotThere ends with what was tried. The time it takes is
// cut short by the context.
func TestSync_aBrokerThatIsNotThere(t *testing.T) {
	t.Parallel()
	w := newWorld(t, extracttest.Options{})
	w.opts = nil // they lead to the world's broker
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if err := w.pipeline(t, "KAFKA_BROKERS", "127.0.0.1:1").Sync(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("sync: %v", err)
	}
}

func TestSync_aForbiddenStreamFailsAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, extracttest.Options{Seed: 21})
	w.api.Fail(extracttest.Fault{Endpoint: "teams", Status: 403, Code: "permission_denied", Count: -1})
	w.failingSync(t, []string{"teams: ", "403"})
	var others []string
	for _, s := range allStreams() {
		if s != "teams" {
			others = append(others, s)
		}
	}
	w.wantTruth(t, others...)
}

func TestRun_aForbiddenStreamFailsAloneAndSaysSo(t *testing.T) {
	t.Parallel()
	w := newWorld(t, extracttest.Options{Seed: 22})
	w.api.Fail(extracttest.Fault{Endpoint: "teams", Status: 403, Code: "permission_denied", Count: -1})
	p, stop := w.run(t)
	eventually(t, "teams is down and tags is done", func() bool {
		s := byStream(p.Status())
		return s["teams"].State == "failed" && !s["teams"].Up && strings.Contains(s["teams"].Reason, "403") && s["tags"].Records > 0
	})
	eventually(t, "ready all the same", p.Ready)
	if err := stop(); err != nil {
		t.Errorf("run: %v", err)
	}
}

func TestRun_aRefusedTokenEndsTheProcess(t *testing.T) {
	t.Parallel()
	w := newWorld(t, extracttest.Options{Token: "the right one"})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := w.pipeline(t).Run(ctx); !errors.Is(err, extract.ErrUnauthorized) {
		t.Errorf("run: %v, want ErrUnauthorized", err)
	}
	if err := w.pipeline(t).Sync(ctx); !errors.Is(err, extract.ErrUnauthorized) {
		t.Errorf("sync: %v, want ErrUnauthorized", err)
	}
}

// TestSync_aTopicThatWasDeletedIsFilledAgain holds for every kind of stream.
func TestSync_aTopicThatWasDeletedIsFilledAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, extracttest.Options{Seed: 23, Issues: 30})
	w.sync(t)
	for _, topic := range []string{"pylon.tags", "pylon.issues", "pylon.issue_messages"} {
		w.deleteTopic(t, topic)
		w.sync(t)
		w.wantTruth(t, allStreams()...)
	}
	if !strings.Contains(w.logs.String(), "not the one that the cursor was written for") {
		t.Error("no log line says that the topic is another one")
	}
}

// TestSync_foreignRecordsAreLeftAlone is an issues topic that somebody else
// writes to: nothing of it is lost, and nothing of ours.
func TestSync_foreignRecordsAreLeftAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, extracttest.Options{Seed: 24})
	w.createTopic(t, "pylon.issues", map[string]string{"cleanup.policy": "compact"})
	w.produce(t,
		&kgo.Record{Topic: "pylon.issues", Key: []byte("not ours"), Value: []byte("whatever")},
		&kgo.Record{Topic: "pylon.issues", Key: []byte("nothing")},
		&kgo.Record{Topic: "pylon.issues", Value: []byte("no key")})
	before := w.api.Requests()["issue_messages"]
	w.sync(t)
	if got, want := w.api.Requests()["issue_messages"]-before, w.api.Count("issues"); got != want {
		t.Errorf("%d requests for messages, want one for each of %d issues", got, want)
	}
	w.wantTruth(t, "issue_messages", "issue_threads")
	if !strings.Contains(w.logs.String(), "did not write") {
		t.Error("no log line says so")
	}
	if status := w.sync(t); status["issues"].Tombstones != 0 || status["issues"].Records != 0 {
		t.Errorf("second sync: %+v", status["issues"])
	}
}

// TestSync_aTruncatedIssuesTopic loses records of the issues topic to retention:
// children go on from what is left, and the sweep brings issues back.
func TestSync_aTruncatedIssuesTopic(t *testing.T) {
	t.Parallel()
	w := newWorld(t, extracttest.Options{Seed: 25, Issues: 30})
	w.sync(t)
	w.truncate(t, "pylon.issues", 20)
	must(t, w.api.UpdateIssue(w.api.IssueID(29), extracttest.IssueChange{}))
	w.sync(t)
	w.wantNoRepeats(t, "issues", "issue_messages")
	status := w.sync(t, "PYLON_SWEEP_INTERVAL", "1ns", "PYLON_RECONCILE_INTERVAL", "1ns")
	if status["issues"].Records == 0 {
		t.Error("the sweep brings no issue back")
	}
	w.wantTruth(t, allStreams()...)
}

// TestSync_aTopicWithDeleteRetention is published to like any other, and a sweep
// does not fill it again.
func TestSync_aTopicWithDeleteRetention(t *testing.T) {
	t.Parallel()
	w := newWorld(t, extracttest.Options{Seed: 26, Issues: 30})
	w.createTopic(t, "pylon.issues", map[string]string{"cleanup.policy": "delete"})
	w.sync(t)
	w.wantTruth(t, "issues")
	w.truncate(t, "pylon.issues", 20)
	if status := w.sync(t, "PYLON_SWEEP_INTERVAL", "1ns", "PYLON_RECONCILE_INTERVAL", "1ns"); status["issues"].Records != 0 {
		t.Errorf("the sweep publishes %d issues, want none", status["issues"].Records)
	}
}

// TestSync_survivesCompaction compacts every topic between passes.
func TestSync_survivesCompaction(t *testing.T) {
	t.Parallel()
	w := newWorld(t, extracttest.Options{Seed: 27, Issues: 40})
	w.sync(t)
	for i := range 5 {
		must(t, w.api.UpdateIssue(w.api.IssueID(i), extracttest.IssueChange{}))
		w.sync(t)
		w.cluster.Compact()
	}
	w.wantTruth(t, allStreams()...)
	if records, tombstones := totals(w.sync(t)); records != 0 || tombstones != 0 {
		t.Errorf("after compaction %d records and %d tombstones are published, want none", records, tombstones)
	}
}

// TestSync_partitions keeps the order by key with more partitions than one.
func TestSync_partitions(t *testing.T) {
	t.Parallel()
	w := newWorld(t, extracttest.Options{Seed: 28, Issues: 60})
	w.sync(t, "KAFKA_TOPIC_PARTITIONS", "5")
	for i := range 10 {
		must(t, w.api.UpdateIssue(w.api.IssueID(i*3), extracttest.IssueChange{}))
	}
	w.sync(t, "KAFKA_TOPIC_PARTITIONS", "5")
	w.wantTruth(t, allStreams()...)
	if records, _ := totals(w.sync(t)); records != 0 {
		t.Errorf("third sync publishes %d records, want none", records)
	}
}
