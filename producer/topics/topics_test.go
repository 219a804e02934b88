package topics_test

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sethvargo/go-envconfig"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"pylon-kafka/producer/connect"
	"pylon-kafka/producer/topics"
)

// world is a broker, settings and a client for it.
type world struct {
	cluster *kfake.Cluster
	k       *connect.Kafka
	cl      *kgo.Client
	adm     *kadm.Client
}

func newWorld(t *testing.T, env map[string]string, opts ...kfake.Opt) *world {
	t.Helper()
	cluster, err := kfake.NewCluster(append([]kfake.Opt{kfake.NumBrokers(1)}, opts...)...)
	must(t, err)
	t.Cleanup(cluster.Close)
	all := map[string]string{"KAFKA_BROKERS": cluster.ListenAddrs()[0]}
	for name, value := range env {
		all[name] = value
	}
	var k connect.Kafka
	must(t, envconfig.ProcessWith(t.Context(), &envconfig.Config{Target: &k, Lookuper: envconfig.MapLookuper(all)}))
	must(t, k.Validate())
	kopts, err := k.Options()
	must(t, err)
	cl, err := kgo.NewClient(kopts...)
	must(t, err)
	t.Cleanup(cl.Close)
	return &world{cluster: cluster, k: &k, cl: cl, adm: kadm.NewClient(cl)}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// make creates a topic with settings of its own before we come.
func (w *world) make(t *testing.T, topic string, config map[string]string) {
	t.Helper()
	values := make(map[string]*string)
	for name, value := range config {
		values[name] = &value
	}
	_, err := w.adm.CreateTopic(t.Context(), 1, 1, values, topic)
	must(t, err)
}

func (w *world) ensure(t *testing.T, specs ...topics.Spec) []topics.Topic {
	t.Helper()
	got, err := topics.Ensure(t.Context(), w.cl, w.k, specs...)
	must(t, err)
	return got
}

// wantText wants each part in text.
func wantText(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("%q is not in:\n%s", part, text)
		}
	}
}

func TestEnsure_createsWhatIsMissing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]string{"KAFKA_TOPIC_PARTITIONS": "3", "KAFKA_OFFSETS_PARTITIONS": "5"})
	specs := []topics.Spec{topics.Offsets(w.k), topics.DeadLetters(w.k), topics.Schemas(w.k), topics.Stream(w.k, "tags")}
	got := w.ensure(t, specs...)
	again := w.ensure(t, specs...)
	if diff := cmp.Diff(got, again); diff != "" {
		t.Errorf("the second look differs (-first +second):\n%s", diff)
	}
	for i, topic := range got {
		if topic.ID == "" || len(topic.Start) != int(topic.Partitions) {
			t.Errorf("%s: id %q, starts %v", topic.Name, topic.ID, topic.Start)
		}
		got[i].ID, got[i].Start = "", nil
	}
	want := []topics.Topic{
		{Name: "pylon.offsets", Partitions: 5, Described: true, Compacted: true, MaxBytes: 1 << 20},
		{Name: "pylon.deadletter", Partitions: 1, Described: true, MaxBytes: 32 << 20},
		{Name: "pylon.schemas", Partitions: 1, Described: true, Compacted: true, MaxBytes: 1 << 20},
		{Name: "pylon.tags", Partitions: 3, Described: true, Compacted: true, MaxBytes: 16 << 20},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("topics (-want +got):\n%s", diff)
	}
}

func TestEnsure_seesATopicMadeAnew(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	first := w.ensure(t, topics.Stream(w.k, "tags"))
	_, err := w.adm.DeleteTopic(t.Context(), "pylon.tags")
	must(t, err)
	if _, err := topics.Describe(t.Context(), w.cl, w.k, topics.Stream(w.k, "tags")); !errors.Is(err, kerr.UnknownTopicOrPartition) || topics.Final(err) {
		t.Errorf("describe: %v, want UNKNOWN_TOPIC_OR_PARTITION, not final", err)
	}
	if second := w.ensure(t, topics.Stream(w.k, "tags")); second[0].ID == first[0].ID {
		t.Error("the id is the same")
	}
}

