package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"pylon-kafka/extract/extracttest"
)

// reread reads issues again and returns what was published by stream.
func (w *workspace) reread(t *testing.T, issues ...string) (map[string]passReport, error) {
	t.Helper()
	out, _, err := w.do(t, append([]string{"reread", "--json"}, issues...)...)
	var reports []passReport
	if uerr := json.Unmarshal([]byte(out), &reports); uerr != nil {
		t.Fatalf("reread %v = %v, it prints %q", issues, err, out)
	}
	all := make(map[string]passReport)
	for _, r := range reports {
		all[r.Stream] = r
	}
	return all, err
}

// TestReread_readsWhatNothingElseSaw changes an issue without a new time of
// update, and its messages without touching it.
func TestReread_readsWhatNothingElseSaw(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t, extracttest.Options{MessageTouch: extracttest.TouchNothing})
	w.env["PYLON_LOOKBACK"] = "1m"
	w.synced(t, "issues")
	api := w.pylon.API
	issue, other := api.IssueID(3), api.IssueID(4)
	must(t, api.UpdateIssue(issue, extracttest.IssueChange{Title: "unseen", KeepUpdatedAt: true, SearchLag: time.Hour}))
	messages := api.Children("issue_messages", issue)
	must(t, api.EditMessage(issue, messages[0], extracttest.MessageChange{HTML: "<p>unseen</p>"}))
	if records, _ := w.synced(t, "issues"); records != 0 {
		t.Fatalf("sync has seen %d changes", records)
	}

	got, err := w.reread(t, issue, other)
	if err != nil {
		t.Fatalf("reread: %v", err)
	}
	for stream, want := range map[string]int64{"issues": 1, "issue_messages": 1, "issue_threads": 0} {
		if got[stream].Records != want || got[stream].Tombstones != 0 || got[stream].State != "done" {
			t.Errorf("%s: %+v, want %d records", stream, got[stream], want)
		}
	}
	if len(got) != 3 {
		t.Errorf("reread works %d streams", len(got))
	}
	if got, err = w.reread(t, issue); err != nil || got["issues"].Records+got["issue_messages"].Records != 0 {
		t.Errorf("a second reread = %v, %+v", err, got)
	}
}

func TestReread_tombstonesADeletedIssueAndItsChildren(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t, extracttest.Options{})
	w.synced(t, "issues")
	api := w.pylon.API
	issue := api.IssueID(2)
	messages, threads := len(api.Children("issue_messages", issue)), len(api.Children("issue_threads", issue))
	must(t, api.DeleteIssue(issue))

	got, err := w.reread(t, issue, "99999")
	if err == nil || !strings.Contains(err.Error(), "99999") || strings.Contains(err.Error(), issue) {
		t.Errorf("reread = %v: want an error that names 99999 alone", err)
	}
	for stream, want := range map[string]int{"issues": 1, "issue_messages": messages, "issue_threads": threads} {
		if got[stream].Tombstones != int64(want) || got[stream].Records != 0 {
			t.Errorf("%s: %+v, want %d tombstones", stream, got[stream], want)
		}
	}
	if got, err = w.reread(t, api.IssueID(5)); err != nil || got["issues"].Records != 0 {
		t.Errorf("the next reread = %v, %+v", err, got)
	}
}

func TestReread_needsAStreamOfIssues(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t, extracttest.Options{})
	w.env["PYLON_STREAMS"] = "tags"
	if _, _, err := w.do(t, "reread", "1"); exitCode(err) != exitUsage || !strings.Contains(err.Error(), "PYLON_STREAMS") {
		t.Errorf("reread = %v with exit code %d", err, exitCode(err))
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
