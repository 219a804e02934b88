package producer_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pylon-kafka/extract/extracttest"
	"pylon-kafka/producer"
)

// The tests named TestLossless_<n> hold the items of "Nothing lost, nothing
// stuck", and TestLossless_14_<n> those of "Topics changed under a running
// service". Most run in a bubble, where the minutes of retries pass in a moment.

// newQuietBubble is newBubble without limits and with one window for the past.
func newQuietBubble(t *testing.T, opts extracttest.Options) *world {
	t.Helper()
	opts.Limits = map[string]int{"*": 0}
	w := newBubble(t, opts)
	w.settings["PYLON_RATE_LIMITS"] = "0"
	w.settings["PYLON_START_DATE"] = "2020-01-01T00:00:00Z"
	w.settings["PYLON_WINDOW"] = "87600h"
	return w
}

// bubble runs a test in a bubble of its own.
func bubble(t *testing.T, name string, opts extracttest.Options, test func(t *testing.T, w *world)) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) { test(t, newQuietBubble(t, opts)) })
	})
}

// attempt makes one pass that may fail.
func (w *world) attempt(t *testing.T, overrides ...string) (map[string]producer.Status, error) {
	t.Helper()
	p := w.pipeline(t, overrides...)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	err := p.Sync(ctx)
	return byStream(p.Status()), err
}

// syncFails makes one pass that must fail, and wants parts in what it says.
func (w *world) syncFails(t *testing.T, says []string, overrides ...string) map[string]producer.Status {
	t.Helper()
	status, err := w.attempt(t, overrides...)
	if err == nil {
		t.Fatalf("sync succeeds, want an error that says %q", says)
	}
	wantSays(t, err.Error(), says...)
	return status
}

func wantSays(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("%q is not said in: %s", part, text)
		}
	}
}

// wantNoTombstones fails if a tombstone stands in one of the streams' topics.
func (w *world) wantNoTombstones(t *testing.T, streams ...string) {
	t.Helper()
	for _, stream := range streams {
		if n := w.tombstones(t, stream); n > 0 {
			t.Errorf("%s: %d tombstones for what exists", stream, n)
		}
	}
}

func (w *world) tombstones(t *testing.T, stream string) int {
	t.Helper()
	return len(slices.DeleteFunc(w.messages(t, stream), func(m message) bool { return !m.tombstone }))
}

// emptyPages are the three ways in which a promised page lacks its objects.
func emptyPages() []extracttest.EmptyPage {
	return []extracttest.EmptyPage{extracttest.EmptyPageMissing, extracttest.EmptyPageNull, extracttest.EmptyPageList}
}

// paginated are the reads that have pages, by endpoint: the stream that reads
// them, and what makes it do so again.
func paginated() map[string]struct{ stream, reads, again string } {
	return map[string]struct{ stream, reads, again string }{
		"accounts":                {"accounts", "accounts", ""},
		"contacts":                {"contacts", "contacts", ""},
		"knowledge_base_articles": {"knowledge_base_articles", "knowledge_base_articles", ""},
		"issue_messages":          {"issue_messages", "issues,issue_messages", "PYLON_SWEEP_INTERVAL"},
		"issues_search":           {"issues", "issues", ""},
		"issues_list":             {"issues", "issues", "PYLON_RECONCILE_INTERVAL"},
	}
}

// TestLossless_1_aPromisedPageWithoutData has lists of which all pages but the
// first come as nothing: for a moment, and for good.
func TestLossless_1_aPromisedPageWithoutData(t *testing.T) {
	t.Parallel()
	opts := extracttest.Options{Seed: 101, Issues: 60, Accounts: 60, Contacts: 150, Articles: 60, MessagesPerIssue: 12, MaxPage: 5}
	for endpoint, read := range paginated() {
		for _, how := range emptyPages() {
			again := func() []string {
				if read.again == "" {
					return []string{"PYLON_STREAMS", read.reads}
				}
				return []string{"PYLON_STREAMS", read.reads, read.again, "1ns"}
			}
			bubble(t, fmt.Sprintf("once/%s/%s", endpoint, how), opts, func(t *testing.T, w *world) {
				t.Helper()
				w.sync(t, again()...)
				w.api.Fail(extracttest.Fault{Endpoint: endpoint, EmptyPage: how, Count: 2})
				if endpoint == "issues_search" { // the live search has one page
					w.changeIssues(t)
				}
				if _, err := w.attempt(t, again()...); err != nil {
					t.Errorf("sync: %v", err)
				}
				if w.api.FaultsLeft() != 0 {
					t.Error("the page came with its data")
				}
				w.wantTruth(t, read.stream)
				w.wantNoTombstones(t, read.stream)
				w.wantNoRepeats(t, read.stream)
			})
			bubble(t, fmt.Sprintf("for good/%s/%s", endpoint, how), opts, func(t *testing.T, w *world) {
				t.Helper()
				w.sync(t, again()...)
				w.api.Fail(extracttest.Fault{Endpoint: endpoint, EmptyPage: how, Count: -1})
				if endpoint == "issues_search" {
					w.changeIssues(t)
				}
				w.syncFails(t, []string{read.stream, "impossible page"}, again()...)
				w.wantNoTombstones(t, read.stream)
				w.api.ClearFaults()
				if _, err := w.attempt(t, again()...); err != nil {
					t.Errorf("the sync after: %v", err)
				}
				w.wantTruth(t, read.stream)
				w.wantNoTombstones(t, read.stream)
				w.wantNoRepeats(t, read.stream)
			})
		}
	}
}

// TestLossless_1_firstPass is the same where nothing is in the topic yet: what
// the sync reports complete is complete.
func TestLossless_1_firstPass(t *testing.T) {
	t.Parallel()
	for _, stream := range []string{"contacts", "issues"} {
		for _, how := range emptyPages() {
			opts := extracttest.Options{Seed: 102, Issues: 1500, Contacts: 1500}
			bubble(t, stream+"/"+string(how), opts, func(t *testing.T, w *world) {
				t.Helper()
				must(t, w.api.FailByName("empty-after-promise="+string(how)))
				w.syncFails(t, []string{stream, "impossible page"}, "PYLON_STREAMS", stream)
				w.api.ClearFaults()
				w.sync(t, "PYLON_STREAMS", stream)
				w.wantTruth(t, stream)
				w.wantNoTombstones(t, stream)
				w.wantNoRepeats(t, stream)
			})
		}
	}
}

// changeIssues changes every issue.
func (w *world) changeIssues(t *testing.T) {
	t.Helper()
	for i := range w.api.Count("issues") {
		must(t, w.api.UpdateIssue(w.api.IssueID(i), extracttest.IssueChange{Title: fmt.Sprint("changed ", i)}))
	}
}
