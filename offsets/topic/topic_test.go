package topic_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"pylon-kafka/offsets/topic"
)

const name = "pylon.tags"

// broker is an in-process Kafka with one topic of three partitions.
type broker struct {
	*kfake.Cluster

	opts []kgo.Opt
	cl   *kgo.Client // with a transactional id
}

func newBroker(t *testing.T, opts ...kfake.Opt) *broker {
	t.Helper()
	cluster, err := kfake.NewCluster(append(opts, kfake.NumBrokers(1))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	b := &broker{Cluster: cluster, opts: []kgo.Opt{kgo.SeedBrokers(cluster.ListenAddrs()...)}}
	b.start(t)
	return b
}

// newBubble is newBroker inside a synctest bubble, where waiting takes no time.
func newBubble(t *testing.T) *broker {
	t.Helper()
	var network kfake.VirtualNetwork
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.ListenFn(network.Listen))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	b := &broker{Cluster: cluster, opts: []kgo.Opt{kgo.SeedBrokers(cluster.ListenAddrs()...), kgo.Dialer(network.DialContext)}}
	b.start(t)
	return b
}

func (b *broker) start(t *testing.T) {
	t.Helper()
	cl, err := kgo.NewClient(append(slices.Clone(b.opts), kgo.TransactionalID("writer"),
		kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerBatchCompression(kgo.NoCompression()))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	b.cl = cl
	b.create(t, 3)
}

func (b *broker) create(t *testing.T, partitions int32) {
	t.Helper()
	compact := "compact"
	if _, err := kadm.NewClient(b.cl).CreateTopic(t.Context(), partitions, 1, map[string]*string{"cleanup.policy": &compact}, name); err != nil {
		t.Fatal(err)
	}
}

// write produces values into a partition in one transaction and ends it.
func (b *broker) write(t *testing.T, partition int32, end kgo.TransactionEndTry, values ...string) {
	t.Helper()
	if err := b.cl.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	b.produce(t, partition, values...)
	if err := b.cl.EndTransaction(t.Context(), end); err != nil {
		t.Fatal(err)
	}
}

func (b *broker) produce(t *testing.T, partition int32, values ...string) {
	t.Helper()
	for _, value := range values {
		rec := &kgo.Record{Topic: name, Partition: partition, Key: []byte(value), Value: []byte(value)}
		if err := b.cl.ProduceSync(t.Context(), rec).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
}

func (b *broker) find(t *testing.T) topic.Info {
	t.Helper()
	info, err := topic.Find(t.Context(), b.cl, name)
	if err != nil {
		t.Fatal(err)
	}
	return info
}

// readAll returns the values from the start to an end, by partition.
func (b *broker) readAll(t *testing.T, to topic.End) map[int32][]string {
	t.Helper()
	got := make(map[int32][]string)
	err := topic.ReadAll(t.Context(), b.opts, name, to, func(rec *kgo.Record) error {
		got[rec.Partition] = append(got[rec.Partition], string(rec.Value))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func within(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

func values(records []*kgo.Record) []string {
	var values []string
	for _, rec := range records {
		values = append(values, string(rec.Value))
	}
	return values
}

// mustSay demands an error of a kind whose text names things.
func mustSay(t *testing.T, err, kind error, texts ...string) {
	t.Helper()
	if !errors.Is(err, kind) {
		t.Fatalf("error %v, want %v", err, kind)
	}
	for _, text := range texts {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("error %q does not say %q", err, text)
		}
	}
}

func TestFind_tellsThreeEndsApart(t *testing.T) {
	t.Parallel()
	b := newBroker(t)
	b.write(t, 1, kgo.TryCommit, "a", "b", "c") // and a marker: 4 offsets
	if err := b.DeleteRecords(name, 1, 2); err != nil {
		t.Fatal(err)
	}
	if err := b.cl.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	b.produce(t, 1, "open", "open")
	info := b.find(t)
	want := topic.Info{Name: name, ID: info.ID, Ends: map[int32]topic.Ends{0: {}, 1: {Start: 2, Stable: 4, Written: 6}, 2: {}}}
	if diff := cmp.Diff(want, info); diff != "" || info.ID == "" || info.Partitions() != 3 {
		t.Errorf("info (-want +got):\n%s", diff)
	}
	for end, want := range map[topic.End]int64{topic.Start: 2, topic.Stable: 4, topic.Written: 6} {
		if diff := cmp.Diff(map[int32]int64{0: 0, 1: want, 2: 0}, info.At(end)); diff != "" {
			t.Errorf("end %d (-want +got):\n%s", end, diff)
		}
	}
}

func TestFind_saysThatATopicIsAbsentAndMakesNone(t *testing.T) {
	t.Parallel()
	b := newBroker(t, kfake.AllowAutoTopicCreation())
	for range 2 {
		_, err := topic.Find(t.Context(), b.cl, "nowhere")
		mustSay(t, err, topic.ErrAbsent, "topic nowhere")
		mustSay(t, err, kerr.UnknownTopicOrPartition)
	}
	mustSay(t, topic.ReadAll(t.Context(), b.opts, "nowhere", topic.Stable, nil), topic.ErrAbsent, "topic nowhere")
}

func TestFind_namesTheTopicThatMayNotBeSeen(t *testing.T) {
	t.Parallel()
	b := newBroker(t)
	b.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Metadata}, Topic: name, Err: kerr.TopicAuthorizationFailed, Count: -1})
	_, err := topic.Find(t.Context(), b.cl, name)
	mustSay(t, err, kerr.TopicAuthorizationFailed, "topic "+name, "describe")
}

func TestFind_namesThePartitionWhoseEndsAreNotTold(t *testing.T) {
	t.Parallel()
	b := newBroker(t)
	b.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.ListOffsets}, Topic: name, Partitions: []int32{2}, Err: kerr.InvalidRequest, Count: -1})
	_, err := topic.Find(t.Context(), b.cl, name)
	mustSay(t, err, kerr.InvalidRequest, "topic "+name+", partition 2", "list start offsets")
}

