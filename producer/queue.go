package producer

import (
	"context"
	"errors"
	"maps"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"pylon-kafka/offsets/topic"
)

// queue is the issues topic, as a lane reads it.
type queue interface {
	// bounds tells which topic it is, where it begins, and where what is written
	// ends, committed or not yet.
	bounds(ctx context.Context) (bounds, error)
	// next returns up to most committed records that follow from, and the position
	// after them. It waits for some; when ctx ends first, it returns its error, and
	// may be called again.
	next(ctx context.Context, from map[int32]int64, most int) ([]*kgo.Record, map[int32]int64, error)
	close()
}

// bounds are the ends of the issues topic by partition.
type bounds struct {
	name, id       string
	start, written map[int32]int64
}

// topicQueue reads a topic of Kafka. It keeps its consumer between calls that
// follow one another.
type topicQueue struct {
	name   string
	parent string // the stream whose topic it is
	opts   []kgo.Opt
	topics *topicKeeper

	found  topic.Info
	reader *topic.Reader
	at     map[int32]int64 // where reader stands
}

func (q *topicQueue) bounds(ctx context.Context) (bounds, error) {
	found, err := q.topics.find(ctx, q.name)
	if errors.Is(err, topic.ErrAbsent) {
		if _, err := q.topics.stream(ctx, q.parent); err != nil {
			return bounds{}, err
		}
		found, err = q.topics.find(ctx, q.name)
	}
	if err != nil {
		return bounds{}, err
	}
	if found.ID != q.found.ID {
		q.close()
	}
	q.found = found
	return bounds{name: q.name, id: found.ID, start: found.At(topic.Start), written: found.At(topic.Written)}, nil
}

func (q *topicQueue) next(ctx context.Context, from map[int32]int64, most int) ([]*kgo.Record, map[int32]int64, error) {
	if q.reader != nil && !maps.Equal(q.at, from) {
		q.close()
	}
	if q.reader == nil {
		q.reader = topic.Open(q.opts, q.found, from)
	}
	chunk, err := q.reader.Next(ctx, most)
	switch {
	case err != nil && ctx.Err() != nil:
		q.at = maps.Clone(from)
		return nil, from, ctx.Err()
	case err != nil:
		q.close()
		return nil, nil, err
	}
	q.at = maps.Clone(from)
	maps.Copy(q.at, chunk.Next)
	return chunk.Records, q.at, nil
}

func (q *topicQueue) close() {
	if q.reader != nil {
		q.reader.Close()
		q.reader = nil
	}
}

// waitingQueue is a queue of which the next records can be awaited, and are kept
// for the read that follows.
type waitingQueue struct {
	queue
	await   func(context.Context) (over func()) // shows a question that Kafka does not answer
	from    map[int32]int64
	records []*kgo.Record
	end     map[int32]int64
}

func (q *waitingQueue) bounds(ctx context.Context) (bounds, error) {
	over := q.await(ctx)
	defer over()
	return q.queue.bounds(ctx)
}

// arrive waits until records follow from, for most of a while at the longest.
func (q *waitingQueue) arrive(ctx context.Context, from map[int32]int64, while time.Duration) error {
	const most = 5000
	if q.end != nil {
		return nil
	}
	limited, cancel := context.WithTimeout(ctx, while)
	defer cancel()
	records, end, err := q.queue.next(limited, from, most)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	if err == nil && !maps.Equal(end, from) {
		q.from, q.records, q.end = maps.Clone(from), records, end
	}
	return nil
}

func (q *waitingQueue) next(ctx context.Context, from map[int32]int64, most int) ([]*kgo.Record, map[int32]int64, error) {
	if q.end != nil && maps.Equal(q.from, from) {
		records, end := q.records, q.end
		q.from, q.records, q.end = nil, nil, nil
		return records, end, nil
	}
	q.from, q.records, q.end = nil, nil, nil
	return q.queue.next(ctx, from, most)
}
