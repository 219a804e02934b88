package producer

import (
	"context"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"

	"pylon-kafka/avro"
	"pylon-kafka/extract"
	"pylon-kafka/offsets"
	"pylon-kafka/producer/topics"
)

const (
	// transactionTimeout is how long Kafka lets a transaction stand open. It
	// counts from the first record (KIP-98: the coordinator begins when a partition is
	// added), so everything slow is done before. A cluster that takes less is asked for less,
	// see [session.connect].
	transactionTimeout = 40 * time.Second
	// transactionWork is how long we try ourselves, so that a transaction is
	// ended by us and not by Kafka.
	transactionWork = 30 * time.Second
	// grace is what a transaction that is open at a stop may still take.
	grace = 8 * time.Second
)

// session is a stream that is open: from the taking over of its transactional
// id to the closing of the client. While it is open it is the only writer of the
// topic and of the stream's cursor; a later session fences it.
type session struct {
	streamSettings
	topic topics.Topic
	cl    *kgo.Client
	lastEntry
	format  format
	known   *known
	deleted map[string]time.Time // tombstones of the topic that are not long ago
	framing framing              // what stands before the Avro in the topic's records
	// otherKeys are keys of records of another form, each with the parent.
	otherKeys map[otherKey]string
	// keyFraming is what stands before the Avro in keys, as long as ours is not known.
	keyFraming framing
	index      *indexer

	looked map[int32]int64   // up to where the topic was read for records of others
	shared map[string]string // ids of the topics that the client shares with other streams'

	flushBytes int // how much goes into one batch
}

// lastEntry is what the offsets topic holds for a stream.
type lastEntry struct {
	doc     document  // as committed
	resumed bool      // a cursor was found when the session was opened
	left    time.Time // when that was committed
	records int64     // committed over the stream's life
}

// streamSettings is what a stream is opened with, time and again.
type streamSettings struct {
	stream     extract.Stream
	codec      *avro.Codec
	keyCodec   *avro.KeyCodec // nil: plain keys
	connector  string
	letters    string // the dead-letter topic
	tombstones bool
	store      offsets.Store
	memory     *streamMemory
	log        *slog.Logger
	unsettled  time.Duration // how long a tombstone stays in deleted
	topics     *topicKeeper
	opts       clientOptions
}

// clientOptions make the clients of a stream.
type clientOptions struct {
	cluster     []kgo.Opt // how to reach it
	txnID       string
	compression kgo.CompressionCodec
	registerer  prometheus.Registerer
	tracing     tracing
}

// reachable asks for the topic; its error may tell why Kafka gives no answer.
func (s *session) reachable(ctx context.Context) error {
	_, err := s.topics.look(ctx, s.stream.Name)
	return s.topics.k.Explain(err)
}

// followShared has the session take notice of shared topics that were made anew: a
// kgo client goes on asking for a topic that it knows by the id that it had, until
// the topic is purged; and of the dead letters that were published none is there.
func (s *session) followShared() {
	for _, spec := range s.topics.shared.specs {
		before, known := s.shared[spec.Name]
		now := s.topics.shared.id(spec.Name)
		if known && now != before {
			s.cl.PurgeTopicsFromProducing(spec.Name)
		}
		s.shared[spec.Name] = now
	}
	s.memory.lettersIn(s.shared[s.letters])
}

// close closes the client; nothing may use the session then.
func (s *session) close() { s.cl.Close() }

// partition is where Kafka's own clients put a key.
func (s *session) partition(key string) int32 { return offsets.Partition(key, s.topic.Partitions) }

// raw returns the JSON of a prepared record: as it came where that was kept,
// else made from its Avro, which holds every member.
func (s *session) raw(p *prepared) []byte {
	if p.raw != nil {
		return p.raw
	}
	decoder, err := avro.NewDecoder(s.codec.Schema())
	if err != nil {
		return p.value
	}
	text, err := decoder.JSON(nil, p.value[len(s.format.header):], avro.DecodeOptions{Merge: true})
	if err != nil {
		return p.value
	}
	return text
}
