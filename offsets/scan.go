package offsets

import (
	"context"

	"github.com/twmb/franz-go/pkg/kgo"

	"pylon-kafka/offsets/topic"
)

// Scan calls fn for every committed record of a topic up to its last stable
// offset. It is [topic.ReadAll].
func Scan(ctx context.Context, opts []kgo.Opt, name string, fn func(*kgo.Record) error) error {
	return topic.ReadAll(ctx, opts, name, topic.Stable, fn)
}

// Bounds returns the first offset and the last stable offset of each partition of
// a topic. It is [topic.Find].
func Bounds(ctx context.Context, cl *kgo.Client, name string) (start, end map[int32]int64, err error) {
	info, err := topic.Find(ctx, cl, name)
	if err != nil {
		return nil, nil, err
	}
	return info.At(topic.Start), info.At(topic.Stable), nil
}
