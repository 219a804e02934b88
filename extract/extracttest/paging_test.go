package extracttest_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pylon-kafka/extract/extracttest"
)

// ids returns the ids of objects in their order.
func ids(tb testing.TB, list []json.RawMessage) []string {
	tb.Helper()
	var out []string
	for _, raw := range list {
		out = append(out, member(tb, raw, "id"))
	}
	return out
}

// newestFirst are the ids of the issues that a server starts with.
func newestFirst(api *extracttest.API, n int) []string {
	var out []string
	for i := n - 1; i >= 0; i-- {
		out = append(out, api.IssueID(i))
	}
	return out
}

func TestPaging_everyIssueOnceNewestFirst(t *testing.T) {
	t.Parallel()
	for _, n := range []int{1, 2, 63, 64, 65, 200} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			s := extracttest.NewServer(t, extracttest.Options{Now: now, Issues: n, Limits: noLimits(), MaxListRange: 365 * 24 * time.Hour})
			want := newestFirst(s.API, n)
			for _, limit := range []int{1, 7, 100, 999} {
				if diff := cmp.Diff(want, ids(t, search(t, s, "", limit, nil))); diff != "" {
					t.Errorf("search, limit %d: %s", limit, diff)
				}
				path := fmt.Sprintf("/issues?start_time=2026-02-03T03:00:00Z&end_time=2026-05-05T00:00:00Z&limit=%d", limit)
				if diff := cmp.Diff(want, ids(t, pages(t, s, path))); diff != "" {
					t.Errorf("list, limit %d: %s", limit, diff)
				}
			}
		})
	}
}

func TestPaging_listByCreationCoversItsWindows(t *testing.T) {
	t.Parallel()
	s := extracttest.NewServer(t, extracttest.Options{Now: now, Issues: 150, Limits: noLimits()})
	var got []string
	for end := time.Date(2026, 5, 5, 0, 0, 0, 0, time.UTC); end.Year() == 2026; end = end.Add(-20 * 24 * time.Hour) {
		// Bounds belong to the range and times have milliseconds.
		last := end.Add(-time.Millisecond).Format("2006-01-02T15:04:05.000Z")
		begin := end.Add(-20 * 24 * time.Hour).Format(time.RFC3339)
		got = append(got, ids(t, pages(t, s, "/issues?start_time="+begin+"&end_time="+last+"&limit=9"))...)
	}
	if diff := cmp.Diff(newestFirst(s.API, 150), got); diff != "" {
		t.Error(diff)
	}
}

// Whatever changes between pages, an issue that was there all the time comes
// once, and one that was deleted or made in between at most once.
func TestPaging_changesBetweenPages(t *testing.T) {
	t.Parallel()
	s := extracttest.NewServer(t, extracttest.Options{Now: now, Issues: 120, Limits: noLimits()})
	for i := range 10 {
		s.API.CreateIssue(extracttest.IssueChange{CreatedAt: now.Add(-time.Duration(i*i) * time.Hour)})
	}
	begin := s.API.Count("issues")
	n := 0
	deleted := map[string]bool{}
	list := search(t, s, "", 10, func() {
		n++
		for _, i := range []int{n * 7 % 120, 119 - n*5%120} {
			id := s.API.IssueID(i)
			if n%2 == 0 && !deleted[id] {
				deleted[id] = true
				if err := s.API.DeleteIssue(id); err != nil {
					t.Error(err)
				}
			} else if !deleted[id] {
				if err := s.API.UpdateIssue(id, extracttest.IssueChange{}); err != nil {
					t.Error(err)
				}
			}
		}
		s.API.CreateIssue(extracttest.IssueChange{})
	})
	got := ids(t, list)
	seen := map[string]int{}
	for _, id := range got {
		seen[id]++
		if seen[id] > 1 {
			t.Errorf("%s came twice", id)
		}
	}
	for i := range begin {
		if id := s.API.IssueID(i); !deleted[id] && seen[id] == 0 {
			t.Errorf("issue %d did not come", i)
		}
	}
	last := "~"
	for _, raw := range list {
		if created := member(t, raw, "created_at"); created > last {
			t.Errorf("%s after %s", created, last)
		} else {
			last = created
		}
	}
	if len(deleted) == 0 || len(got) < 110 {
		t.Errorf("%d deleted, %d came", len(deleted), len(got))
	}
}

