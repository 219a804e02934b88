package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
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

func TestAbortDangling_mendsTheFolderOfAKilledBroker(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cluster := openCluster(t, filepath.Join(dir, "before"))
	w := newTopicWriter(t, cluster, "tags", 1)
	w.commit(w.tag("a", "committed"))
	if err := w.cl.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	if err := w.cl.ProduceSync(t.Context(), w.tag("b", "dangling")).FirstErr(); err != nil {
		t.Fatal(err)
	}
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
	if got := keysAndValues(tailLines(t, brokersOf(cluster), "tags", "--from-beginning", "--exit")); got != "a=committed" {
		t.Errorf("the topic holds %q after the repair, want a=committed", got)
	}
	next := &topicWriter{t: t, topic: w.topic, codec: w.codec}
	var err error
	next.cl, err = kgo.NewClient(kgo.SeedBrokers(cluster.ListenAddrs()...), kgo.TransactionalID(w.topic), kgo.DefaultProduceTopic(w.topic))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(next.cl.Close)
	next.commit(next.tag("c", "later"))
	if got := keysAndValues(tailLines(t, brokersOf(cluster), "tags", "--from-beginning", "--exit")); got != "a=committed c=later" {
		t.Errorf("the topic holds %q, want a=committed c=later", got)
	}
}
