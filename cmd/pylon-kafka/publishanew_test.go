package main

import (
	"maps"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sr"
	"github.com/twmb/franz-go/pkg/sr/srfake"

	"pylon-kafka/extract/extracttest"
	"pylon-kafka/offsets/topic"
)

func TestPublishAnew_publishesEverythingOnceMore(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t, extracttest.Options{})
	for _, stream := range []string{"tags", "issues", "issue_messages"} {
		w.synced(t, stream)
		w.mustDo(t, "publish-anew", stream)
		w.wantSynced(t, stream, w.pylon.API.Count(stream))
		w.wantSynced(t, stream, 0)
	}
}

// TestPublishAnew_tombstonesWhatWasDeleted deletes a tag between.
func TestPublishAnew_tombstonesWhatWasDeleted(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t, extracttest.Options{})
	w.synced(t, "tags")
	for key := range w.pylon.API.Objects("tags") {
		if err := w.pylon.API.Delete("tags", key); err != nil {
			t.Fatal(err)
		}
		break
	}
	w.mustDo(t, "publish-anew", "tags")
	if records, tombstones := w.synced(t, "tags"); records != int64(w.pylon.API.Count("tags")) || tombstones != 1 {
		t.Errorf("sync publishes %d records and %d tombstones, want %d and 1", records, tombstones, w.pylon.API.Count("tags"))
	}
}

// TestPublishAnew_isTheWayOutAfterAChange switches a registry on, exchanges it,
// and changes the layout and the keys.
func TestPublishAnew_isTheWayOutAfterAChange(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t, extracttest.Options{})
	w.synced(t, "tags")
	first := httptest.NewServer(srfake.NewRegistry().Handler())
	t.Cleanup(first.Close)
	other := srfake.NewRegistry()
	other.SeedSchema("another", 1, 1, sr.Schema{Schema: `"string"`}) // it has the id that the first registry gave
	second := httptest.NewServer(other.Handler())
	t.Cleanup(second.Close)
	for _, change := range [][2]string{
		{"SCHEMA_REGISTRY_URL", first.URL},
		{"SCHEMA_REGISTRY_URL", second.URL},
		{"VALUE_LAYOUT", "flat"},
		{"KAFKA_KEY_FORMAT", "avro"},
		{"SCHEMA_REGISTRY_URL", first.URL}, // the keys hold its id
	} {
		w.env[change[0]] = change[1]
		_, err := w.sync(t, "tags")
		if err == nil || !strings.Contains(err.Error(), "pylon-kafka publish-anew tags") || !strings.Contains(err.Error(), "KAFKA_TOPIC_PREFIX") {
			t.Fatalf("sync with another %s = %v", change[0], err)
		}
		w.mustDo(t, "publish-anew", "tags")
		reports, err := w.sync(t, "tags")
		if err != nil || reports[0].Records != int64(w.pylon.API.Count("tags")) {
			t.Fatalf("sync after %s and publish-anew = %v, %+v", change[0], err, reports)
		}
		if reports, err = w.sync(t, "tags"); err != nil || reports[0].Records != 0 {
			t.Fatalf("second sync = %v, %+v", err, reports)
		}
		if got := w.rowsOf(t, "pylon.tags"); got != w.pylon.API.Count("tags") {
			t.Errorf("after %s the topic is a table of %d rows, want %d", change[0], got, w.pylon.API.Count("tags"))
		}
	}
}

// rowsOf counts the keys of a topic whose last record is no tombstone: the rows of
// whoever reads it as a table.
func (w *workspace) rowsOf(t *testing.T, name string) int {
	t.Helper()
	rows := make(map[string]bool)
	opts := []kgo.Opt{kgo.SeedBrokers(w.cluster.ListenAddrs()...)}
	must(t, topic.ReadAll(t.Context(), opts, name, topic.Written, func(rec *kgo.Record) error {
		rows[string(rec.Key)] = rec.Value != nil
		return nil
	}))
	return len(slices.DeleteFunc(slices.Collect(maps.Values(rows)), func(there bool) bool { return !there }))
}
