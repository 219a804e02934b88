package producer

import (
	"context"
	"errors"
	"maps"

	"github.com/twmb/franz-go/pkg/kgo"

	"pylon-kafka/offsets/topic"
	"pylon-kafka/producer/connect"
	"pylon-kafka/producer/topics"
)

// indexLimits say when something is written to the index topic.
type indexLimits struct {
	// objects is how many a topic must hold before an index is kept of it: fewer are
	// read from the topic itself in a moment.
	objects int
	// delta is how many bytes must have changed before a delta goes along with a
	// transaction. What has changed since is read from the topic.
	delta int
	// base is how many bytes the deltas must come to, and to as many as the base, for
	// a new base: so that an index is never more than twice as long as it has to be.
	base int
}

var usualLimits = indexLimits{objects: 10_000, delta: 64 << 10, base: 1 << 20}

// topicKeeper finds topics and makes those that are missing. It is safe for
// concurrent use once cl is set.
type topicKeeper struct {
	cl *kgo.Client // for questions
	k  *connect.Kafka

	limits indexLimits
	leases int32 // partitions of the offsets topic, as it was found
	shared *sharedTopics
}

// stream finds or makes a stream's topic.
func (t *topicKeeper) stream(ctx context.Context, stream string) (topics.Topic, error) {
	found, err := topics.Ensure(ctx, t.cl, t.k, topics.Stream(t.k, stream))
	if err != nil {
		return topics.Topic{}, finally(err)
	}
	return found[0], nil
}

// look tells what a stream's topic is like now.
func (t *topicKeeper) look(ctx context.Context, stream string) (topics.Topic, error) {
	found, err := topics.Describe(ctx, t.cl, t.k, topics.Stream(t.k, stream))
	if err != nil {
		return topics.Topic{}, err
	}
	return found[0], nil
}

// lookShared makes sure of the topics that all streams share.
func (t *topicKeeper) lookShared(ctx context.Context) error { return t.shared.look(ctx, t.cl, t.k) }

// index is what the index topic should be like.
func (t *topicKeeper) index() topics.Spec { return topics.Index(t.k) }

// ensureIndex finds or makes the index topic.
func (t *topicKeeper) ensureIndex(ctx context.Context) (topics.Topic, error) {
	found, err := topics.Ensure(ctx, t.cl, t.k, t.index())
	if err != nil {
		return topics.Topic{}, err
	}
	return found[0], nil
}

// empty reports whether a topic holds nothing, or is not there.
func (t *topicKeeper) empty(ctx context.Context, name string) bool {
	info, err := t.find(ctx, name)
	if err != nil {
		return errors.Is(err, topic.ErrAbsent)
	}
	return maps.Equal(info.At(topic.Start), info.At(topic.Written))
}

// find tells where a topic begins and ends.
func (t *topicKeeper) find(ctx context.Context, name string) (topic.Info, error) {
	return topic.Find(ctx, t.cl, name)
}

// finally marks an error about topics that stays.
func finally(err error) error {
	if err != nil && topics.Final(err) {
		return refusedError{err}
	}
	return err
}
