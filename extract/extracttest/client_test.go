package extracttest_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"pylon-kafka/extract/extracttest"
)

// now is when the data of most tests ends: nothing then depends on the day.
var now = time.Date(2026, 5, 4, 3, 2, 1, 987e6, time.UTC)

// noLimits turns the request budgets off.
func noLimits() map[string]int { return map[string]int{"*": 0} }

// answer is a response of the API, decoded.
type answer struct {
	Data       json.RawMessage `json:"data"`
	Pagination *struct {
		Cursor      string `json:"cursor"`
		HasNextPage bool   `json:"has_next_page"`
	} `json:"pagination"`
	RequestID string   `json:"request_id"`
	Errors    []string `json:"errors"`
	Code      string   `json:"code"`

	Status int         `json:"-"`
	Header http.Header `json:"-"`
	Body   []byte      `json:"-"`
}

// list decodes the data of a list.
func (a answer) list(tb testing.TB) []json.RawMessage {
	tb.Helper()
	if a.Data == nil {
		return nil
	}
	var out []json.RawMessage
	if err := json.Unmarshal(a.Data, &out); err != nil {
		tb.Fatalf("data is no list: %v: %.200s", err, a.Body)
	}
	return out
}

// next is the cursor of the next page, "" after the last one.
func (a answer) next() string {
	if a.Pagination == nil || !a.Pagination.HasNextPage {
		return ""
	}
	return a.Pagination.Cursor
}

// try sends a request with a token; header holds "Name: value" lines.
func try(tb testing.TB, s *extracttest.Server, request, body string, header ...string) (answer, error) {
	tb.Helper()
	method, path, _ := strings.Cut(request, " ")
	req, err := http.NewRequestWithContext(tb.Context(), method, s.URL+path, strings.NewReader(body))
	if err != nil {
		tb.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer secret")
	for _, h := range header {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Set(name, value)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	out := answer{Status: resp.StatusCode, Header: resp.Header, Body: text}
	if err == nil && len(bytes.TrimSpace(text)) > 0 {
		err = json.Unmarshal(text, &out)
	}
	return out, err
}

// call is try for requests that have to be answered, with any status.
func call(tb testing.TB, s *extracttest.Server, request, body string, header ...string) answer {
	tb.Helper()
	a, err := try(tb, s, request, body, header...)
	if err != nil {
		tb.Fatalf("%s: %v", request, err)
	}
	return a
}

// get is call for requests that have to succeed.
func get(tb testing.TB, s *extracttest.Server, request, body string) answer {
	tb.Helper()
	a := call(tb, s, request, body)
	if a.Status != http.StatusOK {
		tb.Fatalf("%s %s: %d %s", request, body, a.Status, a.Body)
	}
	return a
}

// search returns all pages of a search; filter is JSON, or empty for none.
// between is called after each page.
func search(tb testing.TB, s *extracttest.Server, filter string, limit int, between func()) []json.RawMessage {
	tb.Helper()
	type request struct {
		Filter json.RawMessage `json:"filter,omitempty"`
		Limit  int             `json:"limit"`
		Cursor string          `json:"cursor,omitempty"`
	}
	in := request{Limit: limit, Filter: json.RawMessage(filter)}
	var all []json.RawMessage
	for {
		body, err := json.Marshal(in)
		if err != nil {
			tb.Fatal(err)
		}
		a := get(tb, s, "POST /issues/search", string(body))
		all = append(all, a.list(tb)...)
		if between != nil {
			between()
		}
		if in.Cursor = a.next(); in.Cursor == "" {
			return all
		}
	}
}

// queryEscape writes a cursor as a query has it.
func queryEscape(cursor string) string {
	return strings.NewReplacer("+", "%2B", "=", "%3D", "/", "%2F").Replace(cursor)
}

// pages returns all pages of a GET whose path ends with a query.
func pages(tb testing.TB, s *extracttest.Server, path string) []json.RawMessage {
	tb.Helper()
	var all []json.RawMessage
	cursor := ""
	for {
		a := get(tb, s, "GET "+path+"&cursor="+queryEscape(cursor), "")
		all = append(all, a.list(tb)...)
		if cursor = a.next(); cursor == "" {
			return all
		}
	}
}

// readStream reads a whole stream as a client does, by key.
func readStream(tb testing.TB, s *extracttest.Server, stream string) map[string]json.RawMessage {
	tb.Helper()
	out := map[string]json.RawMessage{}
	add := func(prefix string, list []json.RawMessage) {
		for _, raw := range list {
			name := "id"
			if stream == "issue_statuses" {
				name = "slug"
			}
			key := prefix + member(tb, raw, name)
			if _, twice := out[key]; twice {
				tb.Errorf("%s: %s came twice", stream, key)
			}
			out[key] = raw
		}
	}
	switch stream {
	case "issues":
		add("", search(tb, s, "", 7, nil))
	case "issue_messages", "issue_threads":
		for key := range s.API.Objects("issues") {
			path := "GET /issues/" + key + "/" + strings.TrimPrefix(stream, "issue_")
			add("", get(tb, s, path, "").list(tb))
		}
	case "knowledge_base_articles":
		for key := range s.API.Objects("knowledge_bases") {
			add("", pages(tb, s, "/knowledge-bases/"+key+"/articles?limit=3"))
		}
	case "custom_fields":
		for _, t := range []string{"account", "issue", "contact", "task", "project", "meeting", "opportunity"} {
			add(t+":", get(tb, s, "GET /custom-fields?object_type="+t, "").list(tb))
		}
	case "users":
		add("", get(tb, s, "GET /users?include_deactivated=true", "").list(tb))
	default:
		add("", pages(tb, s, "/"+strings.ReplaceAll(stream, "_", "-")+"?limit=5"))
	}
	return out
}

// member returns a string member of an object.
func member(tb testing.TB, object json.RawMessage, name string) string {
	tb.Helper()
	var all map[string]json.RawMessage
	if err := json.Unmarshal(object, &all); err != nil {
		tb.Fatalf("%v: %s", err, object)
	}
	var text string
	if err := json.Unmarshal(all[name], &text); err != nil {
		tb.Fatalf("member %q: %v: %s", name, err, object)
	}
	return text
}

// normalize is extracttest.Normalize as text.
func normalize(tb testing.TB, stream string, object []byte) string {
	tb.Helper()
	out, err := extracttest.Normalize(stream, object)
	if err != nil {
		tb.Fatal(err)
	}
	return string(out)
}
