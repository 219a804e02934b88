package preflight_test

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sethvargo/go-envconfig"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"pylon-kafka/extract"
	"pylon-kafka/extract/extracttest"
	"pylon-kafka/producer/connect"
	"pylon-kafka/producer/preflight"
	"pylon-kafka/producer/topics"
)

// hidden is what no check may show.
const hidden = "hunter2"

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// world is a Pylon and the settings of what is checked.
type world struct {
	api  *extracttest.Server
	env  map[string]string
	logs bytes.Buffer // of pipelines
}

func newWorld(t *testing.T, brokers string) *world {
	t.Helper()
	api := extracttest.NewServer(t, extracttest.Options{Seed: 1, Issues: 3, Limits: map[string]int{"*": 0}})
	return &world{api: api, env: map[string]string{
		"PYLON_API_TOKEN": hidden, "PYLON_START_DATE": "2020-01-01T00:00:00Z", "PYLON_API_URL": api.URL, "PYLON_STREAMS": "issues,tags,issue_messages",
		"KAFKA_BROKERS": brokers,
	}}
}

// options decodes the settings as cmd does.
func (w *world) options(t *testing.T) preflight.Options {
	t.Helper()
	var cfg struct {
		Extract extract.Config
		Kafka   connect.Kafka
	}
	must(t, envconfig.ProcessWith(t.Context(), &envconfig.Config{Target: &cfg, Lookuper: envconfig.MapLookuper(w.env)}))
	must(t, errors.Join(cfg.Extract.Validate(), cfg.Kafka.Validate()))
	client, err := extract.NewClient(cfg.Extract, extract.Options{})
	must(t, err)
	return preflight.Options{Kafka: &cfg.Kafka, Connector: "pylon", Extract: cfg.Extract, Pylon: client}
}

// check runs all checks and returns them by name. It fails if they take too
// long or show a secret.
func check(t *testing.T, opts preflight.Options) map[string]preflight.Check {
	t.Helper()
	began := time.Now()
	all := preflight.Run(t.Context(), opts)
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("it took %v, want at most 20 s", took)
	}
	checks := make(map[string]preflight.Check, len(all))
	for _, c := range all {
		if strings.Contains(c.Detail+c.Fix, hidden) {
			t.Errorf("%s shows a secret: %s; %s", c.Name, c.Detail, c.Fix)
		}
		if (c.State == preflight.Failed) != (c.Err != nil) {
			t.Errorf("%s is %s with error %v", c.Name, c.State, c.Err)
		}
		checks[c.Name] = c
	}
	return checks
}

// wantStates wants every check to be ok, apart from those named.
func wantStates(t *testing.T, checks map[string]preflight.Check, others map[string]preflight.State) {
	t.Helper()
	got := make(map[string]preflight.State)
	for name, c := range checks {
		if c.State != preflight.OK {
			got[name] = c.State
		}
	}
	if diff := cmp.Diff(others, got); diff != "" {
		t.Errorf("checks that are not ok (-want +got):\n%s\n%v", diff, checks)
	}
}

func wantText(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("%q is not in:\n%s", part, text)
		}
	}
}

func newCluster(t *testing.T, opts ...kfake.Opt) *kfake.Cluster {
	t.Helper()
	cluster, err := kfake.NewCluster(append([]kfake.Opt{kfake.NumBrokers(1)}, opts...)...)
	must(t, err)
	t.Cleanup(cluster.Close)
	return cluster
}

// ensure makes the topics as a run would.
func ensure(t *testing.T, opts preflight.Options) {
	t.Helper()
	kopts, err := opts.Kafka.Options()
	must(t, err)
	cl, err := kgo.NewClient(kopts...)
	must(t, err)
	defer cl.Close()
	specs := []topics.Spec{topics.Offsets(opts.Kafka), topics.DeadLetters(opts.Kafka), topics.Index(opts.Kafka), topics.Schemas(opts.Kafka)}
	for _, s := range opts.Extract.ChosenStreams() {
		specs = append(specs, topics.Stream(opts.Kafka, s.Name))
	}
	_, err = topics.Ensure(t.Context(), cl, opts.Kafka, specs...)
	must(t, err)
}

