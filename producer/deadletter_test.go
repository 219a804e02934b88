package producer_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"pylon-kafka/extract/extracttest"
)

// deadLetter is a record of the dead-letter topic.
type deadLetter struct{ key, value, stream, why, requestID string }

func (w *world) deadLetters(t *testing.T) []deadLetter {
	t.Helper()
	var all []deadLetter
	for _, rec := range w.rawRecords(t, "pylon.deadletter") {
		letter := deadLetter{key: string(rec.Key), value: string(rec.Value)}
		for _, h := range rec.Headers {
			switch h.Key {
			case "stream":
				letter.stream = string(h.Value)
			case "error":
				letter.why = string(h.Value)
			case "request_id":
				letter.requestID = string(h.Value)
			}
		}
		all = append(all, letter)
	}
	return all
}

// values are the raw objects of dead letters, sorted.
func values(letters []deadLetter) []string {
	var all []string
	for _, l := range letters {
		all = append(all, l.value)
	}
	slices.Sort(all)
	return all
}

// put lets the sandbox serve objects of a small stream as they are.
func (w *world) put(t *testing.T, stream string, objects map[string]string) {
	t.Helper()
	for key, object := range objects {
		must(t, w.api.Put(stream, "", key, []byte(object)))
	}
}

// keyless are what a list may hold that has no key to publish it under.
func keyless() map[string]string {
	return map[string]string{
		"bad-1": `{"value":"no id"}`,
		"bad-2": `{"id":42,"value":"a number"}`,
		"bad-3": `{"id":"","value":"nothing"}`,
		"bad-4": `{"id":null}`,
		"bad-5": `["a","list"]`,
		"bad-6": `"text"`,
		"bad-7": `17`,
		"bad-8": `null`,
	}
}

// TestDeadLetters_objectsWithoutAKey wants each in the dead-letter topic as it
// came, once however often it is read, and the rest of its page published.
func TestDeadLetters_objectsWithoutAKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t, extracttest.Options{Seed: 52, Issues: -1})
	whole := int64(w.api.Count("tags"))
	w.put(t, "tags", keyless())
	p, stop := w.run(t, "PYLON_STREAMS", "tags,teams", "PYLON_REFRESH_INTERVAL", "30ms")
	eventually(t, "several passes are read", func() bool {
		return w.api.Requests()["tags"] > 5 && byStream(p.Status())["tags"].Unchanged >= 3*whole
	})
	must(t, stop())

	letters := w.deadLetters(t)
	if diff := cmp.Diff(slices.Sorted(maps.Values(keyless())), values(letters)); diff != "" {
		t.Errorf("dead letters (-sent +topic):\n%s", diff)
	}
	for _, l := range letters {
		if l.stream != "tags" || !strings.Contains(l.why, "without its key") || l.requestID == "" || !strings.HasPrefix(l.key, "tags/") {
			t.Errorf("dead letter %+v", l)
		}
		if !strings.Contains(w.logs.String(), "request_id="+l.requestID) {
			t.Errorf("the log does not name request %s", l.requestID)
		}
	}
	s := byStream(p.Status())
	if got := s["tags"]; got.DeadLetters != int64(len(keyless())) || got.Records != whole || !got.Up {
		t.Errorf("status %+v", got)
	}
	w.wantTruth(t, "teams")
}

// TestDeadLetters_aPassThatSawOneTombstonesNothing cannot know which object the one
// without a key is.
func TestDeadLetters_aPassThatSawOneTombstonesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, extracttest.Options{Seed: 52, Issues: -1})
	w.settings["PYLON_STREAMS"] = "tags"
	w.sync(t)
	var gone, damaged string
	for key := range w.api.Objects("tags") {
		gone, damaged = damaged, key
	}
	sound, _ := w.api.Object("tags", damaged)
	must(t, w.api.Delete("tags", gone))
	w.put(t, "tags", map[string]string{damaged: `{"id":null,"value":"damaged"}`})

	if s := w.sync(t)["tags"]; s.Tombstones != 0 || s.DeadLetters != 1 {
		t.Errorf("with a keyless object: %+v", s)
	}
	w.put(t, "tags", map[string]string{damaged: string(sound)})
	if s := w.sync(t)["tags"]; s.Tombstones != 1 || s.DeadLetters != 0 {
		t.Errorf("without it: %+v", s)
	}
	w.wantTruth(t, "tags")
}

