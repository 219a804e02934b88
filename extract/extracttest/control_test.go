package extracttest_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pylon-kafka/extract/extracttest"
)

// read reads a whole answer.
func read(tb testing.TB, client *http.Client, url string) error {
	tb.Helper()
	req, err := http.NewRequestWithContext(tb.Context(), http.MethodGet, url, nil)
	if err != nil {
		tb.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer x")
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	_, err = io.ReadAll(resp.Body)
	return err
}

// control sends a request to the control and decodes the answer.
func control(tb testing.TB, s *extracttest.Server, request, body string, status int, into any) {
	tb.Helper()
	a := call(tb, s, request, body, "Authorization: ")
	if a.Status != status {
		tb.Fatalf("%s: %d %s", request, a.Status, a.Body)
	}
	if into != nil {
		check(tb, json.Unmarshal(a.Body, into))
	}
}

func TestControl_overHTTP(t *testing.T) {
	t.Parallel()
	s := extracttest.NewServer(t, extracttest.Options{Now: now, Limits: map[string]int{"tags": 2}})
	for range 3 {
		call(t, s, "GET /tags", "")
	}
	call(t, s, "GET /nothing", "")
	var stats struct {
		Requests   map[string]int
		Objects    map[string]int
		Violations []string
		Rejected   int
	}
	control(t, s, "GET /_sandbox/stats", "", 200, &stats)
	if diff := cmp.Diff(map[string]int{"tags": 3, "unknown": 1}, stats.Requests); diff != "" || stats.Rejected != 1 || len(stats.Violations) != 1 {
		t.Errorf("%+v: %s", stats, diff)
	}
	if len(stats.Objects) != len(extracttest.Streams()) || stats.Objects["issues"] != 25 {
		t.Errorf("objects %v", stats.Objects)
	}

	var mutated struct{ Changes []extracttest.Change }
	control(t, s, "POST /_sandbox/mutate", `{"n":20,"seed":3}`, 200, &mutated)
	var history struct {
		Versions []struct{ Stream, Key string }
	}
	control(t, s, "GET /_sandbox/history", "", 200, &history)
	if len(mutated.Changes) < 20 || len(history.Versions) <= len(mutated.Changes) {
		t.Errorf("%d changes, %d versions", len(mutated.Changes), len(history.Versions))
	}
	control(t, s, "POST /_sandbox/mutate", `{"n":-1}`, 400, nil)
	control(t, s, "POST /_sandbox/mutate", `x`, 400, nil)
	control(t, s, "POST /_sandbox/mutate", ``, 200, &mutated)

	var objects struct {
		Objects []struct {
			Key, Parent string
			Object      json.RawMessage
		}
	}
	control(t, s, "GET /_sandbox/objects/issue_messages", "", 200, &objects)
	for _, o := range objects.Objects {
		if want, ok := s.API.Object("issue_messages", o.Key); !ok || string(want) != string(o.Object) || o.Parent != s.API.Parent("issue_messages", o.Key) {
			t.Errorf("%s of %s is %s", o.Key, o.Parent, o.Object)
		}
	}
	if len(objects.Objects) != s.API.Count("issue_messages") {
		t.Errorf("%d messages", len(objects.Objects))
	}
	control(t, s, "GET /_sandbox/objects/nothing", "", 404, nil)
	control(t, s, "GET /_sandbox/nothing", "", 404, nil)

	control(t, s, "POST /_sandbox/fail", `{"endpoint":"teams","status":418,"delay":"1ms"}`, 204, nil)
	if a := call(t, s, "GET /teams", ""); a.Status != 418 {
		t.Errorf("status %d", a.Status)
	}
	control(t, s, "POST /_sandbox/fail", `[{"status":503,"count":-1},{"drop":true}]`, 204, nil)
	if got := s.API.FaultsLeft(); got != 2 {
		t.Errorf("%d faults are queued", got)
	}
	control(t, s, "DELETE /_sandbox/fail", "", 204, nil)
	if got := s.API.FaultsLeft(); got != 0 {
		t.Errorf("%d faults are left", got)
	}
	control(t, s, "POST /_sandbox/fail", `[{"name":"parent-422=task"},{"endpoint":"me","date_ahead":"1h"}]`, 204, nil)
	if a := call(t, s, "GET /custom-fields?object_type=task", ""); a.Status != 422 {
		t.Errorf("status %d", a.Status)
	}
	date, err := http.ParseTime(call(t, s, "GET /me", "").Header.Get("Date"))
	if ahead := date.Sub(now); err != nil || ahead < 59*time.Minute {
		t.Errorf("the date is %v ahead: %v", ahead, err)
	}
	s.API.ClearFaults()
	var named struct {
		Faults []struct{ Name, About string }
	}
	control(t, s, "GET /_sandbox/fail", "", 200, &named)
	if len(named.Faults) != len(extracttest.NamedFaults()) || named.Faults[0].About == "" {
		t.Errorf("faults %v", named.Faults)
	}
	// All of them or none.
	control(t, s, "POST /_sandbox/fail", `[{"status":503},{"name":"parent-6xx"}]`, 400, nil)
	if got := s.API.FaultsLeft(); got != 0 {
		t.Errorf("%d faults of a wrong list are queued", got)
	}
	control(t, s, "POST /_sandbox/fail", `{"delay":"soon"}`, 400, nil)
	control(t, s, "POST /_sandbox/fail", `{`, 400, nil)
}

func TestWrites_byTheAPIsOwnVerbs(t *testing.T) {
	t.Parallel()
	s := changedServer(t, extracttest.Options{})
	issue := s.API.IssueID(0)
	message := s.API.Children("issue_messages", issue)[1]
	first := func(stream string) string {
		for key := range s.API.Objects(stream) {
			return key
		}
		return ""
	}
	tag, account, contact, article := first("tags"), first("accounts"), first("contacts"), first("knowledge_base_articles")
	articles := "/knowledge-bases/" + s.API.Parent("knowledge_base_articles", article) + "/articles"
	_, field, _ := strings.Cut(first("custom_fields"), ":")
	for _, tt := range []struct {
		request, body string
		status        int
		contains      string
	}{
		{"PATCH /issues/" + issue, `{"state":"on_hold","title":"new <title>","assignee_id":null}`, 200, `\u003ctitle\u003e`},
		{"PATCH /issues/1", `{"tags":["a","b"]}`, 200, `"tags":["a","b"]`},
		{"PATCH /issues/" + issue, `{`, 400, `invalid request body`},
		{"PATCH /issues/999", `{}`, 404, `not_found`},
		{"POST /issues/" + issue + "/reply", `{"body_html":"<p>reply</p>"}`, 200, `"issue_id":"` + issue},
		{"POST /issues/" + issue + "/note", `{"body_html":"<p>note</p>","thread_id":"t"}`, 200, `"issue_id":"` + issue},
		{"GET /issues/" + issue + "/messages", ``, 200, `note`},
		{"POST /issues/" + issue + "/threads", `{"name":"war room"}`, 200, `"name":"war room"`},
		{"POST /issues/" + issue + "/messages/" + message + "/redact", ``, 200, `{"request_id"`},
		{"GET /issues/" + issue + "/messages", ``, 200, `[redacted]`},
		{"DELETE /issues/" + issue + "/messages/" + message, ``, 200, `{"request_id"`},
		{"DELETE /issues/" + issue + "/messages/" + message, ``, 404, `not_found`},
		{"DELETE /issues/2", ``, 200, `{"request_id"`},
		{"DELETE /issues/2", ``, 404, `not_found`},
		{"POST /tags", `{"value":"fresh","hex_color":"#010203","object_type":"issue"}`, 200, `"value":"fresh"`},
		{"PATCH /tags/" + tag, `{"hex_color":"#abcdef"}`, 200, `"hex_color":"#abcdef"`},
		{"DELETE /tags/" + tag, ``, 200, `{"request_id"`},
		{"GET /tags/" + tag, ``, 404, `not_found`},
		{"POST /accounts", `{"name":"Fresh Ltd","account_type":"partner"}`, 200, `"type":"partner"`},
		{"PATCH /accounts/" + account, `{"is_disabled":true,"unknown":1}`, 200, `"updated_at":"` + later},
		{"GET /accounts/" + account, ``, 200, `"is_disabled":true`},
		{"DELETE /accounts/" + account, ``, 200, `{"request_id"`},
		{"PATCH /contacts/" + contact, `{"name":"Ada 2"}`, 200, `"name":"Ada 2"`},
		{"DELETE /contacts/" + contact, ``, 200, `{"request_id"`},
		{"PATCH /custom-fields/" + field, `{"label":"Neu"}`, 200, `"label":"Neu"`},
		{"POST /custom-fields", `{"label":"L","object_type":"task","type":"text","slug":"l"}`, 200, `"object_type":"task"`},
		{"POST /custom-fields", `{"label":"L","object_type":"x"}`, 404, `not_found`},
		{"POST " + articles, `{"title":"How","body_html":"<p>so</p>"}`, 200, `"title":"How"`},
		{"PATCH " + articles + "/" + article, `{"is_published":false}`, 200, `"is_published":false`},
		{"DELETE " + articles + "/" + article, ``, 200, `{"request_id"`},
		{"GET " + articles + "/" + article, ``, 404, `not_found`},
		{"POST /knowledge-bases/x/articles", `{}`, 404, `not_found`},
		{"POST /teams", `{"name":"Nachtschicht"}`, 200, `"name":"Nachtschicht"`},
	} {
		a := call(t, s, tt.request, tt.body)
		if a.Status != tt.status || !strings.Contains(string(a.Body), tt.contains) {
			t.Errorf("%s %s: %d %.700s\nwant %d with %s", tt.request, tt.body, a.Status, a.Body, tt.status, tt.contains)
		}
	}
	if got := readIssue(t, s.API, issue); got.State != "on_hold" || got.Updated != later || got.Latest != later {
		t.Errorf("the issue is %+v", got)
	}
	if got := s.API.Violations(); len(got) != 0 {
		t.Errorf("violations %q", got)
	}
}
