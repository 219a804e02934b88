package producer_test

import (
	"encoding/json"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sethvargo/go-envconfig"
	"github.com/twmb/franz-go/pkg/sr"

	"pylon-kafka/avro"
	"pylon-kafka/extract/extracttest"
	"pylon-kafka/producer"
	"pylon-kafka/producer/producertest"
	"pylon-kafka/producer/registry"
)

// registryWorld is a world whose registry is a real one. Its topics, and so the
// subjects named for them, are new in every run: the registry keeps its own.
type registryWorld struct {
	*world
	registry *sr.Client
	prefix   string // of topics
}

// newRegistryWorld skips the test where PYLON_KAFKA_TEST_REGISTRY_URL names no
// registry, or fails it where containers are required.
func newRegistryWorld(t *testing.T, streams string) *registryWorld {
	t.Helper()
	address := producertest.RegistryURL(t)
	registry, err := sr.NewClient(sr.URLs(address))
	must(t, err)
	w := &registryWorld{
		world:    newWorld(t, extracttest.Options{Seed: 71, Issues: 5}),
		registry: registry,
		prefix:   "test-" + strconv.FormatInt(time.Now().UnixNano(), 36) + ".",
	}
	w.settings["SCHEMA_REGISTRY_URL"] = address
	w.settings["KAFKA_TOPIC_PREFIX"] = w.prefix
	w.settings["PYLON_STREAMS"] = streams
	return w
}

// wantRecords fails unless a stream's topic holds every object, with this id.
func (w *registryWorld) wantRecords(t *testing.T, stream string, id int) {
	t.Helper()
	records := w.rawRecords(t, w.prefix+stream)
	if len(records) == 0 || len(records) != w.api.Count(stream) {
		t.Errorf("%s: %d records, want %d", stream, len(records), w.api.Count(stream))
	}
	for _, rec := range records {
		header, _, err := avro.ParseHeader(rec.Value)
		if want := (avro.Header{Format: avro.FormatConfluent, ID: id}); err != nil || header != want {
			t.Errorf("%s %s: header %+v (%v), want %+v", stream, rec.Key, header, err, want)
		}
	}
}

// latest returns the newest schema of a subject.
func (w *registryWorld) latest(t *testing.T, subject string) sr.SubjectSchema {
	t.Helper()
	schema, err := w.registry.SchemaByVersion(t.Context(), subject, -1)
	must(t, err)
	return schema
}

// schemaJSON is a schema that a test takes apart.
type schemaJSON struct {
	Type      string            `json:"type"`
	Name      string            `json:"name"`
	Namespace string            `json:"namespace"`
	Fields    []json.RawMessage `json:"fields"`
}

// otherTags returns the schema of tags with other fields.
func otherTags(t *testing.T, change func(fields []json.RawMessage) []json.RawMessage) sr.Schema {
	t.Helper()
	var schema schemaJSON
	must(t, json.Unmarshal([]byte(newCodec(t, "tags").Schema()), &schema))
	schema.Fields = change(schema.Fields)
	text, err := json.Marshal(schema)
	must(t, err)
	return avroSchema(string(text))
}

func TestRealRegistry_strategies(t *testing.T) {
	t.Parallel()
	ids := make(map[string]int)
	for strategy, subject := range map[string]func(prefix string) string{
		"topic":        func(prefix string) string { return prefix + "tags-value" },
		"record":       func(string) string { return "com.usepylon.Tag" },
		"topic-record": func(prefix string) string { return prefix + "tags-com.usepylon.Tag" },
	} {
		w := newRegistryWorld(t, "tags,teams")
		w.sync(t, "SCHEMA_REGISTRY_SUBJECT_STRATEGY", strategy)
		registered := w.latest(t, subject(w.prefix))
		// Apicurio gives the members of a field back in an order of its own.
		if diff := cmp.Diff(jsonValue(t, newCodec(t, "tags").Schema()), jsonValue(t, registered.Schema.Schema)); diff != "" {
			t.Errorf("%s: the registry holds another schema (-ours +registry):\n%s", strategy, diff)
		}
		w.wantRecords(t, "tags", registered.ID)
		ids[strategy] = registered.ID
		all, err := w.registry.Subjects(t.Context())
		must(t, err)
		ours := slices.DeleteFunc(all, func(s string) bool { return !strings.HasPrefix(s, w.prefix) })
		if want := map[string]int{"topic": 2, "record": 0, "topic-record": 2}[strategy]; len(ours) != want {
			t.Errorf("%s: subjects %v, want %d", strategy, ours, want)
		}
	}
	if ids["topic"] != ids["record"] || ids["topic"] != ids["topic-record"] {
		t.Errorf("one schema has the ids %v", ids)
	}
}

