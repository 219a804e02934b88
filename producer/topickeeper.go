package producer

import (
	"context"

	"github.com/twmb/franz-go/pkg/kgo"

	"pylon-kafka/offsets/topic"
	"pylon-kafka/producer/connect"
	"pylon-kafka/producer/topics"
)

// topicKeeper finds topics and makes those that are missing. It is safe for
// concurrent use once cl is set.
type topicKeeper struct {
	cl *kgo.Client // for questions
	k  *connect.Kafka
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