// TestDeadLetters_aMessageWithoutAKeyTombstonesNoOther is the same for the children
// of an issue.
func TestDeadLetters_aMessageWithoutAKeyTombstonesNoOther(t *testing.T) {
	t.Parallel()
	w := newWorld(t, extracttest.Options{Seed: 53, Issues: 3, MessagesPerIssue: 5})
	w.settings["PYLON_STREAMS"] = "issues,issue_messages"
	w.sync(t)
	issue := w.api.IssueID(1)
	w.api.Fail(extracttest.Fault{
		Endpoint: "issue_messages", Path: issue, Status: 200,
		Body: `{"data":[{"message_html":"<p>whose?</p>"}],"pagination":{"cursor":"","has_next_page":false},"request_id":"r-53"}`,
	})
	must(t, w.api.UpdateIssue(issue, extracttest.IssueChange{}))
	s := w.sync(t)
	if w.api.FaultsLeft() != 0 {
		t.Fatal("the page was not read")
	}
	if got := s["issue_messages"]; got.Tombstones != 0 || got.DeadLetters != 1 {
		t.Errorf("status %+v", got)
	}
	w.wantTruth(t, "issue_messages")
	want := []deadLetter{{
		value: `{"issue_id":"` + issue + `","message_html":"<p>whose?</p>"}`, stream: "issue_messages", requestID: "r-53",
	}}
	got := w.deadLetters(t)
	for i := range got {
		if !strings.Contains(got[i].why, "without its key") {
			t.Errorf("error header %q", got[i].why)
		}
		got[i].why, got[i].key = "", ""
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(deadLetter{})); diff != "" {
		t.Errorf("dead letters (-want +topic):\n%s", diff)
	}
}

func TestDeadLetters_anIssueWithoutAKeyHoldsUpNoCursor(t *testing.T) {
	t.Parallel()
	w := newWorld(t, extracttest.Options{Seed: 54, Issues: 6})
	w.settings["PYLON_STREAMS"] = "issues"
	w.sync(t)
	sound, _ := w.api.Object("issues", w.api.IssueID(2))
	changed := strings.Replace(string(sound), `"title":"`, `"title":"changed `, 1)
	w.api.Fail(extracttest.Fault{
		Endpoint: "issues_search", Status: 200,
		Body: `{"data":[{"title":"nobody's"},` + changed + `,false],"pagination":{"cursor":"","has_next_page":false},"request_id":"r-54"}`,
	})
	before := w.cursor(t, "issues")
	w.api.ShiftClock(time.Minute)
	s := w.sync(t)["issues"]
	if s.Records != 1 || s.DeadLetters != 2 {
		t.Errorf("status %+v, want the changed issue and two dead letters", s)
	}
	if diff := cmp.Diff([]string{"false", `{"title":"nobody's"}`}, values(w.deadLetters(t))); diff != "" {
		t.Errorf("dead letters (-want +topic):\n%s", diff)
	}
	if w.cursor(t, "issues") == before {
		t.Error("the cursor stands still")
	}
}

// noise is text that no compression makes smaller.
func noise(seed uint64, length int) string {
	const digits = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_"
	rng := rand.New(rand.NewPCG(seed, 0))
	text := make([]byte, length)
	for i := range text {
		text[i] = digits[rng.IntN(len(digits))]
	}
	return string(text)
}