// TestRealRegistry_takesACompatibleSchema begins with a subject that holds what
// an earlier version of the program may have registered.
func TestRealRegistry_takesACompatibleSchema(t *testing.T) {
	t.Parallel()
	w := newRegistryWorld(t, "tags")
	subject := w.prefix + "tags-value"
	earlier := otherTags(t, func(fields []json.RawMessage) []json.RawMessage {
		return append(fields[:1:1], fields[2:]...) // without the field after the key
	})
	first, err := w.registry.CreateSchema(t.Context(), subject, earlier)
	must(t, err)
	w.sync(t)
	second := w.latest(t, subject)
	if second.Version != first.Version+1 || second.ID == first.ID {
		t.Errorf("the subject's latest is version %d with id %d, after version %d with id %d", second.Version, second.ID, first.Version, first.ID)
	}
	w.wantRecords(t, "tags", second.ID)
	w.sync(t)
	if again := w.latest(t, subject); again.Version != second.Version {
		t.Errorf("a second sync makes version %d", again.Version)
	}
}

// TestRealRegistry_refusesAnIncompatibleSchema wants the registry's reason, no
// record, the other stream copied, and after the subject is mended everything.
func TestRealRegistry_refusesAnIncompatibleSchema(t *testing.T) {
	t.Parallel()
	w := newRegistryWorld(t, "tags,teams")
	subject := w.prefix + "tags-value"
	other := otherTags(t, func(fields []json.RawMessage) []json.RawMessage {
		return append(slices.Clone(fields[:1]), json.RawMessage(`{"name":"value","type":["null","int"],"default":null}`))
	})
	_, err := w.registry.CreateSchema(t.Context(), subject, other)
	must(t, err)

	_, err = w.trySync(t)
	w.wantFailure(t, err, "tags: ", "subject "+subject, "registry answered 409", "ncompatible")
	t.Logf("the error: %v", err)
	if n := len(w.rawRecords(t, w.prefix+"tags")); n > 0 {
		t.Errorf("%d tags are published", n)
	}
	w.wantRecords(t, "teams", w.latest(t, w.prefix+"teams-value").ID)

	for _, r := range w.registry.SetCompatibility(t.Context(), sr.SetCompatibility{Level: sr.CompatNone}, subject) {
		must(t, r.Err)
	}
	w.sync(t)
	w.wantRecords(t, "tags", w.latest(t, subject).ID)
}

// TestRealRegistry_fullCompatibility registers every layout and the keys of every
// stream, after an earlier version of itself, under the strictest levels.
func TestRealRegistry_fullCompatibility(t *testing.T) {
	t.Parallel()
	for _, level := range []sr.CompatibilityLevel{sr.CompatFull, sr.CompatFullTransitive} {
		for _, settings := range [][]string{
			{"VALUE_LAYOUT", "nested"}, {"VALUE_LAYOUT", "flat"}, {"VALUE_LAYOUT", "flat", "FLAT_ARRAYS", "text"},
		} {
			w := newRegistryWorld(t, strings.Join(allStreams(), ","))
			maps.Copy(w.settings, pairs(append(settings, "KAFKA_KEY_FORMAT", "avro")))
			for _, stream := range allStreams() {
				subject := w.prefix + stream + "-value"
				w.setLevel(t, level, subject, w.prefix+stream+"-key")
				codec, err := avro.NewCodec(stream, w.pipelineLayout(t))
				must(t, err)
				var schema schemaJSON
				must(t, json.Unmarshal([]byte(codec.Schema()), &schema))
				schema.Fields = schema.Fields[:len(schema.Fields)-1] // as it was before the last field
				text, err := json.Marshal(schema)
				must(t, err)
				_, err = w.registry.CreateSchema(t.Context(), subject, avroSchema(string(text)))
				must(t, err)
			}
			w.sync(t)
			for _, stream := range allStreams() {
				second := w.latest(t, w.prefix+stream+"-value")
				if second.Version != 2 {
					t.Errorf("%v, %v: %s-value has %d versions, want 2", level, settings, stream, second.Version)
				}
				w.wantRecords(t, stream, second.ID)
				w.latest(t, w.prefix+stream+"-key")
			}
		}
	}
}

