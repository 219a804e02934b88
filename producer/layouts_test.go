package producer_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/sethvargo/go-envconfig"
	"github.com/twmb/franz-go/pkg/sr"

	"pylon-kafka/avro"
	"pylon-kafka/extract/extracttest"
	"pylon-kafka/offsets"
	"pylon-kafka/producer"
	"pylon-kafka/producer/steer"
)

// schemaReader finds the schema of a key or a value as a consumer must: by its
// header alone, in the registry or in the schemas topic.
type schemaReader struct {
	registry *sr.Client // nil: none
	topic    map[string]string
	decoders map[avro.Header]*avro.Decoder
}

func (w *world) schemaReader(t *testing.T) *schemaReader {
	t.Helper()
	r := &schemaReader{topic: make(map[string]string), decoders: make(map[avro.Header]*avro.Decoder)}
	if url := w.settings["SCHEMA_REGISTRY_URL"]; url != "" {
		var err error
		r.registry, err = sr.NewClient(sr.URLs(url))
		must(t, err)
	}
	for _, rec := range w.rawRecords(t, "pylon.schemas") {
		r.topic[string(rec.Key)] = string(rec.Value)
	}
	return r
}

// read returns what the API sent of a key or a value, as JSON, and its schema.
func (r *schemaReader) read(t *testing.T, data []byte) (text, schema string) {
	t.Helper()
	header, body, err := avro.ParseHeader(data)
	must(t, err)
	if header.Format == avro.FormatConfluent {
		found, err := r.registry.SchemaByID(t.Context(), header.ID)
		must(t, err)
		schema = found.Schema
	} else {
		schema = r.topic[fmt.Sprintf("%016x", header.Fingerprint)]
	}
	if r.decoders[header] == nil {
		r.decoders[header], err = avro.NewDecoder(schema)
		must(t, err)
	}
	out, err := r.decoders[header].JSON(nil, body, avro.DecodeOptions{Merge: true})
	must(t, err)
	return string(out), schema
}

// plainKey joins the parts of an Avro key.
func plainKey(t *testing.T, stream, key string) string {
	t.Helper()
	var fields map[string]string
	must(t, json.Unmarshal([]byte(key), &fields))
	codec, err := avro.NewKeyCodec(stream)
	must(t, err)
	var parts []string
	for _, name := range codec.Parts() {
		parts = append(parts, fields[name])
	}
	return strings.Join(parts, ":")
}

// tableOf returns what a topic comes to, as [world.table] does, and fails unless
// every record is of the layout and the key format, and where the plain key
// would be put.
func (w *world) tableOf(t *testing.T, stream string, layout avro.Layout, avroKeys bool, partitions int32) map[string]string {
	t.Helper()
	table := make(map[string]string)
	schemas := w.schemaReader(t)
	for _, rec := range w.rawRecords(t, "pylon."+stream) {
		key := string(rec.Key)
		if avroKeys {
			text, _ := schemas.read(t, rec.Key)
			key = plainKey(t, stream, text)
		}
		if want := offsets.Partition(key, partitions); rec.Partition != want {
			t.Errorf("%s %s: in partition %d, want %d", stream, key, rec.Partition, want)
		}
		if rec.Value == nil {
			delete(table, key)
			continue
		}
		text, schema := schemas.read(t, rec.Value)
		if of, got, ok := avro.Identify(schema); !ok || of != stream || got != layout {
			t.Errorf("%s %s: a record of %s, layout %s (%v), want layout %s", stream, key, of, got, ok, layout)
		}
		table[key] = normal(t, stream, []byte(text))
	}
	return table
}

// hashesOf returns the header hash of what each key came to, by the plain key.
func (w *world) hashesOf(t *testing.T, topic, stream string, avroKeys bool) map[string]string {
	t.Helper()
	hashes := make(map[string]string)
	schemas := w.schemaReader(t)
	for _, rec := range w.rawRecords(t, topic) {
		key := string(rec.Key)
		if avroKeys {
			text, _ := schemas.read(t, rec.Key)
			key = plainKey(t, stream, text)
		}
		delete(hashes, key)
		if rec.Value == nil {
			continue
		}
		for _, h := range rec.Headers {
			if h.Key == "hash" {
				hashes[key] = string(h.Value)
			}
		}
		if len(hashes[key]) != 16 {
			t.Errorf("%s %s: hash is %q", topic, key, hashes[key])
		}
	}
	return hashes
}

