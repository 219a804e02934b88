package connect

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"regexp"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"pylon-kafka/extract"
)

// Kafka holds the settings of the cluster, of the topics that we create, and of
// the group that replicas form. The variable names are the interface that users
// hold on to. It is not changed after it was validated, so it is safe for
// concurrent use.
type Kafka struct {
	Brokers           []string      `env:"KAFKA_BROKERS"` // host:port, ...
	ClientID          string        `env:"KAFKA_CLIENT_ID, default=pylon-kafka"`
	RackID            string        `env:"KAFKA_RACK_ID"`
	TopicPrefix       string        `env:"KAFKA_TOPIC_PREFIX, default=pylon."`
	OffsetsTopic      string        `env:"KAFKA_OFFSETS_TOPIC"` // default: prefix + "offsets"
	OffsetsPartitions int32         `env:"KAFKA_OFFSETS_PARTITIONS, default=16"`
	TxnPrefix         string        `env:"KAFKA_TRANSACTIONAL_ID_PREFIX, default=pylon-kafka"`
	GroupID           string        `env:"KAFKA_GROUP_ID"` // default: the transactional id prefix
	SessionTimeout    time.Duration `env:"KAFKA_SESSION_TIMEOUT, default=15s"`
	Partitions        int32         `env:"KAFKA_TOPIC_PARTITIONS, default=1"`
	Replication       int16         `env:"KAFKA_TOPIC_REPLICATION_FACTOR, default=-1"` // -1: the broker's default
	CreateTopics      bool          `env:"KAFKA_CREATE_TOPICS, default=true"`
	Compression       string        `env:"KAFKA_COMPRESSION, default=zstd"`
	TLSEnabled        bool          `env:"KAFKA_TLS_ENABLED"`
	TLS               TLS           `env:", prefix=KAFKA_TLS_"`
	SASL              SASL
}

// Topic returns the name of a stream's topic, or of one of ours.
func (k *Kafka) Topic(stream string) string { return k.TopicPrefix + stream }

// Offsets returns the name of the offsets topic.
func (k *Kafka) Offsets() string { return cmp.Or(k.OffsetsTopic, k.Topic("offsets")) }

// TransactionalID returns the transactional id of a stream.
func (k *Kafka) TransactionalID(stream string) string { return k.TxnPrefix + "-" + stream }

// Group returns the consumer group of the replicas.
func (k *Kafka) Group() string { return cmp.Or(k.GroupID, k.TxnPrefix) }

// BrokerList returns the brokers as they are set, for messages.
func (k *Kafka) BrokerList() string { return strings.Join(k.Brokers, ",") }

// Codec returns the codec of KAFKA_COMPRESSION, and false for a name that
// is none.
func (k *Kafka) Codec() (kgo.CompressionCodec, bool) {
	switch k.Compression {
	case "none":
		return kgo.NoCompression(), true
	case "gzip":
		return kgo.GzipCompression(), true
	case "snappy":
		return kgo.SnappyCompression(), true
	case "lz4":
		return kgo.Lz4Compression(), true
	case "zstd":
		return kgo.ZstdCompression(), true
	default:
		return kgo.CompressionCodec{}, false
	}
}

// resourceName matches what Kafka allows in a topic's name
// (org.apache.kafka.common.internals.Topic, LEGAL_CHARS and MAX_NAME_LENGTH).
var resourceName = regexp.MustCompile(`^[a-zA-Z0-9._-]{1,249}$`)

// Validate reports all problems together; each names its variable, what it
// holds (never a secret) and what would do. It reads the files that are named.
func (k *Kafka) Validate() error {
	return errors.Join(k.validateBrokers(), k.validateNames(), k.validateTopics(), k.validateTLS(), k.SASL.validate())
}

func (k *Kafka) validateBrokers() error {
	if len(k.Brokers) == 0 {
		return errors.New("KAFKA_BROKERS is not set: give one or more brokers, e.g. kafka-0:9092,kafka-1:9092")
	}
	var errs []error
	for _, b := range k.Brokers {
		if host, port, err := net.SplitHostPort(b); err != nil || host == "" || port == "" {
			errs = append(errs, fmt.Errorf("KAFKA_BROKERS holds %q: use host:port", extract.MaskURL(b)))
		}
	}
	return errors.Join(errs...)
}

func (k *Kafka) validateNames() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	const allowed = "a topic's name takes letters, digits, dot, underscore and hyphen"
	if !resourceName.MatchString(k.Topic("x")) {
		bad("KAFKA_TOPIC_PREFIX is %q: %s", k.TopicPrefix, allowed)
	}
	if !resourceName.MatchString(k.Offsets()) {
		bad("KAFKA_OFFSETS_TOPIC is %q: %s", k.OffsetsTopic, allowed)
	}
	if k.TxnPrefix == "" {
		bad("KAFKA_TRANSACTIONAL_ID_PREFIX is empty: leave it out or give a name")
	}
	if least := time.Second; k.SessionTimeout < least {
		bad("KAFKA_SESSION_TIMEOUT is %q: use %v or more, such as 15s (brokers take 6s to 30m unless they are set otherwise)", k.SessionTimeout, least)
	}
	return errors.Join(errs...)
}

func (k *Kafka) validateTopics() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if k.OffsetsPartitions < 1 {
		bad("KAFKA_OFFSETS_PARTITIONS is %d: use 1 or more", k.OffsetsPartitions)
	}
	if k.Partitions < 1 {
		bad("KAFKA_TOPIC_PARTITIONS is %d: use 1 or more", k.Partitions)
	}
	if k.Replication < 1 && k.Replication != -1 {
		bad("KAFKA_TOPIC_REPLICATION_FACTOR is %d: use 1 or more, or -1 for the broker's default", k.Replication)
	}
	if _, ok := k.Codec(); !ok {
		bad("KAFKA_COMPRESSION is %q: use zstd, gzip, snappy, lz4 or none", k.Compression)
	}
	return errors.Join(errs...)
}

func (k *Kafka) validateTLS() error {
	if !k.TLSEnabled {
		if k.TLS != (TLS{}) {
			return errors.New("KAFKA_TLS_ENABLED is not true, but other KAFKA_TLS_ settings are there: set it, or leave them out")
		}
		return nil
	}
	return k.TLS.Validate("KAFKA_TLS")
}

// Options returns what every Kafka client of ours needs, and then extra, which
// counts where both say something. One result may be shared by any number of
// clients; those of OAUTHBEARER then share a token. The error is for settings
// that [Kafka.Validate] would have refused.
func (k *Kafka) Options(extra ...kgo.Opt) ([]kgo.Opt, error) {
	opts := []kgo.Opt{
		kgo.SeedBrokers(k.Brokers...),
		kgo.ClientID(k.ClientID),
		kgo.DialTimeout(dialTimeout),
		kgo.MetadataMinAge(100 * time.Millisecond), // a topic just created is found at once
		kgo.RetryBackoffFn(func(tries int) time.Duration { // capped: a broker that is back is found soon
			return min(100*time.Millisecond<<min(tries, 5), 2*time.Second)
		}),
	}
	if k.RackID != "" {
		opts = append(opts, kgo.Rack(k.RackID))
	}
	if k.TLSEnabled {
		opts = append(opts, kgo.Dialer(k.TLS.Dialer("KAFKA_TLS", "leave KAFKA_TLS_ENABLED out")))
	}
	mechanism, err := k.SASL.mechanism()
	if err != nil {
		return nil, err
	}
	if mechanism != nil {
		opts = append(opts, kgo.SASL(mechanism))
	}
	return append(opts, extra...), nil
}