func TestFind_endsWhenTheClusterIsAway(t *testing.T) {
	t.Parallel()
	b := newBroker(t)
	b.Close()
	_, err := topic.Find(within(t, 100*time.Millisecond), b.cl, name)
	if err == nil || !strings.Contains(err.Error(), "topic "+name) {
		t.Errorf("error %v", err)
	}
}

// leaderless takes the leader of partition 1 away, until the handle is removed.
func (b *broker) leaderless() *kfake.FaultHandle {
	return b.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Metadata}, Topic: name, Partitions: []int32{1}, Err: kerr.LeaderNotAvailable, Count: -1})
}

func TestFind_waitsForALeaderAndNotForEver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t)
		fault := b.leaderless()
		asked := b.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Metadata}, Observe: true, Count: -1})
		began := time.Now()
		_, err := topic.Find(t.Context(), b.cl, name)
		mustSay(t, err, topic.ErrNoLeader, "topic "+name+", partition 1", "broker down")
		if took := time.Since(began); took < topic.Grace || took > topic.Grace+time.Second {
			t.Errorf("took %v, want %v", took, topic.Grace)
		}
		if asked.Hits() > 30 {
			t.Errorf("%d metadata requests, want at most 30", asked.Hits())
		}
		time.AfterFunc(3*time.Second, fault.Remove)
		if _, err := topic.Find(t.Context(), b.cl, name); err != nil {
			t.Errorf("with a leader after 3 s: %v", err)
		}
		b.leaderless()
		ctx, cancel := context.WithTimeout(t.Context(), 1200*time.Millisecond)
		defer cancel()
		_, err = topic.Find(ctx, b.cl, name)
		mustSay(t, err, topic.ErrNoLeader)
		mustSay(t, err, context.DeadlineExceeded)
	})
}

func TestReader_saysThatAPartitionHasNoLeader(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t)
		info := b.find(t)
		b.leaderless()
		began := time.Now()
		err := topic.Read(t.Context(), b.opts, info, info.At(topic.Start), map[int32]int64{0: 1, 1: 1}, nil)
		mustSay(t, err, topic.ErrNoLeader, "topic "+name+", partition 1")
		if took := time.Since(began); took > 30*time.Second {
			t.Errorf("took %v", took)
		}
	})
}