// TestLayouts_everyStreamInEveryForm copies all streams in each layout and key
// format, deletes and changes objects, and begins anew. The hashes are those of
// a nested copy with plain keys: they are of the content, not of its form.
func TestLayouts_everyStreamInEveryForm(t *testing.T) {
	t.Parallel()
	for name, form := range map[string]struct {
		layout   avro.Layout
		avroKeys bool
		registry bool
		settings []string
	}{
		"flat":                                   {avro.LayoutFlat, false, false, []string{"VALUE_LAYOUT", "flat"}},
		"flat, registry":                         {avro.LayoutFlat, false, true, []string{"VALUE_LAYOUT", "flat"}},
		"flat and Avro keys":                     {avro.LayoutFlat, true, false, []string{"VALUE_LAYOUT", "flat", "KAFKA_KEY_FORMAT", "avro"}},
		"flat and Avro keys, registry":           {avro.LayoutFlat, true, true, []string{"VALUE_LAYOUT", "flat", "KAFKA_KEY_FORMAT", "avro"}},
		"flat with text and Avro keys, registry": {avro.LayoutFlatText, true, true, []string{"VALUE_LAYOUT", "flat", "FLAT_ARRAYS", "text", "KAFKA_KEY_FORMAT", "avro"}},
		"nested and Avro keys":                   {avro.LayoutNested, true, false, []string{"KAFKA_KEY_FORMAT", "avro"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, extracttest.Options{Seed: 81, Issues: 8})
			if form.registry {
				w.newRegistry(t)
			}
			const partitions = 3
			maps.Copy(w.settings, pairs(append(form.settings, "KAFKA_TOPIC_PARTITIONS", "3")))
			wantTruth := func() {
				t.Helper()
				for _, stream := range allStreams() {
					if diff := cmp.Diff(w.truth(t, stream), w.tableOf(t, stream, form.layout, form.avroKeys, partitions)); diff != "" {
						t.Errorf("%s: topic is not what Pylon holds (-pylon +topic):\n%.2000s", stream, diff)
					}
				}
			}
			w.sync(t)
			wantTruth()

			for _, stream := range []string{"tags", "custom_fields", "issue_statuses"} {
				must(t, w.api.Delete(stream, firstKey(t, w, stream)))
			}
			must(t, w.api.UpdateIssue(w.api.IssueID(2), extracttest.IssueChange{State: "closed"}))
			if _, tombstones := totals(w.sync(t)); tombstones != 3 {
				t.Errorf("%d tombstones, want 3", tombstones)
			}
			wantTruth()
			if records, tombstones := totals(w.sync(t)); records != 0 || tombstones != 0 {
				t.Errorf("a sync of what is there publishes %d records and %d tombstones", records, tombstones)
			}

			w.sync(t, "KAFKA_TOPIC_PREFIX", "copy.", "VALUE_LAYOUT", "nested", "FLAT_ARRAYS", "arrays", "KAFKA_KEY_FORMAT", "plain")
			for _, stream := range allStreams() {
				want := w.hashesOf(t, "copy."+stream, stream, false)
				if diff := cmp.Diff(want, w.hashesOf(t, "pylon."+stream, stream, form.avroKeys)); diff != "" || len(want) == 0 {
					t.Errorf("%s: %d hashes are not those of the nested copy (-nested +topic):\n%.2000s", stream, len(want), diff)
				}
			}
		})
	}
}

// pairs makes a map of names and values.
func pairs(list []string) map[string]string {
	m := make(map[string]string)
	for pair := range slices.Chunk(list, 2) {
		m[pair[0]] = pair[1]
	}
	return m
}

