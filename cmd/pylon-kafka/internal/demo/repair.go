package demo

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// repairTimeout bounds the repair of a demo's folder, which reads all of it.
const repairTimeout = time.Minute

// abortDangling ends the transactions that were open when the demo's broker was
// killed. kfake takes them for aborted when it loads its folder again, but it
// writes no markers for that, as a real Kafka does: a reader then waits for
// ever at their last record, and drops what the same producer commits later.
// The cluster must have no other clients yet.
func abortDangling(ctx context.Context, brokers ...string) error {
	ctx, cancel := context.WithTimeout(ctx, repairTimeout)
	defer cancel()
	cl, err := kgo.NewClient(kgo.SeedBrokers(brokers...))
	if err != nil {
		return fmt.Errorf("make a Kafka client: %w", err)
	}
	defer cl.Close()
	admin := kadm.NewClient(cl)
	markers, err := danglingTransactions(ctx, admin, brokers)
	if err != nil || len(markers) == 0 {
		return err
	}
	responses, err := admin.WriteTxnMarkers(ctx, markers...)
	if err != nil {
		return fmt.Errorf("abort open transactions: %w", err)
	}
	var errs []error
	responses.EachPartition(func(r kadm.TxnMarkersPartitionResponse) {
		if r.Err != nil {
			errs = append(errs, fmt.Errorf("abort the open transaction in %s-%d: %w", r.Topic, r.Partition, r.Err))
		}
	})
	return errors.Join(errs...)
}

// producerEpoch is one producer in the log of a partition.
type producerEpoch struct {
	id    int64
	epoch int16
}

// danglingTransactions reads every partition and returns an abort marker for
// each producer that has records after its last marker.
func danglingTransactions(ctx context.Context, admin *kadm.Client, brokers []string) ([]kadm.TxnMarkers, error) {
	start, err := admin.ListStartOffsets(ctx)
	if err != nil {
		return nil, fmt.Errorf("list start offsets: %w", err)
	}
	end, err := admin.ListEndOffsets(ctx)
	if err != nil {
		return nil, fmt.Errorf("list end offsets: %w", err)
	}
	from := make(map[string]map[int32]kgo.Offset)
	left := 0
	start.Each(func(o kadm.ListedOffset) {
		if last, ok := end.Lookup(o.Topic, o.Partition); !ok || last.Offset == o.Offset {
			return // empty
		}
		if from[o.Topic] == nil {
			from[o.Topic] = make(map[int32]kgo.Offset)
		}
		from[o.Topic][o.Partition] = kgo.NewOffset().At(o.Offset)
		left++
	})
	if left == 0 {
		return nil, nil
	}
	cl, err := kgo.NewClient(kgo.SeedBrokers(brokers...), kgo.ConsumePartitions(from), kgo.KeepControlRecords())
	if err != nil {
		return nil, fmt.Errorf("make a Kafka client: %w", err)
	}
	defer cl.Close()

	open := make(map[producerEpoch]kadm.TopicsSet)
	for left > 0 {
		fetches := cl.PollFetches(ctx)
		if err := errors.Join(ctx.Err(), fetches.Err()); err != nil {
			return nil, fmt.Errorf("look for open transactions: %w", err)
		}
		for rec := range fetches.RecordsAll() {
			p := producerEpoch{rec.ProducerID, rec.ProducerEpoch}
			switch {
			case rec.Attrs.IsControl():
				delete(open[p][rec.Topic], rec.Partition)
			case rec.Attrs.IsTransactional():
				topics := open[p]
				topics.Add(rec.Topic, rec.Partition)
				open[p] = topics
			}
			if last, _ := end.Lookup(rec.Topic, rec.Partition); rec.Offset == last.Offset-1 {
				left--
			}
		}
	}
	var markers []kadm.TxnMarkers
	for p, topics := range open {
		for topic, partitions := range topics {
			if len(partitions) == 0 {
				delete(topics, topic)
			}
		}
		if len(topics) > 0 {
			markers = append(markers, kadm.TxnMarkers{ProducerID: p.id, ProducerEpoch: p.epoch, Topics: topics})
		}
	}
	return markers, nil
}
