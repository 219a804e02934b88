package producer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"pylon-kafka/extract"
	"pylon-kafka/offsets/topic"
	"pylon-kafka/producer/internal/index"
	"pylon-kafka/producer/internal/view"
)

// recalled is what the index says of a stream's topic.
type recalled struct {
	head        *index.Head
	view        *view.View
	partitions  int32 // of the index topic
	base, since int   // bytes of chunks and deltas
}

// recall reads the index of the session's topic. It returns nil where there is
// none or none that can be read: the topic itself is the truth, and costs time.
func (s *session) recall(ctx context.Context) *recalled {
	began := time.Now()
	r, err := s.readIndex(ctx)
	switch {
	case errors.Is(err, errNoIndex), errors.Is(err, topic.ErrAbsent), ctx.Err() != nil:
		return nil
	case err != nil:
		s.log.Info("the index cannot be used, and the topic is read whole", "topic", s.topic.Name, "error", err)
		return nil
	}
	s.log.Debug("opening", "done", "read the index", "objects", r.view.Len(), "deltas", r.head.Deltas, "took", time.Since(began).Round(time.Millisecond).String())
	return r
}

var errNoIndex = errors.New("the topic has no index")

// readIndex reads the head of the index and then its blocks. Only what was
// committed before any transaction that is still open is read, another stream's it
// may be: an older head is as good, and costs time.
func (s *session) readIndex(ctx context.Context) (*recalled, error) {
	info, err := s.topics.find(ctx, s.topics.index().Name)
	if err != nil {
		return nil, err
	}
	keys := index.KeysOf(s.connector, s.stream.Name)
	ends := info.At(topic.Stable)
	var value []byte
	heads := func(rec *kgo.Record) error {
		if string(rec.Key) == keys.Head() {
			value = rec.Value
		}
		return nil
	}
	if err := s.readPartition(ctx, info, 0, info.Ends[0].Start, ends[0], heads); err != nil {
		return nil, err
	}
	if value == nil {
		return nil, errNoIndex
	}
	head, err := index.ParseHead(value)
	if err != nil {
		return nil, err
	}
	if err := s.headFits(head); err != nil {
		return nil, err
	}
	r := &recalled{head: head, partitions: info.Partitions(), view: newKnown(s.stream.Sync == extract.SyncChildren).view}
	loader := index.NewLoader(head, r.view, s.stream.Sync == extract.SyncIssues)
	blocks := blocksPartition(s.stream.Name, r.partitions)
	err = s.readPartition(ctx, info, blocks, head.From, ends[blocks], func(rec *kgo.Record) error {
		if !keys.Own(rec.Key) || string(rec.Key) == keys.Head() {
			return nil
		}
		delta, err := loader.Take(rec.Value)
		if delta {
			r.since += len(rec.Value)
		} else {
			r.base += len(rec.Value)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return r, loader.Finish()
}

func (s *session) readPartition(ctx context.Context, info topic.Info, partition int32, from, to int64, fn func(*kgo.Record) error) error {
	return topic.Read(ctx, s.opts.cluster, info, map[int32]int64{partition: from}, map[int32]int64{partition: to}, fn)
}

// headFits returns why a head is not that of what the session would write.
func (s *session) headFits(head *index.Head) error {
	switch {
	case head.TopicID != s.topic.ID:
		return errors.New("the topic was deleted and made anew")
	case !bytes.Equal(head.KeyHeader, s.format.keys.header):
		return errors.New("keys have another form now")
	case !maps.Equal(head.Anew, s.doc.Anew):
		return errors.New("what is to be published anew is not the same")
	default:
		return nil
	}
}

// fits returns why the index is not that of the topic as it is now.
func (r *recalled) fits(now topic.Info) error {
	if len(now.Ends) != len(r.head.Partitions) {
		return fmt.Errorf("the topic has %d partitions, and had %d", len(now.Ends), len(r.head.Partitions))
	}
	for p, ends := range now.Ends {
		span, ok := r.head.Partitions[p]
		switch {
		case !ok || span.Start != ends.Start:
			return fmt.Errorf("records were removed: partition %d begins at offset %d, and began at %d", p, ends.Start, span.Start)
		case span.Covered > ends.Written:
			return fmt.Errorf("records are lost: partition %d ends at offset %d, and was known up to %d", p, ends.Written, span.Covered)
		}
	}
	return nil
}

// into puts what the index says into a rebuild, and returns from where the topic is
// to be read.
func (r *recalled) into(b *rebuild) map[int32]int64 {
	b.known.view, b.touched = r.view, make(map[objectID]struct{})
	b.framing = framingOf(r.head)
	for key, at := range r.head.Deleted {
		if time.Since(at) < b.s.unsettled {
			b.deleted[key] = at
		}
	}
	from := make(map[int32]int64, len(r.head.Partitions))
	for p, span := range r.head.Partitions {
		from[p] = span.Covered
	}
	return from
}
