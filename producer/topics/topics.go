package topics

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"pylon-kafka/producer/connect"
)

// MaxBytes is the size of the largest record in the topics of streams that we
// create, since a message's body may be large. A dead letter holds the raw JSON,
// which is larger than the Avro that did not fit.
const (
	MaxBytes           = 16 << 20
	MaxBytesDeadLetter = 2 * MaxBytes
)

// Kind says what a topic must keep.
type Kind int

const (
	// Table keeps the last record of each key. A topic that does not is taken as
	// it is, with a warning.
	Table Kind = iota
	// Log keeps every record for ever, likewise.
	Log
	// State keeps the last record of each key, and a topic that does not is
	// refused: cursors would be lost.
	State
)

// Spec says how a topic is created where it is missing, and what it is measured
// by where it is there.
type Spec struct {
	Name       string
	Partitions int32
	MaxBytes   int // of a record batch
	Kind       Kind
}

// Offsets returns the spec of the offsets topic.
func Offsets(k *connect.Kafka) Spec {
	return Spec{Name: k.Offsets(), Partitions: k.OffsetsPartitions, MaxBytes: 1 << 20, Kind: State}
}

// DeadLetters returns the spec of the topic of dead letters.
func DeadLetters(k *connect.Kafka) Spec {
	return Spec{Name: k.Topic("deadletter"), Partitions: 1, MaxBytes: MaxBytesDeadLetter, Kind: Log}
}

// Schemas returns the spec of the topic of schemas, for use without a registry.
func Schemas(k *connect.Kafka) Spec {
	return Spec{Name: k.Topic("schemas"), Partitions: 1, MaxBytes: 1 << 20, Kind: Table}
}

// Index returns the spec of the topic that says in few bytes what large topics hold.
func Index(k *connect.Kafka) Spec {
	return Spec{Name: k.Topic("index"), Partitions: 1 + k.OffsetsPartitions, MaxBytes: 1 << 20, Kind: Table}
}

// Stream returns the spec of a stream's topic.
func Stream(k *connect.Kafka, stream string) Spec {
	return Spec{Name: k.Topic(stream), Partitions: k.Partitions, MaxBytes: MaxBytes, Kind: Table}
}

// Topic is what a topic was like when it was looked at.
type Topic struct {
	Name       string
	ID         string // changes when a topic is deleted and made anew; empty where the topic failed
	Partitions int32
	Described  bool     // its settings could be read; where not, what follows are Kafka's defaults
	Compacted  bool     // only a newer record of its key removes a record
	MaxBytes   int      // of a record batch
	Start      []int64  // by partition: the first offset that is there; it moves when Kafka removes records by age, size or request
	Warnings   []string // what of it loses data or refuses records, and what would mend it; a sentence each
}

// Error is what is wrong with one topic.
type Error struct {
	Topic string
	Final bool // trying again is of no use until somebody does something
	err   error
}

// Error names the topic.
func (e *Error) Error() string { return fmt.Sprintf("topic %s: %v", e.Topic, e.err) }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.err }

// Final reports whether any part of err stays until somebody does something.
func Final(err error) bool {
	if e, ok := err.(*Error); ok && e.Final { //nolint:errorlint // It walks the tree itself: errors.As stops at the first.
		return true
	}
	switch e := err.(type) { //nolint:errorlint // Likewise.
	case interface{ Unwrap() error }:
		return Final(e.Unwrap())
	case interface{ Unwrap() []error }:
		for _, part := range e.Unwrap() {
			if Final(part) {
				return true
			}
		}
	}
	return false
}

// Ensure creates the topics that are missing, where that is allowed, waits until
// each partition of each has a leader, and returns what they are like, in the
// order of specs. Each that fails is an [*Error] in the joined error, and has no
// ID; the others are good all the same. What the cluster answers in no way, or
// for a topic without a leader for longer than ten seconds, is an error that is
// not final; if ctx ends before, the error says what was waited for.
//
// It is safe for concurrent use, by other instances too: a topic that somebody
// else has just created is as good as ours.
func Ensure(ctx context.Context, cl *kgo.Client, k *connect.Kafka, specs ...Spec) ([]Topic, error) {
	s := newSurvey(cl, k, specs)
	s.create = true
	return s.run(ctx)
}

