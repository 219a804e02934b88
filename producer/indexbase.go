package producer

import (
	"context"
	"errors"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"pylon-kafka/producer/internal/index"
	"pylon-kafka/producer/topics"
)

// writeBase writes all that is known to the index topic, in a transaction of its
// own. That it fails costs nothing but time at the next hand-over: only an error
// after which the session's client cannot go on is returned.
func (s *session) writeBase(ctx context.Context) error {
	x := s.index
	began := time.Now()
	topic, err := s.topics.ensureIndex(ctx)
	if err != nil {
		x.pause = time.Now().Add(indexPause)
		if topics.Final(err) {
			s.memory.refuseIndex()
		}
		s.log.Warn("no index is kept of the topic, so that a hand-over reads it whole", "topic", s.topic.Name, "error", err)
		return nil
	}
	x.partitions = topic.Partitions
	head := &index.Head{Generation: began.UnixNano()}
	if x.head != nil {
		head.Generation = max(head.Generation, x.head.Generation+1)
	}
	work, cancel := context.WithTimeout(ctx, s.work())
	defer cancel()
	bytes := 0
	err = s.transact(work, func(ctx context.Context) error {
		var err error
		bytes, err = s.produceBase(ctx, head)
		return err
	})
	if err != nil {
		x.pause = time.Now().Add(indexPause)
		var open *openTransactionError
		if errors.As(err, &open) || isFenced(err) {
			return err
		}
		if ctx.Err() == nil && !s.memory.indexRefused() {
			s.log.Warn("the index of the topic is not written", "topic", s.topic.Name, "index", x.name, "error", err)
		}
		return nil
	}
	x.head, x.delta, x.base, x.since = head, x.delta[:0], bytes, 0
	s.log.Debug("wrote the index", "topic", s.topic.Name, "objects", head.Objects, "bytes", bytes, "took", time.Since(began).Round(time.Millisecond).String())
	return nil
}

// produceBase produces the chunks and then the head, which it fills in, and returns
// how many bytes the chunks are.
func (s *session) produceBase(ctx context.Context, head *index.Head) (bytes int, err error) {
	produce := func(rec *kgo.Record) error { // and wait, so that no batch holds two
		err := s.cl.ProduceSync(ctx, rec).FirstErr()
		s.index.refused(rec, err)
		return err
	}
	var value []byte
	for body := range s.index.bodies() {
		block := index.Block{Generation: head.Generation, Number: head.Chunks, Body: body}
		value = block.Encode(value[:0])
		rec := s.index.record(s.index.keys.Chunk(head.Chunks), value)
		if err := produce(rec); err != nil {
			return 0, err
		}
		if head.Chunks == 0 {
			head.From = rec.Offset
		}
		head.Chunks++
		bytes += len(value)
	}
	rec, err := s.index.headRecord(head, s.doc.Anew)
	if err != nil {
		return 0, err
	}
	return bytes, produce(rec)
}