// TestEnsure_warnsOfWhatLosesData is every setting of an existing topic that
// does harm, and what is said of it.
func TestEnsure_warnsOfWhatLosesData(t *testing.T) {
	t.Parallel()
	const big = "33554432"
	table, log := topics.Table, topics.Log
	for name, test := range map[string]struct {
		kind      topics.Kind
		config    map[string]string
		compacted bool
		says      []string // nil: no warning
	}{
		"compacted":            {table, map[string]string{"cleanup.policy": "compact"}, true, nil},
		"deleted":              {table, map[string]string{"cleanup.policy": "delete", "retention.ms": "60000"}, false, []string{"retention.ms is 60000", "cleanup.policy=compact", "publish-anew"}},
		"deleted by size":      {table, map[string]string{"cleanup.policy": "delete", "retention.ms": "-1", "retention.bytes": "5"}, false, []string{"retention.bytes is 5", "publish-anew"}},
		"both":                 {table, map[string]string{"cleanup.policy": "compact,delete", "retention.ms": "60000"}, false, []string{"retention.ms is 60000", "publish-anew"}},
		"both, without end":    {table, map[string]string{"cleanup.policy": "compact,delete", "retention.ms": "-1"}, true, nil},
		"kept for ever":        {table, map[string]string{"cleanup.policy": "delete", "retention.ms": "-1"}, false, []string{"grows for ever"}},
		"small":                {table, map[string]string{"cleanup.policy": "compact", "max.message.bytes": "40000"}, true, []string{"max.message.bytes is 40000", "dead letter", "33554432 takes all"}},
		"a log":                {log, map[string]string{"cleanup.policy": "delete", "retention.ms": "-1"}, false, nil},
		"a log with an end":    {log, map[string]string{"cleanup.policy": "delete", "retention.ms": "60000"}, false, []string{"retention.ms is 60000", "dead letter is lost"}},
		"a log, compacted":     {log, map[string]string{"cleanup.policy": "compact"}, true, []string{"keeps only the last dead letter of a key"}},
		"replicas out of sync": {table, map[string]string{"cleanup.policy": "compact", "min.insync.replicas": "2"}, true, []string{"min.insync.replicas is 2", "refuses every record"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, nil)
			if test.config["max.message.bytes"] == "" {
				test.config["max.message.bytes"] = big
			}
			w.make(t, "topic", test.config)
			got := w.ensure(t, topics.Spec{Name: "topic", Partitions: 1, MaxBytes: 32 << 20, Kind: test.kind})[0]
			if got.Compacted != test.compacted || !got.Described || strconv.Itoa(got.MaxBytes) != test.config["max.message.bytes"] {
				t.Errorf("%+v", got)
			}
			if test.says == nil && len(got.Warnings) > 0 || test.says != nil && len(got.Warnings) != 1 {
				t.Fatalf("warnings: %q", got.Warnings)
			}
			wantText(t, strings.Join(got.Warnings, "\n"), test.says...)
		})
	}
}

func TestEnsure_refusesAStateThatIsNotCompacted(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.make(t, "pylon.offsets", map[string]string{"cleanup.policy": "delete"})
	got, err := topics.Ensure(t.Context(), w.cl, w.k, topics.Offsets(w.k), topics.Stream(w.k, "tags"))
	if !topics.Final(err) {
		t.Fatalf("error %v, want one that is final", err)
	}
	wantText(t, err.Error(), "topic pylon.offsets: it is not compacted", "kafka-configs.sh", "--add-config cleanup.policy=compact")
	if got[0].ID != "" || got[1].ID == "" {
		t.Errorf("%+v: want the other topic to be good all the same", got)
	}
}

func TestEnsure_mayNotCreate(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]string{"KAFKA_CREATE_TOPICS": "false"})
	_, err := topics.Ensure(t.Context(), w.cl, w.k, topics.Stream(w.k, "tags"), topics.DeadLetters(w.k))
	if !topics.Final(err) {
		t.Fatalf("error %v, want one that is final", err)
	}
	wantText(t, err.Error(), "topic pylon.tags", "topic pylon.deadletter", "KAFKA_CREATE_TOPICS", "cleanup.policy=compact", "cleanup.policy=delete")
}

