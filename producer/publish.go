package producer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"pylon-kafka/offsets"
	"pylon-kafka/producer/connect"
)

// publish commits the records of a draft and the document that follows them in
// one Kafka transaction (KIP-98).
//
// The cursor is produced after the records and in the same transaction; it is
// published alone only if the batch had nothing new. A draft without records
// whose document goes on where the committed one does is no transaction at all.
//
// publish does not stop with ctx: a transaction that was begun is ended, within
// a grace of some seconds after ctx ends. If it returns an error, nothing was
// committed, or (an answer was lost) it is not known. A [tooLargeError] and
// errInterrupted are of the first kind, and the session goes on; after any other
// the session must be closed, and the next one ends what may stand open and reads
// the committed cursor.
//
// It must not be called concurrently with itself or anything else that uses the
// session's client.
func (s *session) publish(ctx context.Context, d *draft, doc document) (published bool, err error) {
	if len(d.records) == 0 && !s.doc.moves(doc) {
		return false, nil
	}
	cursor, err := json.Marshal(doc)
	if err != nil {
		return false, err
	}
	total := s.records + d.counts.Records + d.counts.Tombstones
	cursorRecord, err := s.store.Record(s.stream.Name, offsets.Entry{Cursor: cursor, Records: total, UpdatedAt: time.Now()})
	if err != nil {
		return false, err
	}
	ctx, span := s.opts.tracing.start(ctx, "transaction", trace.WithAttributes(
		attribute.String("messaging.destination.name", s.topic.Name), attribute.Int("messaging.batch.message_count", len(d.records))))
	defer func() { endSpan(ctx, span, err) }()
	work, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.work())
	defer cancel()
	defer context.AfterFunc(ctx, func() {
		timer := time.AfterFunc(grace, cancel)
		context.AfterFunc(work, func() { timer.Stop() })
	})()

	s.followShared()
	indexed, next, err := s.index.along(s.doc.Anew)
	if err != nil {
		return false, err
	}
	// What a record needs stands before it.
	records := slices.Concat(s.unknownSchemas(), d.records, indexed)
	err = s.transact(work, func(ctx context.Context) error {
		if err := s.produce(ctx, records, cursorRecord); err != nil || d.next == nil {
			return err
		}
		return s.uninterrupted(d.records, d.next)
	})
	if err != nil {
		return false, fmt.Errorf("transaction of %d records: %w", len(records), err)
	}
	s.index.went(next)
	s.publishedSchemas()
	s.doc, s.records = doc, total
	return true, nil
}

// transact does the work of one transaction and ends it: with a commit, or, after
// an error, without its records. Unless the error is an [openTransactionError] the
// session's client can go on after it.
func (s *session) transact(ctx context.Context, work func(context.Context) error) error {
	if err := s.cl.BeginTransaction(); err != nil {
		return &openTransactionError{fmt.Errorf("begin transaction: %w", fenced(err))}
	}
	err := work(ctx)
	if err == nil {
		err = s.cl.EndTransaction(ctx, kgo.TryCommit)
	}
	if err != nil {
		return fenced(s.abort(ctx, err))
	}
	return nil
}

// openTransactionError says that a transaction may still be open.
type openTransactionError struct{ error }

func (e *openTransactionError) Unwrap() error { return e.error }

// tooLargeError says that the topic takes no batch of that size. The transaction
// is aborted, and the session can go on.
type tooLargeError struct {
	error
	record *kgo.Record // the one that was refused, if it went alone
	size   int         // of the batches that were made
}

func (e *tooLargeError) Unwrap() error { return e.error }

// produce produces all records, the cursor last, and waits for every one.
//
// A broker refuses a whole batch that is larger than the topic takes, without
// saying which record it was. So records are flushed before they come to more
// than that, and one that is larger by itself goes alone: compressed it may fit,
// and if not, it is known which one it was.
func (s *session) produce(ctx context.Context, records []*kgo.Record, cursor *kgo.Record) error {
	first := kgo.AbortingFirstErrPromise(s.cl)
	var flight struct { // since the last flush
		records, size int
		refused       atomic.Pointer[kgo.Record] // a flush that is given up leaves promises that are yet to be called
	}
	flush := func() error {
		err := s.cl.Flush(ctx)
		if flight.refused.Load() == nil {
			flight.records, flight.size = 0, 0
		}
		return err
	}
	send := func(rec *kgo.Record) {
		flight.records++
		flight.size += recordSize(rec)
		promise := first.Promise()
		s.cl.Produce(ctx, rec, func(rec *kgo.Record, err error) {
			if errors.Is(err, kerr.MessageTooLarge) {
				flight.refused.CompareAndSwap(nil, rec)
			}
			s.index.refused(rec, err)
			promise(rec, s.refusal(rec.Topic, err))
		})
	}
	var err error
	for _, rec := range records {
		if flight.records > 0 && flight.size+recordSize(rec) > s.flushBytes {
			if err = flush(); err != nil || flight.refused.Load() != nil {
				break
			}
		}
		send(rec)
	}
	if err == nil && flight.refused.Load() == nil {
		if flight.size > s.flushBytes { // the cursor is not to be blamed with it
			err = flush()
		}
		if err == nil && flight.refused.Load() == nil {
			send(cursor)
			err = flush()
		}
	}
	if ctx.Err() != nil {
		// A batch that is under way to a broker that does not answer would be waited
		// for as long as that lasts. The session is closed after this, and a new one
		// ends the transaction.
		s.cl.UnsafeAbortBufferedRecords()
	}
	// Evaluated always: it waits until no promise is left to be called.
	if perr := first.Err(); perr != nil {
		err = perr
	}
	if rec := flight.refused.Load(); rec != nil {
		return s.tooLarge(rec, flight.records == 1, err)
	}
	return err
}

