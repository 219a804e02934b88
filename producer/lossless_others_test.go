package producer_test

import (
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"pylon-kafka/extract/extracttest"
)

// TestLossless_4_twoThatStartTogether have keys that meet, and each opens the stream
// before the other has written: one of them is refused, at once or the next time,
// and what the other one has is not deleted with the first one's object.
func TestLossless_4_twoThatStartTogether(t *testing.T) {
	t.Parallel()
	for range 3 {
		w := newWorld(t, extracttest.Options{Seed: 207, Issues: -1, Latency: time.Second})
		other := extracttest.NewServer(t, extracttest.Options{Seed: 208, Issues: -1, Limits: map[string]int{"*": 0}, Latency: time.Second})
		w.settings["PYLON_STREAMS"] = "issue_statuses"
		second := []string{"CONNECTOR_NAME", "second", "KAFKA_TRANSACTIONAL_ID_PREFIX", "second", "PYLON_API_URL", other.URL}
		w.sync(t, "PYLON_STREAMS", "tags") // the topics that all share are there
		var together sync.WaitGroup
		var errs [2]error
		a, b := w.pipeline(t), w.pipeline(t, second...)
		together.Go(func() { errs[0] = a.Sync(t.Context()) })
		together.Go(func() { errs[1] = b.Sync(t.Context()) })
		together.Wait()
		if (errs[0] == nil) == (errs[1] == nil) {
			t.Fatalf("the first: %v; the second: %v", errs[0], errs[1])
		}
		won, settings := w.api, []string{}
		lost, err := other.API, errs[1]
		if errs[0] != nil {
			won, settings, lost, err = other.API, second, w.api, errs[0]
		}
		wantSays(t, err.Error(), "pylon.issue_statuses", "of key", "KAFKA_TOPIC_PREFIX")
		for key := range lost.Objects("issue_statuses") {
			if _, meets := won.Object("issue_statuses", key); meets {
				must(t, lost.Delete("issue_statuses", key))
			}
		}
		for range 2 {
			_, _ = w.attempt(t)
			_, _ = w.attempt(t, second...)
		}
		for key, object := range won.Objects("issue_statuses") {
			if got := w.table(t, "issue_statuses")[key]; got != normal(t, "issue_statuses", object) {
				t.Errorf("%s of the one that was first is lost", key)
			}
		}
		w.sync(t, settings...)
	}
}

// TestLossless_4_aKeyThatAnotherTakes is written by another connector while the
// stream is open: it is that one's from then on, and no pass deletes it, in this
// session or a later one.
func TestLossless_4_aKeyThatAnotherTakes(t *testing.T) {
	t.Parallel()
	bubble(t, "", extracttest.Options{Seed: 209, Issues: -1}, func(t *testing.T, w *world) {
		t.Helper()
		w.settings["PYLON_STREAMS"] = "issue_statuses"
		w.settings["PYLON_INTERVALS"] = "issue_statuses:20s"
		_, stop := w.run(t)
		pass(time.Minute)
		taken, own := "", ""
		for key := range w.api.Objects("issue_statuses") {
			taken, own = own, key
		}
		before := w.messages(t, "issue_statuses")
		var value []byte
		for _, rec := range w.rawRecords(t, "pylon.issue_statuses") {
			if string(rec.Key) == taken {
				value = rec.Value
			}
		}
		w.produce(t, &kgo.Record{
			Topic: "pylon.issue_statuses", Key: []byte(taken), Value: value,
			Headers: []kgo.RecordHeader{{Key: "connector", Value: []byte("second")}, {Key: "hash", Value: []byte("00")}},
		})
		must(t, w.api.Delete("issue_statuses", taken))
		must(t, w.api.Delete("issue_statuses", own))
		pass(time.Minute)
		must(t, stop())
		w.sync(t)
		after := w.messages(t, "issue_statuses")[len(before)+1:]
		if len(after) != 1 || after[0].key != own || !after[0].tombstone {
			t.Errorf("what was written after the other one's record is %+v, want the tombstone of %s", after, own)
		}
	})
}
