package topic_test

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"pylon-kafka/offsets/topic"
)

func Example() {
	ctx := context.Background()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "pylon.tags"))
	if err != nil {
		panic(err)
	}
	defer cluster.Close()
	opts := []kgo.Opt{kgo.SeedBrokers(cluster.ListenAddrs()...)}
	cl, err := kgo.NewClient(opts...)
	if err != nil {
		panic(err)
	}
	defer cl.Close()
	if err := cl.ProduceSync(ctx, &kgo.Record{Topic: "pylon.tags", Key: []byte("urgent")}, &kgo.Record{Topic: "pylon.tags", Key: []byte("later")}).FirstErr(); err != nil {
		panic(err)
	}

	info, err := topic.Find(ctx, cl, "pylon.tags")
	if err != nil {
		panic(err)
	}
	fmt.Println(info.Partitions(), "partition:", info.Ends[0])
	err = topic.Read(ctx, opts, info, info.At(topic.Start), info.At(topic.Written), func(rec *kgo.Record) error {
		fmt.Printf("%d: %s\n", rec.Offset, rec.Key)
		return nil
	})
	if err != nil {
		panic(err)
	}
	// Output:
	// 1 partition: {0 2 2}
	// 0: urgent
	// 1: later
}
