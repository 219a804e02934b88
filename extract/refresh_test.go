package extract

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
)

// script answers requests by "path?query" and counts them.
type script struct {
	answers map[string]string // an answer that begins with a digit is a status
	asked   []string
}

func (s *script) RoundTrip(r *http.Request) (*http.Response, error) {
	uri := r.URL.RequestURI()
	s.asked = append(s.asked, uri)
	body, ok := s.answers[uri]
	switch {
	case !ok:
		return response(400, `{"errors":["unexpected request"]}`), nil
	case body[0] == '{':
		return response(200, body), nil
	}
	status := map[string]int{"400": 400, "401": 401, "403": 403, "404": 404, "410": 410}[body]
	return response(status, `{"errors":["no"],"request_id":"r"}`), nil
}

func TestRefresh_readsCustomFieldsOfEveryType(t *testing.T) {
	t.Parallel()
	s := &script{answers: map[string]string{}}
	for _, object := range stream(t, "custom_fields").ListedFor {
		s.answers["/custom-fields?object_type="+object] = `{"data":[{"id":"f"}],"request_id":"r"}`
	}
	pages, last, err := refreshAll(t.Context(), newTestClient(t, s), stream(t, "custom_fields"))
	if err != nil {
		t.Fatal(err)
	}
	assertEqual(t, "keys", pages, [][]string{{"account:f"}, {"issue:f"}, {"contact:f"}, {"task:f"}, {"project:f"}, {"meeting:f"}, {"opportunity:f"}})
	assertEqual(t, "last", last, []bool{false, false, false, false, false, false, true})
}

func TestRefresh_readsArticlesByKnowledgeBase(t *testing.T) {
	t.Parallel()
	const (
		bases = `{"data":[{"id":"k1"},{"id":"k2"}],"request_id":"r"}`
		page1 = `{"data":[{"id":"a1"}],"pagination":{"cursor":"c","has_next_page":true},"request_id":"r"}`
		page2 = `{"data":[{"id":"a2"}],"request_id":"r"}`
		none  = `{"request_id":"r"}`
	)
	tests := map[string]struct {
		answers map[string]string
		pages   [][]string
		last    []bool
		unread  []string // the last page's
		err     string
	}{
		"two bases": {
			map[string]string{
				"/knowledge-bases": bases, "/knowledge-bases/k1/articles?limit=999": page1,
				"/knowledge-bases/k1/articles?cursor=c&limit=999": page2, "/knowledge-bases/k2/articles?limit=999": none,
			},
			[][]string{{"a1"}, {"a2"}, nil},
			[]bool{false, false, true},
			nil,
			"",
		},
		"no bases": {map[string]string{"/knowledge-bases": none}, [][]string{nil}, []bool{true}, nil, ""},
		"articles of a listed base not found": {
			map[string]string{"/knowledge-bases": bases, "/knowledge-bases/k1/articles?limit=999": "404", "/knowledge-bases/k2/articles?limit=999": page2},
			[][]string{{"a2"}},
			[]bool{true},
			[]string{"k1"},
			"",
		},
		"forbidden": {
			map[string]string{"/knowledge-bases": bases, "/knowledge-bases/k1/articles?limit=999": page2, "/knowledge-bases/k2/articles?limit=999": "403"},
			[][]string{{"a2"}, nil},
			[]bool{false, true},
			[]string{"k2"},
			"",
		},
		"all forbidden": {
			map[string]string{"/knowledge-bases": bases, "/knowledge-bases/k1/articles?limit=999": "403", "/knowledge-bases/k2/articles?limit=999": "403"},
			nil, nil, nil, "403",
		},
		"token refused": {
			map[string]string{"/knowledge-bases": bases, "/knowledge-bases/k1/articles?limit=999": page2, "/knowledge-bases/k2/articles?limit=999": "401"},
			[][]string{{"a2"}},
			[]bool{false},
			nil,
			"401",
		},
		"a base without an id": {
			map[string]string{"/knowledge-bases": `{"data":[{"id":""}],"request_id":"r"}`}, nil, nil, nil, "without its key",
		},
		"cursor refused": {
			map[string]string{
				"/knowledge-bases": bases, "/knowledge-bases/k1/articles?limit=999": page1,
				"/knowledge-bases/k1/articles?cursor=c&limit=999": "400", "/knowledge-bases/k2/articles?limit=999": none,
			},
			[][]string{{"a1"}, {"a1"}, nil}, // its list began anew
			[]bool{false, false, true},
			[]string{"k1"},
			"",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var pages [][]string
			var last []bool
			var unread []string
			var err error
			c := newTestClient(t, &script{answers: tt.answers})
			for page, failed := range c.Refresh(t.Context(), stream(t, "knowledge_base_articles"), Ask{}) {
				if err = failed; err != nil {
					break
				}
				pages, last = append(pages, keysOf(page.Records)), append(last, page.Last)
				for _, u := range page.Unread {
					unread = append(unread, u.Parent)
					if u.Err == nil || !page.Last {
						t.Errorf("unread %+v of page %+v", u, page)
					}
				}
			}
			assertEqual(t, "unread", unread, tt.unread)
			if (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Errorf("error %v, want %q", err, tt.err)
			}
			assertEqual(t, "pages", pages, tt.pages)
			assertEqual(t, "last", last, tt.last)
		})
	}
}

