package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sr"
	"github.com/twmb/franz-go/pkg/sr/srfake"

	"pylon-kafka/avro"
	"pylon-kafka/cmd/pylon-kafka/internal/settings"
)

func TestTail_printsCommittedRecordsAsLinesOfJSON(t *testing.T) {
	t.Parallel()
	cluster := newCluster(t)
	w := newTopicWriter(t, cluster, "tags", 1)
	w.commit(w.tag("a", "one"), w.tag("b", "two"))
	w.abort(w.tag("a", "never"))
	w.commit(tombstone("b"))
	w.commit(w.tag("a", "three"))
	env := brokersOf(cluster)

	tests := map[string]struct {
		args []string
		want string
	}{
		"everything":                      {[]string{"--from-beginning", "--exit"}, "a=one b=two b=null a=three"},
		"the first":                       {[]string{"--from-beginning", "-n", "2"}, "a=one b=two"},
		"the last":                        {[]string{"-n", "1"}, "a=three"},
		"the last two, one a tombstone":   {[]string{"-n", "2"}, "b=null a=three"},
		"the last of more than there are": {[]string{"-n", "100"}, "a=one b=two b=null a=three"},
		"one key":                         {[]string{"--from-beginning", "-e", "--key", "a"}, "a=one a=three"},
		"the last of one key":             {[]string{"-n", "2", "--key", "b"}, "b=two b=null"},
		"from an offset on":               {[]string{"--offset", "1", "--exit"}, "b=two b=null a=three"},
		"the first from an offset on":     {[]string{"--offset", "1", "-n", "1"}, "b=two"},
		"from before the end":             {[]string{"--offset", "-2", "--exit"}, "a=three"}, // its marker is the last
		"from before the beginning":       {[]string{"--offset", "-100", "-e", "--key", "b"}, "b=two b=null"},
		"from behind the end":             {[]string{"--offset", "100", "--exit"}, ""},
		"since an hour":                   {[]string{"--since", "1h", "--exit"}, "a=one b=two b=null a=three"},
		"since tomorrow":                  {[]string{"--since", "2999-01-01T00:00:00Z", "--exit"}, ""},
		"nothing new":                     {[]string{"--exit"}, ""},
		"told to print JSON":              {[]string{"--json", "-n", "1"}, "a=three"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := keysAndValues(tailLines(t, env, append([]string{"tags"}, test.args...)...)); got != test.want {
				t.Errorf("tail %v prints %q, want %q", test.args, got, test.want)
			}
		})
	}
}

func TestTail_beginsWithWhatWasPublishedThen(t *testing.T) {
	t.Parallel()
	cluster := newCluster(t)
	w := newTopicWriter(t, cluster, "tags", 1)
	old := w.tag("old", "x")
	old.Timestamp = time.Now().Add(-2 * time.Hour)
	w.commit(old)
	w.commit(w.tag("new", "y"))
	for since, want := range map[string]string{
		"1h":   "new=y",
		"180m": "old=x new=y",
		time.Now().Add(-time.Hour).UTC().Format(time.RFC3339): "new=y",
	} {
		if got := keysAndValues(tailLines(t, brokersOf(cluster), "tags", "--since", since, "--exit")); got != want {
			t.Errorf("tail --since %s prints %q, want %q", since, got, want)
		}
	}
}

func TestTail_tellsAKeyThatIsNotThere(t *testing.T) {
	t.Parallel()
	cluster := newCluster(t)
	w := newTopicWriter(t, cluster, "tags", 1)
	w.commit(w.tag("a", "one"))
	for _, args := range [][]string{{"-n", "1"}, {"--from-beginning", "--exit"}} {
		var out bytes.Buffer
		err := run(t.Context(), append([]string{"tail", "tags", "--key", "c"}, args...), brokersOf(cluster), &out, &out)
		if exitCode(err) != exitFailed || !strings.Contains(err.Error(), `no record with the key "c"`) || out.Len() > 0 {
			t.Errorf("tail %v = %v and prints %q", args, err, out.String())
		}
	}
}

func TestTail_readsSeveralTopics(t *testing.T) {
	t.Parallel()
	cluster := newCluster(t)
	tags := newTopicWriter(t, cluster, "tags", 1)
	teams := newTopicWriter(t, cluster, "teams", 1)
	tags.commit(tags.tag("a", "one"), tags.tag("b", "two"))
	teams.commit(teams.tag("t", ""))
	env := brokersOf(cluster)
	var out bytes.Buffer
	if err := run(t.Context(), []string{"tail", "teams", "tags", "-n", "1"}, env, &out, &out); err != nil {
		t.Fatal(err)
	}
	var got []string
	for line := range strings.Lines(out.String()) {
		var record struct{ Topic, Key string }
		if err := json.Unmarshal([]byte(line), &record); err != nil {
			t.Fatalf("line %q: %v", line, err)
		}
		got = append(got, record.Topic+" "+record.Key)
	}
	if diff := cmp.Diff([]string{"pylon.teams t", "pylon.tags b"}, got); diff != "" {
		t.Errorf("records (-want +got):\n%s", diff)
	}
}

