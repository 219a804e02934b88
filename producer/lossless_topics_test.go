package producer_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"pylon-kafka/extract/extracttest"
	"pylon-kafka/offsets"
	"pylon-kafka/offsets/topic"
)

// TestLossless_4_twoDeploymentsInTheSameTopics has two accounts that are told
// apart by CONNECTOR_NAME: neither deletes anything of the other, in any pass.
func TestLossless_4_twoDeploymentsInTheSameTopics(t *testing.T) {
	t.Parallel()
	w := newWorld(t, extracttest.Options{Seed: 112, Issues: 30, Users: 24, Tags: 30})
	other := extracttest.NewServer(t, extracttest.Options{Seed: 113, Issues: 40, Users: 30, Tags: 25, Limits: map[string]int{"*": 0}})
	shared := slices.DeleteFunc(allStreams(), func(s string) bool { return s == "issue_statuses" }) // their keys are slugs
	w.settings["PYLON_STREAMS"] = strings.Join(shared, ",")
	second := []string{"CONNECTOR_NAME", "second", "KAFKA_TRANSACTIONAL_ID_PREFIX", "second", "PYLON_API_URL", other.URL}
	due := []string{"PYLON_SWEEP_INTERVAL", "1ns", "PYLON_RECONCILE_INTERVAL", "1ns"}
	for round := range 3 {
		_, first := totals(w.sync(t, due...))
		_, more := totals(w.sync(t, append(slices.Clone(due), second...)...))
		if first+more != 0 {
			t.Errorf("round %d: %d and %d tombstones, want none", round, first, more)
		}
	}
	must(t, w.api.Delete("tags", firstKey(t, w, "tags")))
	must(t, w.api.DeleteIssue(w.api.IssueID(3)))
	w.sync(t, due...)
	w.sync(t, append(slices.Clone(due), second...)...)
	for _, stream := range shared {
		want := w.truth(t, stream)
		for key, object := range other.API.Objects(stream) {
			want[key] = normal(t, stream, object)
		}
		if got := w.table(t, stream); len(got) != len(want) {
			t.Errorf("%s: %d objects, want %d", stream, len(got), len(want))
		} else {
			for key, object := range want {
				if got[key] != object {
					t.Errorf("%s: %s is not what its account holds", stream, key)
				}
			}
		}
		w.wantNoRepeats(t, stream)
	}
	for _, m := range w.messages(t, "tags") {
		if m.headers["connector"] != "pylon" && m.headers["connector"] != "second" {
			t.Errorf("tag %s is of connector %q", m.key, m.headers["connector"])
		}
	}
}

// TestLossless_4_keysOfTwoAccountsThatMeet are refused, and nothing of the other
// account is changed.
func TestLossless_4_keysOfTwoAccountsThatMeet(t *testing.T) {
	t.Parallel()
	w := newWorld(t, extracttest.Options{Seed: 114, Issues: -1})
	other := extracttest.NewServer(t, extracttest.Options{Seed: 115, Issues: -1, IssueStatuses: 20, Limits: map[string]int{"*": 0}})
	w.settings["PYLON_STREAMS"] = "issue_statuses"
	w.sync(t)
	_, err := w.attempt(t, "CONNECTOR_NAME", "second", "KAFKA_TRANSACTIONAL_ID_PREFIX", "second", "PYLON_API_URL", other.URL)
	if err == nil {
		t.Fatal("two accounts with the same keys are mixed in one topic")
	}
	wantSays(t, err.Error(), "pylon.issue_statuses", "of key", `CONNECTOR_NAME "second" did not write`, "KAFKA_TOPIC_PREFIX")
	w.wantTruth(t, "issue_statuses")
	w.sync(t)
	w.wantTruth(t, "issue_statuses")
	w.wantNoRepeats(t, "issue_statuses")
}

// addPartitions gives topics more partitions, as an operator would.
func (w *world) addPartitions(t *testing.T, partitions int, streams ...string) {
	t.Helper()
	cl, err := kgo.NewClient(w.opts...)
	must(t, err)
	defer cl.Close()
	for _, stream := range streams {
		answers, err := kadm.NewClient(cl).UpdatePartitions(t.Context(), partitions, w.topicOf(stream))
		must(t, err)
		must(t, answers.Error())
	}
}

// places returns in which partitions a key's last word is a record, by stream.
func (w *world) places(t *testing.T, stream string) map[string][]int32 {
	t.Helper()
	at := make(map[string][]int32)
	for p, m := range w.last(t, stream) {
		if !m.tombstone {
			at[p.key] = append(at[p.key], p.partition)
		}
	}
	return at
}

