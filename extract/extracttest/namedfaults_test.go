package extracttest_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pylon-kafka/extract/extracttest"
)

func TestFail_emptyPageOnlyWhereOneWasPromised(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		kind extracttest.EmptyPage
		want string // before the request id
	}{
		{extracttest.EmptyPageMissing, `{`},
		{extracttest.EmptyPageNull, `{"data":null,`},
		{extracttest.EmptyPageList, `{"data":[],`},
	} {
		t.Run(string(tt.kind), func(t *testing.T) {
			t.Parallel()
			s := extracttest.NewServer(t, extracttest.Options{Now: now, Limits: noLimits()})
			for _, path := range []string{"GET /accounts?limit=3", "GET /contacts?limit=3", "GET /issues/1/messages?limit=2"} {
				s.API.Fail(extracttest.Fault{EmptyPage: tt.kind})
				first := get(t, s, path, "")
				if first.next() == "" {
					t.Fatalf("%s promises nothing: %.200s", path, first.Body)
				}
				next := path + "&cursor=" + queryEscape(first.next())
				second := get(t, s, next, "")
				if want := tt.want + `"request_id":"` + second.RequestID + `"}`; string(second.Body) != want {
					t.Errorf("%s: %.200s, want %s", path, second.Body, want)
				}
				if again := get(t, s, next, ""); len(again.list(t)) == 0 {
					t.Errorf("%s: the page does not come back: %.200s", path, again.Body)
				}
			}
		})
	}
}

func TestFail_parentOnlyItsChildren(t *testing.T) {
	t.Parallel()
	s := extracttest.NewServer(t, extracttest.Options{Now: now, Limits: noLimits()})
	var base string
	for base = range s.API.Objects("knowledge_bases") {
		break
	}
	for _, parent := range []string{s.API.IssueID(4), base, "contact"} {
		s.API.Fail(extracttest.Fault{Parent: parent, Status: 422, Count: -1})
	}
	for request, want := range map[string]int{
		"GET /issues/" + s.API.IssueID(4) + "/messages":      422,
		"GET /issues/5/threads":                              422, // the same one, by number
		"GET /issues/" + s.API.IssueID(4):                    200,
		"GET /issues/" + s.API.IssueID(3) + "/messages":      200,
		"GET /knowledge-bases":                               200,
		"GET /knowledge-bases/" + base + "/articles?limit=9": 422,
		"GET /custom-fields?object_type=contact":             422,
		"GET /custom-fields?object_type=issue":               200,
		"GET /contacts":                                      200,
	} {
		if a := call(t, s, request, ""); a.Status != want {
			t.Errorf("%s: %d, want %d", request, a.Status, want)
		}
	}
}

func TestFail_openRangeIsOneWithoutAnEnd(t *testing.T) {
	t.Parallel()
	s := extracttest.NewServer(t, extracttest.Options{Now: now, Limits: noLimits()})
	s.API.Fail(extracttest.Fault{RefuseOpenRange: true, Count: -1})
	leaf := func(field, operator, at string) string {
		return fmt.Sprintf(`{"field":%q,"operator":%q,"value":%q}`, field, operator, at)
	}
	after, activity := leaf("updated_at", "time_is_after", "2026-04-01T00:00:00Z"), leaf("latest_message_activity_at", "time_is_after", "2026-04-01T00:00:00Z")
	before := leaf("updated_at", "time_is_before", "2026-06-01T00:00:00Z")
	all := func(operator string, filters ...string) string {
		return `{"operator":"` + operator + `","subfilters":[` + strings.Join(filters, ",") + `]}`
	}
	for filter, want := range map[string]int{
		after:                          400,
		all("or", after, activity):     400,
		all("and", after):              400,
		all("and", after, before):      200,
		before:                         200,
		leaf("state", "equals", "new"): 200,
		all("and", all("or", after, activity), before): 200,
		"null": 200,
	} {
		if a := call(t, s, "POST /issues/search", `{"filter":`+filter+`}`); a.Status != want {
			t.Errorf("%s: %d, want %d", filter, a.Status, want)
		}
	}
}

