package extracttest_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"pylon-kafka/extract/extracttest"
)

// issueTimes are the members of an issue that changes move or leave.
type issueTimes struct {
	Title, State string
	Updated      string `json:"updated_at"`
	Latest       string `json:"latest_message_time"`
	Resolved     string `json:"resolution_time"`
	Touches      int    `json:"number_of_touches"`
}

func readIssue(tb testing.TB, api *extracttest.API, id string) issueTimes {
	tb.Helper()
	raw, ok := api.Object("issues", id)
	if !ok {
		tb.Fatalf("no issue %s", id)
	}
	var out issueTimes
	if err := json.Unmarshal(raw, &out); err != nil {
		tb.Fatal(err)
	}
	return out
}

func check(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

// later is what the clock of changedServer shows after an hour.
const later = "2026-05-04T04:02:01Z"

// changedServer is a server whose clock stands an hour after its data ended.
func changedServer(tb testing.TB, opts extracttest.Options) *extracttest.Server {
	tb.Helper()
	opts.Now, opts.Limits = now, noLimits()
	opts.Clock = func() time.Time { return now.Add(time.Hour) }
	return extracttest.NewServer(tb, opts)
}

func TestChanges_moveTheTimesOfTheIssue(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name             string
		opts             extracttest.Options
		change           func(api *extracttest.API, issue, message, thread string) error
		updated, message bool
		quiet            bool // no version of the issue at all
	}{
		{"update", extracttest.Options{}, func(api *extracttest.API, issue, _, _ string) error {
			return api.UpdateIssue(issue, extracttest.IssueChange{})
		}, true, false, false},
		{"update that keeps updated_at", extracttest.Options{}, func(api *extracttest.API, issue, _, _ string) error {
			return api.UpdateIssue(issue, extracttest.IssueChange{KeepUpdatedAt: true})
		}, false, false, false},
		{"update as by a message", extracttest.Options{}, func(api *extracttest.API, issue, _, _ string) error {
			return api.UpdateIssue(issue, extracttest.IssueChange{KeepUpdatedAt: true, LatestMessageAt: api.Now()})
		}, false, true, false},
		{"message", extracttest.Options{}, func(api *extracttest.API, issue, _, _ string) error {
			_, err := api.AddMessage(issue, extracttest.MessageChange{})
			return err
		}, true, true, false},
		{"quiet message", extracttest.Options{}, func(api *extracttest.API, issue, _, _ string) error {
			_, err := api.AddMessage(issue, extracttest.MessageChange{Touch: extracttest.TouchNothing})
			return err
		}, false, true, false},
		{"message, quiet by option", extracttest.Options{MessageTouch: extracttest.TouchNothing}, func(api *extracttest.API, issue, _, _ string) error {
			_, err := api.AddMessage(issue, extracttest.MessageChange{})
			return err
		}, false, true, false},
		{"edit", extracttest.Options{}, func(api *extracttest.API, issue, message, _ string) error {
			return api.EditMessage(issue, message, extracttest.MessageChange{})
		}, true, false, false},
		{"quiet edit", extracttest.Options{}, func(api *extracttest.API, issue, message, _ string) error {
			return api.EditMessage(issue, message, extracttest.MessageChange{Touch: extracttest.TouchNothing})
		}, false, false, true},
		{"deleted message", extracttest.Options{}, func(api *extracttest.API, issue, message, _ string) error {
			return api.DeleteMessage(issue, message, "")
		}, true, false, false},
		{"quietly deleted message", extracttest.Options{}, func(api *extracttest.API, issue, message, _ string) error {
			return api.DeleteMessage(issue, message, extracttest.TouchNothing)
		}, false, false, true},
		{"renamed thread", extracttest.Options{}, func(api *extracttest.API, issue, _, thread string) error {
			return api.EditThread(issue, thread, extracttest.ThreadChange{})
		}, true, false, false},
		{"quietly deleted thread", extracttest.Options{}, func(api *extracttest.API, issue, _, thread string) error {
			return api.DeleteThread(issue, thread, extracttest.TouchNothing)
		}, false, false, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			api := changedServer(t, tt.opts).API
			issue := api.IssueID(0)
			before := readIssue(t, api, issue)
			check(t, tt.change(api, issue, api.Children("issue_messages", issue)[0], api.Children("issue_threads", issue)[0]))
			after := readIssue(t, api, issue)
			if moved := after.Updated == later; moved != tt.updated || !moved && after.Updated != before.Updated {
				t.Errorf("updated_at is %s, was %s", after.Updated, before.Updated)
			}
			if moved := after.Latest == later; moved != tt.message || !moved && after.Latest != before.Latest {
				t.Errorf("latest_message_time is %s, was %s", after.Latest, before.Latest)
			}
			if differs := after != before; differs == tt.quiet {
				t.Errorf("before %+v, after %+v", before, after)
			}
			if len(api.History()) < 2 {
				t.Error("the history does not know")
			}
		})
	}
}

