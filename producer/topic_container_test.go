package producer_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"pylon-kafka/offsets"
	"pylon-kafka/offsets/topic"
)

// committer is a transactional client on the real Kafka, with a topic of its own.
type committer struct {
	cl   *kgo.Client
	opts []kgo.Opt
	name string
}

func newCommitter(t *testing.T, partitions int32) committer {
	t.Helper()
	k := needKafka(t)
	c := committer{opts: []kgo.Opt{kgo.SeedBrokers(k.Brokers)}, name: fmt.Sprintf("read-%d", time.Now().UnixNano())}
	var err error
	c.cl, err = kgo.NewClient(append(c.opts[:1:1], kgo.TransactionalID(c.name), kgo.DefaultProduceTopic(c.name))...)
	must(t, err)
	t.Cleanup(c.cl.Close)
	c.create(t, partitions)
	return c
}

func (c committer) create(t *testing.T, partitions int32) {
	t.Helper()
	_, err := kadm.NewClient(c.cl).CreateTopic(t.Context(), partitions, 1, nil, c.name)
	must(t, err)
	eventually(t, "the topic has leaders", func() bool {
		_, err := topic.Find(t.Context(), c.cl, c.name)
		return err == nil
	})
}

// commit writes one record in a transaction.
func (c committer) commit(t *testing.T, key string) {
	t.Helper()
	must(t, c.cl.BeginTransaction())
	must(t, c.cl.ProduceSync(t.Context(), &kgo.Record{Key: []byte(key), Value: []byte("x")}).FirstErr())
	must(t, c.cl.EndTransaction(t.Context(), kgo.TryCommit))
}

// TestContainer_whatIsCommittedIsReadAtOnce reads up to what is written right
// after another client's commit was answered: the last stable offset may trail.
func TestContainer_whatIsCommittedIsReadAtOnce(t *testing.T) {
	t.Parallel()
	c := newCommitter(t, 3)
	const passes = 100
	stale := 0
	for n := range passes {
		c.commit(t, fmt.Sprint(n))
		info, err := topic.Find(t.Context(), c.cl, c.name)
		must(t, err)
		got := 0
		err = topic.Read(t.Context(), c.opts, info, info.At(topic.Start), info.At(topic.Written), func(*kgo.Record) error {
			got++
			return nil
		})
		must(t, err)
		if got != n+1 {
			t.Fatalf("pass %d: %d records, want %d", n, got, n+1)
		}
		for _, ends := range info.Ends {
			if ends.Stable < ends.Written {
				stale++
			}
		}
	}
	t.Logf("in %d of %d passes the last stable offset trailed", stale, passes)
}

// TestContainer_aReaderSaysWhatBecameOfItsTopic deletes records, then the topic.
func TestContainer_aReaderSaysWhatBecameOfItsTopic(t *testing.T) {
	t.Parallel()
	c := newCommitter(t, 1)
	for n := range 3 {
		c.commit(t, fmt.Sprint(n))
	}
	adm := kadm.NewClient(c.cl)
	_, err := adm.DeleteRecords(t.Context(), kadm.Offsets{c.name: {0: kadm.Offset{Topic: c.name, At: 2}}})
	must(t, err)
	info, err := topic.Find(t.Context(), c.cl, c.name)
	must(t, err)
	if want := (topic.Ends{Start: 2, Stable: 6, Written: 6}); info.Ends[0] != want {
		t.Errorf("ends %+v, want %+v", info.Ends[0], want)
	}
	next := func(r *topic.Reader) error {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		_, err := r.Next(ctx, 10)
		return err
	}
	for _, offset := range []int64{1, 99} {
		r := topic.Open(c.opts, info, map[int32]int64{0: offset})
		if err := next(r); !errors.Is(err, topic.ErrOutOfRange) {
			t.Errorf("offset %d: %v, want ErrOutOfRange", offset, err)
		}
		r.Close()
	}
	deleted, anew := topic.Open(c.opts, info, map[int32]int64{0: 2}), topic.Open(c.opts, info, map[int32]int64{0: 2})
	defer deleted.Close()
	defer anew.Close()
	must(t, next(deleted))
	must(t, next(anew))
	_, err = adm.DeleteTopics(t.Context(), c.name)
	must(t, err)
	if err := drained(deleted, next); !errors.Is(err, topic.ErrAbsent) {
		t.Errorf("deleted: %v, want ErrAbsent", err)
	}
	c.create(t, 1)
	if err := drained(anew, next); !errors.Is(err, topic.ErrRecreated) {
		t.Errorf("made anew: %v, want ErrRecreated", err)
	}
}

// drained reads on until there is an error.
func drained(r *topic.Reader, next func(*topic.Reader) error) error {
	for {
		if err := next(r); err != nil {
			return err
		}
	}
}

// TestContainer_cursorsAreChanged sets a cursor while an instance has a
// transaction open, and asks for the members of a group that is not there.
func TestContainer_cursorsAreChanged(t *testing.T) {
	t.Parallel()
	c := newCommitter(t, 16)
	s := offsets.Store{Topic: c.name, Connector: "pylon", Options: c.opts}
	running, err := kgo.NewClient(append(c.opts[:1:1], kgo.TransactionalID(c.name+"-run-issues"))...)
	must(t, err)
	t.Cleanup(running.Close)
	rec, err := s.Record("issues", offsets.Entry{Cursor: []byte(`1`), UpdatedAt: time.Now()})
	must(t, err)
	must(t, running.BeginTransaction())
	must(t, running.ProduceSync(t.Context(), rec).FirstErr())
	before, err := s.Read(t.Context(), topic.Stable)
	must(t, err)
	change, err := before.Set("issues", []byte(`2`))
	must(t, err)
	_, err = s.Apply(t.Context(), c.name+"-run", []offsets.Change{change})
	must(t, err)
	if err := running.EndTransaction(t.Context(), kgo.TryCommit); err == nil {
		t.Error("the instance could commit")
	}
	got, err := s.Load(t.Context(), "issues")
	if err != nil || string(got.Cursor) != "2" {
		t.Errorf("cursor %s, %v; want 2", got.Cursor, err)
	}
}