// listed returns the topics of a cluster.
func listed(t *testing.T, brokers string, auth ...kgo.Opt) []string {
	t.Helper()
	cl, err := kgo.NewClient(append(auth, kgo.SeedBrokers(brokers))...)
	must(t, err)
	defer cl.Close()
	all, err := kadm.NewClient(cl).ListTopics(t.Context())
	must(t, err)
	return all.Names()
}

// TestRun_allIsWell before and after the topics are made, which the checks do
// not do.
func TestRun_allIsWell(t *testing.T) {
	t.Parallel()
	cluster := newCluster(t)
	w := newWorld(t, cluster.ListenAddrs()[0])
	opts := w.options(t)
	checks := check(t, opts)
	wantStates(t, checks, map[string]preflight.State{})
	names := slices.Sorted(maps.Keys(checks))
	want := []string{
		"brokers", "clock", "cursors", "endpoints", "group pylon-kafka", "schema registry", "token", "topic pylon.deadletter", "topic pylon.index", "topic pylon.issue_messages",
		"topic pylon.issues", "topic pylon.offsets", "topic pylon.schemas", "topic pylon.tags", "transactional ids", "values",
	}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("checks (-want +got):\n%s", diff)
	}
	wantText(t, checks["topic pylon.tags"].Detail, "will be created")
	if topics := listed(t, cluster.ListenAddrs()[0]); len(topics) != 0 {
		t.Errorf("topics after a check: %v", topics)
	}
	ensure(t, opts)
	checks = check(t, opts)
	wantStates(t, checks, map[string]preflight.State{}) // no warning of what we made ourselves
	wantText(t, checks["topic pylon.offsets"].Detail, "16 partitions, compacted")
}

func acl(resource kmsg.ACLResourceType, name string, op kmsg.ACLOperation) kfake.ACL {
	pattern := kmsg.ACLResourcePatternTypePrefixed
	if resource == kmsg.ACLResourceTypeGroup {
		pattern = kmsg.ACLResourcePatternTypeLiteral
	}
	return kfake.ACL{Resource: resource, Name: name, Operation: op, Pattern: pattern, Allow: true}
}

// TestRun_namesEachRightThatIsMissing takes each of the rights away, with the
// topics there and not there yet.
func TestRun_namesEachRightThatIsMissing(t *testing.T) {
	t.Parallel()
	topic, id, group := kmsg.ACLResourceTypeTopic, kmsg.ACLResourceTypeTransactionalId, kmsg.ACLResourceTypeGroup
	rights := []kfake.ACL{
		acl(topic, "pylon.", kmsg.ACLOperationCreate), acl(topic, "pylon.", kmsg.ACLOperationDescribeConfigs),
		acl(topic, "pylon.", kmsg.ACLOperationRead), acl(topic, "pylon.", kmsg.ACLOperationWrite),
		acl(id, "pylon-kafka-", kmsg.ACLOperationWrite), acl(group, "pylon-kafka", kmsg.ACLOperationRead),
	}
	tables := []string{"topic pylon.index", "topic pylon.issue_messages", "topic pylon.issues", "topic pylon.offsets", "topic pylon.schemas", "topic pylon.tags"}
	all := append([]string{"topic pylon.deadletter"}, tables...)
	for name, test := range map[string]struct {
		without int // -1: all are there
		before  []string
		after   []string
		state   preflight.State
		says    []string
	}{
		"none":             {-1, nil, nil, preflight.Failed, nil},
		"create":           {0, all, nil, preflight.Failed, []string{"Create on topic pylon."}},
		"describe configs": {1, nil, all, preflight.Warning, []string{"DescribeConfigs on topic pylon."}},
		"read":             {2, tables, tables, preflight.Failed, []string{"Read on topic pylon.", "--operation Read --topic pylon. --resource-pattern-type prefixed"}},
		"write":            {3, all, all, preflight.Failed, []string{"Write on topic pylon.", "--operation Write --topic pylon. --resource-pattern-type prefixed"}},
		"transactional id": {4, []string{"transactional ids"}, []string{"transactional ids"}, preflight.Failed, []string{"Write on transactional id pylon-kafka-*", "prefixed"}},
		"group":            {5, []string{"group pylon-kafka"}, []string{"group pylon-kafka"}, preflight.Failed, []string{"Read on group pylon-kafka", "--group pylon-kafka"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			acls := slices.Clone(rights)
			if test.without >= 0 {
				acls = slices.Delete(acls, test.without, test.without+1)
			}
			cluster := newCluster(t, kfake.EnableSASL(), kfake.EnableACLs(), kfake.Superuser("PLAIN", "admin", hidden), kfake.User("PLAIN", "pylon", hidden, acls...))
			w := newWorld(t, cluster.ListenAddrs()[0])
			w.env["KAFKA_SASL_MECHANISM"], w.env["KAFKA_SASL_USERNAME"], w.env["KAFKA_SASL_PASSWORD"] = "PLAIN", "pylon", hidden
			opts := w.options(t)
			look := func(names []string) {
				t.Helper()
				checks := check(t, opts)
				want := make(map[string]preflight.State)
				for _, name := range names {
					want[name] = test.state
					if name == "topic pylon.index" { // streams work without it
						want[name] = preflight.Warning
					}
					wantText(t, checks[name].Detail+" "+checks[name].Fix, append(test.says, "kafka-acls.sh", "User:pylon")...)
				}
				wantStates(t, checks, want)
			}
			look(test.before)
			w.env["KAFKA_SASL_USERNAME"] = "admin"
			ensure(t, w.options(t))
			look(test.after)
		})
	}
}

