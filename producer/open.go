package producer

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/plugin/kprom"

	"pylon-kafka/extract"
	"pylon-kafka/offsets"
	"pylon-kafka/offsets/topic"
	"pylon-kafka/producer/connect"
	"pylon-kafka/producer/internal/index"
	"pylon-kafka/producer/topics"
)

// openSession makes the caller the owner of a stream, in the one order that
// loses nothing: take over the transactional id, which ends what a predecessor
// may still have open and keeps it from committing; only then read the cursor
// and what the topic holds. The registry is asked before the topic is made, so that
// none is made for records that cannot be written.
func openSession(ctx context.Context, set streamSettings, w *wire) (*session, error) {
	s := &session{streamSettings: set, topic: topics.Topic{Name: set.topics.k.Topic(set.stream.Name)}, shared: make(map[string]string)}
	var err error
	if s.format, err = w.look(ctx, s); err != nil {
		return nil, err
	}
	if s.topic, err = set.topics.stream(ctx, set.stream.Name); err != nil {
		return nil, err
	}
	if err := set.topics.lookShared(ctx); err != nil { // only what is to go there is held up
		set.log.Debug("the topics that the streams share are not as they should be", "error", err)
	}
	if err := s.connect(ctx, w); err != nil {
		return nil, err
	}
	s.flushBytes = s.topic.MaxBytes
	if err := s.dropOtherKeys(ctx); err != nil {
		s.cl.Close()
		return nil, err
	}
	s.log.Info("stream opened", "topic", s.topic.Name, "objects", s.known.view.Len(), "resumed", s.resumed, "indexed", s.index.head != nil)
	if moved := s.known.misplaced.Len(); moved > 0 {
		s.log.Warn("records stand in partitions in which their keys would not be put now; each is moved when it is read again",
			"topic", s.topic.Name, "records", moved)
	}
	return s, nil
}

// newClient makes the client of a session, whose transactions may stand open for
// timeout.
func (s *session) newClient(timeout time.Duration) (*kgo.Client, error) {
	opts := &s.opts
	return kgo.NewClient(append(opts.cluster[:len(opts.cluster):len(opts.cluster)],
		kgo.TransactionalID(opts.txnID),
		kgo.TransactionTimeout(timeout),
		kgo.ProducerBatchCompression(opts.compression),
		kgo.ProducerBatchMaxBytes(topics.MaxBytesDeadLetter),
		kgo.ProducerLinger(0), // a page is flushed at once
		kgo.RecordPartitioner(byTopic(s.topic.Name, s.streamSettings.topics.index().Name)),
		kgo.WithHooks(opts.tracing.hooks...),
		kgo.WithHooks(kprom.NewMetrics(namespace,
			kprom.Registerer(opts.registerer), kprom.WithStaticLabel(map[string]string{"stream": s.stream.Name}))),
	)...)
}

// load takes over the transactional id, then reads cursor and topic, and registers:
// InitProducerId raises the id's epoch and ends what a predecessor has open
// (KIP-98), so that what is read afterwards is final.
func (s *session) load(ctx context.Context, w *wire) error {
	began := time.Now()
	step := func(what string) {
		s.log.Debug("opening", "done", what, "took", time.Since(began).Round(time.Millisecond).String())
		began = time.Now()
	}
	if _, _, err := s.cl.ProducerID(ctx); err != nil {
		return fmt.Errorf("take over transactional id %s: %w", s.opts.txnID,
			s.topics.k.Denied(fenced(err), connect.Right{Operation: "Write", Resource: connect.OnTransactionalID, Name: s.opts.txnID}))
	}
	step("taken over the transactional id")
	entry, err := s.store.Load(ctx, s.stream.Name)
	switch {
	case errors.Is(err, offsets.ErrNoCursor):
	case errors.Is(err, offsets.ErrUnreadable):
		return refusedError{err}
	case err != nil:
		return s.topics.k.Denied(err, connect.Right{Operation: "Read", Name: s.store.Topic})
	}
	s.resumed, s.records, s.left = entry.Cursor != nil, entry.Records, entry.UpdatedAt
	step("read the cursor")
	doc, err := parseDocument(s.stream.Name, entry.Cursor)
	if err != nil {
		return err
	}
	fit, said := doc.fit(s.topic.ID, time.Now(), slowParts(s.stream)...)
	if said != "" {
		s.log.Warn("the cursor does not fit", "topic", s.topic.Name, "reason", said)
	}
	s.doc = fit
	err = s.learn(ctx, w)
	w.judged(s, err)
	if err != nil {
		return err
	}
	step("read the topic")
	noKeys := s.keyCodec != nil && s.format.keys.header == nil
	if s.format, err = w.open(ctx, s); err != nil {
		return err
	}
	step("have the schemas' ids")
	if !noKeys {
		return nil
	}
	// Now it is known which keys are ours.
	return s.rebuild(ctx, nil)
}

// learn learns from the topic what consumers have, and returns an error if it
// does not fit what the session would write. Nothing is registered before.
func (s *session) learn(ctx context.Context, w *wire) error {
	if err := s.rebuild(ctx, s.recall(ctx)); err != nil {
		return err
	}
	err := w.fits(ctx, s)
	if err == nil || s.index.head == nil {
		return err
	}
	// What does not fit may have gone from the topic since the index was written.
	if err := s.rebuild(ctx, nil); err != nil {
		return err
	}
	return w.fits(ctx, s)
}

// rebuild learns from the topic what consumers have: from what the index does not
// know, if there is one.
func (s *session) rebuild(ctx context.Context, known *recalled) error {
	b := newRebuild(s)
	right := connect.Right{Operation: "Read", Name: s.topic.Name}
	info, err := s.topics.find(ctx, s.topic.Name)
	if err != nil {
		return s.topics.k.Denied(err, right)
	}
	from := info.At(topic.Start)
	if known != nil {
		if err := known.fits(info); err != nil {
			s.log.Info("the index does not fit the topic, which is read whole", "topic", s.topic.Name, "error", err)
			known = nil
		} else {
			from = known.into(b)
		}
	}
	to := info.At(topic.Written)
	if err := topic.Read(ctx, s.opts.cluster, info, from, to, b.take); err != nil {
		return s.topics.k.Denied(err, right)
	}
	if b.otherKey != "" {
		return otherKeyRefused(s, b.otherKey)
	}
	b.finish()
	s.known, s.deleted, s.framing, s.otherKeys, s.keyFraming = b.known, b.deleted, b.framing, b.others, b.keyFraming
	s.index = &indexer{
		indexed: indexed{
			stream: s.stream.Name, issues: s.stream.Sync == extract.SyncIssues, topic: s.topic, known: s.known, framing: s.framing,
			mixed: len(s.otherKeys) > 0, keyHeader: s.format.keys.header, unsettled: s.unsettled, limits: s.topics.limits, memory: s.memory, log: s.log,
		},
		keys: index.KeysOf(s.connector, s.stream.Name), name: s.topics.index().Name,
		coverage: index.NewCoverage(to), deleted: maps.Clone(s.deleted),
	}
	if known != nil {
		s.index.partitions, s.index.base, s.index.since = known.partitions, known.base, known.since
		s.index.resume(known.head, b.touched)
	}
	if b.foreign > 0 {
		s.log.Warn("the topic holds records that this connector did not write; they are left alone",
			"topic", s.topic.Name, "records", b.foreign, "connector", s.connector)
	}
	return nil
}
