package extracttest_test

import (
	"encoding/json"
	"errors"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

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
	gone := map[string]bool{}
	for _, v := range s.API.History() {
		if v.Deleted {
			gone[v.Key] = true
			if v.Stream != "issues" && v.Parent != issue {
				t.Errorf("%s %s has parent %q", v.Stream, v.Key, v.Parent)
			}
		}
	}
	for _, key := range append(append(messages, threads...), issue) {
		if !gone[key] {
			t.Errorf("%s is not gone by the history", key)
		}
	}
}

func TestSmallStreams_createUpdatePutDelete(t *testing.T) {
	t.Parallel()
	s := changedServer(t, extracttest.Options{Accounts: 1})
	for _, stream := range extracttest.Streams() {
		parent := ""
		switch stream {
		case "custom_fields":
			parent = "meeting"
		case "knowledge_base_articles":
			for parent = range s.API.Objects("knowledge_bases") {
				break
			}
		case "issue_messages", "issue_threads":
			parent = s.API.IssueID(3)
		}
		key, err := s.API.Create(stream, parent)
		check(t, err)
		versions := []string{normalize(t, stream, readStream(t, s, stream)[key])}
		for range 2 {
			check(t, s.API.Update(stream, key))
			versions = append(versions, normalize(t, stream, readStream(t, s, stream)[key]))
		}
		slices.Sort(versions)
		if len(slices.Compact(versions)) != 3 {
			t.Errorf("%s: versions are not distinct: %s", stream, versions)
		}
		check(t, s.API.Delete(stream, key))
		if _, found := readStream(t, s, stream)[key]; found {
			t.Errorf("%s: %s is still there", stream, key)
		}
	}
	check(t, s.API.Put("tags", "", "odd", []byte(`{"id":"odd","value":7}`)))
	if got := string(readStream(t, s, "tags")["odd"]); got != `{"id":"odd","value":7}` {
		t.Errorf("put tag: %s", got)
	}
	check(t, s.API.Put("tags", "", "odd", []byte(`{"id":"odd"}`)))
	check(t, s.API.Delete("tags", "odd"))
	check(t, s.API.Put("tags", "", "odd", []byte(`{"id":"odd","value":8}`)))
	var revisions []int
	for _, v := range s.API.History() {
		if v.Key == "odd" {
			revisions = append(revisions, v.Revision)
		}
	}
	if diff := cmp.Diff([]int{0, 1, 2, 3}, revisions); diff != "" {
		t.Error(diff)
	}
}

func TestSmallStreams_deletedKnowledgeBaseTakesItsArticles(t *testing.T) {
	t.Parallel()
	s := changedServer(t, extracttest.Options{Articles: 3})
	var base string
	for base = range s.API.Objects("knowledge_bases") {
		break
	}
	check(t, s.API.Delete("knowledge_bases", base))
	if n := s.API.Count("knowledge_base_articles"); n != 3 {
		t.Errorf("%d articles are left", n)
	}
	if a := call(t, s, "GET /knowledge-bases/"+base+"/articles", ""); a.Status != http.StatusNotFound {
		t.Errorf("its articles: %d", a.Status)
	}
}

// truth replays a history over what was there at the start.
func truth(tb testing.TB, start map[string]map[string]string, history []extracttest.Version) map[string]map[string]string {
	tb.Helper()
	for _, v := range history {
		was, existed := start[v.Stream][v.Key]
		switch {
		case v.At.IsZero() && (!existed || was != normalize(tb, v.Stream, v.JSON) || v.Revision != 0):
			tb.Errorf("%s %s did not begin as the history says", v.Stream, v.Key)
		case v.Deleted && !existed:
			tb.Errorf("%s %s is deleted twice", v.Stream, v.Key)
		case v.Deleted:
			delete(start[v.Stream], v.Key)
		default:
			next := normalize(tb, v.Stream, v.JSON)
			if !v.At.IsZero() && existed && next == was {
				tb.Errorf("%s %s: revision %d is like the one before", v.Stream, v.Key, v.Revision)
			}
			start[v.Stream][v.Key] = next
		}
	}
	return start
}

func snapshot(tb testing.TB, api *extracttest.API) map[string]map[string]string {
	tb.Helper()
	out := map[string]map[string]string{}
	for _, stream := range extracttest.Streams() {
		out[stream] = map[string]string{}
		for key, object := range api.Objects(stream) {
			out[stream][key] = normalize(tb, stream, object)
		}
	}
	return out
}

func TestMutate_historyExplainsEveryChange(t *testing.T) {
	t.Parallel()
	api := changedServer(t, extracttest.Options{Seed: 9}).API
	start := snapshot(t, api)
	changes := api.Mutate(rand.New(rand.NewPCG(1, 2)), 1500)
	end := snapshot(t, api)
	if diff := cmp.Diff(end, truth(t, start, api.History())); diff != "" {
		t.Error(diff)
	}
	kinds := map[string]int{}
	for _, c := range changes {
		kinds[c.Stream+" "+c.Kind]++
	}
	for _, stream := range extracttest.Streams() {
		for _, kind := range []string{"create", "update", "delete"} {
			if kinds[stream+" "+kind] == 0 {
				t.Errorf("no %s of %s", kind, stream)
			}
		}
	}
	for stream, objects := range end {
		if api.Count(stream) != len(objects) {
			t.Errorf("%s: count %d of %d", stream, api.Count(stream), len(objects))
		}
	}
}

