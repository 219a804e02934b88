package producer_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"pylon-kafka/extract/extracttest"
)

// wantBareLetters fails unless the dead letters are those of these keys, without
// their raw JSON, which had at least so many bytes.
func (w *world) wantBareLetters(t *testing.T, bytes map[string]int) {
	t.Helper()
	letters := w.rawRecords(t, "pylon.deadletter")
	if len(letters) != len(bytes) {
		t.Errorf("%d dead letters, want %d", len(letters), len(bytes))
	}
	for _, rec := range letters {
		headers := make(map[string]string)
		for _, h := range rec.Headers {
			headers[h.Key] = string(h.Value)
		}
		least, ok := bytes[string(rec.Key)]
		if size, err := strconv.Atoi(headers["raw_bytes"]); !ok || err != nil || size < least {
			t.Errorf("a letter of key %s that had %q bytes, want %d or more", rec.Key, headers["raw_bytes"], least)
		}
		if headers["raw_left_out"] != "true" || len(headers["hash"]) == 0 || headers["stream"] == "" || headers["request_id"] == "" {
			t.Errorf("headers %v", headers)
		}
		wantSays(t, headers["error"], "is larger than topic", string(rec.Key))
		wantSays(t, string(rec.Value), `"raw_left_out"`, headers["raw_bytes"])
	}
}

// TestDeadLetters_largerThanTheirTopic go without their raw JSON, each of them, and
// what is around them is published.
func TestDeadLetters_largerThanTheirTopic(t *testing.T) {
	t.Parallel()
	w := newWorld(t, extracttest.Options{Seed: 55, Issues: -1})
	w.settings["PYLON_STREAMS"] = "tags"
	w.createTopic(t, "pylon.tags", map[string]string{"cleanup.policy": "compact", "max.message.bytes": "3000"})
	w.createTopic(t, "pylon.deadletter", map[string]string{"max.message.bytes": "3000"})
	sound := int64(w.api.Count("tags"))
	large := make(map[string]int)
	for i := range 7 {
		key := fmt.Sprintf("large-%d", i)
		large[key] = 5000
		w.put(t, "tags", map[string]string{key: fmt.Sprintf(`{"id":%q,"value":%q}`, key, noise(uint64(i), 5000))})
	}
	if s := w.sync(t)["tags"]; s.Records != sound || s.DeadLetters != int64(len(large)) {
		t.Errorf("status %+v, want %d records and %d dead letters", s, sound, len(large))
	}
	w.wantBareLetters(t, large)
}

// TestDeadLetters_largerThanTheirTopicHoldUpNothing is the same in the running
// service: what comes after such an object arrives.
func TestDeadLetters_largerThanTheirTopicHoldUpNothing(t *testing.T) {
	t.Parallel()
	for _, stream := range []string{"issues", "issue_messages"} {
		bubble(t, stream, extracttest.Options{Seed: 219, Issues: 50}, func(t *testing.T, w *world) {
			t.Helper()
			w.settings["PYLON_STREAMS"] = "issues,issue_messages"
			p, stop := w.run(t)
			pass(2 * time.Minute)
			w.alter(t, w.topicOf(stream), "max.message.bytes", "40000")
			w.alter(t, "pylon.deadletter", "max.message.bytes", "40000")
			pass(time.Minute)
			large := w.grow(t, stream, 60_000)
			pass(time.Minute)
			for i := 10; i < 20; i++ {
				must(t, w.api.UpdateIssue(w.api.IssueID(i), extracttest.IssueChange{Title: "new"}))
				_, err := w.api.AddMessage(w.api.IssueID(i), extracttest.MessageChange{})
				must(t, err)
			}
			pass(time.Minute)
			w.wantLacks(t, stream, large)
			if s := byStream(p.Status())[stream]; !s.Up {
				t.Errorf("status %+v", s)
			}
			if letters := w.deadLetters(t); len(letters) == 0 || letters[0].key != large[0] || !strings.Contains(letters[0].value, "raw_left_out") {
				t.Errorf("%d dead letters, want that of %s", len(letters), large[0])
			}
			must(t, stop())
		})
	}
}