func TestFail_dateAheadLeavesEverythingElse(t *testing.T) {
	t.Parallel()
	at := now
	s := extracttest.NewServer(t, extracttest.Options{Now: now, Clock: func() time.Time { return at }, Limits: noLimits()})
	s.API.Fail(
		extracttest.Fault{DateAhead: time.Hour, Count: -1},
		extracttest.Fault{Endpoint: "tags", Status: 503},
	)
	for request, want := range map[string]int{"GET /tags": 503, "GET /teams": 200} {
		a := call(t, s, request, "")
		if got := a.Header.Get("Date"); got != "Mon, 04 May 2026 04:02:01 GMT" || a.Status != want {
			t.Errorf("%s: %d at %s", request, a.Status, got)
		}
	}
	created := get(t, s, "GET /issues/"+s.API.CreateIssue(extracttest.IssueChange{}), "")
	if got := member(t, created.Data, "updated_at"); got != "2026-05-04T03:02:01Z" {
		t.Errorf("an issue made now has updated_at %s", got)
	}
}

func TestFail_hideIsWhatALostPermissionShows(t *testing.T) {
	t.Parallel()
	s := extracttest.NewServer(t, extracttest.Options{Now: now, Tags: 1000, Limits: noLimits()})
	tag := func() map[string]bool {
		seen := map[string]bool{}
		for _, raw := range get(t, s, "GET /tags", "").list(t) {
			seen[member(t, raw, "id")] = true
		}
		return seen
	}
	s.API.Fail(extracttest.Fault{Endpoint: "tags", Hide: 0.4, Count: -1}, extracttest.Fault{Endpoint: "tags_get", Hide: 0.4, Count: -1})
	seen := tag()
	if len(seen) < 550 || len(seen) > 650 {
		t.Errorf("of 1000 tags %d are seen, want about 600", len(seen))
	}
	if diff := cmp.Diff(seen, tag()); diff != "" {
		t.Errorf("others are seen the second time: %s", diff)
	}
	for key := range s.API.Objects("tags") {
		if a := call(t, s, "GET /tags/"+key, ""); (a.Status == 200) != seen[key] {
			t.Fatalf("tag %s: %d, seen in the list: %v", key, a.Status, seen[key])
		}
	}

	check(t, s.API.FailByName("lost-permission"))
	for _, request := range []string{
		"POST /issues/search", "GET /issues?start_time=2026-04-10T00:00:00Z&end_time=2026-05-05T00:00:00Z", "GET /tags", "GET /accounts",
		"GET /issues/1/messages", "GET /issues/1/messages?limit=5", "GET /issues/1/threads", "GET /custom-fields?object_type=issue", "GET /users",
	} {
		if a := get(t, s, request, ""); string(a.Body) != `{"request_id":"`+a.RequestID+`"}` {
			t.Errorf("%s shows %.200s", request, a.Body)
		}
	}
	if a := call(t, s, "GET /issues/1", ""); a.Status != 404 {
		t.Errorf("an issue is seen by its number: %d", a.Status)
	}
	if s.API.Count("tags") != 1000 || s.API.Count("issues") != 25 {
		t.Error("the objects are not there any more")
	}
}

func TestFail_objectBytesChangeNothingButTheSize(t *testing.T) {
	t.Parallel()
	s := extracttest.NewServer(t, extracttest.Options{Now: now, Limits: noLimits()})
	body := func(limit int) string { return fmt.Sprintf(`{"limit":%d}`, limit) }
	plain := get(t, s, "POST /issues/search", body(10))
	const size = 50_000
	s.API.Fail(extracttest.Fault{ObjectBytes: size, Count: -1})
	for _, limit := range []int{10, 5} {
		big := get(t, s, "POST /issues/search", body(limit))
		if len(big.Body) < limit*size || len(big.Body) > limit*(size+100) {
			t.Errorf("a page of %d has %d bytes", limit, len(big.Body))
		}
		for i, raw := range big.list(t) {
			if got, want := normalize(t, "issues", raw), normalize(t, "issues", plain.list(t)[i]); got != want {
				t.Errorf("issue %d of the big page: %s", i, cmp.Diff(want, got))
			}
		}
	}
}

