package extracttest_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"pylon-kafka/extract/extracttest"
)

func TestServer_refusesTokens(t *testing.T) {
	t.Parallel()
	s := extracttest.NewServer(t, extracttest.Options{Now: now, Token: "right", WrongRegionToken: "eu"})
	for _, tt := range []struct {
		name, header string
		status       int
		code         string
	}{
		{"right", "Authorization: Bearer right", 200, ""},
		{"other", "Authorization: Bearer other", 401, "invalid_api_token"},
		{"of another region", "Authorization: Bearer eu", 401, "wrong_region_token"},
		{"empty", "Authorization: ", 401, "invalid_authorization_header"},
		{"of another scheme", "Authorization: Basic right", 401, "invalid_authorization_header"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for _, request := range []string{"GET /me", "DELETE /tags/x", "POST /issues/search"} {
				a := call(t, s, request, "", tt.header)
				if a.Status == 404 && tt.status == 200 {
					continue // the tag
				}
				if a.Status != tt.status || a.Code != tt.code || a.RequestID == "" || (len(a.Errors) == 1) != (tt.status != 200) {
					t.Errorf("%s: %d %s", request, a.Status, a.Body)
				}
			}
		})
	}
}

func TestServer_emptyTokenOptionTakesAnyToken(t *testing.T) {
	t.Parallel()
	s := extracttest.NewServer(t, extracttest.Options{Now: now})
	get(t, s, "GET /me", "")
	if got := s.API.Violations(); len(got) != 0 {
		t.Errorf("violations: %q", got)
	}
	if a := call(t, s, "GET /me", "", "Authorization: "); a.Status != 401 || len(s.API.Violations()) != 1 {
		t.Errorf("%d %s, violations %q", a.Status, a.Body, s.API.Violations())
	}
}

func TestServer_answersLikeTheAPI(t *testing.T) {
	t.Parallel()
	s := extracttest.NewServer(t, extracttest.Options{Now: now, Issues: 3, Limits: noLimits()})
	empty := extracttest.NewServer(t, extracttest.Options{Now: now, Issues: -1, Tags: -1, Accounts: -1, Limits: noLimits()})
	marked := extracttest.NewServer(t, extracttest.Options{Now: now, Issues: 3, LastPage: extracttest.LastPageMarked})
	issue := s.API.IssueID(0)
	search := "POST /issues/search"
	list := "GET /issues?start_time=2026-04-10T00:00:00Z&end_time=2026-05-05T00:00:00Z"
	for _, tt := range []struct {
		name, request, body string
		server              *extracttest.Server
		status              int
		contains            string
	}{
		{"last page", search, `{}`, s, 200, `}],"request_id":`},
		{"last page, as in 2025", search, `{}`, marked, 200, `}],"pagination":{"cursor":"","has_next_page":false},"request_id":`},
		{"no body at all", search, ``, s, 200, `}],"request_id":`},
		{"page", search, `{"limit":1}`, s, 200, `"has_next_page":true}`},
		{"unknown members are ignored", search, `{"filtre":{"field":"x"},"limit":null,"filter":null}`, s, 200, `}],"request_id":`},
		{"broken body", search, `{`, s, 400, `"errors":[`},
		{"limit of text", search, `{"limit":"5"}`, s, 400, `"errors":[`},
		{"limit of 1000", search, `{"limit":1000}`, s, 400, `limit must be`},
		{"negative limit", search, `{"limit":-1}`, s, 400, `limit must be`},
		{"bad cursor", search, `{"cursor":"!"}`, s, 400, `invalid cursor`},
		{"cursor of rubbish", search, `{"cursor":"aGFsbG8="}`, s, 400, `invalid cursor`},
		{"one issue", "GET /issues/" + issue, ``, s, 200, `"data":{"id":"` + issue},
		{"by number", "GET /issues/1", ``, s, 200, `"data":{"id":"` + issue},
		{"unknown issue", "GET /issues/b5eb9159-9c67-427d-8ef9-11aac8d25f6f", ``, s, 404, `"code":"not_found"`},
		{"number beyond the last", "GET /issues/4", ``, s, 404, `"code":"not_found"`},
		{"messages of unknown issue", "GET /issues/4/messages", ``, s, 404, `"code":"not_found"`},
		{"threads of unknown issue", "GET /issues/4/threads", ``, s, 404, `"code":"not_found"`},
		{"articles of unknown base", "GET /knowledge-bases/x/articles", ``, s, 404, `"code":"not_found"`},
		{"unknown path", "GET /v1/issues", ``, s, 404, `"code":"not_found"`},
		{"unknown method", "PUT /tags", ``, s, 404, `"code":"not_found"`},
		{"me", "GET /me", ``, s, 200, `"data":{"id":"`},
		{"messages, all", "GET /issues/1/messages", ``, s, 200, `}],"request_id":`},
		{"messages, page", "GET /issues/1/messages?limit=2", ``, s, 200, `"has_next_page":true}`},
		{"messages, limit 0", "GET /issues/1/messages?limit=0", ``, s, 400, `limit must be`},
		{"messages, limit 1001", "GET /issues/1/messages?limit=1001", ``, s, 400, `limit must be`},
		{"accounts, limit 1000", "GET /accounts?limit=1000", ``, s, 400, `limit must be`},
		{"list unpaginated", "GET /tags", ``, s, 200, `}],"request_id":`},
		{"list takes what it does not know", "GET /teams?limit=999&cursor=x", ``, s, 200, `}],"request_id":`},
		{"one tag", "GET /tags/x", ``, s, 404, `"code":"not_found"`},
		{"custom fields", "GET /custom-fields?object_type=meeting", ``, s, 200, `"object_type":"meeting"`},
		{"custom fields without type", "GET /custom-fields", ``, s, 400, `object_type`},
		{"custom fields of unknown type", "GET /custom-fields?object_type=x", ``, s, 400, `object_type`},
		{"range", list, ``, s, 200, `}],"request_id":`},
		{"range without bounds", "GET /issues", ``, s, 400, `start_time`},
		{"range without zone", "GET /issues?start_time=2026-04-10T00:00:00&end_time=2026-05-05T00:00:00", ``, s, 400, `start_time`},
		{"range too long", "GET /issues?start_time=2025-05-04T00:00:00Z&end_time=2026-05-05T00:00:00Z", ``, s, 400, `longer than`},
		{"range of a year", "GET /issues?start_time=2025-05-05T00:00:00Z&end_time=2026-05-05T00:00:00Z", ``, s, 200, `"data":[`},
		{"range the wrong way round", "GET /issues?start_time=2026-05-05T00:00:00Z&end_time=2026-05-04T00:00:00Z", ``, s, 400, `before`},
		{"limit of a range", list + "&limit=20001", ``, s, 400, `limit must be`},
		{"limit 0 of a range", list + "&limit=0", ``, s, 200, `}],"request_id":`},
		{"empty search", search, ``, empty, 200, `{"request_id":`},
		{"empty range", list, ``, empty, 200, `{"request_id":`},
		{"empty list", "GET /tags", ``, empty, 200, `{"request_id":`},
		{"empty page", "GET /accounts?limit=999", ``, empty, 200, `{"request_id":`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			a := call(t, tt.server, tt.request, tt.body)
			if a.Status != tt.status || !strings.Contains(string(a.Body), tt.contains) || len(a.RequestID) != 36 {
				t.Errorf("%d %.500s\nwant %d with %s", a.Status, a.Body, tt.status, tt.contains)
			}
			if strings.HasPrefix(tt.contains, "{") && !strings.HasPrefix(string(a.Body), tt.contains) {
				t.Errorf("not empty: %s", a.Body)
			}
		})
	}
}

