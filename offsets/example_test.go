package offsets_test

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"pylon-kafka/offsets"
	"pylon-kafka/offsets/topic"
)

// A cursor is committed with the data that it follows, read back, and then
// changed by hand.
func Example() {
	ctx := context.Background()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(16, "pylon.offsets"))
	if err != nil {
		panic(err)
	}
	defer cluster.Close()
	opts := []kgo.Opt{kgo.SeedBrokers(cluster.ListenAddrs()...)}
	cl, err := kgo.NewClient(append(opts, kgo.TransactionalID("pylon-kafka-tags"))...)
	if err != nil {
		panic(err)
	}
	defer cl.Close()
	store := offsets.Store{Topic: "pylon.offsets", Connector: "pylon", Options: opts}

	// The service: data and cursor in one transaction.
	cursor, err := store.Record("tags", offsets.Entry{Cursor: []byte(`{"page":7}`), UpdatedAt: time.Now()})
	if err != nil {
		panic(err)
	}
	if err := cl.BeginTransaction(); err != nil {
		panic(err)
	}
	if err := cl.ProduceSync(ctx, cursor).FirstErr(); err != nil { // and the records
		panic(err)
	}
	if err := cl.EndTransaction(ctx, kgo.TryCommit); err != nil {
		panic(err)
	}

	// A person: look, plan, show, apply.
	contents, err := store.Read(ctx, topic.Written)
	if err != nil {
		panic(err)
	}
	plan := contents.Reset("tags", "users")
	for _, change := range plan {
		fmt.Println(change)
	}
	if _, err := store.Apply(ctx, "pylon-kafka", plan); err != nil {
		panic(err)
	}
	_, err = store.Load(ctx, "tags")
	fmt.Println(err)
	// Output:
	// tags: {"page":7} -> no cursor
	// users: no cursor (unchanged)
	// no cursor
}
