package producer

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kgo"
)

// byTopic partitions the records of our own topic by hand, since a record may
// have to go where its key stood before partitions were added; those of other
// topics as Kafka's own clients do.
func byTopic(own ...string) kgo.Partitioner {
	return partitioner{own: own, manual: kgo.ManualPartitioner(), usual: kgo.StickyKeyPartitioner(nil)}
}

type partitioner struct {
	own           []string
	manual, usual kgo.Partitioner
}

// ForTopic implements kgo.Partitioner.
func (p partitioner) ForTopic(topic string) kgo.TopicPartitioner {
	if slices.Contains(p.own, topic) {
		return p.manual.ForTopic(topic)
	}
	return p.usual.ForTopic(topic)
}
