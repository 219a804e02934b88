package topic_test

import (
	"context"
	"errors"
	"slices"
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