// refusal names the topic in what the broker says to a record; err may be nil. If
// there is no such topic, the next session looks for those that it shares with others.
func (s *session) refusal(topic string, err error) error {
	var answer *kerr.Error
	switch {
	case connect.IsDenied(err):
		return s.topics.k.Denied(err, connect.Right{Operation: "Write", Name: topic})
	case !errors.As(err, &answer), errors.Is(err, kerr.MessageTooLarge): // of which tooLarge says more
		return err
	case errors.Is(err, kerr.UnknownTopicOrPartition), errors.Is(err, kerr.UnknownTopicID):
		s.topics.shared.doubt()
	}
	return fmt.Errorf("topic %s: %w", topic, err)
}

// tooLarge says what is known of a refusal.
func (s *session) tooLarge(rec *kgo.Record, alone bool, err error) error {
	err = fmt.Errorf("topic %s refuses a batch with the record of key %q (%d bytes): %w", rec.Topic, rec.Key, recordSize(rec), err)
	if rec.Topic != s.topic.Name && rec.Topic != s.letters {
		return refusedError{err}
	}
	if !alone {
		rec = nil
	}
	return &tooLargeError{error: err, record: rec, size: s.flushBytes}
}

// abort ends the open transaction without its records and returns cause, joined
// with what went wrong in aborting if that says more. An abort that fails is no
// loss: taking over the transactional id anew aborts too.
func (s *session) abort(ctx context.Context, cause error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	err := s.cl.AbortBufferedRecords(ctx)
	if err == nil {
		err = s.cl.EndTransaction(ctx, kgo.TryAbort)
	}
	if err != nil && !errors.Is(err, kerr.OperationNotAttempted) {
		var large *tooLargeError
		if errors.As(cause, &large) {
			cause = large.error // the session cannot go on
		}
		return &openTransactionError{fmt.Errorf("%w (abort: %w)", cause, err)}
	}
	return cause
}

// unknownSchemas returns the records of the session's schemas that the schemas
// topic lacks.
func (s *session) unknownSchemas() []*kgo.Record {
	s.format.unknown = slices.DeleteFunc(s.format.unknown, func(rec *kgo.Record) bool { return s.topics.shared.schemas.holds(string(rec.Key)) })
	return s.format.unknown
}

// publishedSchemas notes that the session's schemas are in the topic.
func (s *session) publishedSchemas() {
	for _, rec := range s.format.unknown {
		s.topics.shared.schemas.add(string(rec.Key), string(rec.Value))
	}
	s.format.unknown = nil
}

// publishSchemas publishes what the schemas topic lacks of the schemas under which
// records stand: in a transaction of its own, since there may be no other for long.
func (s *session) publishSchemas(ctx context.Context) error {
	lost := s.topics.shared.schemas.take()
	records := lost
	if len(s.framing) > 0 { // the topic was deleted while nobody looked
		records = slices.Concat(lost, s.unknownSchemas())
	}
	if len(records) == 0 {
		return nil
	}
	err := s.transact(ctx, func(ctx context.Context) error {
		for _, rec := range records { // one at a time, so that no batch is larger than the topic takes
			if err := s.cl.ProduceSync(ctx, rec).FirstErr(); err != nil {
				return s.refusal(rec.Topic, err)
			}
		}
		return nil
	})
	if err != nil {
		s.topics.shared.schemas.giveBack(lost)
		return fmt.Errorf("transaction of %d schemas: %w", len(records), err)
	}
	if len(records) > len(lost) {
		s.publishedSchemas()
	}
	s.log.Info("schemas are published again", "topic", s.topics.shared.schemas.name, "schemas", len(records))
	return nil
}
