package producer_test

import (
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pylon-kafka/extract"
	"pylon-kafka/extract/extracttest"
)

// TestSync_asksOnlyForWhatChanged holds the number of requests of a sync after
// ten of two thousand issues changed: what anyone would choose us for.
func TestSync_asksOnlyForWhatChanged(t *testing.T) {
	t.Parallel()
	const changed = 10
	w := newWorld(t, extracttest.Options{Seed: 2, Issues: 2000, MessagesPerIssue: 1})
	w.sync(t)
	before := w.api.Requests()
	for i := range changed {
		if err := w.api.UpdateIssue(w.api.IssueID(i*7), extracttest.IssueChange{}); err != nil {
			t.Fatal(err)
		}
	}
	status := w.sync(t)

	got := make(map[string]int)
	for endpoint, n := range w.api.Requests() {
		if n -= before[endpoint]; n > 0 {
			got[endpoint] = n
		}
	}
	want := map[string]int{
		"issues_search": 1, "issue_messages": changed, "issue_threads": changed,
		// Articles share the list of knowledge bases.
		"custom_fields": 7, "knowledge_base_articles": 2,
	}
	for _, s := range extract.Streams() {
		if _, named := want[s.Endpoint]; !named {
			want[s.Endpoint] = 1 // one page
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
	if records, tombstones := totals(status); records != changed || tombstones != 0 || status["issues"].Records != changed {
		t.Errorf("published %d records and %d tombstones, want %d issues", records, tombstones, changed)
	}
	w.wantTruth(t, allStreams()...)
}

func TestSync_followsEveryKindOfChange(t *testing.T) {
	t.Parallel()
	w := newWorld(t, extracttest.Options{Seed: 3, Issues: 60})
	w.sync(t)
	issue := w.api.IssueID(5)
	must(t, w.api.UpdateIssue(issue, extracttest.IssueChange{State: "closed"}))
	added, err := w.api.AddMessage(w.api.IssueID(6), extracttest.MessageChange{HTML: "<p>new</p>"})
	must(t, err)
	created := w.api.CreateIssue(extracttest.IssueChange{Title: "new"})
	status := w.sync(t)
	w.wantTruth(t, allStreams()...)
	w.wantNoRepeats(t, allStreams()...)
	if _, ok := w.table(t, "issue_messages")[added]; !ok {
		t.Errorf("message %s is not in the topic", added)
	}
	if _, ok := w.table(t, "issues")[created]; !ok {
		t.Errorf("issue %s is not in the topic", created)
	}
	if got := status["issues"].Records; got != 3 {
		t.Errorf("%d issues published, want 3", got)
	}
}

// TestSync_tombstonesWhatWasDeleted deletes one object of several streams and wants just
// their tombstones: issues after a sweep, with their children.
func TestSync_tombstonesWhatWasDeleted(t *testing.T) {
	t.Parallel()
	w := newWorld(t, extracttest.Options{Seed: 4, Issues: 40, MessagesPerIssue: 4, ThreadsPerIssue: 1})
	w.sync(t)
	gone := map[string][]string{}
	del := func(stream, key string) { gone[stream] = append(gone[stream], key) }

	for _, issue := range []string{w.api.IssueID(7), w.api.IssueID(39)} { // the last one was created today
		del("issues", issue)
		for _, stream := range []string{"issue_messages", "issue_threads"} {
			for _, key := range w.api.Children(stream, issue) {
				del(stream, key)
			}
		}
		must(t, w.api.DeleteIssue(issue))
	}
	talk := firstWith(t, w, "")
	message := w.api.Children("issue_messages", talk)[0]
	must(t, w.api.DeleteMessage(talk, message, extracttest.TouchIssue))
	del("issue_messages", message)
	for _, stream := range []string{"tags", "knowledge_base_articles", "custom_fields", "issue_statuses"} {
		key := firstKey(t, w, stream)
		must(t, w.api.Delete(stream, key))
		del(stream, key)
	}

	w.sync(t, "PYLON_SWEEP_INTERVAL", "1ns", "PYLON_RECONCILE_INTERVAL", "1ns")
	for _, stream := range allStreams() {
		var got []string
		for _, m := range w.messages(t, stream) {
			if m.tombstone {
				got = append(got, m.key)
				if stream == "issue_messages" && m.headers["parent"] == "" {
					t.Errorf("tombstone of message %s does not name its issue", m.key)
				}
			}
		}
		want := gone[stream]
		slices.Sort(want)
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: tombstones (-want +got):\n%s", stream, diff)
		}
	}
	w.wantTruth(t, allStreams()...)
	if records, tombstones := totals(w.sync(t)); records != 0 || tombstones != 0 {
		t.Errorf("the sync after publishes %d records and %d tombstones, want none", records, tombstones)
	}
}

func TestSync_publishesNoTombstonesWhereTheyAreOff(t *testing.T) {
	t.Parallel()
	w := newWorld(t, extracttest.Options{Seed: 5})
	w.sync(t)
	must(t, w.api.Delete("tags", firstKey(t, w, "tags")))
	if _, tombstones := totals(w.sync(t, "TOMBSTONES", "false")); tombstones != 0 {
		t.Errorf("%d tombstones, want none", tombstones)
	}
}

func TestSync_snapshotPublishesFullStreamsAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, extracttest.Options{Seed: 6})
	w.sync(t)
	status := w.sync(t, "PUBLISH", "snapshot")
	if got, want := status["tags"].Records, int64(w.api.Count("tags")); got != want {
		t.Errorf("%d tags published, want all %d", got, want)
	}
	if got := status["issues"].Records; got != 0 {
		t.Errorf("%d issues published, want none: they are read as changes", got)
	}
}