func TestPaging_cursorIsTimeInMillisecondsAndID(t *testing.T) {
	t.Parallel()
	s := extracttest.NewServer(t, extracttest.Options{Now: now})
	a := get(t, s, "POST /issues/search", `{"limit":1}`)
	text, err := base64.StdEncoding.DecodeString(a.next())
	if err != nil {
		t.Fatal(err)
	}
	first := a.list(t)[0]
	want := regexp.MustCompile("^" + strings.TrimSuffix(member(t, first, "created_at"), "Z") + `\.\d{3}Z\|` + member(t, first, "id") + "$")
	if !want.Match(text) {
		t.Errorf("cursor %s does not match %s", text, want)
	}
}

func TestPaging_smallStreams(t *testing.T) {
	t.Parallel()
	s := extracttest.NewServer(t, extracttest.Options{Now: now, Accounts: 23, Contacts: 20, Articles: 17, Limits: noLimits()})
	bases := slices.Collect(func(yield func(string) bool) {
		for key := range s.API.Objects("knowledge_bases") {
			if !yield(key) {
				return
			}
		}
	})
	for path, want := range map[string]int{
		"/accounts?limit=999": 23, "/accounts?limit=10": 23, "/accounts?limit=23": 23, "/contacts?limit=1": 20,
		"/knowledge-bases/" + bases[0] + "/articles?limit=5": 17, "/knowledge-bases/" + bases[1] + "/articles?limit=17": 17,
	} {
		got := ids(t, pages(t, s, path))
		slices.Sort(got)
		if n := len(slices.Compact(slices.Clone(got))); n != want || len(got) != want {
			t.Errorf("%s: %d objects, %d of them different, want %d", path, len(got), n, want)
		}
	}
}

func TestPaging_maxPageMakesManyPages(t *testing.T) {
	t.Parallel()
	s := extracttest.NewServer(t, extracttest.Options{Now: now, MaxPage: 2, Limits: noLimits()})
	for _, request := range []string{"GET /accounts?limit=999", "GET /issues/1/messages?limit=999", "POST /issues/search"} {
		if a := get(t, s, request, ""); len(a.list(t)) != 2 || a.next() == "" {
			t.Errorf("%s: %d objects, then %q", request, len(a.list(t)), a.next())
		}
	}
	if got := len(search(t, s, "", 999, nil)); got != 25 {
		t.Errorf("%d issues on all pages", got)
	}
	// What is not paginated is whole.
	if a := get(t, s, "GET /issues/1/messages", ""); len(a.list(t)) != 4 || a.Pagination != nil {
		t.Errorf("messages without a limit: %d, %+v", len(a.list(t)), a.Pagination)
	}
}

func TestPaging_messagesOldestFirst(t *testing.T) {
	t.Parallel()
	s := extracttest.NewServer(t, extracttest.Options{Now: now, Limits: noLimits()})
	issue := s.API.IssueID(3)
	for range 1203 {
		if _, err := s.API.AddMessage(issue, extracttest.MessageChange{}); err != nil {
			t.Fatal(err)
		}
	}
	want := s.API.Children("issue_messages", issue)
	if len(want) < 1203 {
		t.Fatalf("only %d messages", len(want))
	}
	for _, path := range []string{"/messages?x=1", "/messages?limit=1000", "/messages?limit=100"} {
		list := pages(t, s, "/issues/"+issue+path)
		if diff := cmp.Diff(want, ids(t, list)); diff != "" {
			t.Errorf("%s: %s", path, diff)
		}
		if !slices.IsSortedFunc(list, func(x, y json.RawMessage) int {
			return strings.Compare(member(t, x, "timestamp"), member(t, y, "timestamp"))
		}) {
			t.Errorf("%s is not sorted by time", path)
		}
	}
	// The cursor's message goes away: what follows it comes all the same.
	page := get(t, s, "GET /issues/"+issue+"/messages?limit=3", "")
	if err := s.API.DeleteMessage(issue, want[2], extracttest.TouchNothing); err != nil {
		t.Fatal(err)
	}
	cursor := strings.ReplaceAll(page.next(), "=", "%3D")
	rest := ids(t, get(t, s, "GET /issues/"+issue+"/messages?limit=1000&cursor="+cursor, "").list(t))
	if rest[0] != want[3] {
		t.Errorf("after a deleted message comes %s, want %s", rest[0], want[3])
	}
	if n := len(get(t, s, "GET /issues/"+issue+"/messages?cursor="+cursor, "").list(t)); n != 100 {
		t.Errorf("a cursor without a limit gives %d", n)
	}
}