func TestTail_printsWhatItIsAskedFor(t *testing.T) {
	t.Parallel()
	cluster := newCluster(t)
	w := newTopicWriter(t, cluster, "tags", 1)
	w.commit(w.tag("a", "<one>"))
	env := brokersOf(cluster)

	line := func(args ...string) map[string]any {
		var out bytes.Buffer
		if err := run(t.Context(), append([]string{"tail", "tags", "-n", "1"}, args...), env, &out, &out); err != nil {
			t.Fatalf("tail: %v", err)
		}
		if strings.Count(out.String(), "\n") != 1 || !strings.Contains(out.String(), "<one>") {
			t.Errorf("not one line of readable text: %q", out.String())
		}
		var parsed map[string]any
		if err := json.Unmarshal(out.Bytes(), &parsed); err != nil {
			t.Fatalf("line %q: %v", out.String(), err)
		}
		return parsed
	}

	full := line()
	if diff := cmp.Diff(map[string]any{"origin": "refresh"}, full["headers"]); diff != "" {
		t.Errorf("headers (-want +got):\n%s", diff)
	}
	for _, member := range []string{"key", "partition", "offset", "timestamp", "value"} {
		if _, ok := full[member]; !ok {
			t.Errorf("no %s in %v", member, full)
		}
	}
	if _, ok := line("--headers=false")["headers"]; ok {
		t.Error("headers are there without being asked for")
	}
	value := line("--value")
	if value["id"] != "a" {
		t.Errorf("--value prints %v", value)
	}
	if _, ok := value["unmapped"]; !ok {
		t.Errorf("no unmapped in %v", value)
	}
	merged := line("--value", "--merge")
	if diff := cmp.Diff(map[string]any{"a": []any{1.0}}, merged["new_field"]); diff != "" {
		t.Errorf("new_field after --merge (-want +got):\n%s", diff)
	}
}

func TestTail_findsTheLastOfATopicWithHolesAndPartitions(t *testing.T) {
	t.Parallel()
	cluster := newCluster(t)
	w := newTopicWriter(t, cluster, "tags", 3)
	for i := range 300 { // many versions of a few keys, one transaction each
		w.commit(w.tag(fmt.Sprint("key", i%5), fmt.Sprint(i)))
	}
	if got, want := keysAndValues(tailLines(t, brokersOf(cluster), "tags", "-n", "3", "--key", "key1")), "key1=286 key1=291 key1=296"; got != want {
		t.Errorf("the last three of a key are %q, want %q", got, want)
	}
}

func TestTail_decodesTheConfluentWireFormat(t *testing.T) {
	t.Parallel()
	cluster := newCluster(t)
	w := newTopicWriter(t, cluster, "tags", 1)
	registry := httptest.NewServer(srfakeWith(t, 42, w.codec.Schema()))
	t.Cleanup(registry.Close)
	w.commit(w.framed("a", "one", avro.AppendConfluent(nil, 42)))

	env := brokersOf(cluster)
	var out bytes.Buffer
	err := run(t.Context(), []string{"tail", "tags", "-n", "1"}, env, &out, &out)
	if exitCode(err) != exitFailed || !strings.Contains(err.Error(), "SCHEMA_REGISTRY_URL") || !strings.Contains(err.Error(), "pylon.tags") {
		t.Errorf("without a registry: %v", err)
	}
	env["SCHEMA_REGISTRY_URL"] = registry.URL
	if got := keysAndValues(tailLines(t, env, "tags", "-n", "1")); got != "a=one" {
		t.Errorf("tail prints %q, want a=one", got)
	}
}

