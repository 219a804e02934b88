package producer_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/sethvargo/go-envconfig"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"pylon-kafka/extract/extracttest"
	"pylon-kafka/offsets"
	"pylon-kafka/offsets/topic"
	"pylon-kafka/producer"
)

// TestReplicas_refuseAGroupOfOthers has the group used by another program, by a
// deployment with another prefix, and by one with other transactional ids.
func TestReplicas_refuseAGroupOfOthers(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		use  func(t *testing.T, w *world)
		says []string
	}{
		"another program": {func(t *testing.T, w *world) {
			t.Helper()
			cl, err := kgo.NewClient(append(w.opts[:len(w.opts):len(w.opts)], kgo.ConsumerGroup("pylon-kafka"), kgo.ConsumeTopics("orders"),
				kgo.ClientID("orders-app"), kgo.MetadataMinAge(10*time.Millisecond), kgo.MetadataMaxAge(100*time.Millisecond))...)
			must(t, err)
			t.Cleanup(cl.Close)
			_, err = kadm.NewClient(cl).CreateTopic(t.Context(), 1, 1, nil, "orders")
			must(t, err)
			w.inGroup(t, "orders-app")
		}, []string{"orders-app (127.0.0.1", "topics [orders]", "KAFKA_GROUP_ID"}},
		"a deployment with another prefix": {func(t *testing.T, w *world) {
			t.Helper()
			w.launch(t, "KAFKA_TOPIC_PREFIX", "other.", "KAFKA_CLIENT_ID", "other-one").up(t)
		}, []string{"other-one@", "other.offsets", "KAFKA_GROUP_ID"}},
		"a deployment with other transactional ids": {func(t *testing.T, w *world) {
			t.Helper()
			w.launch(t, "KAFKA_TRANSACTIONAL_ID_PREFIX", "other", "KAFKA_GROUP_ID", "pylon-kafka", "KAFKA_CLIENT_ID", "other-one",
				"KAFKA_TOPIC_PREFIX", "other.", "KAFKA_OFFSETS_TOPIC", "pylon.offsets", "CONNECTOR_NAME", "other").up(t)
		}, []string{"other-one@", "pylon.offsets:other,other.,other", "KAFKA_GROUP_ID"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, extracttest.Options{Seed: 54, Issues: 5})
			w.settings["PYLON_STREAMS"] = "issues,tags"
			c.use(t, w)
			for what, run := range map[string]func(context.Context) error{"run": w.pipeline(t).Run, "sync": w.pipeline(t).Sync} {
				ctx, cancel := context.WithTimeout(t.Context(), patience)
				err := run(ctx)
				cancel()
				for _, part := range append(c.says, "group pylon-kafka: used by another program or deployment") {
					if err == nil || !strings.Contains(err.Error(), part) {
						t.Errorf("%s: error %v does not say %q", what, err, part)
					}
				}
			}
			written, err := offsets.Store{Topic: "pylon.offsets", Connector: "pylon", Options: w.opts}.Read(t.Context(), topic.Written)
			if err != nil || len(written.Streams) > 0 {
				t.Errorf("cursors are written: %v (%v)", written.Streams, err)
			}
		})
	}
}

// inGroup waits until a program is in the group.
func (w *world) inGroup(t *testing.T, clientID string) {
	t.Helper()
	cl, err := kgo.NewClient(w.opts...)
	must(t, err)
	defer cl.Close()
	eventually(t, clientID+" is in the group", func() bool {
		groups, err := kadm.NewClient(cl).DescribeGroups(t.Context(), "pylon-kafka")
		if err != nil {
			return false
		}
		for _, m := range groups["pylon-kafka"].Members {
			if m.ClientID == clientID && groups["pylon-kafka"].State == "Stable" {
				return true
			}
		}
		return false
	})
}