// TestLayouts_refusesATopicOfAnotherForm wants the error to say what is there,
// what the settings make and both ways out, and the topic to stay as it is.
func TestLayouts_refusesATopicOfAnotherForm(t *testing.T) {
	t.Parallel()
	flat, text := []string{"VALUE_LAYOUT", "flat"}, []string{"VALUE_LAYOUT", "flat", "FLAT_ARRAYS", "text"}
	keys := []string{"KAFKA_KEY_FORMAT", "avro"}
	for name, test := range map[string]struct {
		before, after []string
		registries    [2]bool // before and after
		another       bool    // the registry after is another one
		says          []string
	}{
		"flat after nested":               {nil, flat, [2]bool{}, false, []string{"layout nested", "layout flat:"}},
		"nested after flat":               {flat, nil, [2]bool{}, false, []string{"layout flat ", "layout nested:"}},
		"text after flat":                 {flat, text, [2]bool{}, false, []string{"layout flat ", "layout flat-text:"}},
		"flat after text, registry":       {text, flat, [2]bool{true, true}, false, []string{"id 1 of a schema registry, layout flat-text", "layout flat:"}},
		"Avro keys after plain":           {nil, keys, [2]bool{}, false, []string{"KAFKA_KEY_FORMAT"}},
		"plain keys after Avro":           {keys, nil, [2]bool{}, false, []string{"KAFKA_KEY_FORMAT"}},
		"plain keys after Avro, registry": {keys, nil, [2]bool{true, true}, false, []string{"KAFKA_KEY_FORMAT"}},
		"a registry after none":           {nil, nil, [2]bool{false, true}, false, []string{"single-object encoding, fingerprint", "ids of the schema registry http://"}},
		"none after a registry":           {nil, nil, [2]bool{true, false}, false, []string{"id 1 of a schema registry", "single-object encoding, fingerprint"}},
		"another registry":                {nil, nil, [2]bool{true, true}, true, []string{"id 1 of a schema registry", "ids of the schema registry http://"}},
		"another registry, Avro keys":     {keys, keys, [2]bool{true, true}, true, []string{"KAFKA_KEY_FORMAT", "schema registry"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, extracttest.Options{Seed: 82, Issues: -1})
			w.settings["PYLON_STREAMS"] = "tags"
			if test.registries[0] {
				w.newRegistry(t)
			}
			w.sync(t, test.before...)
			before, cursor := w.rawRecords(t, "pylon.tags"), w.cursor(t, "tags")
			topicsBefore := w.topicNames(t)
			switch {
			case !test.registries[1]:
				delete(w.settings, "SCHEMA_REGISTRY_URL")
			case test.another || !test.registries[0]:
				registry := w.newRegistry(t)
				if test.another { // its first id is of something else
					registry.SeedSchema("other-value", 1, 1, avroSchema(newCodec(t, "teams").Schema()))
				}
			}
			_, err := w.api.Create("tags", "") // there is something to write
			must(t, err)
			registered := w.registered(t)
			// Teams' topic is new: its schema is registered, and that of tags not with it.
			_, err = w.trySync(t, append(test.after, "PYLON_STREAMS", "tags,teams")...)
			w.wantFailure(t, err, append(test.says, "tags: ", "topic pylon.tags", "partition 0, offset ", "pylon-kafka publish-anew tags", "KAFKA_TOPIC_PREFIX")...)
			if after := w.rawRecords(t, "pylon.tags"); len(after) != len(before) {
				t.Errorf("%d records after the refusal, want %d", len(after), len(before))
			}
			notOurs := func(name string) bool { return !strings.Contains(name, "eam") && name != "pylon.schemas" }
			if diff := cmp.Diff(registered, filter(w.registered(t), notOurs)); diff != "" {
				t.Errorf("versions of subjects after the refusal (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(filter(topicsBefore, notOurs), filter(w.topicNames(t), notOurs)); diff != "" {
				t.Errorf("topics after the refusal (-want +got):\n%s", diff)
			}
			if after := w.cursor(t, "tags"); after != cursor {
				t.Errorf("cursor %s after the refusal, want %s", after, cursor)
			}

			// Both ways out lead out.
			w.publishAnew(t, "tags")
			for _, prefix := range []string{"pylon.", "second."} {
				if s := w.sync(t, append(test.after, "KAFKA_TOPIC_PREFIX", prefix)...)["tags"]; s.Records != int64(w.api.Count("tags")) {
					t.Errorf("prefix %s: %d records, want %d", prefix, s.Records, w.api.Count("tags"))
				}
			}
			if s := w.sync(t, test.after...)["tags"]; s.Records != 0 {
				t.Errorf("a sync of what is there publishes %d records", s.Records)
			}
		})
	}
}

// publishAnew does what the command publish-anew does.
func (w *world) publishAnew(t *testing.T, stream string) {
	t.Helper()
	var cfg producer.Config
	must(t, envconfig.ProcessWith(t.Context(), &envconfig.Config{Target: &cfg, Lookuper: envconfig.MapLookuper(w.settings)}))
	cursors, err := steer.New(&cfg, w.opts...)
	must(t, err)
	_, err = cursors.Change(t.Context(), steer.Mode{}, cursors.Anew(stream))
	must(t, err)
}

// TestRebuild_refusesKeysThatTheRegistryWouldNumberAnew begins with keys whose
// schema had another id: the same object would have two keys.
func TestRebuild_refusesKeysThatTheRegistryWouldNumberAnew(t *testing.T) {
	t.Parallel()
	w := newWorld(t, extracttest.Options{Seed: 84, Issues: -1})
	w.settings["PYLON_STREAMS"], w.settings["KAFKA_KEY_FORMAT"] = "tags", "avro"
	first := w.newRegistry(t)
	w.sync(t)
	value, _ := first.GetSchema("pylon.tags-value", 1)
	key, _ := first.GetSchema("pylon.tags-key", 1)
	second := w.newRegistry(t)
	second.SeedSchema("pylon.tags-value", 1, value.ID, value.Schema)
	second.SeedSchema("pylon.tags-key", 1, key.ID+7, key.Schema)
	before := len(w.rawRecords(t, "pylon.tags"))
	_, err := w.trySync(t)
	w.wantFailure(t, err, "topic pylon.tags", "KAFKA_KEY_FORMAT", "pylon-kafka publish-anew tags", "KAFKA_TOPIC_PREFIX")
	if after := len(w.rawRecords(t, "pylon.tags")); after != before {
		t.Errorf("%d records after the refusal, want %d", after, before)
	}
}