func TestSearch_filters(t *testing.T) {
	t.Parallel()
	s := extracttest.NewServer(t, extracttest.Options{Now: now, Issues: 300, Limits: noLimits()})
	for i := range 20 {
		if err := s.API.UpdateIssue(s.API.IssueID(i*13), extracttest.IssueChange{}); err != nil {
			t.Fatal(err)
		}
	}
	all := search(t, s, "", 999, nil)
	type object struct {
		Title    string               `json:"title"`
		State    string               `json:"state"`
		Created  string               `json:"created_at"`
		Updated  string               `json:"updated_at"`
		Resolved string               `json:"resolution_time"`
		Latest   string               `json:"latest_message_time"`
		Type     string               `json:"type"`
		Tags     []string             `json:"tags"`
		Account  *struct{ ID string } `json:"account"`
		Assignee *struct{ ID string } `json:"assignee"`
		Body     string               `json:"body_html"`
		Fields   map[string]struct {
			Value  string
			Values []string
		} `json:"custom_fields"`
	}
	var account string
	for _, raw := range all {
		var o object
		if err := json.Unmarshal(raw, &o); err != nil {
			t.Fatal(err)
		}
		if o.Account != nil {
			account = o.Account.ID
		}
	}
	// No issue has exactly these seconds, so bounds of either kind do the same.
	const a, b = "2026-04-01T12:00:00Z", "2026-04-20T13:00:00+01:00"
	const b0 = "2026-04-20T12:00:00Z"
	for _, tt := range []struct {
		name, filter string
		want         func(o *object) bool
	}{
		{"created after", `{"field":"created_at","operator":"time_is_after","value":"` + a + `"}`, func(o *object) bool { return o.Created > a }},
		{"created range", `{"field":"created_at","operator":"time_range","values":["` + a + `","` + b + `"]}`, func(o *object) bool { return o.Created > a && o.Created < b0 }},
		{"updated before", `{"field":"updated_at","operator":"time_is_before","value":"` + b + `"}`, func(o *object) bool { return o.Updated < b0 }},
		{"updated after the start", `{"field":"updated_at","operator":"time_is_after","value":"2026-05-04T03:02:01Z"}`, func(o *object) bool { return o.Updated >= "2026-05-04T03:02:01Z" }},
		{"updated between", `{"operator":"and","subfilters":[{"field":"updated_at","operator":"time_is_after","value":"` + a + `"},{"field":"updated_at","operator":"time_is_before","value":"` + b + `"}]}`, func(o *object) bool { return o.Updated > a && o.Updated < b0 }},
		{"and of one", `{"operator":"and","subfilters":[{"field":"resolved_at","operator":"time_is_after","value":"` + a + `"}]}`, func(o *object) bool { return o.Resolved > a }},
		{"updated or message", `{"operator":"or","subfilters":[{"field":"updated_at","operator":"time_is_after","value":"` + b + `"},{"field":"latest_message_activity_at","operator":"time_is_after","value":"` + a + `"}]}`, func(o *object) bool { return o.Updated > b0 || o.Latest > a }},
		{"three deep", `{"operator":"or","subfilters":[{"operator":"and","subfilters":[{"field":"state","operator":"equals","value":"closed"},{"field":"created_at","operator":"time_is_after","value":"` + a + `"}]},{"field":"issue_type","operator":"equals","value":"ticket"}]}`, func(o *object) bool { return o.State == "closed" && o.Created > a || o.Type == "ticket" }},
		{"state in", `{"field":"state","operator":"in","values":["new","on_hold"]}`, func(o *object) bool { return o.State == "new" || o.State == "on_hold" }},
		{"state not in", `{"field":"state","operator":"not_in","values":["closed"]}`, func(o *object) bool { return o.State != "closed" }},
		{"in nothing takes all", `{"field":"state","operator":"in","values":[]}`, func(*object) bool { return true }},
		{"tags contain", `{"field":"tags","operator":"contains","value":"größe"}`, func(o *object) bool { return slices.Contains(o.Tags, "größe") }},
		{"tags do not contain", `{"field":"tags","operator":"does_not_contain","value":"größe"}`, func(o *object) bool { return !slices.Contains(o.Tags, "größe") }},
		{"account", `{"field":"account_id","operator":"equals","value":"` + account + `"}`, func(o *object) bool { return o.Account != nil && o.Account.ID == account }},
		{"assignee unset", `{"field":"assignee_id","operator":"is_unset"}`, func(o *object) bool { return o.Assignee == nil }},
		{"title", `{"field":"title","operator":"string_contains","value":"[r1]"}`, func(o *object) bool { return strings.HasSuffix(o.Title, "[r1]") }},
		{"body", `{"field":"body_html","operator":"string_does_not_contain","value":"<pre>"}`, func(o *object) bool { return !strings.Contains(o.Body, "<pre>") }},
		{"custom field", `{"field":"priority","operator":"equals","value":"high"}`, func(o *object) bool { return o.Fields["priority"].Value == "high" }},
		{"custom field of several values", `{"field":"question_type","operator":"contains","value":"how_to"}`, func(o *object) bool { return slices.Contains(o.Fields["question_type"].Values, "how_to") }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var want []string
			for _, raw := range all {
				var o object
				if err := json.Unmarshal(raw, &o); err != nil {
					t.Fatal(err)
				}
				if tt.want(&o) {
					want = append(want, member(t, raw, "id"))
				}
			}
			got := ids(t, search(t, s, tt.filter, 20, nil))
			if diff := cmp.Diff(want, got); diff != "" || len(want) == 0 {
				t.Errorf("%d issues, want %d: %s", len(got), len(want), diff)
			}
		})
	}
}

