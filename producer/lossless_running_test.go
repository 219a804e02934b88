package producer_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"pylon-kafka/extract/extracttest"
	"pylon-kafka/producer"
)

// alter changes settings of a topic, as an operator would.
func (w *world) alter(t *testing.T, topic string, pairs ...string) {
	t.Helper()
	cl, err := kgo.NewClient(w.opts...)
	must(t, err)
	defer cl.Close()
	var configs []kadm.AlterConfig
	for pair := range slices.Chunk(pairs, 2) {
		configs = append(configs, kadm.AlterConfig{Op: kadm.SetConfig, Name: pair[0], Value: &pair[1]})
	}
	answers, err := kadm.NewClient(cl).AlterTopicConfigs(t.Context(), configs, topic)
	must(t, err)
	for _, a := range answers {
		must(t, a.Err)
	}
}

// grow makes issues or messages whose records take about that many bytes, which
// no compression makes smaller.
func (w *world) grow(t *testing.T, stream string, sizes ...int) []string {
	t.Helper()
	var keys []string
	for i, size := range sizes {
		text := noise(uint64(size+i), size)
		switch stream {
		case "issues":
			keys = append(keys, w.api.CreateIssue(extracttest.IssueChange{Title: text}))
		case "issue_messages":
			key, err := w.api.AddMessage(w.api.IssueID(i), extracttest.MessageChange{HTML: text})
			must(t, err)
			keys = append(keys, key)
		default:
			key := fmt.Sprintf("large-%d-%d", size, i)
			w.put(t, stream, map[string]string{key: fmt.Sprintf(`{"id":%q,"value":%q}`, key, text)})
			keys = append(keys, key)
		}
	}
	return keys
}

// TestLossless_14_1_theTopicTakesLessThanBefore lowers max.message.bytes under
// the running service: only what really does not fit is a dead letter, and it is
// published when the limit is raised.
func TestLossless_14_1_theTopicTakesLessThanBefore(t *testing.T) {
	t.Parallel()
	for stream, reads := range map[string]string{"tags": "tags", "issues": "issues", "issue_messages": "issues,issue_messages"} {
		for after, wait := range map[string]time.Duration{"at once": 0, "seen by the watch": time.Minute} {
			bubble(t, stream+"/"+after, extracttest.Options{Seed: 130, Issues: 100}, func(t *testing.T, w *world) {
				t.Helper()
				w.settings["PYLON_STREAMS"] = reads
				w.settings["PYLON_INTERVALS"] = "tags:20s"
				p, stop := w.run(t)
				pass(2 * time.Minute)
				w.alter(t, w.topicOf(stream), "max.message.bytes", "40000")
				pass(wait)
				large := w.grow(t, stream, 1895, 36_000, 60_000, 20_000, 20_000, 30_000, 500)
				pass(2 * time.Minute)
				w.wantLacks(t, stream, large[2:3])
				s := byStream(p.Status())[stream]
				if letters := w.deadLetters(t); len(letters) != 1 || letters[0].key != large[2] || s.DeadLetters != 1 || !s.Up {
					t.Errorf("%d dead letters, want that of %s; status %+v", len(letters), large[2], s)
				} else {
					wantSays(t, letters[0].why, large[2], w.topicOf(stream), "max.message.bytes 40000")
				}
				w.alter(t, w.topicOf(stream), "max.message.bytes", "1048588")
				pass(2 * time.Minute)
				must(t, stop())
				w.wantTruth(t, stream)
				w.wantNoRepeats(t, stream)
				w.wantWholeTransactions(t, stream)
			})
		}
	}
}

