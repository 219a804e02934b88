package preflight_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/sr"

	"pylon-kafka/avro"
	"pylon-kafka/producer/preflight"
	"pylon-kafka/producer/producertest"
	"pylon-kafka/producer/registry"
)

// realRegistry returns the address of a real registry and a topic prefix that it
// has not seen.
func realRegistry(t *testing.T) (url, prefix string) {
	t.Helper()
	return producertest.RegistryURL(t), "check-" + strconv.FormatInt(time.Now().UnixNano(), 36) + "."
}

// schemaOf is the schema of tags as it would be registered.
func schemaOf(t *testing.T, topic string, layout avro.Layout) registry.Schema {
	t.Helper()
	codec, err := avro.NewCodec("tags", layout)
	must(t, err)
	return registry.Schema{Topic: topic, Record: codec.FullName(), Text: codec.Schema()}
}

// TestRun_realRegistry has subjects in every state.
func TestRun_realRegistry(t *testing.T) {
	t.Parallel()
	url, prefix := realRegistry(t)
	reg := newRegistry(t, url)
	cl, err := sr.NewClient(sr.URLs(url))
	must(t, err)
	seed := func(topic, text string) {
		t.Helper()
		_, err := cl.CreateSchema(t.Context(), prefix+topic+"-value", sr.Schema{Schema: text, Type: sr.TypeAvro})
		must(t, err)
	}
	seed("equal", schemaOf(t, "", avro.LayoutNested).Text)
	seed("layout", schemaOf(t, "", avro.LayoutNested).Text)
	seed("type", `{"type":"record","name":"Tag","namespace":"com.usepylon","fields":[{"name":"id","type":"int"}]}`)
	opts := newWorld(t, newCluster(t).ListenAddrs()[0]).options(t)
	opts.Registry = reg
	opts.Schemas = []registry.Schema{
		schemaOf(t, prefix+"equal", avro.LayoutNested), schemaOf(t, prefix+"new", avro.LayoutNested),
		schemaOf(t, prefix+"layout", avro.LayoutFlat), schemaOf(t, prefix+"type", avro.LayoutNested),
	}
	checks := check(t, opts)
	subject := func(topic string) string { return "subject " + prefix + topic + "-value" }
	wantStates(t, checks, map[string]preflight.State{subject("layout"): preflight.Failed, subject("type"): preflight.Failed})
	wantText(t, checks[subject("equal")].Detail, "there, equal")
	wantText(t, checks[subject("new")].Detail, "not there yet")
	layout := checks[subject("layout")]
	wantText(t, layout.Detail+layout.Fix, "com.usepylon.Tag (layout nested)", "com.usepylon.TagFlat (layout flat)", "compatibility", "/config/"+prefix+"layout-value", "KAFKA_TOPIC_PREFIX")
	wantText(t, checks[subject("type")].Detail, "field id has type \"int\"", "in ours \"string\"")
}
