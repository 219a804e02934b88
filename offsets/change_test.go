package offsets_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"slices"
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

// grow gives the offsets topic more partitions.
func grow(t *testing.T, cl *kgo.Client, n int) {
	t.Helper()
	if _, err := kadm.NewClient(cl).UpdatePartitions(t.Context(), n, topicName); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, s offsets.Store) offsets.Contents {
	t.Helper()
	c, err := s.Read(t.Context(), topic.Written)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// put writes a record of a time into a partition; value "" is a tombstone.
func put(t *testing.T, s offsets.Store, partition int32, stream, cursor string, at time.Time) {
	t.Helper()
	cl, err := kgo.NewClient(append(s.Options[:len(s.Options):len(s.Options)], kgo.RecordPartitioner(kgo.ManualPartitioner()))...)
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	rec := record(t, s, stream, "1")
	if rec.Value = nil; cursor != "" {
		rec = record(t, s, stream, cursor)
	}
	rec.Partition, rec.Timestamp = partition, at
	if err := cl.ProduceSync(t.Context(), rec).FirstErr(); err != nil {
		t.Fatal(err)
	}
}

// apply makes changes and returns the cursors that are there afterwards.
func apply(t *testing.T, s offsets.Store, changes ...offsets.Change) map[string]string {
	t.Helper()
	if done, err := s.Apply(t.Context(), "test", changes); err != nil || done != len(changes) {
		t.Fatalf("%d of %d done, %v", done, len(changes), err)
	}
	return cursors(t, s)
}

// list returns the entries that can be read, by stream, and what is wrong with the others.
func list(ctx context.Context, s offsets.Store) (map[string]offsets.Entry, error) {
	contents, err := s.Read(ctx, topic.Stable)
	entries := make(map[string]offsets.Entry)
	for stream, found := range contents.Streams {
		if found.Err == nil {
			entries[stream] = found.Entry
		} else if !errors.Is(found.Err, offsets.ErrNoCursor) {
			err = errors.Join(err, found.Err)
		}
	}
	return entries, err
}

func cursors(t *testing.T, s offsets.Store) map[string]string {
	t.Helper()
	entries, err := list(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	cursors := make(map[string]string)
	for stream, e := range entries {
		cursors[stream] = string(e.Cursor)
	}
	return cursors
}

func set(t *testing.T, c offsets.Contents, stream, cursor string) offsets.Change {
	t.Helper()
	change, err := c.Set(stream, json.RawMessage(cursor))
	if err != nil {
		t.Fatal(err)
	}
	return change
}

func TestApply_setsACursor(t *testing.T) {
	t.Parallel()
	s, cl, _ := setup(t)
	grow(t, cl, 16)
	transact(t, cl, kgo.TryCommit, record(t, s, "issues", `{"from":1}`), record(t, s, "tags", `{"tag":1}`))
	change := set(t, read(t, s), "issues", `{"from": 2}`)
	if got, want := change.String(), `issues: {"from":1} -> {"from":2}`; got != want {
		t.Errorf("shown %q, want %q", got, want)
	}
	want := map[string]string{"issues": `{"from":2}`, "tags": `{"tag":1}`}
	if diff := cmp.Diff(want, apply(t, s, change)); diff != "" {
		t.Errorf("cursors (-want +got):\n%s", diff)
	}
	e := read(t, s).Streams["issues"].Entry
	if e.Records != 3 || time.Since(e.UpdatedAt) > time.Minute {
		t.Errorf("entry %+v, want the records as before, and updated now", e)
	}
	want["users"] = `7`
	if diff := cmp.Diff(want, apply(t, s, set(t, read(t, s), "users", `7`))); diff != "" {
		t.Errorf("cursors (-want +got):\n%s", diff)
	}
}

func TestSet_refusesWhatIsNoJSON(t *testing.T) {
	t.Parallel()
	for _, cursor := range []string{"", "{", "null", " null "} {
		if c, err := (offsets.Contents{}).Set("issues", json.RawMessage(cursor)); err == nil || !strings.Contains(err.Error(), "issues") {
			t.Errorf("%q: %v, %v", cursor, c, err)
		}
	}
}

func TestApply_resets(t *testing.T) {
	t.Parallel()
	s, cl, cluster := setup(t)
	transact(t, cl, kgo.TryCommit, record(t, s, "issues", `1`), record(t, s, "tags", `1`),
		&kgo.Record{Topic: topicName, Key: []byte(s.Key("users")), Value: []byte("garbage")})
	changes := read(t, s).Reset("issues", "users", "teams")
	var shown []string
	for _, c := range changes {
		shown = append(shown, c.String())
	}
	if diff := cmp.Diff([]string{"issues: 1 -> no cursor", "users: unreadable garbage -> no cursor", "teams: no cursor (unchanged)"}, shown); diff != "" {
		t.Errorf("shown (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]string{"tags": "1"}, apply(t, s, changes...)); diff != "" {
		t.Errorf("cursors (-want +got):\n%s", diff)
	}
	cluster.Compact()
	if diff := cmp.Diff(map[string]string{"tags": "1"}, cursors(t, s)); diff != "" {
		t.Errorf("cursors after compaction (-want +got):\n%s", diff)
	}
}

// wantOneTime fails unless the last records of so many partitions have one
// timestamp: by it the newest is chosen.
func wantOneTime(t *testing.T, s offsets.Store, partitions int) {
	t.Helper()
	last := make(map[int32]time.Time)
	err := topic.ReadAll(t.Context(), s.Options, s.Topic, topic.Stable, func(rec *kgo.Record) error {
		last[rec.Partition] = rec.Timestamp
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(last) != partitions || len(slices.Compact(slices.SortedFunc(maps.Values(last), time.Time.Compare))) != 1 {
		t.Errorf("timestamps by partition %v, want %d that are one", last, partitions)
	}
}

// TestApply_leavesNoOlderCursorBehind resets and sets a stream whose key stands
// in two partitions: once the tombstone is compacted away, the older one must not count.
func TestApply_leavesNoOlderCursorBehind(t *testing.T) {
	t.Parallel()
	early := time.Now().Add(-time.Hour)
	home := offsets.Partition("pylon/issues", 3)
	for name, plan := range map[string]func(*testing.T, offsets.Contents) offsets.Change{
		"reset": func(_ *testing.T, c offsets.Contents) offsets.Change { return c.Reset("issues")[0] },
		"set":   func(t *testing.T, c offsets.Contents) offsets.Change { t.Helper(); return set(t, c, "issues", "2") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, cl, _ := setup(t)
			grow(t, cl, 3)
			put(t, s, (home+1)%3, "issues", "1", early)
			put(t, s, (home+2)%3, "issues", "2", early.Add(time.Minute)) // counts, and is not at home
			apply(t, s, plan(t, read(t, s)))
			wantOneTime(t, s, 3)
			found := read(t, s).Streams["issues"]
			if len(found.Older) != 0 || found.Partition != home {
				t.Errorf("%+v, want nothing older and partition %d", found, home)
			}
			if plan(t, read(t, s)).Changes() {
				t.Error("there is still something to change")
			}
		})
	}
}

func TestApply_refusesWhereTheCursorMovedOn(t *testing.T) {
	t.Parallel()
	s, cl, _ := setup(t)
	transact(t, cl, kgo.TryCommit, record(t, s, "issues", `1`), record(t, s, "tags", `1`))
	c := read(t, s)
	transact(t, cl, kgo.TryCommit, record(t, s, "issues", `2`))
	done, err := s.Apply(t.Context(), "test", append(c.Reset("tags"), set(t, c, "issues", `9`)))
	if !errors.Is(err, offsets.ErrChanged) || !strings.Contains(err.Error(), "issues") || done != 1 {
		t.Errorf("%d done, %v; want 1 and ErrChanged", done, err)
	}
	if diff := cmp.Diff(map[string]string{"issues": "2"}, cursors(t, s)); diff != "" {
		t.Errorf("cursors (-want +got):\n%s", diff)
	}
}

// TestForce_plansAnewWhereTheCursorMovedOn has an instance commit after the plan.
func TestForce_plansAnewWhereTheCursorMovedOn(t *testing.T) {
	t.Parallel()
	s, cl, _ := setup(t)
	transact(t, cl, kgo.TryCommit, record(t, s, "issues", `1`), record(t, s, "tags", `1`), record(t, s, "users", `1`))
	c := read(t, s)
	changes := []offsets.Change{set(t, c, "issues", `10`), set(t, c, "tags", `10`), set(t, c, "users", `10`)}
	transact(t, cl, kgo.TryCommit, record(t, s, "issues", `2`), record(t, s, "users", `3`))
	instance, err := kgo.NewClient(append(s.Options[:1:1], kgo.TransactionalID("test-issues"))...)
	if err != nil {
		t.Fatal(err)
	}
	defer instance.Close()
	if _, _, err := instance.ProducerID(t.Context()); err != nil {
		t.Fatal(err)
	}
	var planned []string
	done, err := s.Force(t.Context(), "test", changes, func(ctx context.Context, c offsets.Change, now offsets.Contents) (offsets.Change, error) {
		planned = append(planned, c.Stream)
		if c.Stream == "users" {
			return set(t, now, "users", `3`), nil // what it is already
		}
		if err := instance.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		produced := instance.ProduceSync(ctx, record(t, s, "issues", `7`)).FirstErr()
		if ended := instance.EndTransaction(ctx, kgo.TransactionEndTry(produced == nil)); produced == nil && ended == nil {
			t.Error("the instance commits while the change is planned anew")
		}
		return set(t, now, "issues", string(now.Streams["issues"].Entry.Cursor)+"0"), nil
	})
	if err != nil || done != len(changes) {
		t.Errorf("%d done, %v", done, err)
	}
	if diff := cmp.Diff([]string{"issues", "users"}, planned); diff != "" {
		t.Errorf("planned anew (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]string{"issues": "20", "tags": "10", "users": "3"}, cursors(t, s)); diff != "" {
		t.Errorf("cursors (-want +got):\n%s", diff)
	}
	if changes[0].String() != "issues: 2 -> 20" || changes[2].Changes() {
		t.Errorf("what was made is %v", changes)
	}
	_, err = s.Force(t.Context(), "test", []offsets.Change{set(t, c, "tags", `11`)},
		func(_ context.Context, c offsets.Change, _ offsets.Contents) (offsets.Change, error) {
			return c, io.ErrUnexpectedEOF
		})
	if !errors.Is(err, io.ErrUnexpectedEOF) || cursors(t, s)["tags"] != "10" {
		t.Errorf("a plan that fails: %v, %v", err, cursors(t, s))
	}
}

// TestApply_endsWhatAnInstanceHasOpen fences it: its cursor must not come after ours.
func TestApply_endsWhatAnInstanceHasOpen(t *testing.T) {
	t.Parallel()
	s, cl, _ := setup(t)
	transact(t, cl, kgo.TryCommit, record(t, s, "issues", `1`))
	running, err := kgo.NewClient(append(s.Options[:1:1], kgo.TransactionalID("test-issues"))...)
	if err != nil {
		t.Fatal(err)
	}
	defer running.Close()
	if err := running.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	if err := running.ProduceSync(t.Context(), record(t, s, "issues", `2`)).FirstErr(); err != nil {
		t.Fatal(err)
	}
	c, err := s.Read(t.Context(), topic.Stable)
	if err != nil {
		t.Fatal(err)
	}
	apply(t, s, set(t, c, "issues", `9`))
	if err := running.EndTransaction(t.Context(), kgo.TryCommit); err == nil {
		t.Error("the instance could commit")
	}
	if diff := cmp.Diff(map[string]string{"issues": "9"}, cursors(t, s)); diff != "" {
		t.Errorf("cursors (-want +got):\n%s", diff)
	}
}

func TestApply_writesNothingWhereItFails(t *testing.T) {
	t.Parallel()
	s, cl, cluster := setup(t)
	transact(t, cl, kgo.TryCommit, record(t, s, "issues", `1`))
	change := set(t, read(t, s), "issues", `2`)
	for _, tc := range []struct {
		key  kmsg.Key
		says string
	}{
		{kmsg.InitProducerID, "take over transactional id test-issues"},
		{kmsg.Produce, "produce"},
		{kmsg.EndTxn, "commit"},
		{kmsg.Metadata, "topic pylon.offsets"},
	} {
		fault := cluster.Fault(kfake.Fault{Keys: []kmsg.Key{tc.key}, Err: kerr.TransactionalIDAuthorizationFailed, Count: -1})
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		_, err := s.Apply(ctx, "test", []offsets.Change{change})
		cancel()
		fault.Remove()
		if err == nil || !strings.Contains(err.Error(), tc.says) {
			t.Errorf("%v fails: %v, want %q", tc.key, err, tc.says)
		}
	}
	if diff := cmp.Diff(map[string]string{"issues": "2"}, apply(t, s, change)); diff != "" {
		t.Errorf("cursors (-want +got):\n%s", diff)
	}
}

func (fullDisk) Write([]byte) (int, error) { return 0, errors.New("disk full") }

func TestStore_optionsThatMakeNoClient(t *testing.T) {
	t.Parallel()
	s := offsets.Store{Topic: topicName, Connector: "pylon", Options: []kgo.Opt{kgo.SeedBrokers()}}
	_, loaded := s.Load(t.Context(), "issues")
	_, listed := list(t.Context(), s)
	_, applied := s.Apply(t.Context(), "test", []offsets.Change{set(t, offsets.Contents{}, "issues", "1")})
	for what, err := range map[string]error{"load": loaded, "list": listed, "apply": applied} {
		if err == nil || !strings.Contains(err.Error(), "make a Kafka client") {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestFind_tellsTheFirstAndTheLastStableOffset(t *testing.T) {
	t.Parallel()
	s, cl, _ := setup(t)
	transact(t, cl, kgo.TryCommit, record(t, s, "issues", `1`))
	info, err := topic.Find(t.Context(), cl, topicName)
	start, end := info.At(topic.Start), info.At(topic.Stable)
	if err != nil || start[0] != 0 || end[0] != 2 {
		t.Errorf("%v to %v, %v; want 0 to 2", start, end, err)
	}
	if _, err := topic.Find(t.Context(), cl, "nowhere"); !errors.Is(err, kerr.UnknownTopicOrPartition) {
		t.Errorf("no topic: %v", err)
	}
}

func TestRecord_refusesACursorThatIsNoJSON(t *testing.T) {
	t.Parallel()
	s := offsets.Store{Topic: topicName, Connector: "pylon"}
	if _, err := s.Record("issues", offsets.Entry{Cursor: json.RawMessage("{")}); err == nil || !strings.Contains(err.Error(), "issues") {
		t.Errorf("error %v", err)
	}
}
