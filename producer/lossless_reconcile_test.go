package producer_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pylon-kafka/extract/extracttest"
)

// TestLossless_3_aDeletedIssueHasItsTombstonesInAboutAnHour measures, with
// default settings, the documented limits, 8,000 issues of two years (100,000
// with PYLON_KAFKA_LONG=1) and a backlog of children of hours, from the deletion of issues in Pylon to
// their tombstones and those of their children. They are deleted at the worst
// moments: when a page of the reconcile has just listed them.
func TestLossless_3_aDeletedIssueHasItsTombstonesInAboutAnHour(t *testing.T) {
	t.Parallel()
	issues := 8_000 // with 100,000 it takes minutes more
	if os.Getenv("PYLON_KAFKA_LONG") == "1" {
		issues = 100_000
	}
	const limit = 65 * time.Minute
	synctest.Test(t, func(t *testing.T) {
		begin := time.Date(2024, 6, 1, 0, 0, 0, 0, time.UTC)
		w := newBubble(t, extracttest.Options{Seed: 110, Issues: issues, Start: begin, MessagesPerIssue: 2, IssueBytes: 1500})
		w.settings["PYLON_START_DATE"] = "2020-01-01T00:00:00Z"
		w.settings["PYLON_STREAMS"] = "issues,issue_messages"
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		lister := &listing{inner: w.pylon, listed: make(chan string, 1000)}
		w.pylon = lister
		watch := w.watch(ctx, t, "pylon.issues", "pylon.issue_messages")
		p, stop := w.run(t)
		pass(30 * time.Minute) // the backfill is done, and some of the children
		if s := byStream(p.Status()); s["issues"].Records != int64(issues) || s["issue_messages"].Backlog < int64(issues)/2 {
			t.Fatalf("issues %+v, messages %+v", s["issues"], s["issue_messages"])
		}
		deleted, children := make(map[string]time.Time), 0
		for range 40 * 60 { // 40 minutes: one reconcile
			pass(time.Second)
			for len(lister.listed) > 0 {
				id := <-lister.listed
				for _, child := range w.api.Children("issue_messages", id) {
					if !watch.at(child).IsZero() {
						deleted[child] = time.Now()
						children++
					}
				}
				must(t, w.api.DeleteIssue(id))
				deleted[id] = time.Now()
			}
		}
		if len(deleted) < issues/1000 || children == 0 {
			t.Fatalf("%d objects deleted, %d of them children", len(deleted), children)
		}
		pass(70 * time.Minute)
		worst := time.Duration(0)
		for key, since := range deleted {
			seen := watch.at(key)
			if !seen.After(since) {
				t.Errorf("%s has no tombstone", key)
				continue
			}
			worst = max(worst, seen.Sub(since))
		}
		t.Logf("%d objects deleted, %d of them messages, worst %v; %d requests for lists", len(deleted), children, worst, lister.most())
		if worst > limit {
			t.Errorf("worst %v, want at most %v", worst, limit)
		}
		if n := w.api.Rejected(); n != 0 {
			t.Errorf("the API refused %d requests for their rate", n)
		}
		must(t, stop())
	})
}

// listing tells when a page of GET /issues was answered.
type listing struct {
	inner  http.RoundTripper
	listed chan string // an issue of each page; nil: nobody wants to know

	mu    sync.Mutex
	count int
	froms []string // of the windows asked for
}

func (l *listing) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := l.inner.RoundTrip(r)
	if r.Method == http.MethodGet && r.URL.Path == "/issues" {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.count++
		l.froms = append(l.froms, r.URL.Query().Get("start_time"))
		if l.listed != nil && err == nil {
			l.tell(resp)
		}
	}
	return resp, err
}

// tell sends the first issue of an answer.
func (l *listing) tell(resp *http.Response) {
	body, err := io.ReadAll(resp.Body)
	resp.Body = io.NopCloser(bytes.NewReader(body))
	var page struct {
		Data []struct {
			ID string `json:"id"`
		} `json:"data"`
	}
	if err == nil && json.Unmarshal(body, &page) == nil && len(page.Data) > 0 {
		l.listed <- page.Data[0].ID
	}
}

func (l *listing) most() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.count
}

// windows returns the windows that were asked for, without repeats in a row, and
// forgets them.
func (l *listing) windows() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := l.froms
	l.froms = nil
	var out []string
	for _, from := range all {
		if len(out) == 0 || out[len(out)-1] != from {
			out = append(out, from)
		}
	}
	return out
}

// TestLossless_3_anInterruptedReconcileGoesOn stops the service in the midst of
// a reconcile: the next one begins at the window in which it stopped.
func TestLossless_3_anInterruptedReconcileGoesOn(t *testing.T) {
	t.Parallel()
	begin := time.Date(2021, 6, 1, 0, 0, 0, 0, time.UTC)
	opts := extracttest.Options{Seed: 111, Issues: 600, Start: begin, MaxPage: 10}
	bubble(t, "", opts, func(t *testing.T, w *world) {
		t.Helper()
		w.settings["PYLON_STREAMS"] = "issues"
		lister := &listing{inner: w.pylon}
		w.pylon = lister
		w.sync(t)
		whole := w.syncReconcile(t, lister)
		gone := w.api.IssueID(w.api.Count("issues") - 1)
		must(t, w.api.DeleteIssue(gone))
		_, stop := w.run(t, "PYLON_RECONCILE_INTERVAL", "1ns", "PYLON_POLL_INTERVAL", "1h")
		for lister.most() == 0 || len(lister.peek()) < len(whole)/2+1 {
			pass(100 * time.Millisecond)
		}
		must(t, stop())
		before := lister.windows()
		after := w.syncReconcile(t, lister)
		t.Logf("whole %d windows, %d before the stop, %d after it", len(whole), len(before), len(after))
		if len(after) == 0 || after[0] != before[len(before)-1] {
			t.Errorf("stopped in window %v, goes on at %v", before, after)
		}
		w.wantTruth(t, "issues")
		if n := w.tombstones(t, "issues"); n != 1 {
			t.Errorf("%d tombstones, want 1", n)
		}
	})
}

// syncReconcile makes a sync with a reconcile that is due, and returns its windows.
func (w *world) syncReconcile(t *testing.T, l *listing) []string {
	t.Helper()
	l.windows()
	w.sync(t, "PYLON_RECONCILE_INTERVAL", "1ns")
	return l.windows()
}

// peek is windows without forgetting.
func (l *listing) peek() []string {
	windows := l.windows()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.froms = append(windows, l.froms...)
	return windows
}
