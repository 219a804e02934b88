package producer_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"

	"pylon-kafka/extract/extracttest"
	"pylon-kafka/offsets"
)

// kinds are the three kinds of stream, each by one of its streams.
var kinds = map[string]string{"full": "contacts", "issues": "issues", "children": "issue_messages"}

// scene is where a fault happens: one stream's pipeline alone.
type scene struct {
	*world

	wire   *wire
	stream string
}

func (s *scene) topic() string { return s.topicOf(s.stream) }
func (s *scene) txnID() string { return s.world.txnID(s.stream) }

// faultCounter tells how often a fault happened, and ends it.
type faultCounter interface {
	Hits() int
	Remove()
}

// refuse lets the broker refuse requests of the stream with an error before it
// does anything.
func (s *scene) refuse(f kfake.Fault) faultCounter { return s.cluster.Fault(f) }

// producesTo accepts produce requests of the stream's task that carry records
// for a topic, from the nth of them on.
func (s *scene) producesTo(topic string, nth int) func(kmsg.Request) bool {
	var mu sync.Mutex
	seen := make(map[kmsg.Request]bool)
	id := s.cluster.TopicInfo(topic).TopicID
	return func(req kmsg.Request) bool {
		r, ok := req.(*kmsg.ProduceRequest)
		if !ok || !s.produces(s.stream)(req) {
			return false
		}
		if !slices.ContainsFunc(r.Topics, func(t kmsg.ProduceRequestTopic) bool { return t.Topic == topic || t.TopicID == id }) {
			return false
		}
		mu.Lock()
		defer mu.Unlock()
		seen[req] = true
		return len(seen) >= nth
	}
}

// aborts accepts the requests to abort a transaction of the stream.
func (s *scene) aborts(req kmsg.Request) bool {
	r, ok := req.(*kmsg.EndTxnRequest)
	return ok && r.TransactionalID == s.txnID() && !r.Commit
}

// fences accepts the requests by which the stream's task takes over its id.
func (s *scene) fences(req kmsg.Request) bool {
	r, ok := req.(*kmsg.InitProducerIDRequest)
	return ok && r.TransactionalID != nil && *r.TransactionalID == s.txnID()
}

// lists is a rule for the question where a topic begins and ends.
func (s *scene) lists(topic string) *rule {
	return &rule{key: kmsg.ListOffsets, clientID: "pylon-kafka", edit: func(resp kmsg.Response) bool {
		r, ok := resp.(*kmsg.ListOffsetsResponse)
		for i := range r.Topics {
			if ok = r.Topics[i].Topic == topic; ok {
				for j := range r.Topics[i].Partitions {
					r.Topics[i].Partitions[j].ErrorCode = kerr.UnknownServerError.Code
				}
			}
		}
		return ok && len(r.Topics) == 1
	}}
}

// reads is a rule for reading a topic's records.
func (s *scene) reads(topic string) *rule {
	id := s.cluster.TopicInfo(topic).TopicID
	return &rule{key: kmsg.Fetch, clientID: "pylon-kafka", edit: func(resp kmsg.Response) bool {
		r, ok := resp.(*kmsg.FetchResponse)
		if !ok || len(r.Topics) != 1 || r.Topics[0].TopicID != id && r.Topics[0].Topic != topic {
			return false
		}
		for i := range r.Topics[0].Partitions {
			p := &r.Topics[0].Partitions[i]
			p.ErrorCode, p.RecordBatches = kerr.UnknownServerError.Code, nil
		}
		return true
	}}
}

// pipelineFault is a fault at one step of the work of a task.
type pipelineFault struct {
	name   string
	old    bool // on a cluster of Kafka 3.6, whose clients add partitions to a transaction by a request
	splits bool // the topics take so little at once that a page's records go in several requests
	start  func(s *scene) faultCounter
}

