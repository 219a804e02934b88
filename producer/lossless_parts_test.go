package producer_test

import (
	"maps"
	"slices"
	"testing"
	"time"

	"pylon-kafka/extract/extracttest"
)

// TestLossless_2_oneListOfSeveralIsRefused deletes an article while another
// knowledge base is refused, in a sync and in the service: it has its tombstone, and
// those of the refused one stay, also the ones that were deleted there.
func TestLossless_2_oneListOfSeveralIsRefused(t *testing.T) {
	t.Parallel()
	const stream = "knowledge_base_articles"
	bubble(t, "", extracttest.Options{Seed: 211, Issues: -1, Articles: 60, KnowledgeBases: 3}, func(t *testing.T, w *world) {
		t.Helper()
		w.settings["PYLON_STREAMS"] = stream
		w.usualIndex = true // an index does not say in which list an object was
		w.sync(t)
		byBase := make(map[string][]string)
		for _, key := range slices.Sorted(maps.Keys(maps.Collect(w.api.Objects(stream)))) {
			base := w.api.Parent(stream, key)
			byBase[base] = append(byBase[base], key)
		}
		bases := slices.Sorted(maps.Keys(byBase))
		refused, read := byBase[bases[0]], byBase[bases[1]]
		w.api.Fail(extracttest.Fault{Parent: bases[0], Status: 403, Count: -1})
		must(t, w.api.Delete(stream, refused[0]))
		want := func(when string, gone []string) {
			t.Helper()
			table := w.table(t, stream)
			for _, key := range refused {
				if _, there := table[key]; !there {
					t.Errorf("%s: %s of the refused knowledge base has a tombstone", when, key)
				}
			}
			for _, key := range gone {
				if _, there := table[key]; there {
					t.Errorf("%s: %s is deleted and has no tombstone", when, key)
				}
			}
		}
		must(t, w.api.Delete(stream, read[0]))
		w.syncFails(t, []string{"1 lists of the stream cannot be read", bases[0]})
		want("sync", read[:1])
		_, stop := w.run(t)
		pass(time.Minute)
		must(t, w.api.Delete(stream, read[1]))
		pass(3 * time.Hour)
		must(t, stop())
		want("run", read[:2])
		// Most of what could be read is missing: that is not believed, however much
		// is in the list that could not be.
		for _, base := range bases[1:] {
			for _, key := range byBase[base] {
				if _, there := w.api.Object(stream, key); there {
					must(t, w.api.Delete(stream, key))
				}
			}
		}
		w.syncFails(t, []string{" lacks "})
		want("nearly all", read[:2])
		w.api.ClearFaults()
		w.sync(t, "TOMBSTONES_MAX_SHARE", "1")
		w.wantTruth(t, stream)
	})
}