// TestSync_noTombstoneAfterAReadThatFailed breaks a pass in its middle, for good.
func TestSync_noTombstoneAfterAReadThatFailed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, extracttest.Options{Seed: 7})
	w.sync(t)
	w.api.Fail(extracttest.Fault{Endpoint: "knowledge_base_articles", Skip: 1, Status: 403, Count: -1})
	p := w.pipeline(t, "PYLON_STREAMS", "knowledge_base_articles")
	if err := p.Sync(t.Context()); err == nil {
		t.Fatal("sync succeeds, want an error")
	}
	w.api.ClearFaults()
	w.wantTruth(t, "knowledge_base_articles")
}

// TestSync_sweepRepairsWhatThePollCannotSee changes objects without a sign of it
// in updated_at.
func TestSync_sweepRepairsWhatThePollCannotSee(t *testing.T) {
	t.Parallel()
	w := newWorld(t, extracttest.Options{Seed: 8, Issues: 40, MessagesPerIssue: 3})
	w.sync(t)
	must(t, w.api.UpdateIssue(w.api.IssueID(3), extracttest.IssueChange{KeepUpdatedAt: true}))
	talk := firstWith(t, w, "")
	must(t, w.api.EditMessage(talk, w.api.Children("issue_messages", talk)[0], extracttest.MessageChange{HTML: "edited", Touch: extracttest.TouchNothing}))
	if records, _ := totals(w.sync(t)); records != 0 {
		t.Errorf("%d records before the sweep, want none", records)
	}
	status := w.sync(t, "PYLON_SWEEP_INTERVAL", "1ns", "PYLON_RECONCILE_INTERVAL", "1ns")
	if status["issues"].Records != 1 || status["issue_messages"].Records != 1 {
		t.Errorf("the sweep publishes %d issues and %d messages, want 1 and 1", status["issues"].Records, status["issue_messages"].Records)
	}
	w.wantTruth(t, allStreams()...)
}

// TestRun_followsChangesUntilItIsStopped is the service: what changes arrives
// without a restart, deletions too, and a stop leaves nothing open.
func TestRun_followsChangesUntilItIsStopped(t *testing.T) {
	t.Parallel()
	w := newWorld(t, extracttest.Options{Seed: 9, Issues: 50})
	p, stop := w.run(t, "PYLON_REFRESH_INTERVAL", "50ms")
	eventually(t, "ready", p.Ready)
	streams := allStreams()
	settled := func() bool {
		for _, stream := range streams {
			if !maps.Equal(w.truth(t, stream), w.table(t, stream)) {
				return false
			}
		}
		return true
	}
	eventually(t, "the first state is in Kafka", settled)
	issue := w.api.IssueID(4)
	must(t, w.api.UpdateIssue(issue, extracttest.IssueChange{Title: "while running"}))
	_, err := w.api.AddMessage(issue, extracttest.MessageChange{HTML: "hello"})
	must(t, err)
	must(t, w.api.Delete("tags", firstKey(t, w, "tags")))
	eventually(t, "the changes are in Kafka", settled)
	began := time.Now()
	if err := stop(); err != nil {
		t.Errorf("run: %v", err)
	}
	if took := time.Since(began); took > slowdown*10*time.Second {
		t.Errorf("the stop took %v", took)
	}
	w.wantNoRepeats(t, streams...)
	for _, s := range p.Status() {
		if !s.Up || s.Reason != "" {
			t.Errorf("%s: %+v", s.Stream, s)
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// firstWith returns an issue, other than one, that has messages.
func firstWith(t *testing.T, w *world, other string) string {
	t.Helper()
	const stream = "issue_messages"
	for i := range w.api.Count("issues") {
		if id := w.api.IssueID(i); id != other && len(w.api.Children(stream, id)) > 0 {
			return id
		}
	}
	t.Fatalf("no issue has %s", stream)
	return ""
}

func firstKey(t *testing.T, w *world, stream string) string {
	t.Helper()
	for key := range w.api.Objects(stream) {
		return key
	}
	t.Fatalf("no %s", stream)
	return ""
}