// TestReplicas_anOffsetsTopicThatIsDeleted ends the run, which says what to do.
func TestReplicas_anOffsetsTopicThatIsDeleted(t *testing.T) {
	t.Parallel()
	w := newWorld(t, extracttest.Options{Seed: 55, Issues: 5})
	w.settings["PYLON_STREAMS"] = "issues,tags"
	one := w.launch(t)
	one.up(t)
	w.deleteTopic(t, "pylon.offsets")
	select {
	case <-one.ended:
	case <-time.After(patience):
		t.Fatal("it goes on without an offsets topic")
	}
	for _, part := range []string{"topic pylon.offsets was deleted", "start again"} {
		if one.result == nil || !strings.Contains(one.result.Error(), part) {
			t.Errorf("it ends with %v, which does not say %q", one.result, part)
		}
	}
}

// TestReplicas_anOffsetsTopicThatGrows adds partitions while two replicas run:
// every stream has one owner again, by the new number, and nothing is repeated.
func TestReplicas_anOffsetsTopicThatGrows(t *testing.T) {
	t.Parallel()
	w := newWorld(t, extracttest.Options{Seed: 56, Issues: 20})
	r := newReplicas(t, w)
	w.settings["KAFKA_OFFSETS_PARTITIONS"] = "2"
	a := r.add(t, "a")
	r.shared(t, a)
	b := r.add(t, "b")
	r.shared(t, a, b)
	cl, err := kgo.NewClient(w.opts...)
	must(t, err)
	defer cl.Close()
	_, err = kadm.NewClient(cl).UpdatePartitions(t.Context(), 7, "pylon.offsets")
	must(t, err)
	var cfg producer.Config
	must(t, envconfig.ProcessWith(t.Context(), &envconfig.Config{Target: &cfg, Lookuper: envconfig.MapLookuper(w.settings)}))
	must(t, cfg.Validate())
	eventually(t, "each stream is worked by the owner of its lease by the new number", func() bool {
		owners, err := producer.Owners(t.Context(), cfg, w.opts...)
		if err != nil {
			return false
		}
		for _, o := range owners {
			for _, one := range []*replica{a, b} {
				s, chosen := byStream(one.pipeline.Status())[o.Stream]
				if chosen && (s.Owned != strings.HasPrefix(o.Owner, one.name+"@") || o.Owner == "" || s.Owned && s.State == producer.Starting) {
					return false
				}
			}
		}
		return strings.Contains(w.logs.String(), "the offsets topic has got partitions")
	})
	r.stop()
	eventually(t, "everything is in Kafka", func() bool { return r.settled(t, replicaStreams) })
	for _, one := range []*replica{a, b} {
		one.wantRunning(t)
		if err := one.stop(); err != nil {
			t.Errorf("%s ends with %v", one.name, err)
		}
	}
	r.judge(t, replicaStreams).report(t, "an offsets topic that grows")
}

// TestReplicas_standBy has more replicas than leases: who has nothing is ready,
// shows whose each stream is, and its metrics say that it owns none.
func TestReplicas_standBy(t *testing.T) {
	t.Parallel()
	w := newWorld(t, extracttest.Options{Seed: 57, Issues: 5})
	r := newReplicas(t, w)
	w.settings["KAFKA_OFFSETS_PARTITIONS"] = "1"
	a := r.add(t, "a")
	r.shared(t, a)
	registry := prometheus.NewRegistry()
	w.registerer = registry
	b := r.add(t, "b")
	eventually(t, "b stands by", func() bool {
		for _, s := range b.pipeline.Status() {
			if s.State != producer.Standby || s.Owned || !strings.HasPrefix(s.Owner, "a@") {
				return false
			}
		}
		return b.pipeline.Ready()
	})
	wantMetrics(t, registry, b.pipeline.Status())
	for _, s := range b.pipeline.Status() {
		if owned := gauge(t, registry, "pylon_kafka_stream_owned", s.Stream); owned != 0 {
			t.Errorf("the metric says that b owns %s", s.Stream)
		}
	}
}
