package producer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"pylon-kafka/producer/connect"
)

// maxMessageBytes is the size of the largest record in the topics that we
// create; a message's body may be large. A dead letter holds the raw JSON,
// which is larger than the Avro that did not fit.
const (
	maxMessageBytes           = 16 << 20
	maxMessageBytesDeadLetter = 2 * maxMessageBytes
)

// topic is what a task must know of its topic.
type topic struct {
	name      string
	id        string // changes when a topic is deleted and made anew
	described bool   // its settings could be read
	compacted bool
	maxBytes  int // of a record batch
}

// topicSpec says how a topic is created where it is missing.
type topicSpec struct {
	name       string
	partitions int32
	maxBytes   int
	log        bool // every record is kept, and not just the last one of each key
}

// configs are the settings that a topic is created with.
func (s topicSpec) configs() map[string]*string {
	compact, remove, forever, size := "compact", "delete", "-1", strconv.Itoa(s.maxBytes)
	if s.log {
		return map[string]*string{"cleanup.policy": &remove, "retention.ms": &forever, "max.message.bytes": &size}
	}
	return map[string]*string{"cleanup.policy": &compact, "max.message.bytes": &size}
}

// ensureTopics creates the topics that are missing, where that is allowed, waits
// until they can be written to, and returns what they are like, and for each of
// the others an error that names it and says what would do. The second error is
// for the request as a whole.
func ensureTopics(ctx context.Context, cl *kgo.Client, k *connect.Kafka, specs []topicSpec) (map[string]topic, map[string]error, error) {
	names := make([]string, len(specs))
	for i, s := range specs {
		names[i] = s.name
	}
	adm := kadm.NewClient(cl)
	failed := make(map[string]error)
	var ids map[string]string
	for created := false; ; created = true {
		var missing []topicSpec
		var err error
		if ids, missing, err = findTopics(ctx, cl, specs, failed); err != nil {
			return nil, nil, fmt.Errorf("list topics: %w", err)
		}
		if len(missing) == 0 {
			break
		}
		for _, s := range missing {
			if created {
				continue // it takes a moment until all brokers know
			}
			if err := createTopic(ctx, adm, k, s); err != nil {
				failed[s.name] = err
			}
		}
		if err := sleep(ctx, 20*time.Millisecond); err != nil {
			return nil, nil, fmt.Errorf("topic %s: created, but not there yet: %w", missing[0].name, err)
		}
	}
	configs, err := adm.DescribeTopicConfigs(ctx, names...)
	if err != nil {
		return nil, nil, fmt.Errorf("describe topics: %w", err)
	}
	topics := make(map[string]topic)
	for _, s := range specs {
		if failed[s.name] == nil {
			topics[s.name] = describeTopic(s, ids[s.name], configs)
		}
	}
	return topics, failed, nil
}

// findTopics returns the ids of the topics that are there with a leader for each
// partition, and those that are not and have not failed. It asks the cluster: the
// client's own cache would not see that a topic was made anew.
func findTopics(ctx context.Context, cl *kgo.Client, specs []topicSpec, failed map[string]error) (ids map[string]string, missing []topicSpec, err error) {
	req := kmsg.NewPtrMetadataRequest()
	req.AllowAutoTopicCreation = false
	for _, s := range specs {
		t := kmsg.NewMetadataRequestTopic()
		t.Topic = kmsg.StringPtr(s.name)
		req.Topics = append(req.Topics, t)
	}
	resp, err := req.RequestWith(ctx, cl)
	if err != nil {
		return nil, nil, err
	}
	ids = make(map[string]string)
	for _, t := range resp.Topics {
		at := slices.IndexFunc(specs, func(s topicSpec) bool { return t.Topic != nil && s.name == *t.Topic })
		if at < 0 || failed[specs[at].name] != nil {
			continue
		}
		spec := specs[at]
		err := kerr.ErrorForCode(t.ErrorCode)
		for _, p := range t.Partitions {
			if err == nil {
				err = kerr.ErrorForCode(p.ErrorCode)
			}
		}
		switch {
		case err == nil:
			ids[spec.name] = kadm.TopicID(t.TopicID).String()
		case errors.Is(err, kerr.UnknownTopicOrPartition), errors.Is(err, kerr.LeaderNotAvailable):
			missing = append(missing, spec)
		default:
			failed[spec.name] = fmt.Errorf("topic %s: %w", spec.name, err)
		}
	}
	return ids, missing, nil
}

func createTopic(ctx context.Context, adm *kadm.Client, k *connect.Kafka, s topicSpec) error {
	if !k.CreateTopics {
		return refusedError{fmt.Errorf("topic %s does not exist and KAFKA_CREATE_TOPICS is false: create it with cleanup.policy=%s, or allow it", s.name, *s.configs()["cleanup.policy"])}
	}
	_, err := adm.CreateTopic(ctx, s.partitions, k.Replication, s.configs(), s.name)
	if err != nil && !errors.Is(err, kerr.TopicAlreadyExists) {
		return fmt.Errorf("create topic %s (%d partitions, replication factor %d): %w", s.name, s.partitions, k.Replication, err)
	}
	return nil
}

// describeTopic takes what the cluster told; where it did not tell (the right
// to describe configs is one of its own), Kafka's defaults.
func describeTopic(s topicSpec, id string, configs kadm.ResourceConfigs) topic {
	t := topic{name: s.name, id: id, maxBytes: 1048588}
	config, err := configs.On(s.name, nil)
	if err != nil || config.Err != nil {
		return t
	}
	t.described = true
	for _, c := range config.Configs {
		switch c.Key {
		case "cleanup.policy":
			t.compacted = c.MaybeValue() == "compact"
		case "max.message.bytes":
			if n, err := strconv.Atoi(c.MaybeValue()); err == nil && n > 0 {
				t.maxBytes = n
			}
		}
	}
	return t
}

// mustBeCompacted returns an error that says how to mend it, if t would lose
// what it must keep.
func mustBeCompacted(t topic, brokers string) error {
	if t.compacted || !t.described {
		return nil
	}
	return refusedError{fmt.Errorf("topic %s is not compacted (cleanup.policy=compact), so Kafka would delete cursors after a while; mend it with: "+
		"kafka-configs.sh --bootstrap-server %s --alter --entity-type topics --entity-name %s --add-config cleanup.policy=compact",
		t.name, strings.Split(brokers, ",")[0], t.name)}
}