func TestRefresh_survivesAKnowledgeBaseThatVanishes(t *testing.T) {
	t.Parallel()
	listed := 0
	c := newTestClient(t, transport(func(r *http.Request) (*http.Response, error) {
		switch {
		case r.URL.Path != "/knowledge-bases" && strings.Contains(r.URL.Path, "k2"):
			return response(404, ""), nil
		case r.URL.Path != "/knowledge-bases":
			return response(200, `{"data":[{"id":"a1"}],"request_id":"r"}`), nil
		case listed == 0:
			listed++
			return response(200, `{"data":[{"id":"k1"},{"id":"k2"}],"request_id":"r"}`), nil
		}
		return response(200, `{"data":[{"id":"k1"}],"request_id":"r"}`), nil
	}))
	pages, last, err := refreshAll(t.Context(), c, stream(t, "knowledge_base_articles"))
	if err != nil {
		t.Fatal(err)
	}
	assertEqual(t, "pages", pages, [][]string{{"a1"}, nil})
	assertEqual(t, "last", last, []bool{false, true})
}

func TestRefresh_stopsWhenItsReaderDoes(t *testing.T) {
	t.Parallel()
	s := &script{answers: map[string]string{
		"/accounts?limit=999": `{"data":[{"id":"a"}],"pagination":{"cursor":"c","has_next_page":true},"request_id":"r"}`,
	}}
	for _, err := range newTestClient(t, s).Refresh(t.Context(), stream(t, "accounts"), Ask{}) {
		if err != nil {
			t.Error(err)
		}
		break
	}
	if len(s.asked) != 1 {
		t.Errorf("asked %v", s.asked)
	}
}

func TestRefresh_isForFullStreamsOnly(t *testing.T) {
	t.Parallel()
	c := newTestClient(t, &script{})
	if _, _, err := refreshAll(t.Context(), c, stream(t, "issues")); err == nil {
		t.Error("issues were refreshed")
	}
	if _, err := c.Children(t.Context(), stream(t, "tags"), "i", Ask{Priority: Foreground}); err == nil {
		t.Error("tags were read as children")
	}
}

func TestChildren_areWholeOrAnError(t *testing.T) {
	t.Parallel()
	const (
		first  = "/issues/i1/messages?limit=1000"
		second = "/issues/i1/messages?cursor=c&limit=1000"
		more   = `{"data":[{"id":"m1"}],"pagination":{"cursor":"c","has_next_page":true},"request_id":"r"}`
	)
	tests := map[string]struct {
		answers  map[string]string
		keys     []string
		notFound bool
		err      string
		requests int
	}{
		"one page":               {map[string]string{first: `{"data":[{"id":"m1"},{"id":"m2"}],"request_id":"r"}`}, []string{"m1", "m2"}, false, "", 1},
		"two pages":              {map[string]string{first: more, second: `{"data":[{"id":"m2"}],"request_id":"r"}`}, []string{"m1", "m2"}, false, "", 2},
		"none":                   {map[string]string{first: `{"request_id":"r"}`}, nil, false, "", 1},
		"issue deleted":          {map[string]string{first: "404"}, nil, true, "404", 1},
		"issue deleted for good": {map[string]string{first: "410"}, nil, true, "410", 1},
		"issue scrubbed":         {map[string]string{first: "400"}, nil, true, "400", 1},
		"forbidden":              {map[string]string{first: "403"}, nil, false, "403", 1},
		"cursor refused always":  {map[string]string{first: more, second: "400"}, nil, false, "400", 4},
		"cursor not found, ever": {map[string]string{first: more, second: "404"}, nil, false, "began anew", 4},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &script{answers: tt.answers}
			records, err := newTestClient(t, s).Children(t.Context(), stream(t, "issue_messages"), "i1", Ask{Priority: Background})
			if (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Errorf("error %v, want %q", err, tt.err)
			}
			if errors.Is(err, ErrNotFound) != tt.notFound {
				t.Errorf("error %v is ErrNotFound: %t, want %t", err, !tt.notFound, tt.notFound)
			}
			assertEqual(t, "keys", keysOf(records), tt.keys)
			for _, rec := range records {
				if rec.Parent != "i1" || !strings.HasPrefix(string(rec.JSON), `{"issue_id":"i1",`) {
					t.Errorf("parent %q, %s", rec.Parent, rec.JSON)
				}
			}
			if len(s.asked) != tt.requests {
				t.Errorf("asked %v", s.asked)
			}
		})
	}
}