func TestServer_everyAnswerHasTheAPIsHeaders(t *testing.T) {
	t.Parallel()
	s := extracttest.NewServer(t, extracttest.Options{Now: now, Limits: map[string]int{"teams": 1}})
	s.API.Fail(extracttest.Fault{Endpoint: "user_roles", Status: 502, HTML: true})
	for _, tt := range []struct {
		request   string
		header    string
		status    int
		remaining string
	}{
		{"GET /tags", "", 200, "299"},
		{"POST /issues/search", "", 200, "119"},
		{"GET /teams", "", 200, "0"},
		{"GET /teams", "", 429, "0"},
		{"GET /issues/x", "", 404, "299"},
		{"GET /nowhere", "", 404, "119"},
		{"GET /tags", "Authorization: ", 401, ""},
	} {
		header := []string{}
		if tt.header != "" {
			header = append(header, tt.header)
		}
		a := call(t, s, tt.request, "", header...)
		h := a.Header
		if a.Status != tt.status || h.Get("X-Pylon-Request-Id") != a.RequestID || h.Get("X-Rate-Limit-Remaining") != tt.remaining ||
			h.Get("Content-Type") != "application/json" || h.Get("Access-Control-Expose-Headers") != "X-Pylon-Request-ID" {
			t.Errorf("%s: %d %v", tt.request, a.Status, h)
		}
	}
	// Where the body is not JSON the header is all that names the request.
	a, err := try(t, s, "GET /user-roles", "")
	if err == nil || a.Status != 502 || len(a.Header.Get("X-Pylon-Request-Id")) != 36 || !strings.Contains(a.Header.Get("Content-Type"), "html") {
		t.Errorf("%v, %d %v", err, a.Status, a.Header)
	}
}

func TestServer_errorsHaveNoInventedCode(t *testing.T) {
	t.Parallel()
	s := extracttest.NewServer(t, extracttest.Options{Now: now})
	if a := call(t, s, "POST /issues/search", `{"limit":1000}`); a.Status != 400 || a.Code != "" || strings.Contains(string(a.Body), "code") {
		t.Errorf("%d %s", a.Status, a.Body)
	}
}

func TestServer_usersLeaveDeactivatedOut(t *testing.T) {
	t.Parallel()
	s := extracttest.NewServer(t, extracttest.Options{Now: now, Users: 9})
	all := get(t, s, "GET /users?include_deactivated=true", "").list(t)
	some := get(t, s, "GET /users", "").list(t)
	if len(all) != 9 || len(some) != 7 {
		t.Errorf("%d users, %d of them active", len(all), len(some))
	}
}

