package preflight_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"pylon-kafka/offsets"
	"pylon-kafka/offsets/topic"
	"pylon-kafka/producer/preflight"
)

// TestRun_cursorsInTwoPartitions has partitions added to the offsets topic, so that
// cursors stand in two: check says which, and what it says would do does.
func TestRun_cursorsInTwoPartitions(t *testing.T) {
	t.Parallel()
	cluster := newCluster(t)
	opts := newWorld(t, cluster.ListenAddrs()[0]).options(t)
	ensure(t, opts)
	cl, err := kgo.NewClient(kgo.SeedBrokers(cluster.ListenAddrs()...), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	must(t, err)
	defer cl.Close()
	_, err = kadm.NewClient(cl).UpdatePartitions(t.Context(), 17, "pylon.offsets")
	must(t, err)
	store := offsets.Store{Topic: "pylon.offsets", Connector: "pylon", Options: []kgo.Opt{kgo.SeedBrokers(cluster.ListenAddrs()...)}}
	put := func(stream string, partition int32, at time.Time, tombstone bool) {
		t.Helper()
		rec, err := store.Record(stream, offsets.Entry{Cursor: json.RawMessage(`{}`), UpdatedAt: at})
		must(t, err)
		if rec.Partition, rec.Timestamp = partition, at; tombstone {
			rec.Value = nil
		}
		must(t, cl.ProduceSync(t.Context(), rec).FirstErr())
	}
	early, late := time.Now().Add(-time.Hour), time.Now()
	put("issues", 3, early, false)
	put("issues", 16, late, false)
	put("tags", 4, early, false)
	put("tags", 5, late, true)
	put("issue_messages", 6, late, false)

	checks := check(t, opts)
	wantStates(t, checks, map[string]preflight.State{"cursors": preflight.Warning})
	wantText(t, checks["cursors"].Detail, "issues: partition 16 has the cursor that counts, and an older one is in 3", "tags: partition 5")
	wantText(t, checks["cursors"].Fix, "offsets export issues | pylon-kafka offsets import -", "offsets reset tags")

	contents, err := store.Read(t.Context(), topic.Stable)
	must(t, err)
	changes := append(contents.Import(map[string]offsets.Entry{"issues": contents.Streams["issues"].Entry}), contents.Reset("tags")...)
	_, err = store.Apply(t.Context(), "test", changes)
	must(t, err)
	checks = check(t, opts)
	wantStates(t, checks, map[string]preflight.State{})
	wantText(t, checks["cursors"].Detail, "2, each in one partition")
}
