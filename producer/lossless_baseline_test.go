package producer_test

import (
	"strings"
	"testing"

	"pylon-kafka/extract/extracttest"
)

// TestLossless_2_aTokenOfALargerAccount lacks everything that is known, and brings
// more than that: what it brings is not what it is judged by, also after a restart
// and when it was read before.
func TestLossless_2_aTokenOfALargerAccount(t *testing.T) {
	t.Parallel()
	for stream, again := range map[string][]string{"contacts": nil, "issues": {"PYLON_RECONCILE_INTERVAL", "1ns"}} {
		t.Run(stream, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, extracttest.Options{Seed: 216, Issues: 60, Contacts: 60, MaxPage: 20})
			other := extracttest.NewServer(t, extracttest.Options{Seed: 217, Issues: 150, Contacts: 150, MaxPage: 20, Limits: map[string]int{"*": 0}})
			w.settings["PYLON_STREAMS"] = stream
			settings := append([]string{"PYLON_API_URL", other.URL}, again...)
			w.sync(t)
			for range 3 {
				w.syncFails(t, []string{stream + ": ", " lacks 60 of 60 objects", "TOMBSTONES_MAX_SHARE"}, settings...)
			}
			w.wantNoTombstones(t, stream)
			// With the right token again, what the other one brought is to be deleted.
			w.syncFails(t, []string{"TOMBSTONES_MAX_SHARE"}, again...)
			w.wantNoTombstones(t, stream)
			w.sync(t, append(again, "TOMBSTONES_MAX_SHARE", "1")...)
			w.wantTruth(t, stream)
			if cursor := w.cursor(t, stream); strings.Contains(cursor, `"known"`) {
				t.Errorf("a pass was believed, and the cursor is %s", cursor)
			}
			// Nothing of it is left: a share that may be believed is.
			for i, key := range w.someKeys(t, stream, 25) {
				if stream == "contacts" {
					must(t, w.api.Delete(stream, key))
				} else {
					must(t, w.api.DeleteIssue(w.api.IssueID(i)))
				}
			}
			if s := w.sync(t, again...)[stream]; s.Tombstones != 25 {
				t.Errorf("%d tombstones, want 25", s.Tombstones)
			}
			w.wantTruth(t, stream)
		})
	}
}

// someKeys returns n keys of what the sandbox holds.
func (w *world) someKeys(t *testing.T, stream string, n int) []string {
	t.Helper()
	var keys []string
	for key := range w.truth(t, stream) {
		if len(keys) < n {
			keys = append(keys, key)
		}
	}
	return keys
}