func TestRun_topicsThatDoNotFit(t *testing.T) {
	t.Parallel()
	cluster := newCluster(t)
	w := newWorld(t, cluster.ListenAddrs()[0])
	w.env["KAFKA_CREATE_TOPICS"] = "false"
	must(t, cluster.CreateTopic("pylon.offsets", 1, map[string]string{"cleanup.policy": "delete"}))
	must(t, cluster.CreateTopic("pylon.issues", 1, map[string]string{"cleanup.policy": "delete", "retention.ms": "60000", "max.message.bytes": "33554432"}))
	must(t, cluster.CreateTopic("pylon.deadletter", 1, map[string]string{"cleanup.policy": "delete", "retention.ms": "-1", "max.message.bytes": "33554432"}))
	must(t, cluster.CreateTopic("pylon.schemas", 1, map[string]string{"cleanup.policy": "compact"}))
	must(t, cluster.CreateTopic("pylon.issue_messages", 1, map[string]string{"cleanup.policy": "compact"}))
	checks := check(t, w.options(t))
	wantStates(t, checks, map[string]preflight.State{
		"topic pylon.offsets": preflight.Failed, "topic pylon.issues": preflight.Warning, "topic pylon.issue_messages": preflight.Warning,
		"topic pylon.tags": preflight.Failed, "topic pylon.index": preflight.Warning,
	})
	wantText(t, checks["topic pylon.offsets"].Detail, "not compacted", "kafka-configs.sh")
	wantText(t, checks["topic pylon.issues"].Detail, "retention.ms is 60000", "publish-anew")
	wantText(t, checks["topic pylon.issue_messages"].Detail, "max.message.bytes is 1048588")
	wantText(t, checks["topic pylon.tags"].Detail, "KAFKA_CREATE_TOPICS")
	wantText(t, checks["topic pylon.index"].Detail, "KAFKA_CREATE_TOPICS", "a hand-over of a large stream reads its topic whole")
}

func TestRun_aTopicThatLostRecords(t *testing.T) {
	t.Parallel()
	cluster := newCluster(t)
	w := newWorld(t, cluster.ListenAddrs()[0])
	opts := w.options(t)
	ensure(t, opts)
	cl, err := kgo.NewClient(kgo.SeedBrokers(cluster.ListenAddrs()...))
	must(t, err)
	defer cl.Close()
	for range 3 {
		must(t, cl.ProduceSync(t.Context(), &kgo.Record{Topic: "pylon.tags", Key: []byte("k")}).FirstErr())
	}
	var cut kadm.Offsets
	cut.Add(kadm.Offset{Topic: "pylon.tags", Partition: 0, At: 2})
	_, err = kadm.NewClient(cl).DeleteRecords(t.Context(), cut)
	must(t, err)
	wantText(t, check(t, opts)["topic pylon.tags"].Detail, "begins at offset 2", "publish-anew")
}