var pipelineFaults = []pipelineFault{
	{name: "the fence is refused", start: func(s *scene) faultCounter {
		return s.refuse(kfake.Fault{Keys: []kmsg.Key{kmsg.InitProducerID}, TxnID: s.txnID()})
	}},
	{name: "the connection breaks at the fence", start: func(s *scene) faultCounter {
		return s.wire.meddle(&rule{key: kmsg.InitProducerID, when: s.fences, lose: true})
	}},
	{name: "the answer to the fence is lost", start: func(s *scene) faultCounter {
		return s.wire.meddle(&rule{key: kmsg.InitProducerID, when: s.fences, loseDone: true})
	}},
	{name: "where the cursor is cannot be listed", start: func(s *scene) faultCounter {
		return s.wire.meddle(s.lists("pylon.offsets"))
	}},
	{name: "the cursor cannot be read", start: func(s *scene) faultCounter {
		return s.wire.meddle(s.reads("pylon.offsets"))
	}},
	{name: "the topic cannot be listed for the view", start: func(s *scene) faultCounter {
		return s.wire.meddle(s.lists(s.topic()))
	}},
	{name: "the topic cannot be read for the view", start: func(s *scene) faultCounter {
		return s.wire.meddle(s.reads(s.topic()))
	}},
	{name: "partitions cannot be added to the transaction", old: true, start: func(s *scene) faultCounter {
		return s.refuse(kfake.Fault{Keys: []kmsg.Key{kmsg.AddPartitionsToTxn}, TxnID: s.txnID()})
	}},
	{name: "the cursor's partition cannot be added to the transaction", old: true, start: func(s *scene) faultCounter {
		return s.refuse(kfake.Fault{Keys: []kmsg.Key{kmsg.AddPartitionsToTxn}, TxnID: s.txnID(), Topic: "pylon.offsets"})
	}},
	{name: "records are refused", start: func(s *scene) faultCounter {
		return s.refuse(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: s.topic(), When: s.producesTo(s.topic(), 1)})
	}},
	{name: "records are refused in the middle", splits: true, start: func(s *scene) faultCounter {
		return s.refuse(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: s.topic(), When: s.producesTo(s.topic(), 2)})
	}},
	{name: "the connection breaks in the middle of the records", splits: true, start: func(s *scene) faultCounter {
		return s.wire.meddle(&rule{key: kmsg.Produce, when: s.producesTo(s.topic(), 2), lose: true})
	}},
	{name: "the answer to records is lost", start: func(s *scene) faultCounter {
		return s.wire.meddle(&rule{key: kmsg.Produce, when: s.producesTo(s.topic(), 1), loseDone: true})
	}},
	{name: "the transaction must be aborted, says the broker", start: func(s *scene) faultCounter {
		return s.refuse(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: s.topic(), When: s.producesTo(s.topic(), 1), Err: kerr.TransactionAbortable})
	}},
	{name: "the cursor is refused after the records", start: func(s *scene) faultCounter {
		return s.refuse(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: "pylon.offsets", When: s.producesTo("pylon.offsets", 1)})
	}},
	{name: "the cursor is refused, and so is the abort", start: func(s *scene) faultCounter {
		return bothFaults{
			s.refuse(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: "pylon.offsets", When: s.producesTo("pylon.offsets", 1)}),
			s.refuse(kfake.Fault{Keys: []kmsg.Key{kmsg.EndTxn}, TxnID: s.txnID(), When: s.aborts}),
		}
	}},
	{name: "the commit is refused", start: func(s *scene) faultCounter {
		return s.refuse(kfake.Fault{Keys: []kmsg.Key{kmsg.EndTxn}, TxnID: s.txnID(), When: s.commits(s.stream)})
	}},
	{name: "the commit finds no coordinator", start: func(s *scene) faultCounter {
		return s.refuse(kfake.Fault{Keys: []kmsg.Key{kmsg.EndTxn}, TxnID: s.txnID(), When: s.commits(s.stream), Err: kerr.CoordinatorNotAvailable})
	}},
	{name: "the connection breaks at the commit", start: func(s *scene) faultCounter {
		return s.wire.meddle(&rule{key: kmsg.EndTxn, when: s.commits(s.stream), lose: true})
	}},
	{name: "the answer to the commit is lost", start: func(s *scene) faultCounter {
		return s.wire.meddle(&rule{key: kmsg.EndTxn, when: s.commits(s.stream), loseDone: true})
	}},
	{name: "the commit is done and answered with an error", start: func(s *scene) faultCounter {
		return s.wire.meddle(&rule{key: kmsg.EndTxn, when: s.commits(s.stream), edit: failCommit})
	}},
}

