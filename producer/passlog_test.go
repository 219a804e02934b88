package producer_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pylon-kafka/extract/extracttest"
)

// linesOf returns the log lines from level info on that say msg; "" is any.
func (w *world) linesOf(msg string) []string {
	var lines []string
	for line := range strings.Lines(w.logs.String()) {
		if !strings.Contains(line, "level=DEBUG") && (msg == "" || strings.Contains(line, "msg="+msg+" ") || strings.Contains(line, `msg="`+msg+`"`)) {
			lines = append(lines, line)
		}
	}
	return lines
}

// TestRun_logsSomeLinesAnHour counts the lines of an hour with default settings,
// after the first pass: when nothing changes, and when something does every 20 s.
func TestRun_logsSomeLinesAnHour(t *testing.T) {
	t.Parallel()
	for name, changes := range map[string]int{"quiet": 0, "busy": 180} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newBubble(t, extracttest.Options{Seed: 76, Issues: 100})
				_, stop := w.run(t)
				pass(10 * time.Minute)
				before := len(w.linesOf(""))
				if changes == 0 {
					pass(time.Hour)
				}
				for i := range changes {
					pass(time.Hour / time.Duration(changes))
					must(t, w.api.UpdateIssue(w.api.IssueID(i%50), extracttest.IssueChange{}))
					_, err := w.api.AddMessage(w.api.IssueID(50+i%50), extracttest.MessageChange{})
					must(t, err)
				}
				lines := w.linesOf("")[before:]
				t.Logf("%d lines an hour", len(lines))
				if len(lines) < 50 || len(lines) > 200 {
					t.Errorf("%d lines an hour, want 50 to 200:\n%s", len(lines), strings.Join(lines[:min(len(lines), 40)], ""))
				}
				must(t, stop())
				for _, stream := range allStreams() {
					if !strings.Contains(strings.Join(w.linesOf("pass"), ""), "stream="+stream+" ") {
						t.Errorf("no line about a pass of %s", stream)
					}
				}
			})
		})
	}
}

// TestRun_logsWhatAPassDid holds the keys of the line of a pass, and how a
// backfill is told: of issues and of a backlog of their children.
func TestRun_logsWhatAPassDid(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newBubble(t, extracttest.Options{Seed: 77, Issues: 1000})
		_, stop := w.run(t)
		pass(30 * time.Minute)
		must(t, stop())
		duration := `[0-9][0-9.hm]*m?s`
		form := regexp.MustCompile(`part=\w+ read=\d+ published=\d+ tombstones=\d+ unchanged=\d+ requests=\d+ waited=` + duration + ` took=` + duration + `\s$`)
		passes := w.linesOf("pass")
		for _, line := range passes {
			if !form.MatchString(line) {
				t.Errorf("line of a pass: %s", line)
			}
		}
		if tags := fmt.Sprintf("stream=tags part=refresh read=%d published=%[1]d tombstones=0 unchanged=0 requests=1 ", w.api.Count("tags")); !strings.Contains(strings.Join(passes, ""), tags) {
			t.Errorf("no pass of tags: %s", tags)
		}
		for _, stream := range []string{"issues", "issue_messages", "issue_threads"} {
			told := make(map[string]int)
			for _, msg := range []string{"backfill begins", "backfill", "backfill ends"} {
				for _, line := range w.linesOf(msg) {
					if slices.Contains(strings.Fields(line), "stream="+stream) {
						told[msg]++
					}
				}
			}
			if told["backfill begins"] != 1 || told["backfill ends"] != 1 {
				t.Errorf("%s: %v, want one begin and one end", stream, told)
			}
			if n := told["backfill"]; stream != "issues" && (n < 7 || n > 9) {
				t.Errorf("%s: %d lines about its progress, want one each tenth", stream, n)
			}
		}
		for line := range strings.Lines(w.logs.String()) {
			if strings.Contains(line, " err=") {
				t.Errorf("an error whose key is not error: %s", line)
			}
		}
	})
}
