package offsets_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"pylon-kafka/offsets"
	"pylon-kafka/offsets/topic"
)

const topicName = "pylon.offsets"

// setup starts a broker with a compacted offsets topic and returns the store
// and a transactional client.
func setup(t *testing.T) (offsets.Store, *kgo.Client, *kfake.Cluster) {
	t.Helper()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	opts := []kgo.Opt{kgo.SeedBrokers(cluster.ListenAddrs()...)}
	cl, err := kgo.NewClient(append(opts[:1:1], kgo.TransactionalID("writer"), kgo.ProducerBatchCompression(kgo.NoCompression()))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	compact := "compact"
	if _, err := kadm.NewClient(cl).CreateTopic(t.Context(), 1, 1, map[string]*string{"cleanup.policy": &compact}, topicName); err != nil {
		t.Fatal(err)
	}
	return offsets.Store{Topic: topicName, Connector: "pylon", Options: opts}, cl, cluster
}

// transact produces records in one transaction and commits or aborts it.
func transact(t *testing.T, cl *kgo.Client, commit kgo.TransactionEndTry, recs ...*kgo.Record) {
	t.Helper()
	if err := cl.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	if err := cl.ProduceSync(t.Context(), recs...).FirstErr(); err != nil {
		t.Fatal(err)
	}
	if err := cl.EndTransaction(t.Context(), commit); err != nil {
		t.Fatal(err)
	}
}

func record(t *testing.T, s offsets.Store, stream, cursor string) *kgo.Record {
	t.Helper()
	rec, err := s.Record(stream, offsets.Entry{
		Cursor: json.RawMessage(cursor), Records: 3, UpdatedAt: time.Date(2026, 1, 2, 3, 4, 5, 0, time.FixedZone("", 3600)),
	})
	if err != nil {
		t.Fatal(err)
	}
	return rec
}

func TestStore_loadsTheLastCommittedCursor(t *testing.T) {
	t.Parallel()
	s, cl, _ := setup(t)
	if _, err := s.Load(t.Context(), "issues"); !errors.Is(err, offsets.ErrNoCursor) {
		t.Fatalf("empty topic: %v, want ErrNoCursor", err)
	}
	transact(t, cl, kgo.TryCommit, record(t, s, "issues", `{"from":1}`), record(t, s, "tags", `{"tag":1}`))
	transact(t, cl, kgo.TryCommit, record(t, s, "issues", `{"from":2}`))
	transact(t, cl, kgo.TryAbort, record(t, s, "issues", `{"from":3}`))
	got, err := s.Load(t.Context(), "issues")
	if err != nil {
		t.Fatal(err)
	}
	want := offsets.Entry{
		Version: 1, Stream: "issues", Cursor: json.RawMessage(`{"from":2}`), Records: 3,
		UpdatedAt: time.Date(2026, 1, 2, 2, 4, 5, 0, time.UTC),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("entry (-want +got):\n%s", diff)
	}
	all, err := list(t.Context(), s)
	if err != nil || len(all) != 2 || string(all["tags"].Cursor) != `{"tag":1}` {
		t.Errorf("list: %v, %v", all, err)
	}
}

func TestStore_aTombstoneResetsTheStream(t *testing.T) {
	t.Parallel()
	s, cl, _ := setup(t)
	transact(t, cl, kgo.TryCommit, record(t, s, "issues", `{"from":1}`))
	transact(t, cl, kgo.TryCommit, &kgo.Record{Topic: topicName, Key: []byte("pylon/issues")})
	if _, err := s.Load(t.Context(), "issues"); !errors.Is(err, offsets.ErrNoCursor) {
		t.Fatalf("after a tombstone: %v, want ErrNoCursor", err)
	}
	if all, err := list(t.Context(), s); err != nil || len(all) != 0 {
		t.Errorf("list: %v, %v", all, err)
	}
}

func TestStore_survivesCompaction(t *testing.T) {
	t.Parallel()
	s, cl, cluster := setup(t)
	for i := range 50 {
		transact(t, cl, kgo.TryCommit, record(t, s, "issues", `{"from":`+string(rune('0'+i%10))+`}`))
	}
	cluster.Compact()
	got, err := s.Load(t.Context(), "issues")
	if err != nil || string(got.Cursor) != `{"from":9}` {
		t.Errorf("after compaction: %s, %v", got.Cursor, err)
	}
}

func TestStore_otherConnectorsAreNotOurs(t *testing.T) {
	t.Parallel()
	s, cl, _ := setup(t)
	transact(t, cl, kgo.TryCommit, record(t, s, "issues", `{"from":1}`))
	s.Connector = "other"
	if _, err := s.Load(t.Context(), "issues"); !errors.Is(err, offsets.ErrNoCursor) {
		t.Errorf("other connector: %v, want ErrNoCursor", err)
	}
}

func TestStore_refusesAnEntryItCannotRead(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ value, says string }{
		"no JSON":         {`{"version":`, "is no cursor entry"},
		"empty":           {``, "is no cursor entry"},
		"later version":   {`{"version":2,"stream":"issues","cursor":{}}`, "has version 2"},
		"no version":      {`{"stream":"issues","cursor":{}}`, "has version 0"},
		"another stream":  {`{"version":1,"stream":"tags","cursor":{}}`, `is of stream "tags"`},
		"without cursor":  {`{"version":1,"stream":"issues"}`, "has no cursor"},
		"something else":  {`[1,2]`, "is no cursor entry"},
		"a plain integer": {`7`, "is no cursor entry"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, cl, _ := setup(t)
			transact(t, cl, kgo.TryCommit, &kgo.Record{Topic: topicName, Key: []byte("pylon/issues"), Value: []byte(tc.value)})
			_, err := s.Load(t.Context(), "issues")
			if !errors.Is(err, offsets.ErrUnreadable) {
				t.Fatalf("error %v, want ErrUnreadable", err)
			}
			for _, want := range []string{tc.says, topicName, `"pylon/issues"`, "reset the stream"} {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q does not say %q", err, want)
				}
			}
			if _, err := list(t.Context(), s); !errors.Is(err, offsets.ErrUnreadable) {
				t.Errorf("list: %v, want ErrUnreadable", err)
			}
		})
	}
}

