package producer_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pylon-kafka/avro"
	"pylon-kafka/extract"
	"pylon-kafka/extract/extracttest"
)

// TestStreams_areTheSameEverywhere is what a new stream must pass first: the list
// of streams, the schemas and the sandbox know the same ones. extract, avro and
// the sandbox do not know each other.
func TestStreams_areTheSameEverywhere(t *testing.T) {
	t.Parallel()
	var want []string
	for _, s := range extract.Streams() {
		want = append(want, s.Name)
	}
	slices.Sort(want)
	if diff := cmp.Diff(want, avro.Streams()); diff != "" {
		t.Errorf("extract/streams.go (-) and avro/schemas (+):\n%s", diff)
	}
	if diff := cmp.Diff(want, extracttest.Streams()); diff != "" {
		t.Errorf("extract/streams.go (-) and the sandbox (+):\n%s", diff)
	}
}