func TestSearch_refusesFilters(t *testing.T) {
	t.Parallel()
	const after = `{"field":"updated_at","operator":"time_is_after","value":"2026-04-01T12:00:00Z"}`
	s := extracttest.NewServer(t, extracttest.Options{
		Now: now, Limits: noLimits(), MaxSearchRange: 30 * 24 * time.Hour, RefusedFields: []string{"latest_message_activity_at"},
	})
	for _, tt := range []struct{ name, filter, says string }{
		{"unknown field", `{"field":"id","operator":"equals","value":"x"}`, `unknown filter field`},
		{"field that this server lacks", `{"field":"latest_message_activity_at","operator":"time_is_after","value":"2026-04-01T12:00:00Z"}`, `unknown filter field`},
		{"unknown operator", `{"field":"updated_at","operator":"after","value":"2026-04-01T12:00:00Z"}`, `not allowed`},
		{"operator of another field", `{"field":"team_id","operator":"is_set"}`, `not allowed`},
		{"naive time", `{"field":"updated_at","operator":"time_is_after","value":"2026-04-01T12:00:00"}`, `RFC 3339`},
		{"time without value", `{"field":"updated_at","operator":"time_is_after"}`, `no value`},
		{"range of one", `{"field":"updated_at","operator":"time_range","values":["2026-04-01T12:00:00Z"]}`, `two values`},
		{"empty value", `{"field":"title","operator":"string_contains","value":""}`, `no value`},
		{"four deep", `{"operator":"and","subfilters":[{"operator":"or","subfilters":[{"operator":"and","subfilters":[` + after + `]}]}]}`, `too deeply`},
		{"no subfilters", `{"operator":"and"}`, `subfilters`},
		{"range too long", `{"operator":"and","subfilters":[` + after + `,{"field":"updated_at","operator":"time_is_before","value":"2026-05-01T12:00:01Z"}]}`, `longer than`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			a := call(t, s, "POST /issues/search", `{"filter":`+tt.filter+`}`)
			if a.Status != 400 || len(a.Errors) != 1 || !strings.Contains(a.Errors[0], tt.says) {
				t.Errorf("%d %s, want %s", a.Status, a.Body, tt.says)
			}
		})
	}
	get(t, s, "POST /issues/search", `{"filter":{"operator":"and","subfilters":[`+after+
		`,{"field":"updated_at","operator":"time_is_before","value":"2026-05-01T12:00:00Z"}]}}`)
}