func TestRead_givesUpWhenNothingComes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t)
		info := b.find(t)
		err := topic.Read(t.Context(), b.opts, info, info.At(topic.Start), map[int32]int64{1: 7}, nil)
		mustSay(t, err, topic.ErrStalled, "topic "+name, "50s", "map[1:0]")
	})
}

func TestRead_endsThoughMarkersTakeUpTheLastOffsets(t *testing.T) {
	t.Parallel()
	b := newBroker(t)
	b.write(t, 0, kgo.TryCommit, "a")
	for range 5 {
		b.write(t, 0, kgo.TryAbort, "aborted")
	}
	b.write(t, 2, kgo.TryAbort, "aborted")
	want := map[int32][]string{0: {"a"}}
	for _, to := range []topic.End{topic.Stable, topic.Written} {
		if diff := cmp.Diff(want, b.readAll(t, to)); diff != "" {
			t.Errorf("to %d (-want +got):\n%s", to, diff)
		}
	}
}

func TestRead_readsARange(t *testing.T) {
	t.Parallel()
	b := newBroker(t)
	b.write(t, 0, kgo.TryCommit, "0", "1", "2", "3", "4", "5")
	b.write(t, 1, kgo.TryCommit, "x")
	b.write(t, 2, kgo.TryCommit, "y")
	var got []string
	err := topic.Read(t.Context(), b.opts, b.find(t), map[int32]int64{0: 2, 1: 1}, map[int32]int64{0: 4, 1: 1, 2: 1}, func(rec *kgo.Record) error {
		got = append(got, string(rec.Value))
		return nil
	})
	if diff := cmp.Diff([]string{"2", "3"}, got); err != nil || diff != "" {
		t.Errorf("%v, values (-want +got):\n%s", err, diff)
	}
}

func TestRead_waitsForOpenTransactionsUpToWhatIsWritten(t *testing.T) {
	t.Parallel()
	b := newBroker(t)
	b.write(t, 0, kgo.TryCommit, "a")
	if err := b.cl.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	b.produce(t, 0, "open")
	if diff := cmp.Diff(map[int32][]string{0: {"a"}}, b.readAll(t, topic.Stable)); diff != "" {
		t.Errorf("to stable (-want +got):\n%s", diff)
	}
	fetched := b.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Fetch}, Observe: true, Count: -1})
	ended := make(chan error, 1)
	go func() {
		ended <- errors.Join(fetched.Wait(t.Context(), 2), b.cl.EndTransaction(t.Context(), kgo.TryCommit))
	}()
	if diff := cmp.Diff(map[int32][]string{0: {"a", "open"}}, b.readAll(t, topic.Written)); diff != "" {
		t.Errorf("to written (-want +got):\n%s", diff)
	}
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
}

// TestRead_leavesOutAbortedRecordsOfALargeTopic has more in the topic than one
// answer holds: each answer must tell by itself which of its records are aborted.
func TestRead_leavesOutAbortedRecordsOfALargeTopic(t *testing.T) {
	t.Parallel()
	b := newBroker(t)
	padding := strings.Repeat("incompressible? no, but it is sent as it is ", 2000)
	want := make(map[int32][]string)
	for n := range 60 {
		p, value := int32(n/2%3), strconv.Itoa(n)+padding
		if n%2 == 1 {
			b.write(t, p, kgo.TryAbort, value)
			continue
		}
		b.write(t, p, kgo.TryCommit, value)
		want[p] = append(want[p], value)
	}
	if got := b.readAll(t, topic.Stable); !maps.EqualFunc(want, got, slices.Equal) {
		t.Errorf("%d, %d, %d values; want %d each, in order", len(got[0]), len(got[1]), len(got[2]), len(want[0]))
	}
}

func TestRead_returnsTheCallbacksErrorAsItIs(t *testing.T) {
	t.Parallel()
	b := newBroker(t)
	b.write(t, 0, kgo.TryCommit, "a")
	mine := errors.New("mine")
	if err := topic.ReadAll(t.Context(), b.opts, name, topic.Stable, func(*kgo.Record) error { return mine }); err != mine { //nolint:errorlint // As it is.
		t.Errorf("error %v, want the callback's own", err)
	}
}

