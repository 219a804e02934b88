package producer_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"pylon-kafka/extract/extracttest"
	"pylon-kafka/producer"
)

// TestSync_besideRun has a sync begin while a replica of run works: it refuses,
// names the replica, and writes nothing.
func TestSync_besideRun(t *testing.T) {
	t.Parallel()
	w := newWorld(t, extracttest.Options{Seed: 51, Issues: 10})
	w.settings["PYLON_STREAMS"] = "issues,tags"
	w.launch(t, "KAFKA_CLIENT_ID", "the-service").up(t)
	p := w.pipeline(t)
	err := p.Sync(t.Context())
	for _, part := range []string{"a sync does not begin while others work the streams", "group pylon-kafka has 1 other members: the-service@", "(127.0.0.1"} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("error %v does not say %q", err, part)
		}
	}
	if records, tombstones := totals(byStream(p.Status())); records+tombstones != 0 {
		t.Errorf("it publishes %d records and %d tombstones", records, tombstones)
	}
}

// TestSync_runComesLater starts a replica of run while a sync waits for Pylon: the
// sync ends and names who has taken over, and the replica does the work.
func TestSync_runComesLater(t *testing.T) {
	t.Parallel()
	for name, open := range kafkas {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, _ := open(t, extracttest.Options{Seed: 52, Issues: 10, Latency: 150 * time.Millisecond})
			streams := []string{"issues", "issue_messages", "tags", "teams"}
			w.settings["PYLON_STREAMS"] = strings.Join(streams, ",")
			older := w.pipeline(t, "PYLON_RATE_LIMITS", "issue_messages:5") // it takes minutes
			result := make(chan error, 1)
			go func() { result <- older.Sync(t.Context()) }()
			eventually(t, "the sync publishes", func() bool { return byStream(older.Status())["issues"].Records > 0 })
			newer := w.launch(t, "KAFKA_CLIENT_ID", "the-service")
			select {
			case err := <-result:
				if !errors.Is(err, producer.ErrTakenOver) {
					t.Fatalf("the sync ends with %v, want ErrTakenOver", err)
				}
				text := err.Error()
				for _, part := range []string{"another instance has taken over: the-service@", "has joined group " + w.txnID("")[:len(w.txnID(""))-1], "what was read is committed"} {
					if !strings.Contains(text, part) {
						t.Errorf("error %q does not say %q", text, part)
					}
				}
				if strings.Contains(text, "\n") {
					t.Errorf("error %q has several lines", text)
				}
			case <-time.After(patience):
				t.Fatal("the sync goes on")
			}
			eventually(t, "the replica has done the work", func() bool { return w.settled(t, streams) })
			newer.wantRunning(t)
			for _, stream := range streams {
				w.wantNoRepeats(t, stream)
				w.wantWholeTransactions(t, stream)
			}
		})
	}
}

// TestSync_twoTogether starts two together, again and again: exactly one goes on,
// and does the whole pass. A pass takes so long that the other one cannot begin
// when it is over.
func TestSync_twoTogether(t *testing.T) {
	t.Parallel()
	for name, open := range kafkas {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, _ := open(t, extracttest.Options{Seed: 53, Issues: 10, Latency: time.Second})
			w.settings["PYLON_STREAMS"] = "issues,tags,teams"
			const times = 2
			for range times {
				must(t, w.api.UpdateIssue(w.api.IssueID(2), extracttest.IssueChange{}))
				results := make(chan error, 2)
				for range 2 {
					p := w.pipeline(t)
					go func() { results <- p.Sync(t.Context()) }()
				}
				done := 0
				for range 2 {
					switch err := <-results; {
					case err == nil:
						done++
					case strings.Contains(err.Error(), "a sync does not begin while others work the streams"), errors.Is(err, producer.ErrTakenOver):
						t.Log(err)
					default:
						t.Errorf("a sync ends with %v", err)
					}
				}
				if done != 1 {
					t.Errorf("%d syncs have gone on, want one", done)
				}
			}
			w.wantTruth(t, "issues", "tags", "teams")
			w.wantNoRepeats(t, "issues", "tags", "teams")
		})
	}
}
