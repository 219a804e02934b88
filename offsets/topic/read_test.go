package topic_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"pylon-kafka/offsets/topic"
)

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
