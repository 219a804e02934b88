package steer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"pylon-kafka/offsets"
	"pylon-kafka/offsets/topic"
	"pylon-kafka/producer"
	"pylon-kafka/producer/connect"
)

// From plans that issues go on with what was updated since from.
func From(stream string, from time.Time) Plan {
	return set(stream, func(before json.RawMessage) (json.RawMessage, error) {
		return producer.CursorFrom(stream, before, from)
	})
}

// Set plans that a stream gets this cursor, which must be one that it could go on
// from.
func Set(stream string, cursor json.RawMessage) Plan {
	return set(stream, func(json.RawMessage) (json.RawMessage, error) { return cursor, producer.CheckCursor(stream, cursor) })
}

func set(stream string, next func(before json.RawMessage) (json.RawMessage, error)) Plan {
	return func(_ context.Context, now offsets.Contents) ([]offsets.Change, error) {
		cursor, err := next(now.Streams[stream].Entry.Cursor)
		if err != nil {
			return nil, err
		}
		change, err := now.Set(stream, cursor)
		return []offsets.Change{change}, err
	}
}

// Reset plans that streams forget where they are.
func Reset(streams ...string) Plan {
	return func(_ context.Context, now offsets.Contents) ([]offsets.Change, error) {
		return now.Reset(streams...), nil
	}
}

// Import plans that streams get the cursors of entries, all of which must be such
// that the streams could go on from them.
func Import(entries map[string]offsets.Entry) Plan {
	return func(_ context.Context, now offsets.Contents) ([]offsets.Change, error) {
		changes := now.Import(entries)
		var errs []error
		for _, c := range changes {
			errs = append(errs, producer.CheckCursor(c.Stream, c.After.Cursor))
		}
		return changes, errors.Join(errs...)
	}
}

// Anew plans that streams are published once more, as far as their topics hold them
// now.
func (c *Cursors) Anew(streams ...string) Plan {
	return func(ctx context.Context, now offsets.Contents) ([]offsets.Change, error) {
		cl, err := kgo.NewClient(c.opts...)
		if err != nil {
			return nil, fmt.Errorf("kafka client: %w", err)
		}
		defer cl.Close()
		var changes []offsets.Change
		for _, stream := range streams {
			name := c.kafka.Topic(stream)
			found, err := topic.Find(ctx, cl, name)
			if errors.Is(err, topic.ErrAbsent) {
				return nil, fmt.Errorf("topic %s does not exist: the next pass makes and fills it", name)
			}
			if err != nil {
				return nil, c.explain(err, connect.Right{Operation: "Describe", Name: name})
			}
			cursor, err := producer.CursorAnew(found.ID, found.At(topic.Written))
			if err != nil {
				return nil, fmt.Errorf("cursor of %s: %w", stream, err)
			}
			change, err := now.Set(stream, cursor)
			if err != nil {
				return nil, err
			}
			changes = append(changes, change)
		}
		return changes, nil
	}
}
