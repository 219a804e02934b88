package topics

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"

	"pylon-kafka/producer/connect"
)

// request is what a topic is created with.
type request struct {
	partitions  int32 // -1: the broker's default
	replication int16 // -1: the broker's default
	policy      string
	maxBytes    int  // 0: the broker's default
	forever     bool // retention without an end is asked for
	warning     string
}

// first is what is asked for at first, with the broker's default replication.
func first(s Spec) request {
	r := request{partitions: s.Partitions, replication: -1, policy: "compact", maxBytes: s.MaxBytes}
	if s.Kind == Log {
		r.policy, r.forever = "delete", true
	}
	return r
}

// configs are the settings of the topic.
func (r request) configs() map[string]*string {
	configs := map[string]*string{"cleanup.policy": &r.policy}
	if r.maxBytes > 0 {
		size := strconv.Itoa(r.maxBytes)
		configs["max.message.bytes"] = &size
	}
	if r.forever {
		unlimited := "-1"
		configs["retention.ms"] = &unlimited
	}
	return configs
}

// sizes are the sizes of messages that managed clusters are known to allow, from
// large to small; 0 is the broker's default. Confluent Cloud takes 8 MiB at most
// (https://docs.confluent.io/cloud/current/topics/manage.html, 20 on dedicated
// clusters), many others the broker's default, about 1 MiB.
func sizes(wanted int) []int {
	var smaller []int
	for _, n := range []int{20 << 20, 16 << 20, 8 << 20, 4 << 20, 2 << 20, 0} {
		if n < wanted {
			smaller = append(smaller, n)
		}
	}
	return smaller
}

// concessions returns what to ask for where all is refused: less in one respect,
// each by itself and from large to small, and then less in all. A replication
// factor that was set is not conceded.
func concessions(s Spec, k *connect.Kafka) []request {
	ask := first(s)
	ask.replication = k.Replication
	var all []request
	less := ask
	for _, n := range sizes(s.MaxBytes) {
		r := ask
		r.maxBytes, r.warning = n, sizeWarning(n, s.MaxBytes)
		all = append(all, r)
	}
	if ask.forever {
		r := ask
		r.forever, r.warning = false, "the cluster refuses retention without an end, so Kafka deletes dead letters after its own retention"
		all, less.forever = append(all, r), false
	}
	if k.Replication == -1 {
		for _, n := range []int16{3, 2} { // some clusters want it said
			r := ask
			r.replication, r.warning = n, fmt.Sprintf("the cluster refuses its own default replication factor; the topic has %d", n)
			all = append(all, r)
		}
		less.replication = 3
	}
	r := ask
	r.partitions, r.warning = -1, fmt.Sprintf("the cluster refuses %d partitions; the topic has the broker's default number", s.Partitions)
	all = append(all, r)
	for _, n := range sizes(s.MaxBytes) {
		r := less
		r.maxBytes, r.warning = n, "the cluster refuses what we ask for; "+sizeWarning(n, s.MaxBytes)
		all = append(all, r)
		r.replication = ask.replication
		all = append(all, r)
	}
	return all
}

func sizeWarning(n, wanted int) string {
	allowed := "its default message size"
	if n > 0 {
		allowed = fmt.Sprintf("max.message.bytes of %d", n)
	}
	return fmt.Sprintf("the cluster refuses max.message.bytes of %d; the topic has %s, and a larger record becomes a dead letter", wanted, allowed)
}

// make creates a topic and returns a warning if it got less than what we asked
// for. A topic that is there already is no error.
func (s *survey) make(ctx context.Context, spec Spec) (warning string, err error) {
	ask := first(spec)
	ask.replication = s.k.Replication
	refusal := s.try(ctx, spec, ask)
	if refusal == nil {
		return "", nil
	}
	for _, r := range concessions(spec, s.k) {
		if !mayConcede(refusal, r, ask) {
			continue
		}
		err := s.try(ctx, spec, r)
		if err == nil {
			return r.warning, nil
		}
		if !concedes(err) {
			return "", err
		}
	}
	if errors.Is(refusal, kerr.InvalidReplicationFactor) {
		refusal = fmt.Errorf("%w; look at KAFKA_TOPIC_REPLICATION_FACTOR", refusal)
	}
	return "", refusal
}

// concedes reports whether a refusal is about what was asked for.
func concedes(err error) bool {
	for _, e := range []error{
		kerr.PolicyViolation, kerr.InvalidConfig, kerr.InvalidReplicationFactor, kerr.InvalidPartitions, kerr.InvalidRequest,
	} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// mayConcede reports whether r may help against the refusal of ask. A cluster
// that says which respect it is about is believed. Of the replication factor
// only three is tried then: the default is refused by brokers before 2.4, which
// want it said (KIP-464), and by those that lack brokers just now, where a
// topic with fewer replicas would stay so.
func mayConcede(refusal error, r, ask request) bool {
	switch {
	case errors.Is(refusal, kerr.InvalidReplicationFactor):
		return r.replication == 3 && r.maxBytes == ask.maxBytes && r.forever == ask.forever
	case errors.Is(refusal, kerr.InvalidPartitions):
		return r.partitions != ask.partitions
	default:
		return concedes(refusal)
	}
}

// try asks for a topic once.
func (s *survey) try(ctx context.Context, spec Spec, r request) error {
	ask := s.adm.CreateTopics
	if s.validate {
		ask = s.adm.ValidateCreateTopics
	}
	all, err := ask(ctx, r.partitions, r.replication, r.configs(), spec.Name)
	resp := all[spec.Name]
	if err == nil {
		err = resp.Err
	}
	if err == nil || errors.Is(err, kerr.TopicAlreadyExists) {
		return nil
	}
	return fmt.Errorf("create it (%d partitions, replication factor %d, max.message.bytes %d): %w%s", r.partitions, r.replication, r.maxBytes, err, because(resp, err))
}

// because is what the cluster added to its refusal.
func because(resp kadm.CreateTopicResponse, err error) string {
	if resp.ErrMessage == "" || errors.Is(err, kerr.TopicAuthorizationFailed) || errors.Is(err, kerr.ClusterAuthorizationFailed) {
		return ""
	}
	return " (" + resp.ErrMessage + ")"
}