func TestChanges_setWhatIsAsked(t *testing.T) {
	t.Parallel()
	api := changedServer(t, extracttest.Options{}).API
	issue := api.IssueID(4)
	check(t, api.UpdateIssue(issue, extracttest.IssueChange{
		Title: "A <new> title", BodyHTML: "<p>\"b\"</p>", State: "closed", Type: "ticket", Tags: []string{"x"},
		AccountID: "a1", AssigneeID: "u1", TeamID: "t1", UpdatedAt: now.Add(24 * time.Hour),
	}))
	raw, _ := api.Object("issues", issue)
	for _, part := range []string{
		`"title":"A \u003cnew\u003e title"`, `"body_html":"\u003cp\u003e\"b\"\u003c/p\u003e"`, `"state":"closed"`, `"type":"ticket"`, `"tags":["x"]`,
		`"account":{"id":"a1","external_ids":null}`, `"assignee":{"id":"u1"}`, `"team":{"id":"t1"}`, `"updated_at":"2026-05-05T03:02:01Z"`, `"resolution_time":"` + later + `"`,
	} {
		if !strings.Contains(string(raw), part) {
			t.Errorf("no %s in %s", part, raw)
		}
	}
	check(t, api.UpdateIssue(issue, extracttest.IssueChange{State: "new", Tags: []string{}}))
	if got := readIssue(t, api, issue); got.Title != "A <new> title" || got.State != "new" || got.Resolved != "" {
		t.Errorf("after the second change: %+v", got)
	}
}

func TestChanges_keepEveryCharacter(t *testing.T) {
	t.Parallel()
	s := changedServer(t, extracttest.Options{})
	var title strings.Builder
	for r := rune(0); r < 0x2100; r++ {
		title.WriteRune(r)
	}
	title.WriteString("\U0001f600\U0010ffff")
	check(t, s.API.UpdateIssue(s.API.IssueID(2), extracttest.IssueChange{Title: title.String()}))
	if got := member(t, get(t, s, "GET /issues/3", "").Data, "title"); got != title.String() {
		t.Errorf("the title came back as %q", got)
	}
}

func TestChanges_ofWhatIsNotThere(t *testing.T) {
	t.Parallel()
	api := extracttest.New(extracttest.Options{Now: now})
	issue := api.IssueID(1)
	check(t, api.DeleteIssue(issue))
	_, noIssue := api.AddMessage(issue, extracttest.MessageChange{})
	_, noThread := api.AddThread(issue, extracttest.ThreadChange{})
	_, noStream := api.Create("nothing", "")
	_, noBase := api.Create("knowledge_base_articles", "x")
	_, noType := api.Create("custom_fields", "x")
	for name, err := range map[string]error{
		"update": api.UpdateIssue(issue, extracttest.IssueChange{}), "delete": api.DeleteIssue(issue),
		"add message": noIssue, "add thread": noThread, "create": noStream, "create article": noBase, "create field": noType,
		"edit message": api.EditMessage(api.IssueID(0), "x", extracttest.MessageChange{}), "update tag": api.Update("tags", "x"),
		"delete message": api.Delete("issue_messages", "x"), "delete thread": api.Delete("issue_threads", "x"),
		"delete tag": api.Delete("tags", "x"), "put": api.Put("issues", "", "x", []byte("{}")),
	} {
		if !errors.Is(err, extracttest.ErrNotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestDeleteIssue_takesItsChildren(t *testing.T) {
	t.Parallel()
	s := changedServer(t, extracttest.Options{})
	issue := s.API.IssueID(0)
	messages, threads := s.API.Children("issue_messages", issue), s.API.Children("issue_threads", issue)
	issues, all := s.API.Count("issues"), s.API.Count("issue_messages")
	check(t, s.API.DeleteIssue(issue))
	for _, path := range []string{"", "/messages", "/messages?limit=1000", "/threads"} {
		if a := call(t, s, "GET /issues/"+issue+path, ""); a.Status != http.StatusNotFound {
			t.Errorf("GET %s: %d", path, a.Status)
		}
	}
	if slices.Contains(ids(t, search(t, s, "", 100, nil)), issue) {
		t.Error("the search still shows it")
	}
	if s.API.Count("issues") != issues-1 || s.API.Count("issue_messages") != all-len(messages) {
		t.Errorf("%d issues, %d messages are left", s.API.Count("issues"), s.API.Count("issue_messages"))
	}
	deleted := map[string]bool{}
	for _, v := range s.API.History() {
		if v.Deleted {
			deleted[v.Key] = true
			if v.Stream != "issues" && v.Parent != issue {
				t.Errorf("%s %s has parent %q", v.Stream, v.Key, v.Parent)
			}
		}
	}
	for _, key := range append(append(messages, threads...), issue) {
		if !deleted[key] {
			t.Errorf("%s is not deleted by the history", key)
		}
	}
}