func TestRead_endsWithItsContext(t *testing.T) {
	t.Parallel()
	b := newBroker(t)
	info := b.find(t)
	err := topic.Read(within(t, 50*time.Millisecond), b.opts, info, info.At(topic.Start), map[int32]int64{1: 7}, nil)
	if !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, topic.ErrStalled) {
		t.Errorf("error %v, want that of the context", err)
	}
}

func TestReader_goesOnWhereAChunkEnds(t *testing.T) {
	t.Parallel()
	b := newBroker(t)
	b.write(t, 0, kgo.TryCommit, "0", "1", "2", "3", "4")
	info := b.find(t)
	r := topic.Open(b.opts, info, info.At(topic.Start))
	defer r.Close()
	ctx := within(t, 20*time.Second)
	var got []string
	next := info.At(topic.Start)
	for next[0] < 6 { // the marker is counted
		c, err := r.Next(ctx, 2)
		if err != nil {
			t.Fatal(err)
		}
		if len(c.Records) > 2 {
			t.Errorf("%d records, want at most 2", len(c.Records))
		}
		if c.Stable[0] != 6 {
			t.Errorf("last stable offset %v, want 6", c.Stable)
		}
		got, next = append(got, values(c.Records)...), c.Next
	}
	if diff := cmp.Diff([]string{"0", "1", "2", "3", "4"}, got); diff != "" {
		t.Errorf("values (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[int32]int64{0: 6, 1: 0, 2: 0}, next); diff != "" {
		t.Errorf("next (-want +got):\n%s", diff)
	}
	// Nothing comes: the reader stays usable.
	short, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
	defer cancel()
	if c, err := r.Next(short, 2); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v, %v; want that of the context", c, err)
	}
	b.write(t, 2, kgo.TryCommit, "later")
	c, err := r.Next(ctx, 2)
	if err != nil || len(c.Records) != 1 || string(c.Records[0].Value) != "later" {
		t.Errorf("%v, %v; want the record that came later", c, err)
	}
}

func TestReader_saysThatAnOffsetIsOutOfRange(t *testing.T) {
	t.Parallel()
	b := newBroker(t)
	b.write(t, 1, kgo.TryCommit, "0", "1", "2")
	if err := b.DeleteRecords(name, 1, 2); err != nil {
		t.Fatal(err)
	}
	info := b.find(t)
	for _, offset := range []int64{1, 99} {
		r := topic.Open(b.opts, info, map[int32]int64{0: 0, 1: offset, 2: 0})
		_, err := r.Next(within(t, 20*time.Second), 10)
		r.Close()
		mustSay(t, err, topic.ErrOutOfRange, fmt.Sprintf("topic %s, partition 1, offset %d", name, offset))
		var where *topic.PartitionError
		if !errors.As(err, &where) || where.Partition != 1 || where.Offset != offset {
			t.Errorf("error %#v, want partition 1 and offset %d", where, offset)
		}
	}
}

// changed opens a reader, reads, changes the topic, and returns what Next says then.
func changed(t *testing.T, change func(*testing.T, *broker)) (err error) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t)
		b.write(t, 0, kgo.TryCommit, "a")
		info := b.find(t)
		r := topic.Open(b.opts, topic.Info{Name: name}, info.At(topic.Start))
		defer r.Close()
		for next := int64(0); next < 2; {
			c, err := r.Next(t.Context(), 10)
			if err != nil {
				t.Fatal(err)
			}
			next = c.Next[0]
		}
		change(t, b)
		began := time.Now()
		_, err = r.Next(t.Context(), 10)
		if took := time.Since(began); took > 30*time.Second {
			t.Errorf("took %v, want at most 30 s", took)
		}
	})
	return err
}

func TestReader_saysWhatBecameOfItsTopic(t *testing.T) {
	t.Parallel()
	remove := func(t *testing.T, b *broker) {
		t.Helper()
		if err := b.DeleteTopic(name); err != nil {
			t.Fatal(err)
		}
	}
	for what, tc := range map[string]struct {
		change func(*testing.T, *broker)
		want   error
	}{
		"deleted": {remove, topic.ErrAbsent},
		"made anew": {func(t *testing.T, b *broker) {
			t.Helper()
			remove(t, b)
			b.create(t, 3)
		}, topic.ErrRecreated},
		"made anew with fewer partitions": {func(t *testing.T, b *broker) {
			t.Helper()
			remove(t, b)
			b.create(t, 1)
		}, topic.ErrRecreated},
		"more partitions": {func(t *testing.T, b *broker) {
			t.Helper()
			if _, err := kadm.NewClient(b.cl).UpdatePartitions(t.Context(), 5, name); err != nil {
				t.Fatal(err)
			}
		}, topic.ErrPartitionsAdded},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			mustSay(t, changed(t, tc.change), tc.want, "topic "+name)
		})
	}
}

