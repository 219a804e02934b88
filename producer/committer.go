package producer

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// committer takes the batches of all readers of a stream, one after the other:
// it has the rule decide what is published, publishes it with the cursor that
// follows, and notes what was committed. It owns the document.
type committer struct {
	s           *session
	state       *state
	mostLetters int // MAX_DEAD_LETTERS
	log         *passLog
	fit         func([]objectID) // told of dead letters that the topic takes now
	warned      string           // what watch has logged
	unseen      time.Time        // since when the topic cannot be looked at; zero: it can
}

// commit brings one batch into Kafka. An error means that the session is to be
// closed.
func (c *committer) commit(ctx context.Context, b *batch) (err error) {
	ctx, end := b.inPage(ctx)
	defer func() { end(err) }()
	if err := ctx.Err(); err != nil {
		return err
	}
	for times := 0; ; times++ {
		d, err := c.decide(b)
		if err != nil {
			return err
		}
		if ok, err := c.undisturbed(ctx, d); err != nil {
			return fmt.Errorf("publish: %w", err)
		} else if !ok {
			continue
		}
		began := time.Now()
		doc := c.s.doc.with(b)
		if d.cursor != nil {
			doc = doc.with(&batch{part: b.part, cursor: d.cursor})
		}
		over := c.state.await(ctx, "commit to "+c.s.topic.Name, c.s.reachable)
		published, err := c.s.publish(ctx, d, doc)
		over()
		if err != nil {
			c.state.transaction(false, 0)
			if interrupted(ctx, err, times) {
				continue
			}
			if err = c.learn(ctx, d, err); err != nil {
				return fmt.Errorf("publish: %w", err)
			}
			continue
		}
		if published {
			c.state.transaction(true, time.Since(began))
		}
		c.s.flushBytes = c.s.topic.MaxBytes
		c.s.known.apply(d.changes)
		c.s.index.committed(d.records, d.changes)
		c.s.memory.noteLetters(d.letters)
		b.rule.committed(d)
		c.state.committed(b, d.counts)
		c.showMoved()
		c.log.batch(b, d)
		if published {
			c.s.log.Debug("committed", "part", b.part, "origin", b.origin, "records", d.counts.Records,
				"tombstones", d.counts.Tombstones, "unchanged", d.counts.Unchanged)
		}
		if c.s.index.due() {
			return c.s.writeBase(ctx)
		}
		return nil
	}
}

// decide makes the draft of a batch.
func (c *committer) decide(b *batch) (*draft, error) {
	d := c.s.newDraft(b.origin, len(b.records))
	if err := b.rule.decide(d, b.records, b.families); err != nil {
		return nil, err
	}
	if err := d.tooManyLetters(c.mostLetters); err != nil {
		return nil, err
	}
	return d, nil
}

// learn makes of a refusal for size what is to be done next: the topic may have
// got another limit, the batches may have to be smaller, or one record really
// does not fit; a dead letter then goes without its raw JSON. It returns nil where
// the batch is to be tried again.
func (c *committer) learn(ctx context.Context, d *draft, err error) error {
	var large *tooLargeError
	if !errors.As(err, &large) {
		return err
	}
	s := c.s
	now, derr := s.topics.look(ctx, s.stream.Name)
	switch {
	case derr == nil && now.Described && now.MaxBytes < s.topic.MaxBytes:
		s.log.Warn("the topic takes smaller records than before", "topic", s.topic.Name, "max_message_bytes", now.MaxBytes, "before", s.topic.MaxBytes)
		s.topic.MaxBytes = now.MaxBytes
		s.flushBytes = min(s.flushBytes, now.MaxBytes)
		return nil
	case large.record == nil:
		s.flushBytes = max(s.flushBytes/2, 1)
		return nil
	}
	rec := large.record
	if content, ok := d.letterOf(rec); ok && s.memory.noteBare(content) {
		s.log.Warn("the dead-letter topic does not take an object's raw JSON, which is left out", "topic", s.letters, "key", string(rec.Key), "bytes", len(rec.Value))
		return nil
	}
	for _, change := range d.changes {
		if key, _ := s.format.keys.decode(rec.Key); rec.Topic == s.topic.Name && !change.gone && change.key == key {
			s.memory.refused(change.objectID, oversize{hash: change.hash, size: recordSize(rec)})
			return nil
		}
	}
	return refusedError{large.error}
}

// showMoved shows how many records still stand in partitions that are not their
// key's.
func (c *committer) showMoved() {
	moved := c.s.known.misplaced.Len()
	if moved == 0 {
		c.state.warn("moved", "")
		return
	}
	c.state.warn("moved", fmt.Sprintf("partitions were added to topic %s: %d records stand in others than their keys' and are moved as they are read again",
		c.s.topic.Name, moved))
}
