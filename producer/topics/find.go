package topics

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"pylon-kafka/producer/connect"
)

const (
	// patience is how long a topic may be without a leader before that is an error.
	patience = 10 * time.Second
	// The pause before the next look doubles from the first to the longest.
	firstPause, longestPause = 20 * time.Millisecond, time.Second
)

// find looks until every topic has failed or has a leader for each partition,
// and creates those that are missing. Its error is for all topics.
func (s *survey) find(ctx context.Context) error {
	limited, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		err := s.look(limited)
		ended := limited.Err() != nil
		switch {
		case err != nil && !ended:
			return fmt.Errorf("list topics: %w", s.k.Explain(err))
		case err == nil && !slices.ContainsFunc(s.waiting, func(err error) bool { return err != nil }):
			return nil
		case !ended:
			ended = !rest(limited, pause)
		}
		if ended {
			return s.giveUp(ctx, err)
		}
	}
}

// giveUp fails the topics that are still waited for, or all if there was no
// answer at all.
func (s *survey) giveUp(ctx context.Context, err error) error {
	waited := false
	for i, why := range s.waiting {
		if why == nil {
			continue
		}
		waited = true
		if ctx.Err() != nil {
			why = fmt.Errorf("%w (%w)", why, ctx.Err())
		} else {
			why = fmt.Errorf("%w, for more than %v", why, patience)
		}
		s.fail(i, false, why)
	}
	if !waited {
		return fmt.Errorf("list topics: %w", s.k.Explain(err))
	}
	return nil
}

// look asks once which of the topics are there, and creates those that are not.
// It asks the cluster: the client's own cache would not see that a topic was
// made anew.
func (s *survey) look(ctx context.Context) error {
	req := kmsg.NewPtrMetadataRequest()
	req.AllowAutoTopicCreation = false
	for i, spec := range s.specs {
		if s.errs[i] == nil {
			t := kmsg.NewMetadataRequestTopic()
			t.Topic = kmsg.StringPtr(spec.Name)
			req.Topics = append(req.Topics, t)
		}
	}
	if len(req.Topics) == 0 { // it would ask for all
		clear(s.waiting)
		return nil
	}
	resp, err := req.RequestWith(ctx, s.cl)
	if err != nil {
		return err
	}
	clear(s.waiting)
	for _, t := range resp.Topics {
		i := slices.IndexFunc(s.specs, func(spec Spec) bool { return t.Topic != nil && spec.Name == *t.Topic })
		if i >= 0 {
			s.see(ctx, i, t)
		}
	}
	return nil
}

// see takes what the cluster says of one topic.
func (s *survey) see(ctx context.Context, i int, t kmsg.MetadataResponseTopic) {
	spec := s.specs[i]
	err := kerr.ErrorForCode(t.ErrorCode)
	switch {
	case err == nil:
		s.waiting[i] = leaderless(t)
		s.topics[i].Name, s.topics[i].ID, s.topics[i].Partitions = spec.Name, kadm.TopicID(t.TopicID).String(), int32(len(t.Partitions))
		s.replicas(i, t)
	case errors.Is(err, kerr.UnknownTopicOrPartition) && !s.create:
		s.fail(i, false, fmt.Errorf("it does not exist: %w", err))
	case errors.Is(err, kerr.UnknownTopicOrPartition):
		s.missing(ctx, i)
	case transient(err):
		s.waiting[i] = err
	default:
		s.fail(i, errors.Is(err, kerr.InvalidTopicException), s.denied(i, err, "Describe"))
	}
}

// leaderless returns why not every partition of a topic can be written to, or nil.
func leaderless(t kmsg.MetadataResponseTopic) error {
	var without []int32
	var why error
	for _, p := range t.Partitions {
		if err := kerr.ErrorForCode(p.ErrorCode); err != nil && !errors.Is(err, kerr.ReplicaNotAvailable) {
			without, why = append(without, p.Partition), err
		}
	}
	if why == nil {
		return nil
	}
	slices.Sort(without)
	return fmt.Errorf("partition %d of %d has no leader: %w", without[0], len(t.Partitions), why)
}

// missing creates a topic, once; after that it takes a moment until all brokers
// know.
func (s *survey) missing(ctx context.Context, i int) {
	spec := s.specs[i]
	s.waiting[i] = errors.New("created, but not there yet")
	if s.asked[spec.Name] {
		return
	}
	if !s.k.CreateTopics {
		s.waiting[i] = nil
		s.fail(i, true, notAllowed(spec))
		return
	}
	warning, err := s.make(ctx, spec)
	switch {
	case err == nil:
		s.asked[spec.Name] = true
		if warning != "" {
			s.topics[i].Warnings = append(s.topics[i].Warnings, warning)
		}
	case transient(err) || errors.Is(err, kerr.ThrottlingQuotaExceeded) || ctx.Err() != nil:
		s.waiting[i] = fmt.Errorf("create it: %w", err) // and try again
	default:
		s.waiting[i] = nil
		s.refused(i, err)
	}
}

// notAllowed is that a topic is missing and must not be created.
func notAllowed(spec Spec) error {
	return fmt.Errorf("it does not exist and KAFKA_CREATE_TOPICS is false: create it with cleanup.policy=%s, or allow it: %w",
		first(spec).policy, kerr.UnknownTopicOrPartition)
}

// refused fails a topic that the cluster does not create.
func (s *survey) refused(i int, err error) {
	final := errors.Is(err, kerr.PolicyViolation) || errors.Is(err, kerr.InvalidConfig) || errors.Is(err, kerr.InvalidTopicException)
	s.fail(i, final, s.k.Denied(err, connect.Right{Operation: "Create", Name: s.specs[i].Name}))
}

// rest waits for d; it returns false if ctx ends before.
func rest(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