func TestReader_refusesAnotherTopicOfTheSameName(t *testing.T) {
	t.Parallel()
	b := newBroker(t)
	info := b.find(t)
	if err := b.DeleteTopic(name); err != nil {
		t.Fatal(err)
	}
	b.create(t, 3)
	r := topic.Open(b.opts, info, info.At(topic.Start))
	defer r.Close()
	_, err := r.Next(within(t, 20*time.Second), 1)
	mustSay(t, err, topic.ErrRecreated, "topic "+name, info.ID, b.find(t).ID)
}

// TestReader_aBrokerThatKnowsAnotherID has the fetch itself refused.
func TestReader_aBrokerThatKnowsAnotherID(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t)
		b.write(t, 1, kgo.TryCommit, "a")
		b.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Fetch}, Topic: name, Err: kerr.UnknownTopicID, Count: -1})
		info := b.find(t)
		r := topic.Open(b.opts, info, info.At(topic.Start))
		defer r.Close()
		_, err := r.Next(t.Context(), 1)
		mustSay(t, err, topic.ErrRecreated, "topic "+name+", partition", "read")
	})
}

func TestReader_refusesAPartitionThatIsNotThere(t *testing.T) {
	t.Parallel()
	b := newBroker(t)
	err := topic.Read(within(t, 20*time.Second), b.opts, topic.Info{Name: name}, map[int32]int64{7: 0}, map[int32]int64{7: 1}, nil)
	mustSay(t, err, topic.ErrRecreated, "topic "+name+", partition 7")
}

func TestReader_namesTheRightThatIsMissing(t *testing.T) {
	t.Parallel()
	b := newBroker(t)
	b.write(t, 1, kgo.TryCommit, "a")
	b.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Fetch}, Topic: name, Err: kerr.TopicAuthorizationFailed, Count: -1})
	info := b.find(t)
	err := topic.Read(within(t, 20*time.Second), b.opts, info, map[int32]int64{1: 0}, map[int32]int64{1: 1}, nil)
	mustSay(t, err, kerr.TopicAuthorizationFailed, "topic "+name+", partition 1", "read")
}

// TestReader_closedWhileItWaits ends a call of Next that nothing else would end.
func TestReader_closedWhileItWaits(t *testing.T) {
	t.Parallel()
	b := newBroker(t)
	info := b.find(t)
	r := topic.Open(b.opts, info, info.At(topic.Start))
	fetched := b.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Fetch}, Observe: true, Count: -1})
	closed := make(chan error, 1)
	go func() {
		closed <- fetched.Wait(t.Context(), 1)
		r.Close()
	}()
	if _, err := r.Next(t.Context(), 1); !errors.Is(err, kgo.ErrClientClosed) || !strings.Contains(err.Error(), "topic "+name) {
		t.Errorf("closed while it waits: %v", err)
	}
	if err := <-closed; err != nil {
		t.Fatal(err)
	}
}

func TestReader_closedOrNeverMade(t *testing.T) {
	t.Parallel()
	b := newBroker(t)
	info := b.find(t)
	r := topic.Open(b.opts, info, info.At(topic.Start))
	r.Close()
	if _, err := r.Next(t.Context(), 1); err == nil || !strings.Contains(err.Error(), "topic "+name) {
		t.Errorf("closed: %v", err)
	}
	bad := topic.Open([]kgo.Opt{kgo.SeedBrokers()}, info, info.At(topic.Start))
	defer bad.Close()
	if _, err := bad.Next(t.Context(), 1); err == nil || !strings.Contains(err.Error(), "topic "+name) {
		t.Errorf("no client: %v", err)
	}
	if err := topic.ReadAll(t.Context(), []kgo.Opt{kgo.SeedBrokers()}, name, topic.Stable, nil); err == nil {
		t.Error("no client, no error")
	}
}
