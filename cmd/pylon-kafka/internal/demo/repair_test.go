package demo

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"pylon-kafka/cmd/pylon-kafka/internal/tail"
	"pylon-kafka/producer/connect"
)

// openCluster starts a broker on a folder.
func openCluster(t *testing.T, dir string) *kfake.Cluster {
	t.Helper()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.DefaultNumPartitions(1), kfake.DataDir(dir))
	if err != nil {
		t.Fatalf("start kfake: %v", err)
	}
	t.Cleanup(cluster.Close)
	return cluster
}

// transactionalClient makes a client that writes transactions to the topic tags.
func transactionalClient(t *testing.T, cluster *kfake.Cluster) *kgo.Client {
	t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(cluster.ListenAddrs()...), kgo.TransactionalID("tags"), kgo.DefaultProduceTopic("tags"))
	if err != nil {
		t.Fatalf("make client: %v", err)
	}
	t.Cleanup(cl.Close)
	return cl
}

// begin writes a record with this value in a transaction that stays open.
func begin(t *testing.T, cl *kgo.Client, value string) {
	t.Helper()
	if err := cl.BeginTransaction(); err != nil {
		t.Fatalf("begin: %v", err)
	}
	if err := cl.ProduceSync(t.Context(), kgo.StringRecord(value)).FirstErr(); err != nil {
		t.Fatalf("produce: %v", err)
	}
}

// commit writes a record in a transaction of its own.
func commit(t *testing.T, cl *kgo.Client, value string) {
	t.Helper()
	begin(t, cl, value)
	if err := cl.EndTransaction(t.Context(), kgo.TryCommit); err != nil {
		t.Fatalf("end: %v", err)
	}
}

// committedValues reads the topic tags to its end.
func committedValues(t *testing.T, cluster *kfake.Cluster) []string {
	t.Helper()
	reader, err := tail.NewReader(t.Context(), &connect.Kafka{Brokers: cluster.ListenAddrs()}, "tags")
	if err != nil {
		t.Fatal(err)
	}
	var values []string
	err = reader.Read(t.Context(), reader.Start, func(rec *kgo.Record) error {
		values = append(values, string(rec.Value))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return values
}

func TestAbortDangling_mendsTheFolderOfAKilledBroker(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cluster := openCluster(t, filepath.Join(dir, "before"))
	if err := cluster.CreateTopic("tags", 1, nil); err != nil {
		t.Fatal(err)
	}
	cl := transactionalClient(t, cluster)
	commit(t, cl, "committed")
	begin(t, cl, "dangling")
	// What is on the disk now is what a broker that is killed now leaves.
	killed := filepath.Join(dir, "killed")
	if err := os.CopyFS(killed, os.DirFS(filepath.Join(dir, "before"))); err != nil {
		t.Fatal(err)
	}

	cluster = openCluster(t, killed)
	for range 2 { // the second finds nothing to do
		if err := abortDangling(t.Context(), cluster.ListenAddrs()...); err != nil {
			t.Fatalf("abort: %v", err)
		}
	}
	if diff := cmp.Diff([]string{"committed"}, committedValues(t, cluster)); diff != "" {
		t.Errorf("the topic after the repair (-want +got):\n%s", diff)
	}
	commit(t, transactionalClient(t, cluster), "later")
	if diff := cmp.Diff([]string{"committed", "later"}, committedValues(t, cluster)); diff != "" {
		t.Errorf("the topic after another commit (-want +got):\n%s", diff)
	}
}