func TestSearch_bounds(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		bounds extracttest.Bounds
		want   int
	}{{"", 2}, {extracttest.BoundsInclusive, 2}, {extracttest.BoundsExclusive, 0}} {
		t.Run(string(tt.bounds), func(t *testing.T) {
			t.Parallel()
			s := extracttest.NewServer(t, extracttest.Options{Now: now, Issues: -1, Bounds: tt.bounds})
			from, to := time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC), time.Date(2026, 5, 2, 0, 0, 0, 0, time.UTC)
			s.API.CreateIssue(extracttest.IssueChange{CreatedAt: from})
			s.API.CreateIssue(extracttest.IssueChange{CreatedAt: to})
			for _, field := range []string{"created_at", "updated_at"} {
				values := `"values":["2026-05-01T00:00:00Z","2026-05-02T00:00:00Z"]`
				if got := search(t, s, `{"field":"`+field+`","operator":"time_range",`+values+`}`, 9, nil); len(got) != tt.want {
					t.Errorf("%s: %d issues, want %d", field, len(got), tt.want)
				}
			}
			if got := pages(t, s, "/issues?start_time=2026-05-01T00:00:00Z&end_time=2026-05-02T00:00:00Z"); len(got) != tt.want {
				t.Errorf("GET /issues: %d issues, want %d", len(got), tt.want)
			}
		})
	}
}

// The store has milliseconds where the JSON has whole seconds.
func TestSearch_comparesMilliseconds(t *testing.T) {
	t.Parallel()
	s := extracttest.NewServer(t, extracttest.Options{Now: now, Issues: -1, Bounds: extracttest.BoundsExclusive})
	s.API.CreateIssue(extracttest.IssueChange{CreatedAt: now})
	last := member(t, search(t, s, "", 9, nil)[0], "updated_at")
	if last != "2026-05-04T03:02:01Z" {
		t.Fatalf("updated_at is %s", last)
	}
	if got := search(t, s, `{"field":"updated_at","operator":"time_is_after","value":"`+last+`"}`, 9, nil); len(got) != 1 {
		t.Errorf("%d issues after the last updated_at", len(got))
	}
}

func TestSearch_openRangeReachesUntilNow(t *testing.T) {
	t.Parallel()
	s := extracttest.NewServer(t, extracttest.Options{Now: now, MaxSearchRange: 30 * 24 * time.Hour, Limits: noLimits()})
	for filter, want := range map[string]int{
		`{"field":"updated_at","operator":"time_is_after","value":"2026-04-05T00:00:00Z"}`:                        200,
		`{"field":"updated_at","operator":"time_is_after","value":"2026-04-03T00:00:00Z"}`:                        400,
		`{"field":"updated_at","operator":"time_range","values":["2026-01-01T00:00:00Z","2026-01-31T00:00:00Z"]}`: 200,
		`{"field":"updated_at","operator":"time_range","values":["2026-01-01T00:00:00Z","2026-02-01T00:00:00Z"]}`: 400,
		`{"field":"updated_at","operator":"time_is_before","value":"2026-04-03T00:00:00Z"}`:                       200,
	} {
		if a := call(t, s, "POST /issues/search", `{"filter":`+filter+`}`); a.Status != want {
			t.Errorf("%s: %d, want %d", filter, a.Status, want)
		}
	}
}