func TestRun_pylon(t *testing.T) {
	t.Parallel()
	cluster := newCluster(t)
	w := newWorld(t, cluster.ListenAddrs()[0])
	for _, endpoint := range []string{"tags", "issues_search", "issue_messages"} {
		w.api.API.Fail(extracttest.Fault{Endpoint: endpoint, Status: 403, Code: "permission_denied", Count: -1})
	}
	checks := check(t, w.options(t))
	wantStates(t, checks, map[string]preflight.State{"endpoints": preflight.Failed})
	wantText(t, checks["endpoints"].Detail, "forbids", "issues", "issue_messages", "tags", "403")
	if !errors.Is(checks["endpoints"].Err, extract.ErrForbidden) {
		t.Errorf("error %v", checks["endpoints"].Err)
	}
}

func TestRun_aTokenThatIsRefused(t *testing.T) {
	t.Parallel()
	cluster := newCluster(t)
	w := newWorld(t, cluster.ListenAddrs()[0])
	w.api.API.Fail(extracttest.Fault{Endpoint: "me", Status: 401, Code: "unauthorized", Count: -1})
	checks := check(t, w.options(t))
	wantStates(t, checks, map[string]preflight.State{"token": preflight.Failed})
	if !errors.Is(checks["token"].Err, extract.ErrUnauthorized) {
		t.Errorf("error %v", checks["token"].Err)
	}
}

// date is a proxy with a clock that is off.
type date struct{ by time.Duration }

func (d date) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err == nil {
		resp.Header.Set("Date", time.Now().Add(d.by).UTC().Format(http.TimeFormat))
	}
	return resp, err
}

func TestRun_aClockThatIsOff(t *testing.T) {
	t.Parallel()
	cluster := newCluster(t)
	w := newWorld(t, cluster.ListenAddrs()[0])
	for by, says := range map[time.Duration]string{5 * time.Minute: "ahead", -5 * time.Minute: "behind"} {
		opts := w.options(t)
		client, err := extract.NewClient(opts.Extract, extract.Options{Transport: date{by}})
		must(t, err)
		opts.Pylon = client
		checks := check(t, opts)
		wantStates(t, checks, map[string]preflight.State{"clock": preflight.Warning})
		wantText(t, checks["clock"].Detail, says)
	}
}

// silent is an address that takes connections and never answers.
func silent(t *testing.T) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { _ = l.Close() })
	return l.Addr().String()
}

// TestRun_endsInTimeWhateverHangs has everything hang at the same time, and
// each say so.
func TestRun_endsInTimeWhateverHangs(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes the nine seconds that a check has")
	}
	addr := silent(t)
	for name, env := range map[string]map[string]string{
		"plain": {},
		"TLS":   {"KAFKA_TLS_ENABLED": "true"},
		"token": {"KAFKA_SASL_MECHANISM": "OAUTHBEARER", "KAFKA_SASL_TOKEN_URL": "http://u:" + hidden + "@" + addr, "KAFKA_SASL_CLIENT_ID": "c", "KAFKA_SASL_CLIENT_SECRET": hidden},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, addr)
			w.env["PYLON_API_URL"] = "http://" + addr
			maps.Copy(w.env, env)
			opts := w.options(t)
			opts.Registry = newRegistry(t, "http://"+addr)
			checks := check(t, opts)
			wantStates(t, checks, map[string]preflight.State{"token": preflight.Failed, "brokers": preflight.Failed, "schema registry": preflight.Failed})
			wantText(t, checks["brokers"].Detail, "KAFKA_BROKERS "+addr)
			wantText(t, checks["token"].Detail, "PYLON_API_URL")
			wantText(t, checks["schema registry"].Detail, "SCHEMA_REGISTRY_URL", "no answer")
			if name == "TLS" {
				wantText(t, checks["brokers"].Detail, "KAFKA_TLS_ENABLED")
			}
		})
	}
}

func TestRun_aBrokerThatIsNotThere(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "127.0.0.1:1")
	began := time.Now()
	checks := check(t, w.options(t))
	wantStates(t, checks, map[string]preflight.State{"brokers": preflight.Failed})
	wantText(t, checks["brokers"].Detail, "KAFKA_BROKERS 127.0.0.1:1", "connection refused")
	if took := time.Since(began); took > 15*time.Second {
		t.Errorf("it took %v", took)
	}
}

func TestRun_endsWithItsContext(t *testing.T) {
	t.Parallel()
	w := newWorld(t, silent(t))
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	began := time.Now()
	preflight.Run(ctx, w.options(t))
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("it took %v after its context ended", took)
	}
}