func TestMutate_sameSeedSameChanges(t *testing.T) {
	t.Parallel()
	run := func() ([]extracttest.Change, map[string]map[string]string) {
		api := changedServer(t, extracttest.Options{Seed: 9}).API
		return api.Mutate(rand.New(rand.NewPCG(1, 2)), 300), snapshot(t, api)
	}
	x, one := run()
	y, two := run()
	if diff := cmp.Diff(x, y); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(one, two); diff != "" {
		t.Error(diff)
	}
}

func TestHistory_knowsWhatWasServed(t *testing.T) {
	t.Parallel()
	s := changedServer(t, extracttest.Options{RecordServed: true})
	seen, unseen := s.API.IssueID(0), s.API.IssueID(1)
	get(t, s, "GET /issues/"+seen, "")
	for _, id := range []string{seen, unseen} {
		check(t, s.API.UpdateIssue(id, extracttest.IssueChange{}))
		check(t, s.API.UpdateIssue(id, extracttest.IssueChange{}))
	}
	s.API.Fail(extracttest.Fault{Endpoint: "issues_search", Truncate: true})
	if _, err := try(t, s, "POST /issues/search", ""); err == nil {
		t.Fatal("the answer was whole")
	}
	get(t, s, "GET /issues/"+seen, "")
	served := map[string][]bool{}
	for _, v := range s.API.History() {
		served[v.Key] = append(served[v.Key], v.Served)
	}
	want := map[string][]bool{seen: {true, false, true}, unseen: {false, false, false}}
	if diff := cmp.Diff(want, served); diff != "" {
		t.Error(diff)
	}
	if s.API.Served("issues") != 2 {
		t.Errorf("%d versions served", s.API.Served("issues"))
	}
}

func TestSearchLag_showsChangesLate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		api := extracttest.New(extracttest.Options{Issues: 3, SearchLag: time.Minute})
		s := &lagClient{t, &http.Client{Transport: api.Transport()}}
		changed, deleted := api.IssueID(0), api.IssueID(1)
		before := s.search()
		check(t, api.UpdateIssue(changed, extracttest.IssueChange{Title: "late"}))
		check(t, api.DeleteIssue(deleted))
		made := api.CreateIssue(extracttest.IssueChange{})
		time.Sleep(59 * time.Second) //nolint:forbidigo // moves the bubble's clock
		if diff := cmp.Diff(before, s.search()); diff != "" {
			t.Errorf("shown too early: %s", diff)
		}
		if got := readIssue(t, api, changed); got.Title != "late" {
			t.Errorf("the issue itself is %+v", got)
		}
		time.Sleep(time.Second) //nolint:forbidigo // moves the bubble's clock
		after := s.search()
		if after[changed] != "late" || after[deleted] != "" || after[made] == "" || len(after) != 3 {
			t.Errorf("after the lag: %v", after)
		}
	})
}

// lagClient reads titles by id from the search.
type lagClient struct {
	t      *testing.T
	client *http.Client
}

func (c *lagClient) search() map[string]string {
	c.t.Helper()
	req, err := http.NewRequestWithContext(c.t.Context(), http.MethodPost, "http://sandbox/issues/search", strings.NewReader("{}"))
	check(c.t, err)
	req.Header.Set("Authorization", "Bearer x")
	resp, err := c.client.Do(req)
	check(c.t, err)
	defer func() { _ = resp.Body.Close() }()
	var in struct {
		Data []struct{ ID, Title string }
	}
	check(c.t, json.NewDecoder(resp.Body).Decode(&in))
	out := map[string]string{}
	for _, o := range in.Data {
		out[o.ID] = o.Title
	}
	return out
}

func TestAPI_takesChangesAndRequestsAtOnce(t *testing.T) {
	t.Parallel()
	s := extracttest.NewServer(t, extracttest.Options{
		Now: now, Limits: noLimits(), RecordServed: true, SearchLag: time.Millisecond, RandomSearchLag: true,
	})
	s.API.Fail(extracttest.Fault{Endpoint: "issue_threads", Count: -1, Probability: 0.3})
	var group sync.WaitGroup
	for worker := range 4 {
		group.Go(func() {
			for i := range 10 {
				if worker%2 == 0 {
					s.API.Mutate(rand.New(rand.NewPCG(uint64(worker), uint64(i))), 5)
					s.API.ShiftClock(time.Duration(i-15) * time.Second)
					continue
				}
				search(t, s, "", 10, nil)
				call(t, s, "GET /issues/3/threads", "")
				call(t, s, "GET /issues/3/messages", "")
				get(t, s, "GET /accounts?limit=5", "")
				s.API.History()
				if len(maps.Collect(s.API.Objects("issue_messages"))) == 0 {
					t.Error("no messages")
				}
			}
		})
	}
	group.Wait()
}
