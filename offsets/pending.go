package offsets

import (
	"context"
	"fmt"
	"maps"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"pylon-kafka/offsets/topic"
)

// settled returns up to where each partition is to be read for the cursor of a
// stream whose own transactions have all ended: up to the last stable offset, and
// only where a record of the stream stands behind that, up to what is written.
//
// Behind the last stable offset records are not to be seen until the transactions
// of others before them end. Those of an instance that died stay open until
// somebody opens its streams, or for their timeout; who waits for all of them
// makes the death of one stream's owner everybody's.
func (s Store) settled(ctx context.Context, info topic.Info, stream string) (map[int32]int64, error) {
	to := info.At(topic.Stable)
	pending := make(map[int32]int64) // where each partition is to be looked at
	for p, ends := range info.Ends {
		if ends.Stable < ends.Written {
			pending[p] = ends.Stable
		}
	}
	if len(pending) == 0 {
		return to, nil
	}
	offsets := make(map[int32]kgo.Offset, len(pending))
	for p, at := range pending {
		offsets[p] = kgo.NewOffset().At(at)
	}
	cl, err := kgo.NewClient(append(s.Options[:len(s.Options):len(s.Options)],
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{info.Name: offsets}),
		kgo.ConsumeResetOffset(kgo.NoResetOffset()),
		kgo.FetchIsolationLevel(kgo.ReadUncommitted()),
		kgo.KeepControlRecords(),
	)...)
	if err != nil {
		return nil, fmt.Errorf("make a Kafka client: %w", err)
	}
	defer cl.Close()
	const patience = 30 * time.Second
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	key := s.Key(stream)
	for len(pending) > 0 {
		fetches := cl.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			return nil, fmt.Errorf("topic %s: look at what is not committed: %w", info.Name, err)
		}
		fetches.EachRecord(func(rec *kgo.Record) {
			if string(rec.Key) == key && !rec.Attrs.IsControl() {
				to[rec.Partition] = info.Ends[rec.Partition].Written
			}
			if _, there := pending[rec.Partition]; there {
				pending[rec.Partition] = rec.Offset + 1
			}
		})
		maps.DeleteFunc(pending, func(p int32, at int64) bool { return at >= info.Ends[p].Written })
	}
	return to, nil
}