// Describe is [Ensure] without creating: a topic that is missing is an [*Error]
// that wraps kerr.UnknownTopicOrPartition and is not final.
func Describe(ctx context.Context, cl *kgo.Client, k *connect.Kafka, specs ...Spec) ([]Topic, error) {
	return newSurvey(cl, k, specs).run(ctx)
}

// Validate asks the cluster whether a topic that is missing could be created,
// and creates nothing. The warning says what it would lack; the error is an
// [*Error].
func Validate(ctx context.Context, cl *kgo.Client, k *connect.Kafka, spec Spec) (warning string, err error) {
	s := newSurvey(cl, k, []Spec{spec})
	s.validate = true
	if !k.CreateTopics {
		return "", &Error{Topic: spec.Name, Final: true, err: notAllowed(spec)}
	}
	warning, err = s.make(ctx, spec)
	if err != nil {
		s.refused(0, err)
		return "", s.errs[0]
	}
	return warning, nil
}

// survey is one look at some topics.
type survey struct {
	cl       *kgo.Client
	adm      *kadm.Client
	k        *connect.Kafka
	create   bool // what is missing
	validate bool // only ask whether it could be created

	specs      []Spec
	topics     []Topic         // by spec
	errs       []error         // by spec: failed
	waiting    []error         // by spec: why it is not ready, as it was last seen
	asked      map[string]bool // created
	replicated map[string]int  // replicas by topic
}

func newSurvey(cl *kgo.Client, k *connect.Kafka, specs []Spec) *survey {
	return &survey{
		cl: cl, adm: kadm.NewClient(cl), k: k, specs: specs,
		topics: make([]Topic, len(specs)), errs: make([]error, len(specs)), waiting: make([]error, len(specs)), asked: make(map[string]bool), replicated: make(map[string]int),
	}
}

func (s *survey) run(ctx context.Context) ([]Topic, error) {
	if err := s.find(ctx); err != nil {
		return nil, err
	}
	if err := s.configs(ctx); err != nil {
		return nil, err
	}
	if err := s.starts(ctx); err != nil {
		return nil, err
	}
	for i, spec := range s.specs {
		if s.errs[i] == nil && spec.Kind == State && s.topics[i].Described && !s.topics[i].Compacted {
			s.fail(i, true, s.notCompacted(spec))
		}
		if s.errs[i] != nil {
			s.topics[i] = Topic{Name: spec.Name}
		}
	}
	return s.topics, errors.Join(s.errs...)
}

// fail notes that the topic of a spec cannot be used.
func (s *survey) fail(i int, final bool, err error) {
	s.errs[i] = &Error{Topic: s.specs[i].Name, Final: final || connect.IsDenied(err), err: err}
}

// denied names the right that is missing, if that is what err is about.
func (s *survey) denied(i int, err error, operation string) error {
	return s.k.Denied(err, connect.Right{Operation: operation, Name: s.specs[i].Name})
}

// notCompacted says how to mend a topic that would lose cursors.
func (s *survey) notCompacted(spec Spec) error {
	return fmt.Errorf("it is not compacted (cleanup.policy=compact), so Kafka would delete cursors after a while; mend it with: %s",
		s.alter(spec.Name, "cleanup.policy=compact"))
}

// alter returns the command that sets a setting of a topic.
func (s *survey) alter(topic, setting string) string {
	broker := "BROKER"
	if len(s.k.Brokers) > 0 {
		broker = s.k.Brokers[0]
	}
	return fmt.Sprintf("kafka-configs.sh --bootstrap-server %s --alter --entity-type topics --entity-name %s --add-config %s", broker, topic, setting)
}

// transient reports whether a topic's error passes by itself: it is being
// created, moved, or its brokers start.
func transient(err error) bool {
	for _, e := range []error{
		kerr.LeaderNotAvailable, kerr.NotLeaderForPartition, kerr.UnknownLeaderEpoch, kerr.ReplicaNotAvailable, kerr.KafkaStorageError,
		kerr.RequestTimedOut, kerr.CoordinatorNotAvailable, kerr.NotController, kerr.UnknownTopicID,
	} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}