// TestLossless_14_2_recordsThatKafkaRemoves are seen while the service runs, by
// the policy and by the begin of the log: status and log say it, with the way out.
func TestLossless_14_2_recordsThatKafkaRemoves(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		take func(t *testing.T, w *world)
		says []string
	}{
		"cleanup.policy": {
			func(t *testing.T, w *world) {
				t.Helper()
				w.alter(t, "pylon.tags", "cleanup.policy", "delete", "retention.ms", "60000")
			},
			[]string{`cleanup.policy is "delete"`, "cleanup.policy=compact", "publish-anew"},
		},
		"DeleteRecords": {
			func(t *testing.T, w *world) {
				t.Helper()
				w.truncate(t, "pylon.tags", 5)
			},
			[]string{"Kafka has removed records of topic pylon.tags", "offset 5", "publish-anew tags"},
		},
	} {
		bubble(t, name, extracttest.Options{Seed: 131, Issues: -1, Tags: 30}, func(t *testing.T, w *world) {
			t.Helper()
			w.settings["PYLON_STREAMS"] = "tags"
			p, stop := w.run(t)
			pass(time.Minute)
			if warnings := p.Status()[0].Warnings; len(warnings) > 0 {
				t.Errorf("before: %q", warnings)
			}
			test.take(t, w)
			pass(31 * time.Second) // the interval of the watch, and no pass
			wantSays(t, strings.Join(p.Status()[0].Warnings, "\n"), test.says...)
			wantSays(t, w.logs.String(), `msg="the topic is not as it should be"`, "topic=pylon.tags")
			if n := strings.Count(w.logs.String(), "the topic is not as it should be"); n != 1 {
				t.Errorf("said %d times", n)
			}
			pass(5 * time.Minute)
			if n := strings.Count(w.logs.String(), "the topic is not as it should be"); n != 1 {
				t.Errorf("said %d times after 5 minutes", n)
			}
			if name == "cleanup.policy" {
				w.alter(t, "pylon.tags", "cleanup.policy", "compact")
				pass(31 * time.Second)
				if warnings := p.Status()[0].Warnings; len(warnings) > 0 {
					t.Errorf("mended: %q", warnings)
				}
			}
			must(t, stop())
		})
	}
}

// TestLossless_14_3_partitionsAddedThenARestart adds partitions while nobody runs,
// and restarts twice: nothing that stands where its key belongs comes again.
func TestLossless_14_3_partitionsAddedThenARestart(t *testing.T) {
	t.Parallel()
	w := newWorld(t, extracttest.Options{Seed: 132, Issues: 250, Contacts: 250, MessagesPerIssue: 3})
	streams := []string{"contacts", "issues", "issue_messages"}
	w.settings["PYLON_STREAMS"] = strings.Join(streams, ",")
	w.sync(t)
	w.addPartitions(t, 6, streams...)
	w.sync(t)
	for _, stream := range streams {
		w.wantOneLastWord(t, stream, 6)
		w.wantTruth(t, stream)
		w.wantNoRepeats(t, stream)
	}
	for range 2 {
		if records, tombstones := totals(w.sync(t)); records+tombstones != 0 {
			t.Errorf("a restart repeats %d records and %d tombstones", records, tombstones)
		}
	}
}

// TestLossless_7_aClusterThatTakes8MiB refuses larger messages as a topic policy,
// and other settings that a managed cluster may refuse: all works, with a warning.
func TestLossless_7_aClusterThatTakes8MiB(t *testing.T) {
	t.Parallel()
	for name, refuses := range map[string]func(c map[string]string, t kmsg.CreateTopicsRequestTopic) bool{
		"8 MiB": func(c map[string]string, _ kmsg.CreateTopicsRequestTopic) bool {
			return len(c["max.message.bytes"]) == 8
		},
		"retention":   func(c map[string]string, _ kmsg.CreateTopicsRequestTopic) bool { return c["retention.ms"] == "-1" },
		"replication": func(_ map[string]string, t kmsg.CreateTopicsRequestTopic) bool { return t.ReplicationFactor == -1 },
		"partitions":  func(_ map[string]string, t kmsg.CreateTopicsRequestTopic) bool { return t.NumPartitions == 16 },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, extracttest.Options{Seed: 133, Issues: 20})
			w.settings["PYLON_STREAMS"] = "tags,issues,issue_messages"
			if name == "replication" {
				w.threeBrokers(t)
			}
			w.refuseTopics(refuses)
			began := time.Now()
			p := w.pipeline(t)
			must(t, p.Sync(t.Context()))
			if took := time.Since(began); took > slowdown*40*time.Second {
				t.Errorf("the sync took %v", took)
			}
			w.wantTruth(t, "tags", "issues", "issue_messages")
			wantSays(t, w.logs.String(), "refuses")
			if name == "8 MiB" {
				wantSays(t, strings.Join(byStream(p.Status())["tags"].Warnings, "\n"), "8388608", "dead letter")
				if got := w.topicConfig(t, "pylon.deadletter")["max.message.bytes"]; got != "8388608" {
					t.Errorf("max.message.bytes of the dead letters is %s", got)
				}
				large := noise(9, 9<<20)
				w.put(t, "tags", map[string]string{"large": fmt.Sprintf(`{"id":"large","value":%q}`, large)})
				w.put(t, "tags", map[string]string{"small": `{"id":"small","value":"beside it"}`})
				if s := w.sync(t)["tags"]; s.Records != 1 || s.DeadLetters != 1 {
					t.Errorf("status %+v", s)
				}
				w.wantBareLetters(t, map[string]int{"large": len(large)})
			}
		})
	}
}

