package topics_test

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"pylon-kafka/producer/topics"
)

// createPolicy lets the broker refuse the creation of topics as a managed
// cluster does, and count what is asked for.
func (w *world) createPolicy(refuse func(t kmsg.CreateTopicsRequestTopic, config map[string]string) (*kerr.Error, string)) *atomic.Int64 {
	asked := new(atomic.Int64)
	w.cluster.ControlKey(int16(kmsg.CreateTopics), func(kreq kmsg.Request) (kmsg.Response, error, bool) {
		w.cluster.KeepControl()
		asked.Add(1)
		req, _ := kreq.(*kmsg.CreateTopicsRequest)
		config := make(map[string]string)
		for _, c := range req.Topics[0].Configs {
			config[c.Name] = *c.Value
		}
		why, text := refuse(req.Topics[0], config)
		if why == nil {
			return nil, nil, false
		}
		resp, _ := req.ResponseKind().(*kmsg.CreateTopicsResponse)
		st := kmsg.NewCreateTopicsResponseTopic()
		st.Topic, st.ErrorCode, st.ErrorMessage = req.Topics[0].Topic, why.Code, &text
		resp.Topics = append(resp.Topics, st)
		return resp, nil, true
	})
	return asked
}

// TestEnsure_takesWhatAManagedClusterAllows gives up only what is refused.
func TestEnsure_takesWhatAManagedClusterAllows(t *testing.T) {
	t.Parallel()
	type config = map[string]string
	largest := func(most int) func(kmsg.CreateTopicsRequestTopic, config) (*kerr.Error, string) {
		return func(_ kmsg.CreateTopicsRequestTopic, c config) (*kerr.Error, string) {
			if n, err := strconv.Atoi(c["max.message.bytes"]); err == nil && n > most {
				return kerr.PolicyViolation, "too large"
			}
			return nil, ""
		}
	}
	for name, test := range map[string]struct {
		refuse   func(kmsg.CreateTopicsRequestTopic, config) (*kerr.Error, string)
		log      bool
		maxBytes int
		says     []string
	}{
		"8 MiB":                {largest(8 << 20), false, 8 << 20, []string{"refuses max.message.bytes of 16777216", "8388608", "dead letter"}},
		"8 MiB, dead letters":  {largest(8 << 20), true, 8 << 20, []string{"refuses max.message.bytes of 33554432", "8388608"}},
		"20 MiB, dead letters": {largest(20 << 20), true, 20 << 20, []string{"20971520"}},
		"no size at all": {func(_ kmsg.CreateTopicsRequestTopic, c config) (*kerr.Error, string) {
			if _, ok := c["max.message.bytes"]; ok {
				return kerr.InvalidConfig, "not yours"
			}
			return nil, ""
		}, false, 1048588, []string{"its default message size"}},
		"no endless retention": {func(_ kmsg.CreateTopicsRequestTopic, c config) (*kerr.Error, string) {
			if _, ok := c["retention.ms"]; ok {
				return kerr.PolicyViolation, "not for ever"
			}
			return nil, ""
		}, true, 32 << 20, []string{"refuses retention without an end"}},
		"a replication factor": {func(t kmsg.CreateTopicsRequestTopic, _ config) (*kerr.Error, string) {
			if t.ReplicationFactor == -1 {
				return kerr.InvalidReplicationFactor, "say it"
			}
			return nil, ""
		}, false, 16 << 20, []string{"replication factor", "has 3"}},
		"size and retention": {func(t kmsg.CreateTopicsRequestTopic, c config) (*kerr.Error, string) {
			if _, ok := c["retention.ms"]; ok {
				return kerr.PolicyViolation, "not for ever"
			}
			return largest(8<<20)(t, c)
		}, true, 8 << 20, []string{"8388608"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, nil, kfake.NumBrokers(3))
			asked := w.createPolicy(test.refuse)
			spec := topics.Stream(w.k, "tags")
			if test.log {
				spec = topics.DeadLetters(w.k)
			}
			got := w.ensure(t, spec)[0]
			if got.MaxBytes != test.maxBytes || got.ID == "" || got.Compacted == test.log {
				t.Errorf("%+v", got)
			}
			if n := asked.Load(); n > 20 {
				t.Errorf("%d requests to create it", n)
			}
			wantText(t, strings.Join(got.Warnings, "\n"), test.says...)
			if test.maxBytes < spec.MaxBytes && strings.Count(strings.Join(got.Warnings, "\n"), "larger record becomes a dead letter") != 1 {
				t.Errorf("the size is not told once: %q", got.Warnings)
			}
		})
	}
}

// TestEnsure_refusedForGood says what was refused at first, and whether it stays.
func TestEnsure_refusedForGood(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		env   map[string]string
		err   *kerr.Error
		final bool
		says  []string
	}{
		"by policy":          {nil, kerr.PolicyViolation, true, []string{"POLICY_VIOLATION", "no topics of yours", "max.message.bytes 16777216"}},
		"replication set":    {map[string]string{"KAFKA_TOPIC_REPLICATION_FACTOR": "9"}, kerr.InvalidReplicationFactor, false, []string{"replication factor 9", "KAFKA_TOPIC_REPLICATION_FACTOR"}},
		"without the right":  {nil, kerr.TopicAuthorizationFailed, true, []string{"Create on topic pylon.tags", "kafka-acls.sh"}},
		"cluster, likewise":  {nil, kerr.ClusterAuthorizationFailed, true, []string{"Create on topic pylon.tags", "kafka-acls.sh"}},
		"an unknown refusal": {nil, kerr.UnknownServerError, false, []string{"UNKNOWN_SERVER_ERROR"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, test.env)
			asked := w.createPolicy(func(kmsg.CreateTopicsRequestTopic, map[string]string) (*kerr.Error, string) {
				return test.err, "no topics of yours"
			})
			_, err := topics.Ensure(t.Context(), w.cl, w.k, topics.Stream(w.k, "tags"))
			var one *topics.Error
			if !errors.As(err, &one) || one.Topic != "pylon.tags" || topics.Final(err) != test.final || topics.Final(fmt.Errorf("x: %w", err)) != test.final {
				t.Fatalf("error %v, want one of pylon.tags that is final: %v", err, test.final)
			}
			wantText(t, err.Error(), test.says...)
			if n := asked.Load(); n > 30 {
				t.Errorf("%d requests to create it", n)
			}
		})
	}
}
