package preflight_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/sethvargo/go-envconfig"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sr/srfake"

	"pylon-kafka/avro"
	"pylon-kafka/producer/preflight"
	"pylon-kafka/producer/registry"
)

func TestRun_registry(t *testing.T) {
	t.Parallel()
	cluster := newCluster(t)
	answer := func(status int, body string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			_, _ = w.Write([]byte(body))
		})
	}
	for name, test := range map[string]struct {
		handler http.Handler
		state   preflight.State
		says    []string
	}{
		"answers":        {srfake.NewRegistry().Handler(), preflight.OK, []string{"0 subjects"}},
		"refuses":        {answer(401, `{"error_code":401}`), preflight.Failed, []string{"refuses us", "SCHEMA_REGISTRY_PASSWORD"}},
		"does not list":  {answer(403, `{"error_code":403}`), preflight.Warning, []string{"403"}},
		"another path":   {answer(404, `not found`), preflight.Failed, []string{"answered 404", "Its path"}},
		"something else": {answer(200, `<html>`), preflight.Failed, []string{"not a registry's", "Its path"}},
		"another answer": {answer(200, `{"a":1}`), preflight.Failed, []string{"not a registry's"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(test.handler)
			t.Cleanup(server.Close)
			opts := newWorld(t, cluster.ListenAddrs()[0]).options(t)
			opts.Registry = newRegistry(t, server.URL)
			checks := check(t, opts)
			if c := checks["schema registry"]; c.State != test.state {
				t.Errorf("%+v, want %s", c, test.state)
			}
			wantText(t, checks["schema registry"].Detail+checks["schema registry"].Fix, test.says...)
			if _, ok := checks["topic pylon.schemas"]; ok {
				t.Error("the topic of schemas is looked at, though there is a registry")
			}
		})
	}
}

// newRegistry returns a registry's client with the default settings.
func newRegistry(t *testing.T, url string, env ...string) *registry.Registry {
	t.Helper()
	var s registry.Settings
	lookuper := envconfig.MapLookuper(with(map[string]string{"SCHEMA_REGISTRY_URL": url}, env...))
	must(t, envconfig.ProcessWith(t.Context(), &envconfig.Config{Target: &s, Lookuper: lookuper}))
	must(t, s.Validate())
	r, err := registry.New(s)
	must(t, err)
	return r
}

// TestRun_subjects compares each schema with what the registry has.
func TestRun_subjects(t *testing.T) {
	t.Parallel()
	cluster := newCluster(t)
	fake := srfake.NewRegistry()
	server := httptest.NewServer(fake.Handler())
	t.Cleanup(server.Close)
	const one = `{"type":"record","name":"R","fields":[{"name":"a","type":"string"}]}`
	const more = `{"type":"record","name":"R","fields":[{"name":"a","type":"string"},{"name":"b","type":["null","string"],"default":null}]}`
	writer := newRegistry(t, server.URL)
	for _, topic := range []string{"equal", "older"} {
		_, err := writer.ID(t.Context(), registry.Schema{Topic: topic, Record: "R", Text: one})
		must(t, err)
	}
	opts := newWorld(t, cluster.ListenAddrs()[0]).options(t)
	opts.Registry = writer
	opts.Schemas = []registry.Schema{{Topic: "equal", Record: "R", Text: one}, {Topic: "older", Record: "R", Text: more}, {Topic: "new", Record: "R", Text: one}}
	checks := check(t, opts)
	wantStates(t, checks, map[string]preflight.State{})
	wantText(t, checks["subject equal-value"].Detail, "there, equal, with id 1")
	wantText(t, checks["subject older-value"].Detail, "compatible; the schema will be registered")
	wantText(t, checks["subject new-value"].Detail, "not there yet")
	opts.Registry = newRegistry(t, server.URL, "SCHEMA_REGISTRY_AUTO_REGISTER", "false")
	checks = check(t, opts)
	wantStates(t, checks, map[string]preflight.State{"subject older-value": preflight.Failed, "subject new-value": preflight.Failed})
	wantText(t, checks["subject new-value"].Detail+checks["subject new-value"].Fix, "SCHEMA_REGISTRY_AUTO_REGISTER", "pylon-kafka schemas")
}

// TestRun_valuesOfAnotherFraming has topics from before a registry was set,
// exchanged, or taken away.
func TestRun_valuesOfAnotherFraming(t *testing.T) {
	t.Parallel()
	codec, err := avro.NewCodec("tags", avro.LayoutNested)
	must(t, err)
	single := avro.AppendSingleObject(nil, codec.Fingerprint())
	server := httptest.NewServer(srfake.NewRegistry().Handler())
	t.Cleanup(server.Close)
	reg := newRegistry(t, server.URL)
	tags, err := reg.ID(t.Context(), registry.Schema{Topic: "pylon.tags", Record: codec.FullName(), Text: codec.Schema()})
	must(t, err)
	other, err := reg.ID(t.Context(), registry.Schema{Topic: "other", Record: "x.Other", Text: `{"type":"record","name":"Other","namespace":"x","fields":[]}`})
	must(t, err)
	for name, test := range map[string]struct {
		registry *registry.Registry
		values   [][]byte
		says     []string
	}{
		"single-object":                {nil, [][]byte{single}, nil},
		"Confluent's":                  {reg, [][]byte{avro.AppendConfluent(nil, tags)}, nil},
		"another program's":            {reg, [][]byte{[]byte("text")}, nil},
		"a registry switched on":       {reg, [][]byte{single}, []string{"pylon.tags", "offset 0", "single-object", "SCHEMA_REGISTRY_URL is set"}},
		"a registry switched on later": {reg, [][]byte{avro.AppendConfluent(nil, tags), nil, single, nil}, []string{"offset 152", "single-object"}},
		"a registry switched off":      {nil, [][]byte{avro.AppendConfluent(nil, 7)}, []string{"schema id 7", "SCHEMA_REGISTRY_URL is not set"}},
		"another registry":             {reg, [][]byte{avro.AppendConfluent(nil, 99)}, []string{"schema id 99", "does not have", "another registry"}},
		"another registry's id":        {reg, [][]byte{avro.AppendConfluent(nil, other)}, []string{"is of \"x.Other\"", "and not of tags", "another registry"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cluster := newCluster(t)
			opts := newWorld(t, cluster.ListenAddrs()[0]).options(t)
			opts.Registry = test.registry
			ensure(t, opts)
			cl, err := kgo.NewClient(kgo.SeedBrokers(cluster.ListenAddrs()...))
			must(t, err)
			defer cl.Close()
			for i, value := range test.values {
				repeat := 1
				if i == 0 && len(test.values) > 1 {
					repeat = 151 // the one that is seen stands near the end
				}
				for range repeat {
					must(t, cl.ProduceSync(t.Context(), &kgo.Record{Topic: "pylon.tags", Key: []byte("k"), Value: value}).FirstErr())
				}
			}
			checks := check(t, opts)
			if test.says == nil {
				wantStates(t, checks, map[string]preflight.State{})
				return
			}
			wantStates(t, checks, map[string]preflight.State{"values": preflight.Failed})
			wantText(t, checks["values"].Detail+checks["values"].Fix, append(test.says, "publish-anew", "KAFKA_TOPIC_PREFIX")...)
		})
	}
}