// TestLossless_5_partitionsAreAdded has objects that change, are deleted and stay
// after partitions were added: each has one last word, in the partition in which
// any Kafka client looks for its key; the move is one transaction; and a restart
// repeats nothing.
func TestLossless_5_partitionsAreAdded(t *testing.T) {
	t.Parallel()
	for stream, reads := range map[string]string{"contacts": "contacts", "issues": "issues", "issue_messages": "issues,issue_messages"} {
		t.Run(stream, func(t *testing.T) {
			t.Parallel()
			const partitions = 5
			w := newWorld(t, extracttest.Options{Seed: 116, Issues: 60, Contacts: 60})
			w.settings["PYLON_STREAMS"] = reads
			w.sync(t)
			w.addPartitions(t, partitions, stream)
			moving, gone := 0, ""
			for key := range w.truth(t, stream) {
				if offsets.Partition(key, partitions) != 0 {
					moving++
					gone = key
				}
			}
			switch stream {
			case "contacts":
				must(t, w.api.Delete(stream, gone))
			case "issues":
				must(t, w.api.DeleteIssue(gone))
			default:
				must(t, w.api.DeleteMessage(w.api.Parent(stream, gone), gone, extracttest.TouchIssue))
			}
			status := w.sync(t)[stream]
			// What was deleted has a tombstone where it stood and one where it would be looked for.
			if status.Records != int64(moving)-1 || status.Tombstones != int64(moving)+1 {
				t.Errorf("%d records and %d tombstones, want %d and %d: each that moves once", status.Records, status.Tombstones, moving-1, moving+1)
			}
			w.wantOneLastWord(t, stream, partitions)
			w.wantTruth(t, stream)
			w.wantWholeTransactions(t, stream)
			w.wantMovesWhole(t, stream)
			if records, tombstones := totals(w.sync(t, "PYLON_SWEEP_INTERVAL", "1ns", "PYLON_RECONCILE_INTERVAL", "1ns")); records+tombstones != 0 {
				t.Errorf("a restart repeats %d records and %d tombstones", records, tombstones)
			}
		})
	}
}

// wantOneLastWord fails unless each key stands in its own partition alone.
func (w *world) wantOneLastWord(t *testing.T, stream string, partitions int32) {
	t.Helper()
	at := w.places(t, stream)
	for key := range w.truth(t, stream) {
		if want := []int32{offsets.Partition(key, partitions)}; !slices.Equal(at[key], want) {
			t.Errorf("%s %s stands in partitions %v, want %v", stream, key, at[key], want)
		}
		delete(at, key)
	}
	if len(at) > 0 {
		t.Errorf("%s: what was deleted lives on in old partitions: %v", stream, at)
	}
}

// wantMovesWhole fails unless each tombstone in an old partition and the record
// in the new one are of one transaction.
func (w *world) wantMovesWhole(t *testing.T, stream string) {
	t.Helper()
	left, came := make(map[string]transaction), make(map[string]transaction)
	must(t, topic.ReadAll(t.Context(), w.opts, w.topicOf(stream), topic.Stable, func(rec *kgo.Record) error {
		id := transaction{rec.ProducerID, rec.ProducerEpoch}
		if rec.Partition != 0 {
			came[string(rec.Key)] = id
		} else if rec.Value == nil {
			left[string(rec.Key)] = id
		}
		return nil
	}))
	for key, id := range came {
		if left[key] != id {
			t.Errorf("%s %s leaves its old partition in %v and comes in %v", stream, key, left[key], id)
		}
	}
}

// TestLossless_5_statusSaysWhatIsMoved adds partitions under the running service.
func TestLossless_5_statusSaysWhatIsMoved(t *testing.T) {
	t.Parallel()
	bubble(t, "", extracttest.Options{Seed: 117, Issues: -1, Contacts: 200}, func(t *testing.T, w *world) {
		t.Helper()
		w.settings["PYLON_STREAMS"] = "contacts"
		p, stop := w.run(t)
		pass(10 * time.Minute)
		w.api.Fail(extracttest.Fault{Endpoint: "contacts", Status: 503, Count: -1})
		w.addPartitions(t, 4, "contacts")
		pass(time.Minute)
		moving := 0
		for key := range w.truth(t, "contacts") {
			if offsets.Partition(key, 4) != 0 {
				moving++
			}
		}
		warnings := strings.Join(p.Status()[0].Warnings, "; ")
		wantSays(t, warnings, "pylon.contacts", fmt.Sprintf("%d records", moving), "moved")
		w.api.ClearFaults()
		pass(3 * time.Minute)
		if warnings := p.Status()[0].Warnings; len(warnings) > 0 {
			t.Errorf("all are moved, and status says %q", warnings)
		}
		must(t, stop())
		w.wantOneLastWord(t, "contacts", 4)
		w.wantTruth(t, "contacts")
	})
}

// TestLossless_5_issuesAreMovedUnderTheLanes adds partitions to the issues topic
// and to that of the messages while both lanes read: a move is no deletion, and
// new issues in the new partitions have their messages read.
func TestLossless_5_issuesAreMovedUnderTheLanes(t *testing.T) {
	t.Parallel()
	bubble(t, "", extracttest.Options{Seed: 118, Issues: 80}, func(t *testing.T, w *world) {
		t.Helper()
		w.settings["PYLON_STREAMS"] = "issues,issue_messages"
		_, stop := w.run(t)
		pass(5 * time.Minute)
		w.addPartitions(t, 4, "issues", "issue_messages")
		for i := range 40 {
			_, err := w.api.AddMessage(w.api.IssueID(i), extracttest.MessageChange{HTML: fmt.Sprint("message ", i)})
			must(t, err)
			pass(3 * time.Second)
		}
		pass(10 * time.Minute)
		must(t, stop())
		for _, stream := range []string{"issues", "issue_messages"} {
			w.wantOneLastWord(t, stream, 4)
			for _, m := range w.messages(t, stream) {
				if m.tombstone && m.headers["moved"] == "" {
					t.Errorf("%s %s is deleted, and was only moved", stream, m.key)
				}
			}
		}
	})
}
