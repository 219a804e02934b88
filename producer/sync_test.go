package producer_test

import (
	"testing"

	"pylon-kafka/extract/extracttest"
	"pylon-kafka/offsets"
	"pylon-kafka/offsets/topic"
)

// TestSync_copiesEveryStream is the whole main job in small: every stream's
// topic holds what Pylon holds, field by field, every stream has a cursor, and a
// second pass publishes nothing.
func TestSync_copiesEveryStream(t *testing.T) {
	t.Parallel()
	w := newWorld(t, extracttest.Options{Seed: 1, Issues: 120})
	first := w.sync(t)
	w.wantTruth(t, allStreams()...)
	w.wantNoRepeats(t, allStreams()...)
	for stream, s := range first {
		if want := int64(w.api.Count(stream)); s.Records != want {
			t.Errorf("%s: %d records reported, %d objects", stream, s.Records, want)
		}
		if s.State != "done" || !s.Up || s.Resumed {
			t.Errorf("%s: status %+v", stream, s)
		}
	}
	cursors, err := offsets.Store{Topic: "pylon.offsets", Connector: "pylon", Options: w.opts}.Read(t.Context(), topic.Written)
	if err != nil {
		t.Fatal(err)
	}
	for _, stream := range allStreams() {
		if found, ok := cursors.Streams[stream]; !ok || found.Err != nil || found.Entry.Records != int64(w.api.Count(stream)) {
			t.Errorf("%s: %+v", stream, found)
		}
	}

	second := w.sync(t)
	if records, tombstones := totals(second); records != 0 || tombstones != 0 {
		t.Errorf("second sync publishes %d records and %d tombstones, want none", records, tombstones)
	}
	for stream, s := range second {
		if !s.Resumed {
			t.Errorf("%s: second sync does not resume", stream)
		}
	}
	if v := w.api.Violations(); len(v) > 0 {
		t.Errorf("the sandbox saw requests that the API does not allow: %v", v)
	}
}