// TestRealRegistry_references begins with a subject whose latest version refers to
// a record of another subject, as somebody may have taken ours apart.
func TestRealRegistry_references(t *testing.T) {
	t.Parallel()
	w := newRegistryWorld(t, "tags")
	subject, other := w.prefix+"tags-value", w.prefix+"other"
	_, err := w.registry.CreateSchema(t.Context(), other, avroSchema(`{"type":"record","name":"Extra","namespace":"n","fields":[{"name":"x","type":"string"}]}`))
	must(t, err)
	referring := otherTags(t, func(fields []json.RawMessage) []json.RawMessage {
		return append(slices.Clone(fields), json.RawMessage(`{"name":"extra","type":["null","n.Extra"],"default":null}`))
	})
	referring.References = []sr.SchemaReference{{Name: "n.Extra", Subject: other, Version: 1}}
	first, err := w.registry.CreateSchema(t.Context(), subject, referring)
	must(t, err)
	codec := newCodec(t, "tags")
	settings := registry.Settings{URL: w.settings["SCHEMA_REGISTRY_URL"], SubjectStrategy: "topic", AutoRegister: true}
	reg, err := registry.New(settings)
	must(t, err)
	schema := registry.Schema{Topic: w.prefix + "tags", Record: codec.FullName(), Text: codec.Schema()}
	if c, err := reg.Compare(t.Context(), schema); err != nil {
		// Apicurio 3.3 does not compare with what has references; Confluent's does.
		w.wantFailure(t, err, "refers to other subjects", "/config/"+subject, "NONE")
		_, err = w.trySync(t)
		w.wantFailure(t, err, "tags: ", "refers to other subjects", "/config/"+subject, "NONE")
		w.setLevel(t, sr.CompatNone, subject)
	} else if c.State != registry.Compatible {
		t.Errorf("%+v, want compatible", c)
	}
	w.sync(t)
	second := w.latest(t, subject)
	if second.ID == first.ID || len(second.References) != 0 {
		t.Errorf("latest %+v, want ours without references", second)
	}
	w.wantRecords(t, "tags", second.ID)
	if c, err := reg.Compare(t.Context(), schema); err != nil || c.State != registry.Equal || c.ID != second.ID {
		t.Errorf("%+v (%v), want equal", c, err)
	}
}

// pipelineLayout is the layout that the world's settings make.
func (w *world) pipelineLayout(t *testing.T) avro.Layout {
	t.Helper()
	var cfg producer.Config
	must(t, envconfig.ProcessWith(t.Context(), &envconfig.Config{Target: &cfg, Lookuper: envconfig.MapLookuper(w.settings)}))
	return cfg.Layout()
}

// TestRealRegistry_withoutItsPath wants sync to say what is missing.
func TestRealRegistry_withoutItsPath(t *testing.T) {
	t.Parallel()
	w := newRegistryWorld(t, "tags")
	base, err := url.Parse(w.settings["SCHEMA_REGISTRY_URL"])
	must(t, err)
	if base.Path == "" || base.Path == "/" {
		t.Skip("this registry has no path")
	}
	base.Path = ""
	_, err = w.trySync(t, "SCHEMA_REGISTRY_URL", base.String())
	w.wantFailure(t, err, "SCHEMA_REGISTRY_URL", "no registry is there", "/apis/ccompat/v7")
	if n := len(w.rawRecords(t, w.prefix+"tags")); n > 0 {
		t.Errorf("%d tags are published", n)
	}
}

func TestRealRegistry_withoutRegistrationTheSchemaMustBeThere(t *testing.T) {
	t.Parallel()
	w := newRegistryWorld(t, "tags")
	w.settings["SCHEMA_REGISTRY_AUTO_REGISTER"] = "false"
	subject := w.prefix + "tags-value"
	_, err := w.trySync(t)
	w.wantFailure(t, err, "tags: ", "subject "+subject+" lacks the schema of com.usepylon.Tag") // no such subject

	other := otherTags(t, func(fields []json.RawMessage) []json.RawMessage { return fields[:1] })
	_, err = w.registry.CreateSchema(t.Context(), subject, other)
	must(t, err)
	_, err = w.trySync(t)
	w.wantFailure(t, err, "tags: ", "subject "+subject+" lacks the schema of com.usepylon.Tag") // no such schema

	registered, err := w.registry.CreateSchema(t.Context(), subject, avroSchema(newCodec(t, "tags").Schema()))
	must(t, err)
	w.sync(t)
	w.wantRecords(t, "tags", registered.ID)
}

func jsonValue(t *testing.T, text string) any {
	t.Helper()
	var value any
	must(t, json.Unmarshal([]byte(text), &value))
	return value
}