func TestReadAll_endsThoughMarkersTakeUpTheLastOffsets(t *testing.T) {
	t.Parallel()
	s, cl, _ := setup(t)
	transact(t, cl, kgo.TryCommit, record(t, s, "issues", `1`))
	for range 5 {
		transact(t, cl, kgo.TryAbort, record(t, s, "issues", `2`))
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	n := 0
	err := topic.ReadAll(ctx, s.Options, topicName, topic.Stable, func(*kgo.Record) error {
		n++
		return nil
	})
	if err != nil || n != 1 {
		t.Errorf("%d records, %v; want 1", n, err)
	}
}

func TestReadAll_doesNotWaitForAnOpenTransaction(t *testing.T) {
	t.Parallel()
	s, cl, _ := setup(t)
	transact(t, cl, kgo.TryCommit, record(t, s, "issues", `1`))
	if err := cl.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	if err := cl.ProduceSync(t.Context(), record(t, s, "issues", `2`)).FirstErr(); err != nil {
		t.Fatal(err)
	}
	all, err := list(t.Context(), s)
	if got := all["issues"]; err != nil || string(got.Cursor) != "1" {
		t.Errorf("cursor %s, %v; want 1", got.Cursor, err)
	}
}

// TestStore_seesACursorBehindAnOpenTransaction lets another stream's
// transaction, open since before the cursor, hold back the last stable offset.
func TestStore_seesACursorBehindAnOpenTransaction(t *testing.T) {
	t.Parallel()
	s, cl, cluster := setup(t)
	other, err := kgo.NewClient(append(s.Options[:1:1], kgo.TransactionalID("other"))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(other.Close)
	if err := other.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	if err := other.ProduceSync(t.Context(), record(t, s, "tags", `1`)).FirstErr(); err != nil {
		t.Fatal(err)
	}
	transact(t, cl, kgo.TryCommit, record(t, s, "issues", `2`))
	listed := cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.ListOffsets}, Observe: true, Count: -1})
	ended := make(chan error, 1)
	go func() {
		// Once Load knows the last stable offset.
		ended <- errors.Join(listed.Wait(t.Context(), 2), other.EndTransaction(t.Context(), kgo.TryAbort))
	}()
	got, err := s.Load(t.Context(), "issues")
	if err != nil || string(got.Cursor) != "2" {
		t.Errorf("cursor %s, %v; want 2", got.Cursor, err)
	}
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
}

