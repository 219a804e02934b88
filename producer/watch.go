package producer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"pylon-kafka/extract"
	"pylon-kafka/producer/topics"
)

// watchInterval is how often a session looks at its topic: whatever was read
// when the stream was opened can be changed by anybody at any time. It is also
// how soon a Kafka that does not answer is noticed by a stream that has nothing to
// commit; see troubleShown.
const watchInterval = 10 * time.Second

// watchTrouble is who tries again when the topic cannot be looked at.
const watchTrouble = "watch"

// watch looks at the topic of the session again. An error means that the session
// is to be opened anew: the topic is another one, has other partitions, or takes
// larger records than one that became a dead letter.
func (c *committer) watch(ctx context.Context) error {
	const patience = 10 * time.Second
	s := c.s
	limited, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	began := time.Now()
	now, err := s.topics.look(limited, s.stream.Name)
	c.state.trouble(watchTrouble, extract.Trouble{})
	switch {
	case errors.Is(err, kerr.UnknownTopicOrPartition):
		return againError{fmt.Errorf("topic %s was deleted: it is made anew and filled", s.topic.Name)}
	case err != nil && ctx.Err() == nil:
		if !c.unseen.IsZero() {
			began = c.unseen
		}
		c.unseen = began
		c.state.trouble(watchTrouble, extract.Trouble{
			Err: fmt.Errorf("look at topic %s: %w", s.topic.Name, s.topics.k.Explain(err)), Since: began, Next: time.Now().Add(watchInterval),
		})
		return nil
	case err != nil:
		return nil // what writes to the topic meets it too, and says so
	case now.ID != s.topic.ID:
		return againError{fmt.Errorf("topic %s was deleted and made anew: it is filled", s.topic.Name)}
	case now.Partitions != s.topic.Partitions:
		return againError{fmt.Errorf("topic %s has %d partitions now, and not %d: the stream is opened anew", s.topic.Name, now.Partitions, s.topic.Partitions)}
	}
	c.unseen = time.Time{}
	c.warnOf(now)
	if err := c.watchShared(limited); err != nil {
		return err
	}
	if !now.Described || now.MaxBytes == s.topic.MaxBytes {
		return nil
	}
	s.log.Info("the topic's max.message.bytes has changed", "topic", s.topic.Name, "max_message_bytes", now.MaxBytes, "before", s.topic.MaxBytes)
	raised := now.MaxBytes > s.topic.MaxBytes
	s.topic.MaxBytes, s.flushBytes = now.MaxBytes, now.MaxBytes
	if !raised {
		return nil
	}
	if fit := s.memory.raised(now.MaxBytes); len(fit) > 0 {
		c.fit(fit)
		return againError{fmt.Errorf("topic %s takes records of %d bytes now: %d that were dead letters are read again", s.topic.Name, now.MaxBytes, len(fit))}
	}
	return nil
}

// watchShared looks at the topics that all streams share, and publishes what one
// lacks that was made anew. An error means that the session's client cannot go on.
func (c *committer) watchShared(ctx context.Context) error {
	const shared, schemas = "shared topics", "schemas"
	s := c.s
	err := s.topics.lookShared(ctx)
	if ctx.Err() != nil {
		return nil //nolint:nilerr // What writes to the topics meets it too, and says so.
	}
	text := ""
	if err != nil {
		text = err.Error()
	}
	c.state.warn(shared, text)
	s.followShared()
	err = s.publishSchemas(ctx)
	var open *openTransactionError
	switch {
	case errors.As(err, &open) || isFenced(err):
		return err
	case err != nil:
		c.state.warn(schemas, fmt.Sprintf("consumers may not be able to read what is published: schemas are not published: %v", err))
	default:
		c.state.warn(schemas, "")
	}
	return nil
}

// warnOf shows what of a topic loses data or refuses records.
func (c *committer) warnOf(now topics.Topic) {
	s := c.s
	warnings := slices.Clone(now.Warnings)
	for p, start := range now.Start {
		if p < len(s.topic.Start) && start > s.topic.Start[p] {
			warnings = append(warnings, fmt.Sprintf("Kafka has removed records of topic %s that consumers may not have read (partition %d begins at offset %d, it was %d): "+
				"set cleanup.policy=compact, then `pylon-kafka publish-anew %s`", s.topic.Name, p, start, s.topic.Start[p], s.stream.Name))
		}
	}
	text := strings.Join(warnings, "; ")
	if text != c.warned && text != "" {
		s.log.Warn("the topic is not as it should be", "topic", s.topic.Name, "warning", text)
	}
	c.warned = text
	c.state.warn("topic", text)
}
