package topic_test

import (
	"context"
	"errors"
	"fmt"
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