func TestFailByName_everyName(t *testing.T) {
	t.Parallel()
	bare := func(a answer, _ string) bool {
		return a.Status == 429 && a.Code == "rate_limited" && a.Header.Get("X-Rate-Limit-Remaining") == "" &&
			a.Header.Get("X-Retry-After") == "" && a.Header.Get("Retry-After") == ""
	}
	const search, later = "POST /issues/search", "GET /accounts?limit=2&cursor=CURSOR"
	for name, tt := range map[string]struct {
		argument, request, body string
		want                    func(a answer, cursor string) bool
	}{
		"empty-after-promise": {"null", later, "", func(a answer, _ string) bool { return strings.HasPrefix(string(a.Body), `{"data":null,"request_id"`) }},
		"repeating-cursor":    {"", later, "", func(a answer, cursor string) bool { return a.next() == cursor && len(a.Data) > 0 }},
		"huge-page":           {"", search, `{"limit":2}`, func(a answer, _ string) bool { return len(a.Body) > 600_000 }},
		"parent-5xx":          {"", "GET /issues/1/messages", "", func(a answer, _ string) bool { return a.Status == 503 }},
		"parent-403":          {"task", "GET /custom-fields?object_type=task", "", func(a answer, _ string) bool { return a.Status == 403 && a.Code == "permission_denied" }},
		"parent-422":          {"", "GET /issues/1/threads", "", func(a answer, _ string) bool { return a.Status == 422 }},
		"lost-permission":     {"teams", "GET /teams", "", func(a answer, _ string) bool { return a.Status == 200 && a.Data == nil }},
		"range-refused": {
			"", search, `{"filter":{"field":"updated_at","operator":"time_is_after","value":"2026-04-01T00:00:00Z"}}`,
			func(a answer, _ string) bool { return a.Status == 400 && a.Code == "" },
		},
		"clock-ahead": {"20m", "GET /me", "", func(a answer, _ string) bool {
			date, err := http.ParseTime(a.Header.Get("Date"))
			return err == nil && date.Sub(now) > 19*time.Minute && date.Sub(now) < 21*time.Minute
		}},
		"bare-429": {"", "GET /me", "", bare},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := extracttest.NewServer(t, extracttest.Options{Now: now, Limits: noLimits()})
			cursor := get(t, s, "GET /accounts?limit=2", "").next()
			request := strings.Replace(tt.request, "CURSOR", queryEscape(cursor), 1)
			if a := get(t, s, request, tt.body); tt.want(a, cursor) {
				t.Errorf("without the fault: %d %.200s", a.Status, a.Body)
			}
			text := name
			if tt.argument != "" {
				text += "=" + tt.argument
			}
			check(t, s.API.FailByName(text))
			tries := 1
			if name == "bare-429" {
				tries = 200 // one in ten
			}
			failed := 0
			for range tries {
				if tt.want(call(t, s, request, tt.body), cursor) {
					failed++
				}
			}
			if failed == 0 || name == "bare-429" && (failed < 5 || failed > 50) {
				t.Errorf("%d of %d answers show the fault", failed, tries)
			}
			if s.API.FaultsLeft() == 0 {
				t.Error("the fault has ended")
			}
			s.API.ClearFaults()
			if a := get(t, s, request, tt.body); tt.want(a, cursor) {
				t.Errorf("after ClearFaults: %d %.200s", a.Status, a.Body)
			}
		})
	}
	for _, f := range extracttest.NamedFaults() {
		if f.Name == "" || f.About == "" || strings.HasSuffix(f.About, ".") {
			t.Errorf("%+v is not described", f)
		}
	}
	if n := len(extracttest.NamedFaults()); n != 10 {
		t.Errorf("%d faults have a name: this test knows 10", n)
	}
}

func TestFailByName_refusesWhatItDoesNotKnow(t *testing.T) {
	t.Parallel()
	api := extracttest.New(extracttest.Options{Now: now})
	for text, contains := range map[string]string{
		"parent-6xx":               "empty-after-promise, ",
		"":                         "there are",
		"empty-after-promise=none": "missing, null and list",
		"lost-permission=tag":      `no stream "tag"`,
		"clock-ahead=soon":         "such as 20m",
		"bare-429=1":               "no argument",
	} {
		err := api.FailByName(text)
		if err == nil || !strings.Contains(err.Error(), contains) {
			t.Errorf("%q: %v, want %q in it", text, err, contains)
		}
		if known := strings.Contains(text, "="); errors.Is(err, extracttest.ErrUnknownFault) == known {
			t.Errorf("%q: %v", text, err)
		}
	}
	if n := api.FaultsLeft(); n != 0 {
		t.Errorf("%d faults are queued", n)
	}
}

// ExampleAPI_Fail lets the third request for messages of one issue, and all
// after it, answer 503; everything else is served.
func ExampleAPI_Fail() {
	api := extracttest.New(extracttest.Options{Now: now})
	api.Fail(extracttest.Fault{Endpoint: "issue_messages", Parent: api.IssueID(7), Skip: 2, Count: -1, Status: http.StatusServiceUnavailable})
	// One of those that have a name.
	err := api.FailByName("lost-permission=contacts")
	fmt.Println(api.FaultsLeft(), err)
	// Output:
	// 3 <nil>
}
