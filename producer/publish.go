package producer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"pylon-kafka/offsets"
	"pylon-kafka/producer/connect"
)

const (
	// transactionTimeout is how long Kafka lets a transaction stand open. It
	// counts from the first record, so everything slow is done before.
	transactionTimeout = 40 * time.Second
	// transactionWork is how long we try ourselves, so that a transaction is
	// ended by us and not by Kafka.
	transactionWork = 30 * time.Second
	// grace is what a transaction that is open at a stop may still take.
	grace = 8 * time.Second
)

// publish commits the records of an outbox and the cursor that follows them in
// one Kafka transaction. It is the only place that begins and ends one.
//
// The cursor is produced after the records and in the same transaction; it is
// published alone only if the batch had nothing new. An outbox without records
// whose cursor is the committed one already is no transaction at all.
//
// publish does not stop with ctx: a transaction that was begun is ended, within
// a grace of some seconds after ctx ends. If it returns an error, nothing was
// committed, or (an answer was lost) it is not known. Then the task must be
// opened anew, which ends what may stand open and reads the committed cursor;
// the client must not be used again. [ErrFenced] says that a newer instance
// lives. A record that the topic refuses for its size is noted in t.tooLarge,
// to become a dead letter at the next attempt.
//
// It must not be called at once with itself or anything else that uses t.cl.
func (t *task) publish(ctx context.Context, box *outbox, cursor json.RawMessage) error {
	if len(box.records) == 0 && string(cursor) == string(t.entry.Cursor) {
		return nil
	}
	entry := offsets.Entry{Cursor: cursor, Records: t.entry.Records + box.published + box.tombstones, UpdatedAt: time.Now()}
	cursorRecord, err := t.p.store.Record(t.stream.Name, entry)
	if err != nil {
		return err
	}
	work, cancel := context.WithTimeout(context.WithoutCancel(ctx), transactionWork)
	defer cancel()
	defer context.AfterFunc(ctx, func() {
		timer := time.AfterFunc(grace, cancel)
		context.AfterFunc(work, func() { timer.Stop() })
	})()

	if t.schema != nil { // before the first record that needs it
		box.records = append([]*kgo.Record{t.schema}, box.records...)
	}
	began := time.Now()
	if err := t.cl.BeginTransaction(); err != nil {
		return fmt.Errorf("begin transaction: %w", fenced(err))
	}
	err = t.produce(work, box.records, cursorRecord)
	if err == nil {
		err = t.cl.EndTransaction(work, kgo.TryCommit)
	}
	if err != nil {
		t.p.metrics.transactions.WithLabelValues(t.stream.Name, aborted).Inc()
		return fmt.Errorf("transaction of %d records: %w", len(box.records), fenced(t.abort(ctx, err)))
	}
	t.schemaSent = t.schemaSent || t.schema != nil
	t.entry, t.schema = entry, nil
	t.p.metrics.transactions.WithLabelValues(t.stream.Name, committed).Inc()
	t.p.metrics.transactionSeconds.WithLabelValues(t.stream.Name).Observe(time.Since(began).Seconds())
	return nil
}

// produce produces all records, the cursor last, and waits for every one.
//
// A broker refuses a whole batch that is larger than the topic takes, without
// saying which record it was. So records are flushed before they come to more
// than that, and one that is larger by itself goes alone: compressed it may fit,
// and if not, it is known which one it was.
func (t *task) produce(ctx context.Context, records []*kgo.Record, cursor *kgo.Record) error {
	first := kgo.AbortingFirstErrPromise(t.cl)
	var refused *kgo.Record
	flushed := true
	size := 0
	flush := func() error {
		size, flushed = 0, true
		return t.cl.Flush(ctx)
	}
	send := func(rec *kgo.Record) {
		flushed = false
		promise := first.Promise()
		t.cl.Produce(ctx, rec, func(rec *kgo.Record, err error) {
			if errors.Is(err, kerr.MessageTooLarge) {
				refused = rec // promises are called one after the other
			}
			promise(rec, t.p.cfg.Kafka.Denied(err, connect.Right{Operation: "Write", Name: rec.Topic}))
		})
	}
	var err error
	for _, rec := range records {
		n := recordSize(rec)
		if size+n > t.topic.MaxBytes && !flushed {
			if err = flush(); err != nil {
				break
			}
		}
		send(rec)
		size += n
	}
	if err == nil {
		send(cursor)
		err = flush()
	}
	// Evaluated always: it waits until no promise is left to be called.
	if perr := first.Err(); perr != nil {
		err = perr
	}
	if refused != nil {
		return t.refuse(refused, err)
	}
	return err
}

// refuse notes a record that its topic does not take.
func (t *task) refuse(rec *kgo.Record, err error) error {
	err = fmt.Errorf("topic %s refuses the record of key %q (%d bytes): %w", rec.Topic, rec.Key, recordSize(rec), err)
	if rec.Topic != t.topic.Name {
		return refusedError{err}
	}
	if h := readHeaders(rec); h.ours {
		t.tooLarge[string(rec.Key)] = oversize{hash: h.hash, size: recordSize(rec)}
		return outgrownError{err}
	}
	return err
}

// abort ends the open transaction without its records and returns cause, joined
// with what went wrong in aborting if that says more. An abort that fails is no
// loss: taking over the transactional id anew aborts too.
func (t *task) abort(ctx context.Context, cause error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	err := t.cl.AbortBufferedRecords(ctx)
	if err == nil {
		err = t.cl.EndTransaction(ctx, kgo.TryAbort)
	}
	if err != nil && !errors.Is(err, kerr.OperationNotAttempted) {
		return fmt.Errorf("%w (abort: %w)", cause, err)
	}
	return cause
}

// recordSize is at least what a record takes uncompressed.
func recordSize(rec *kgo.Record) int {
	const overhead = 64 // lengths, offsets, the batch's header shared by all
	n := overhead + len(rec.Key) + len(rec.Value)
	for _, h := range rec.Headers {
		n += len(h.Key) + len(h.Value) + 8
	}
	return n
}