// TestDeadLetters_recordsLargerThanTheirTopicTakes has more of them in one page
// than a sync has attempts.
func TestDeadLetters_recordsLargerThanTheirTopicTakes(t *testing.T) {
	t.Parallel()
	const large = 7
	w := newWorld(t, extracttest.Options{Seed: 55, Issues: -1})
	w.settings["PYLON_STREAMS"] = "tags"
	w.createTopic(t, "pylon.tags", map[string]string{"cleanup.policy": "compact", "max.message.bytes": "3000"})
	sound := int64(w.api.Count("tags"))
	sent := make(map[string]string)
	for i := range large {
		key := fmt.Sprintf("large-%d", i)
		sent[key] = fmt.Sprintf(`{"id":%q,"value":%q}`, key, noise(uint64(i), 5000))
	}
	w.put(t, "tags", sent)

	s := w.sync(t)["tags"]
	if s.Records != sound || s.DeadLetters != large {
		t.Errorf("status %+v, want %d records and %d dead letters", s, sound, large)
	}
	letters := w.deadLetters(t)
	if diff := cmp.Diff(slices.Sorted(maps.Values(sent)), values(letters)); diff != "" {
		t.Errorf("dead letters (-sent +topic):\n%.500s", diff)
	}
	for _, l := range letters {
		if l.value != sent[l.key] || l.stream != "tags" || l.requestID == "" {
			t.Errorf("dead letter of key %q, stream %q, request %q", l.key, l.stream, l.requestID)
		}
		for _, part := range []string{`"` + l.key + `"`, "pylon.tags", ": 52", " bytes, max.message.bytes 3000"} { // with headers it has 5.1 kB
			if !strings.Contains(l.why, part) {
				t.Errorf("error header %q does not say %q", l.why, part)
			}
		}
	}
	for key := range w.table(t, "tags") {
		if _, ok := sent[key]; ok {
			t.Errorf("%s is in the topic too", key)
		}
	}
}

// TestDeadLetters_aLargeRecordThatStays keeps the service from publishing one again and
// again, and publishes the object once it is small enough.
func TestDeadLetters_aLargeRecordThatStays(t *testing.T) {
	t.Parallel()
	w := newWorld(t, extracttest.Options{Seed: 56, Issues: -1})
	w.createTopic(t, "pylon.tags", map[string]string{"cleanup.policy": "compact", "max.message.bytes": "3000"})
	sound := int64(w.api.Count("tags"))
	w.put(t, "tags", map[string]string{"large": fmt.Sprintf(`{"id":"large","value":%q}`, noise(1, 5000))})
	p, stop := w.run(t, "PYLON_STREAMS", "tags", "PYLON_REFRESH_INTERVAL", "30ms")
	eventually(t, "several passes are read", func() bool { return byStream(p.Status())["tags"].Unchanged >= 4*sound })
	if s := byStream(p.Status())["tags"]; s.DeadLetters != 1 || s.Records != sound || s.Tombstones != 0 || !s.Up {
		t.Errorf("status %+v", s)
	}
	w.put(t, "tags", map[string]string{"large": `{"id":"large","value":"small"}`})
	eventually(t, "the small one is published", func() bool { return byStream(p.Status())["tags"].Records == sound+1 })
	must(t, stop())
	w.wantTruth(t, "tags")
	if n := len(w.deadLetters(t)); n != 1 {
		t.Errorf("%d dead letters, want 1", n)
	}
}

// TestDeadLetters_whatFitsCompressedIsNone has records larger than the topic
// takes until they are compressed, between others.
func TestDeadLetters_whatFitsCompressedIsNone(t *testing.T) {
	t.Parallel()
	for _, compression := range []string{"zstd", "gzip", "snappy", "lz4"} {
		t.Run(compression, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, extracttest.Options{Seed: 57, Issues: -1})
			w.settings["KAFKA_COMPRESSION"] = compression
			w.createTopic(t, "pylon.tags", map[string]string{"cleanup.policy": "compact", "max.message.bytes": "20000"})
			objects := make(map[string]string)
			for i := range 5 {
				key := fmt.Sprintf("large-%d", i)
				objects[key] = fmt.Sprintf(`{"id":%q,"value":%q}`, key, strings.Repeat("please try again ", 10_000))
			}
			w.put(t, "tags", objects)
			if s := w.sync(t, "PYLON_STREAMS", "tags")["tags"]; s.DeadLetters != 0 || s.Records != int64(w.api.Count("tags")) {
				t.Errorf("status %+v", s)
			}
			w.wantTruth(t, "tags")
		})
	}
}