// bothFaults are two faults that must both happen.
type bothFaults [2]faultCounter

func (b bothFaults) Hits() int { return min(b[0].Hits(), b[1].Hits()) }

func (b bothFaults) Remove() {
	b[0].Remove()
	b[1].Remove()
}

// TestFaults breaks each step of each kind of task, in a sync and in the
// service, and wants that it recovers by itself, that each version of each object is
// in the topic once, and that no reader ever sees a cursor before its records or
// records before their cursor.
func TestFaults(t *testing.T) {
	t.Parallel()
	tests := make(map[string]func(*testing.T))
	for _, fault := range pipelineFaults {
		for kind, stream := range kinds {
			tests[kind+"/"+fault.name] = faultTest{stream, fault}.run
		}
	}
	concurrently(t, 12, tests)
}

// faultTest runs one stream through a fault.
type faultTest struct {
	stream string
	fault  pipelineFault
}

// concurrently runs tests that wait more than they work, so more of them concurrently than
// the machine has cores.
func concurrently(t *testing.T, most int, tests map[string]func(*testing.T)) {
	t.Helper()
	free := make(chan struct{}, most)
	var running sync.WaitGroup
	for _, name := range slices.Sorted(maps.Keys(tests)) {
		running.Go(func() {
			free <- struct{}{}
			defer func() { <-free }()
			t.Run(name, tests[name])
		})
	}
	running.Wait()
}

// run is the test: the fault comes in a sync, and then in the service.
func (f faultTest) run(t *testing.T) { //nolint:thelper // The test itself: its own lines are what a failure names.
	stream, fault := f.stream, f.fault
	var opts []kfake.Opt
	if fault.old {
		opts = append(opts, kfake.MaxVersions(kversion.V3_6_0()))
	}
	w, between := newWiredWorld(t, extracttest.Options{Seed: 11, Issues: 25, MessagesPerIssue: 2}, opts...)
	s := &scene{world: w, wire: between, stream: stream}
	w.settings["PYLON_REFRESH_INTERVAL"], w.settings["KAFKA_COMPRESSION"] = "20ms", "none"
	maxBytes := "1048576"
	if fault.splits {
		maxBytes = "8000"
	}
	for _, topic := range []string{s.topic(), "pylon.offsets"} {
		must(t, w.cluster.CreateTopic(topic, 1, map[string]string{"cleanup.policy": "compact", "max.message.bytes": maxBytes}))
	}
	s.bringIssues(t)
	w.settings["PYLON_STREAMS"] = stream
	seen := s.observe(t)

	w.sync(t)
	want := int64(w.api.Count(stream))
	want += s.changeAll(t, "sync")
	start := fault.start(s)
	w.sync(t)
	if start.Hits() == 0 {
		t.Error("sync: the fault did not happen")
	}
	start.Remove()
	w.wantTruth(t, stream)

	want += s.changeAll(t, "run")
	start = fault.start(s)
	defer start.Remove()
	_, end := w.run(t)
	eventually(t, "the fault happens and the changes are in Kafka", func() bool {
		return start.Hits() > 0 && seen.Load() >= want
	})
	if err := end(); err != nil {
		t.Errorf("run: %v", err)
	}

	w.wantTruth(t, stream)
	w.wantNoRepeats(t, stream)
	if !fault.old {
		w.wantWholeTransactions(t, stream)
	}
	if records, tombstones := totals(w.sync(t)); records+tombstones != 0 {
		t.Errorf("the sync after publishes %d records and %d tombstones, want none", records, tombstones)
	}
	if got := seen.Load(); got != want {
		t.Errorf("the topic holds %d records, want one for each of %d versions", got, want)
	}
}