// TestStore_doesNotWaitForAnotherStreamsTransaction has a transaction of a process
// that died stand open: before and behind it, and in other partitions, every
// stream without a record in it is loaded at once.
func TestStore_doesNotWaitForAnotherStreamsTransaction(t *testing.T) {
	t.Parallel()
	s, cl, _ := setup(t)
	transact(t, cl, kgo.TryCommit, record(t, s, "issues", `2`), record(t, s, "teams", `3`))
	other, err := kgo.NewClient(append(s.Options[:1:1], kgo.TransactionalID("other"))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(other.Close)
	if err := other.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	if err := other.ProduceSync(t.Context(), record(t, s, "tags", `1`)).FirstErr(); err != nil {
		t.Fatal(err)
	}
	transact(t, cl, kgo.TryCommit, record(t, s, "users", `4`))
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for stream, want := range map[string]string{"issues": "2", "teams": "3"} {
		if got, err := s.Load(ctx, stream); err != nil || string(got.Cursor) != want {
			t.Errorf("%s: cursor %s, %v; want %s", stream, got.Cursor, err, want)
		}
	}
	short, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	if got, err := s.Load(short, "users"); err == nil {
		t.Errorf("the cursor of users is behind an open transaction, and Load returns %s without waiting for it", got.Cursor)
	}
}

func TestReadAll_returnsTheCallbacksErrorAsItIs(t *testing.T) {
	t.Parallel()
	s, cl, _ := setup(t)
	transact(t, cl, kgo.TryCommit, record(t, s, "issues", `1`))
	mine := errors.New("mine")
	if err := topic.ReadAll(t.Context(), s.Options, topicName, topic.Stable, func(*kgo.Record) error { return mine }); err != mine { //nolint:errorlint // As it is.
		t.Errorf("error %v, want the callback's own", err)
	}
}

func TestReadAll_namesATopicThatIsNotThere(t *testing.T) {
	t.Parallel()
	s, _, _ := setup(t)
	err := topic.ReadAll(t.Context(), s.Options, "nowhere", topic.Stable, func(*kgo.Record) error { return nil })
	if !errors.Is(err, kerr.UnknownTopicOrPartition) || !strings.Contains(err.Error(), "nowhere") {
		t.Errorf("error %v", err)
	}
}

// TestReadAll_leavesOutAbortedRecordsOfALargeTopic has more in the topic than one
// answer holds: each answer must tell by itself which of its records are aborted.
func TestReadAll_leavesOutAbortedRecordsOfALargeTopic(t *testing.T) {
	t.Parallel()
	s, cl, _ := setup(t)
	if _, err := kadm.NewClient(cl).UpdatePartitions(t.Context(), 3, topicName); err != nil {
		t.Fatal(err)
	}
	padding := strings.Repeat("incompressible? no, but it is sent as it is ", 2000)
	for n := range 60 {
		rec := record(t, s, "issues", strconv.Itoa(n))
		rec.Headers = []kgo.RecordHeader{{Key: "padding", Value: []byte(padding)}}
		rec.Key = strconv.AppendInt(nil, int64(n/2), 10) // spread over the partitions
		how := kgo.TryCommit
		if n%2 == 1 {
			how = kgo.TryAbort
		}
		transact(t, cl, how, rec)
	}
	var got []int
	err := topic.ReadAll(t.Context(), s.Options, topicName, topic.Stable, func(rec *kgo.Record) error {
		var e offsets.Entry
		if err := json.Unmarshal(rec.Value, &e); err != nil {
			return err
		}
		n, err := strconv.Atoi(string(e.Cursor))
		got = append(got, n)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	var want []int
	for n := 0; n < 60; n += 2 {
		want = append(want, n)
	}
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("cursors (-want +got):\n%s", diff)
	}
}