func TestDeadLetters_tooManyOfOnePageStopTheStream(t *testing.T) {
	t.Parallel()
	w := newWorld(t, extracttest.Options{Seed: 58, Issues: -1})
	w.settings["PYLON_STREAMS"] = "tags,teams"
	w.put(t, "tags", keyless())
	limit := fmt.Sprint(len(keyless()) - 1)

	status, err := w.trySync(t, "MAX_DEAD_LETTERS", limit)
	w.wantFailure(t, err, "tags: ", fmt.Sprintf("%d objects", len(keyless())), "MAX_DEAD_LETTERS ("+limit+")", "pylon.deadletter")
	if s := status["tags"]; s.State != "failed" || s.Records != 0 || s.DeadLetters != 0 {
		t.Errorf("status %+v", s)
	}
	if n, letters := len(w.rawRecords(t, "pylon.tags")), w.deadLetters(t); n != 0 || len(letters) != 0 || w.cursor(t, "tags") != "" {
		t.Errorf("%d records, %d dead letters and cursor %q are committed, want none", n, len(letters), w.cursor(t, "tags"))
	}
	w.wantTruth(t, "teams")

	for _, enough := range []string{fmt.Sprint(len(keyless())), "0"} {
		before := len(w.deadLetters(t))
		w.sync(t, "MAX_DEAD_LETTERS", enough)
		if n := len(w.deadLetters(t)) - before; n != len(keyless()) {
			t.Errorf("MAX_DEAD_LETTERS=%s: %d dead letters", enough, n)
		}
	}
}

// TestDeadLetters_areCommittedWithTheCursor lets commits fail: until one
// succeeds there is neither a dead letter nor a cursor, and then one of each.
func TestDeadLetters_areCommittedWithTheCursor(t *testing.T) {
	t.Parallel()
	w := newWorld(t, extracttest.Options{Seed: 59, Issues: -1})
	w.put(t, "tags", map[string]string{"bad": `{"value":"no id"}`})
	var failing atomic.Bool
	var failures atomic.Int64
	failing.Store(true)
	w.cluster.ControlKey(int16(kmsg.EndTxn), func(req kmsg.Request) (kmsg.Response, error, bool) {
		w.cluster.KeepControl()
		end, _ := req.(*kmsg.EndTxnRequest)
		if !end.Commit || !failing.Load() {
			return nil, nil, false
		}
		failures.Add(1)
		response, _ := req.ResponseKind().(*kmsg.EndTxnResponse)
		response.ErrorCode = kerr.UnknownServerError.Code
		return response, nil, true
	})
	p, stop := w.run(t, "PYLON_STREAMS", "tags")
	eventually(t, "commits fail", func() bool { return failures.Load() >= 2 })
	if letters := w.deadLetters(t); len(letters) > 0 || w.cursor(t, "tags") != "" {
		t.Errorf("%d dead letters and cursor %q without a commit", len(letters), w.cursor(t, "tags"))
	}
	failing.Store(false)
	eventually(t, "the page is committed", func() bool { return byStream(p.Status())["tags"].DeadLetters == 1 })
	must(t, stop())
	if letters := w.deadLetters(t); len(letters) != 1 || w.cursor(t, "tags") == "" {
		t.Errorf("%d dead letters, cursor %q", len(letters), w.cursor(t, "tags"))
	}
}

// TestDeadLetters_areAllKept holds how the topic is created: compaction would
// lose all but the last of each key, and retention would lose them all.
func TestDeadLetters_areAllKept(t *testing.T) {
	t.Parallel()
	w := newWorld(t, extracttest.Options{Seed: 60, Issues: -1})
	w.sync(t, "PYLON_STREAMS", "tags")
	config := w.topicConfig(t, "pylon.deadletter")
	want := map[string]string{"cleanup.policy": "delete", "retention.ms": "-1", "max.message.bytes": fmt.Sprint(32 << 20)}
	for name, value := range want {
		if config[name] != value {
			t.Errorf("%s of the dead-letter topic is %q, want %q", name, config[name], value)
		}
	}
	if policy := w.topicConfig(t, "pylon.tags")["cleanup.policy"]; policy != "compact" {
		t.Errorf("cleanup.policy of a stream's topic is %q", policy)
	}
}

// topicConfig returns the settings of a topic.
func (w *world) topicConfig(t *testing.T, topic string) map[string]string {
	t.Helper()
	cl, err := kgo.NewClient(w.opts...)
	must(t, err)
	defer cl.Close()
	all, err := kadm.NewClient(cl).DescribeTopicConfigs(t.Context(), topic)
	must(t, err)
	described, err := all.On(topic, nil)
	must(t, err)
	configs := make(map[string]string)
	for _, c := range described.Configs {
		configs[c.Key] = c.MaybeValue()
	}
	return configs
}