// bringIssues fills the issues topic, where a stream of children reads what to
// do.
func (s *scene) bringIssues(t *testing.T) {
	t.Helper()
	if s.stream == kinds["children"] {
		s.sync(t, "PYLON_STREAMS", "issues")
	}
}

// changeAll changes every object of the stream, deletes some and makes some. It
// returns how many new versions that makes.
func (s *scene) changeAll(t *testing.T, mark string) int64 {
	t.Helper()
	versions := 0
	switch s.stream {
	case "issues":
		versions = s.api.Count("issues") + 1
		for i := range versions - 1 {
			must(t, s.api.UpdateIssue(s.api.IssueID(i), extracttest.IssueChange{Title: fmt.Sprint(mark, i)}))
		}
		s.api.CreateIssue(extracttest.IssueChange{Title: "new at " + mark})
	case "issue_messages":
		for i := range s.api.Count("issues") {
			issue := s.api.IssueID(i)
			messages := s.api.Children(s.stream, issue)
			versions += len(messages) + 1
			for n, message := range messages {
				if n == 1 {
					must(t, s.api.DeleteMessage(issue, message, extracttest.TouchIssue))
					continue
				}
				must(t, s.api.EditMessage(issue, message, extracttest.MessageChange{HTML: mark}))
			}
			_, err := s.api.AddMessage(issue, extracttest.MessageChange{HTML: "new at " + mark})
			must(t, err)
		}
	default:
		versions = s.api.Count(s.stream)
		for i, key := range slices.Sorted(maps.Keys(s.truth(t, s.stream))) {
			if i == 0 {
				must(t, s.api.Delete(s.stream, key))
				continue
			}
			must(t, s.api.Update(s.stream, key))
		}
	}
	s.bringIssues(t)
	return int64(versions)
}

// observe reads the stream's topic and the offsets topic as any consumer would,
// for as long as the test runs, and returns the number of records seen. What
// the broker gives in one answer is what both topics held at one moment: so after
// each answer the last cursor counts just the records seen, once the reader has
// begun to ask for both.
func (s *scene) observe(t *testing.T) (seen *atomic.Int64) {
	t.Helper()
	begin := map[int32]kgo.Offset{0: kgo.NewOffset().At(0)}
	cl, err := kgo.NewClient(append(s.opts,
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{s.topic(): begin, "pylon.offsets": begin}),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.FetchMaxWait(time.Second),
	)...)
	must(t, err)
	seen = new(atomic.Int64)
	key := "pylon/" + s.stream
	var entry offsets.Entry
	asked := make(map[string]bool)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			fetches := cl.PollFetches(t.Context())
			if fetches.IsClientClosed() || t.Context().Err() != nil {
				return
			}
			for _, e := range fetches.Errors() {
				t.Errorf("observe %s: %v", e.Topic, e.Err)
			}
			for rec := range fetches.RecordsAll() {
				asked[rec.Topic] = true
				if rec.Topic == s.topic() {
					seen.Add(1)
				} else if string(rec.Key) == key {
					if err := json.Unmarshal(rec.Value, &entry); err != nil {
						t.Errorf("observe: %v", err)
					}
				}
			}
			if n := seen.Load(); len(asked) == 2 && n != entry.Records {
				t.Errorf("at one moment the topic held %d records and the cursor stood behind %d", n, entry.Records)
			}
		}
	}()
	t.Cleanup(func() {
		cl.Close()
		<-done
	})
	return seen
}