// TestTail_readsEveryLayoutAndKeyFormat prints the plain key and, with --merge,
// the object as the API sent it, whatever the settings of the writer were.
func TestTail_readsEveryLayoutAndKeyFormat(t *testing.T) {
	t.Parallel()
	cluster := newCluster(t)
	w := newTopicWriter(t, cluster, "custom_fields", 1)
	keys, err := avro.NewKeyCodec("custom_fields")
	if err != nil {
		t.Fatal(err)
	}
	const object = `{"id":"a:b","object_type":"issue","source":{"crm":"x"},"label":"L"}`
	for _, layout := range avro.Layouts() {
		codec, err := avro.NewCodec("custom_fields", layout)
		if err != nil {
			t.Fatal(err)
		}
		for _, header := range [][]byte{avro.AppendSingleObject(nil, keys.Fingerprint()), avro.AppendConfluent(nil, 7)} {
			key, err := keys.Encode(header, "issue:a:b")
			if err != nil {
				t.Fatal(err)
			}
			value, _, err := codec.Encode(avro.AppendSingleObject(nil, codec.Fingerprint()), []byte(object))
			if err != nil {
				t.Fatal(err)
			}
			w.commit(&kgo.Record{Key: key, Value: value}, &kgo.Record{Key: key}, tombstone("plain"))
		}
	}
	w.commit(&kgo.Record{Key: []byte{0, 0, 0, 0, 1, 2}})
	env := brokersOf(cluster)
	all := tailLines(t, env, "custom_fields", "--from-beginning", "--exit")
	if n := len(all); n != 3*2*3+1 || all[0].Key != "issue:a:b" || all[2].Key != "plain" {
		t.Errorf("%d lines: %v", n, all)
	}
	var out bytes.Buffer
	if err := run(t.Context(), []string{"tail", "custom_fields", "--key", "issue:a:b", "--from-beginning", "-e", "--value", "--merge"}, env, &out, &out); err != nil {
		t.Fatal(err)
	}
	values := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(values) != 3*2*2 {
		t.Fatalf("%d lines, want 12:\n%s", len(values), out.String())
	}
	for i := 0; i < len(values); i += 2 {
		var got map[string]any
		if err := json.Unmarshal([]byte(values[i]), &got); err != nil {
			t.Fatalf("line %q: %v", values[i], err)
		}
		source, _ := got["source"].(map[string]any)
		if got["id"] != "a:b" || got["label"] != "L" || source["crm"] != "x" || values[i+1] != "null" {
			t.Errorf("lines %s %s, want %s and null", values[i], values[i+1], object)
		}
	}
}

func srfakeWith(t *testing.T, id int, schema string) http.Handler {
	t.Helper()
	registry := srfake.NewRegistry()
	registry.SeedSchema("pylon.tags-value", 1, id, sr.Schema{Schema: schema})
	return registry.Handler()
}

func TestTail_findsSchemasOfOtherVersionsInTheSchemasTopic(t *testing.T) {
	t.Parallel()
	cluster := newCluster(t)
	const fingerprint = 0x0a0b0c0d01020304
	schemas := newTopicWriter(t, cluster, "schemas", 1)
	schemas.commit(&kgo.Record{
		Key:   []byte("0a0b0c0d01020304"),
		Value: []byte(`{"type":"record","name":"Tag","namespace":"com.usepylon","fields":[{"name":"value","type":"string"}]}`),
	})
	w := newTopicWriter(t, cluster, "tags", 1)
	w.commit(
		&kgo.Record{Key: []byte("old"), Value: append(avro.AppendSingleObject(nil, fingerprint), 2, 'x')},
		&kgo.Record{Key: []byte("lost"), Value: append(avro.AppendSingleObject(nil, 7), 2, 'x')},
		&kgo.Record{Key: []byte("foreign"), Value: []byte("hello")},
		w.tag("new", "y"),
	)
	// A record that cannot be read is shown as such; those after it are read.
	if got, want := keysAndValues(tailLines(t, brokersOf(cluster), "tags", "--from-beginning", "-e")), "old=x lost=error foreign=error new=y"; got != want {
		t.Errorf("tail prints %q, want %q", got, want)
	}
}

func TestTail_readsTheTopicsOfOurOwn(t *testing.T) {
	t.Parallel()
	cluster := newCluster(t)
	w := newTopicWriter(t, cluster, "schemas", 1)
	w.commit(&kgo.Record{Key: []byte("k"), Value: []byte(`{"value":"plain"}`)})
	if got := keysAndValues(tailLines(t, brokersOf(cluster), "schemas", "-n", "1")); got != "k=plain" {
		t.Errorf("tail prints %q", got)
	}
}

func TestTail_saysWhatIsMissing(t *testing.T) {
	t.Parallel()
	cluster := newCluster(t)
	var out bytes.Buffer
	err := run(t.Context(), []string{"tail", "tags", "-n", "1"}, brokersOf(cluster), &out, &out)
	if exitCode(err) != exitFailed || !strings.Contains(err.Error(), "pylon.tags does not exist") {
		t.Errorf("tail of a topic that there is not: %v", err)
	}
	err = run(t.Context(), []string{"tail", "tags", "-n", "1"}, settings.Environment{}, &out, &out)
	if exitCode(err) != exitUsage || !strings.Contains(err.Error(), "KAFKA_BROKERS") || strings.Contains(err.Error(), "PYLON_API_TOKEN") {
		t.Errorf("tail without settings: %v", err)
	}
}