// refuseTopics has the broker refuse to create topics by a policy.
func (w *world) refuseTopics(refuses func(map[string]string, kmsg.CreateTopicsRequestTopic) bool) {
	w.cluster.ControlKey(int16(kmsg.CreateTopics), func(kreq kmsg.Request) (kmsg.Response, error, bool) {
		w.cluster.KeepControl()
		req, _ := kreq.(*kmsg.CreateTopicsRequest)
		config := make(map[string]string)
		for _, c := range req.Topics[0].Configs {
			config[c.Name] = *c.Value
		}
		if !refuses(config, req.Topics[0]) {
			return nil, nil, false
		}
		resp, _ := req.ResponseKind().(*kmsg.CreateTopicsResponse)
		topic := kmsg.NewCreateTopicsResponseTopic()
		topic.Topic, topic.ErrorCode = req.Topics[0].Topic, kerr.PolicyViolation.Code
		resp.Topics = append(resp.Topics, topic)
		return resp, nil, true
	})
}

// TestLossless_aPartitionWithoutALeader ends a sync with its topic and partition
// within a minute, and shows in the service why it waits.
func TestLossless_aPartitionWithoutALeader(t *testing.T) {
	t.Parallel()
	for _, topic := range []string{"pylon.tags", "pylon.offsets"} {
		t.Run(topic, func(t *testing.T) {
			t.Parallel()
			w, between := newWiredWorld(t, extracttest.Options{Seed: 134, Issues: -1})
			w.settings["PYLON_STREAMS"] = "tags"
			w.sync(t)
			asked := between.meddle(&rule{key: kmsg.Metadata, times: 1 << 30, edit: func(resp kmsg.Response) bool {
				r, _ := resp.(*kmsg.MetadataResponse)
				for i := range r.Topics {
					for j := range r.Topics[i].Partitions {
						p := &r.Topics[i].Partitions[j]
						if r.Topics[i].Topic != nil && *r.Topics[i].Topic == topic && p.Partition == 0 {
							p.Leader, p.ErrorCode = -1, kerr.LeaderNotAvailable.Code
						}
					}
				}
				return true
			}})
			began := time.Now()
			_, err := w.attempt(t)
			took := time.Since(began)
			if err == nil {
				t.Fatal("the sync succeeds")
			}
			wantSays(t, err.Error(), topic, "partition 0", "leader")
			if took > slowdown*75*time.Second { // on a machine that is not busy: within a minute
				t.Errorf("the sync took %v", took)
			}
			if n := asked.Hits(); n > 60*int(took.Seconds()+1) {
				t.Errorf("%d metadata requests in %v", n, took)
			}
			t.Logf("%v, %d metadata requests: %v", took, asked.Hits(), err)
			p, stop := w.run(t)
			eventually(t, "the service says why", func() bool { return saysWhy(p, topic) })
			asked.Remove()
			eventually(t, "the stream is up", func() bool { return p.Status()[0].Up && p.Ready() })
			must(t, stop())
		})
	}
}

func saysWhy(p *producer.Pipeline, topic string) bool {
	s := p.Status()[0]
	return !s.Up && strings.Contains(s.Reason, topic) && strings.Contains(s.Reason, "leader")
}

// threeBrokers gives the world a cluster of three brokers.
func (w *world) threeBrokers(t *testing.T) {
	t.Helper()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(3))
	must(t, err)
	t.Cleanup(cluster.Close)
	w.cluster = cluster
	w.opts = []kgo.Opt{kgo.SeedBrokers(cluster.ListenAddrs()...)}
	w.settings["KAFKA_BROKERS"] = strings.Join(cluster.ListenAddrs(), ",")
}
