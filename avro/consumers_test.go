package avro_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pylon-kafka/avro"
)

// TestConsumers_nameEveryStream compares the names of streams that are written by
// hand outside of Go, in the recipe for Kafka Connect and in the script that tries
// the recipes, with the schemas.
func TestConsumers_nameEveryStream(t *testing.T) {
	t.Parallel()
	recipe := find(t, "CONSUMERS.md", `(?m)^topics\.regex=(.*)$`)
	topics, err := regexp.Compile("^(?:" + strings.ReplaceAll(recipe, `\\`, `\`) + ")$")
	if err != nil {
		t.Fatal(err)
	}
	for _, stream := range avro.Streams() {
		if !topics.MatchString("pylon." + stream) {
			t.Errorf("topics.regex in avro/CONSUMERS.md leaves out pylon.%s", stream)
		}
	}
	for _, other := range []string{"offsets", "deadletter", "index", "schemas"} {
		if topics.MatchString("pylon." + other) {
			t.Errorf("topics.regex in avro/CONSUMERS.md takes pylon.%s, which has no rows", other)
		}
	}
	tried := strings.Fields(find(t, "../.ci/consumers", `(?m)^streams=\(([^)]*)\)`))
	slices.Sort(tried)
	if diff := cmp.Diff(avro.Streams(), tried); diff != "" {
		t.Errorf("avro/schemas (-) and streams in .ci/consumers (+):\n%s", diff)
	}
}

// find returns what the group of a pattern matches in a file.
func find(t *testing.T, name, pattern string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(pattern).FindSubmatch(text)
	if found == nil {
		t.Fatalf("%s has no line like %s", name, pattern)
	}
	return string(found[1])
}