// TestEnsure_aPartitionWithoutALeader is waited for with ever longer pauses, and
// named in the end.
func TestEnsure_aPartitionWithoutALeader(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.make(t, "pylon.tags", map[string]string{"cleanup.policy": "compact"})
	var asked, until atomic.Int64
	until.Store(1 << 30)
	w.cluster.ControlKey(int16(kmsg.Metadata), func(kreq kmsg.Request) (kmsg.Response, error, bool) {
		w.cluster.KeepControl()
		req, _ := kreq.(*kmsg.MetadataRequest)
		if len(req.Topics) != 1 || asked.Add(1) > until.Load() {
			return nil, nil, false
		}
		resp, _ := req.ResponseKind().(*kmsg.MetadataResponse)
		st := kmsg.NewMetadataResponseTopic()
		st.Topic = req.Topics[0].Topic
		for i := range int32(4) {
			sp := kmsg.NewMetadataResponseTopicPartition()
			sp.Partition = i
			if i == 3 {
				sp.ErrorCode = kerr.LeaderNotAvailable.Code
			}
			st.Partitions = append(st.Partitions, sp)
		}
		resp.Topics = append(resp.Topics, st)
		return resp, nil, true
	})
	ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
	defer cancel()
	_, err := topics.Ensure(ctx, w.cl, w.k, topics.Stream(w.k, "tags"))
	if err == nil || topics.Final(err) || !errors.Is(err, kerr.LeaderNotAvailable) || !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("error %v", err)
	}
	wantText(t, err.Error(), "topic pylon.tags", "partition 3 of 4 has no leader")
	if n := asked.Load(); n > 10 {
		t.Errorf("%d metadata requests in 1.5 s, want no more than 10", n)
	}
	until.Store(asked.Load() + 2)
	w.ensure(t, topics.Stream(w.k, "tags"))
}

// TestEnsure_aClusterThatDoesNotAnswer ends with ctx.
func TestEnsure_aClusterThatDoesNotAnswer(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	release := make(chan struct{})
	w.cluster.ControlKey(int16(kmsg.Metadata), func(kmsg.Request) (kmsg.Response, error, bool) {
		w.cluster.SleepControl(func() { <-release })
		return nil, nil, false
	})
	defer close(release)
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	_, err := topics.Ensure(ctx, w.cl, w.k, topics.Stream(w.k, "tags"))
	if !errors.Is(err, context.DeadlineExceeded) || topics.Final(err) {
		t.Errorf("error %v", err)
	}
}

// TestEnsure_withoutDescribeConfigs goes on with Kafka's default limit and a
// warning that names the right; without Describe it does not.
func TestEnsure_withoutDescribeConfigs(t *testing.T) {
	t.Parallel()
	acl := func(topic string, op kmsg.ACLOperation) kfake.ACL {
		return kfake.ACL{Resource: kmsg.ACLResourceTypeTopic, Name: topic, Operation: op, Allow: true, Pattern: kmsg.ACLResourcePatternTypeLiteral}
	}
	w := newWorld(t, map[string]string{"KAFKA_SASL_MECHANISM": "PLAIN", "KAFKA_SASL_USERNAME": "pylon", "KAFKA_SASL_PASSWORD": "p"},
		kfake.EnableACLs(), kfake.EnableSASL(), kfake.Superuser("PLAIN", "admin", "a"), kfake.SeedTopics(1, "pylon.teams"),
		kfake.User("PLAIN", "pylon", "p", acl("pylon.tags", kmsg.ACLOperationCreate), acl("pylon.tags", kmsg.ACLOperationDescribe)))
	got := w.ensure(t, topics.Stream(w.k, "tags"))[0]
	if got.Described || got.MaxBytes != 1048588 || len(got.Warnings) != 1 {
		t.Fatalf("%+v", got)
	}
	wantText(t, got.Warnings[0], "DescribeConfigs on topic pylon.tags", "User:pylon", "1048588")
	_, err := topics.Ensure(t.Context(), w.cl, w.k, topics.Stream(w.k, "tags"), topics.Stream(w.k, "teams"))
	if !topics.Final(err) || !connect.IsDenied(err) {
		t.Fatalf("error %v", err)
	}
	wantText(t, err.Error(), "topic pylon.teams", "Describe on topic pylon.teams", "kafka-acls.sh")
}

func TestDescribe_seesWhatWasChanged(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	spec := topics.Stream(w.k, "tags")
	w.ensure(t, spec)
	for range 5 {
		must(t, w.cl.ProduceSync(t.Context(), &kgo.Record{Topic: spec.Name, Key: []byte("k"), Value: []byte("v")}).FirstErr())
	}
	var cut kadm.Offsets
	cut.Add(kadm.Offset{Topic: spec.Name, Partition: 0, At: 3})
	_, err := w.adm.DeleteRecords(t.Context(), cut)
	must(t, err)
	size := "40000"
	_, err = w.adm.AlterTopicConfigs(t.Context(), []kadm.AlterConfig{{Op: kadm.SetConfig, Name: "max.message.bytes", Value: &size}}, spec.Name)
	must(t, err)
	got, err := topics.Describe(t.Context(), w.cl, w.k, spec)
	must(t, err)
	if got[0].Start[0] != 3 || got[0].MaxBytes != 40000 {
		t.Errorf("%+v", got[0])
	}
	if none, err := topics.Describe(t.Context(), w.cl, w.k); err != nil || len(none) != 0 {
		t.Errorf("of no topics: %v, %v", none, err)
	}
}
