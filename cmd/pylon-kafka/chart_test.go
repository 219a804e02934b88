package main

import (
	"os"
	"regexp"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestSettings_areThoseOfTheChart holds the chart and the program together: a
// variable that the chart renders and nobody reads would be a setting that does
// nothing, and one that it cannot render would be out of reach on Kubernetes.
func TestSettings_areThoseOfTheChart(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../helm/pylon-kafka/templates/_env.tpl")
	if err != nil {
		t.Fatalf("read the chart: %v", err)
	}
	var rendered []string
	for _, match := range regexp.MustCompile(`\(list (?:\$ )?"([A-Z][A-Z0-9_]+)"`).FindAllSubmatch(text, -1) {
		rendered = append(rendered, string(match[1]))
	}
	// The Go runtime reads the first; the others are agreed and come with the work on streams, replicas and layouts.
	want := []string{
		"GOMEMLIMIT",
		"PYLON_RECONCILE_INTERVAL", "TOMBSTONES_MAX_SHARE", "VALUE_LAYOUT", "FLAT_ARRAYS", "KAFKA_KEY_FORMAT",
		"KAFKA_SASL_CLIENT_SECRET_FILE", "KAFKA_GROUP_ID", "KAFKA_OFFSETS_PARTITIONS", "KAFKA_SESSION_TIMEOUT",
	}
	for _, s := range knownSettings() {
		want = append(want, s.Name)
	}
	// A secret that can be a file is given as one: a changed Secret changes the file, and no variable.
	want = slices.DeleteFunc(want, func(name string) bool { return slices.Contains(want, name+"_FILE") })
	slices.Sort(rendered)
	slices.Sort(want)
	if diff := cmp.Diff(slices.Compact(want), slices.Compact(rendered)); diff != "" {
		t.Errorf("variables of the chart (-settings +chart):\n%s", diff)
	}
}