func TestChildren_areReadAnewAfterARefusedCursor(t *testing.T) {
	t.Parallel()
	for name, deleted := range map[string]bool{"cursor expired": false, "issue deleted meanwhile": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			refused := false
			c := newTestClient(t, transport(func(r *http.Request) (*http.Response, error) {
				switch {
				case r.URL.Query().Has("cursor") && !refused:
					refused = true
					return response(404, `{}`), nil
				case refused && deleted:
					return response(404, `{}`), nil
				case r.URL.Query().Has("cursor"):
					return response(200, `{"data":[{"id":"m2"}],"request_id":"r"}`), nil
				}
				return response(200, `{"data":[{"id":"m1"}],"pagination":{"cursor":"c","has_next_page":true},"request_id":"r"}`), nil
			}))
			records, err := c.Children(t.Context(), stream(t, "issue_messages"), "i1", Ask{Priority: Foreground})
			switch {
			case deleted && !errors.Is(err, ErrNotFound):
				t.Errorf("error %v, want ErrNotFound", err)
			case !deleted:
				if err != nil {
					t.Fatal(err)
				}
				assertEqual(t, "keys", keysOf(records), []string{"m1", "m2"})
			}
		})
	}
}

func TestChildren_ofWhatCannotBeAnIssue(t *testing.T) {
	t.Parallel()
	s := &script{}
	c := newTestClient(t, s)
	for _, id := range []string{"", ".", ".."} {
		if _, err := c.Children(t.Context(), stream(t, "issue_messages"), id, Ask{Priority: Foreground}); !errors.Is(err, ErrNotFound) {
			t.Errorf("%q: error %v", id, err)
		}
		if ok, err := c.IssueExists(t.Context(), id, Ask{}); ok || err != nil {
			t.Errorf("%q: %t, %v", id, ok, err)
		}
	}
	if len(s.asked) > 0 {
		t.Errorf("asked %v", s.asked)
	}
}

func TestIssueExists(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		answer string
		want   bool
		err    bool
	}{
		"there":        {`{"data":{"id":"i1"},"request_id":"r"}`, true, false},
		"deleted":      {"404", false, false},
		"long deleted": {"410", false, false},
		"refused":      {"400", false, true},
		"forbidden":    {"403", false, true},
		"no issue":     {`{"request_id":"r"}`, false, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c := newTestClient(t, &script{answers: map[string]string{"/issues/i1": tt.answer}})
				got, err := c.IssueExists(t.Context(), "i1", Ask{})
				if got != tt.want || (err != nil) != tt.err {
					t.Errorf("%t, %v", got, err)
				}
				if n := c.Usage()["issues_get"].Requests; n == 0 {
					t.Error("not counted")
				}
			})
		})
	}
}

func TestMe(t *testing.T) {
	t.Parallel()
	c := newTestClient(t, &script{answers: map[string]string{"/me": `{"data":{"id":"o1","name":"Acme","user":{"id":"u"}},"request_id":"r"}`}})
	me, err := c.Me(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	assertEqual(t, "me", me, Me{OrganizationName: "Acme"})
	c = newTestClient(t, &script{answers: map[string]string{"/me": "403"}})
	if _, err := c.Me(t.Context()); !errors.Is(err, ErrForbidden) {
		t.Errorf("error %v", err)
	}
}