func TestServer_recordsViolations(t *testing.T) {
	t.Parallel()
	s := extracttest.NewServer(t, extracttest.Options{Now: now, Issues: 5, Limits: noLimits()})
	first := get(t, s, "POST /issues/search", `{"limit":2}`)
	again := get(t, s, "POST /issues/search?cursor="+first.next()+"&limit=4", `{"limit":2}`)
	if x, y := member(t, first.list(t)[0], "id"), member(t, again.list(t)[0], "id"); x != y || len(again.list(t)) != 2 {
		t.Error("the cursor in the query of a POST was not ignored")
	}
	created := get(t, s, "POST /issues", `{"title":"by mistake"}`)
	if !strings.Contains(string(created.Data), "by mistake") || s.API.Count("issues") != 6 {
		t.Errorf("%s, then %d issues", created.Body, s.API.Count("issues"))
	}
	call(t, s, "GET /nowhere", "")
	want := []string{
		"POST /issues/search (issues_search): cursor or limit in the query of a POST, where the API ignores them",
		"POST /issues (issues_write): creates an issue",
		"GET /nowhere (unknown): unknown path",
	}
	if diff := cmp.Diff(want, s.API.Violations()); diff != "" {
		t.Error(diff)
	}
	s.API.ResetCounts()
	if len(s.API.Violations()) != 0 || len(s.API.Requests()) != 0 {
		t.Error("ResetCounts leaves some")
	}
}

func TestServer_pathPrefix(t *testing.T) {
	t.Parallel()
	s := extracttest.NewServer(t, extracttest.Options{Now: now, PathPrefix: "/proxy/pylon/"})
	if !strings.HasSuffix(s.URL, "/proxy/pylon") {
		t.Errorf("URL is %s", s.URL)
	}
	get(t, s, "GET /issues/"+s.API.IssueID(2), "")
	outside := *s
	outside.URL = strings.TrimSuffix(s.URL, "/proxy/pylon")
	if a := call(t, &outside, "GET /me", ""); a.Status != 404 {
		t.Errorf("outside of the prefix: %d", a.Status)
	}
}

func TestServer_dateIsTheServersClock(t *testing.T) {
	t.Parallel()
	at := now
	s := extracttest.NewServer(t, extracttest.Options{Clock: func() time.Time { return at }})
	date := func() string { return get(t, s, "GET /me", "").Header.Get("Date") }
	if got, want := date(), "Mon, 04 May 2026 03:02:01 GMT"; got != want {
		t.Errorf("Date is %s, want %s", got, want)
	}
	s.API.ShiftClock(-time.Hour)
	if got, want := date(), "Mon, 04 May 2026 02:02:01 GMT"; got != want {
		t.Errorf("Date is %s after the clock jumped back, want %s", got, want)
	}
	id := s.API.CreateIssue(extracttest.IssueChange{})
	issue := get(t, s, "GET /issues/"+id, "").Data
	if got := member(t, issue, "created_at"); got != "2026-05-04T02:02:01Z" {
		t.Errorf("an issue made then has created_at %s", got)
	}
}

// An issue that changes while the answer is on its way is not in it, and Date is
// of the moment of the search, not of the answer's arrival.
func TestServer_latencyIsOnBothSidesOfTheWork(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		api := extracttest.New(extracttest.Options{Issues: 1, Latency: time.Minute})
		begin := time.Now()
		change := func(after time.Duration, title string) {
			time.AfterFunc(after, func() { check(t, api.UpdateIssue("1", extracttest.IssueChange{Title: title})) })
		}
		change(29*time.Second, "seen")
		change(31*time.Second, "too late")
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://sandbox/issues/1", nil)
		check(t, err)
		req.Header.Set("Authorization", "Bearer x")
		resp, err := api.Transport().RoundTrip(req)
		check(t, err)
		body, err := io.ReadAll(resp.Body)
		check(t, err)
		_ = resp.Body.Close()
		date, err := http.ParseTime(resp.Header.Get("Date"))
		if err != nil || !date.Equal(begin.Add(30*time.Second)) || time.Since(begin) != time.Minute {
			t.Errorf("Date is %v after %v: %v", date, begin, err)
		}
		if !strings.Contains(string(body), `"title":"seen"`) {
			t.Errorf("the answer is %.300s", body)
		}
	})
}

func TestServer_latencyEndsWithTheRequest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		api := extracttest.New(extracttest.Options{Now: now, Latency: time.Minute})
		client := &http.Client{Transport: api.Transport()}
		do := func(ctx context.Context) (time.Duration, error) {
			req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://sandbox/me", nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Authorization", "Bearer x")
			begin := time.Now()
			resp, err := client.Do(req)
			if err == nil {
				_ = resp.Body.Close()
			}
			return time.Since(begin), err
		}
		if took, err := do(t.Context()); took != time.Minute || err != nil {
			t.Errorf("took %v: %v", took, err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if took, err := do(ctx); took != time.Second || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("took %v: %v", took, err)
		}
	})
}
