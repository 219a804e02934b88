package extract

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

// refreshAll reads one pass and returns the keys of its pages.
func refreshAll(ctx context.Context, c *Client, s Stream) (pages [][]string, last []bool, err error) {
	for page, err := range c.Refresh(ctx, s, Ask{}) {
		if err != nil {
			return pages, last, err
		}
		pages = append(pages, keysOf(page.Records))
		last = append(last, page.Last)
	}
	return pages, last, nil
}

func TestClient_asksAsDocumented(t *testing.T) {
	t.Parallel()
	// A stream that is not named here is one list at its own name.
	want := map[string][]string{
		"accounts":                {"GET /eu/accounts?limit=999"},
		"contacts":                {"GET /eu/contacts?limit=999"},
		"issue_messages":          {"GET /eu/issues/i%2F1/messages?limit=1000"},
		"issue_threads":           {"GET /eu/issues/i%2F1/threads"},
		"users":                   {"GET /eu/users?include_deactivated=true"},
		"knowledge_base_articles": {"GET /eu/knowledge-bases", "GET /eu/knowledge-bases/kb%201/articles?limit=999"},
		"custom_fields": {
			"GET /eu/custom-fields?object_type=account", "GET /eu/custom-fields?object_type=issue",
			"GET /eu/custom-fields?object_type=contact", "GET /eu/custom-fields?object_type=task",
			"GET /eu/custom-fields?object_type=project", "GET /eu/custom-fields?object_type=meeting",
			"GET /eu/custom-fields?object_type=opportunity",
		},
		"issues": {"POST /eu/issues/search"},
	}
	for _, s := range Streams() {
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			var asked []string
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				asked = append(asked, r.Method+" "+r.URL.RequestURI())
				for name, value := range map[string]string{
					"Authorization": "Bearer " + testToken, "User-Agent": "pylon-kafka/test", "Accept": "application/json", "Accept-Encoding": "gzip",
				} {
					if got := r.Header.Get(name); got != value {
						t.Errorf("header %s is %q, want %q", name, got, value)
					}
				}
				fmt.Fprint(w, `{"data":[{"id":"kb 1","slug":"x"}],"request_id":"r1"}`)
			}))
			t.Cleanup(server.Close)
			cfg := testConfig()
			cfg.APIURL = server.URL + "/eu/"
			c, err := NewClient(cfg, Options{Version: "test"})
			if err != nil {
				t.Fatal(err)
			}
			switch s.Sync {
			case SyncFull:
				_, _, err = refreshAll(t.Context(), c, s)
			case SyncChildren:
				_, err = c.Children(t.Context(), s, "i/1", Ask{Priority: Background})
			case SyncIssues:
				_, err = NewIssues(c, cfg, Ask{}).Fetch(t.Context(), IssuesCursor{})
			}
			if err != nil {
				t.Fatal(err)
			}
			requests, listed := want[s.Name]
			if !listed {
				requests = []string{"GET /eu/" + strings.ReplaceAll(s.Name, "_", "-")}
			}
			assertEqual(t, "requests", asked, requests)
			sent := c.Usage()
			if n := sent[s.Endpoint].Requests; n == 0 {
				t.Errorf("no request counted for %s: %v", s.Endpoint, sent)
			}
		})
	}
}

func TestClient_followsPages(t *testing.T) {
	t.Parallel()
	c := newTestClient(t, transport(func(r *http.Request) (*http.Response, error) {
		switch r.URL.Query().Get("cursor") {
		case "":
			return response(200, `{"request_id":"r1","pagination":{"has_next_page":true,"cursor":"c/1="},"data":[{"id":"a"},{"id":"b"}]}`), nil
		case "c/1=":
			return response(200, `{"data":[{"id":"c","n":1.50}],"pagination":{"cursor":"c2","has_next_page":true,"x":[1]},"x":{"y":"z"},"request_id":"r2"}`), nil
		case "c2":
			return response(200, `{"data":[{"id":"d"}],"pagination":{"cursor":"","has_next_page":false},"request_id":"r3"}`), nil
		}
		return response(400, `{}`), nil
	}))
	pages, last, err := refreshAll(t.Context(), c, stream(t, "accounts"))
	if err != nil {
		t.Fatal(err)
	}
	assertEqual(t, "pages", pages, [][]string{{"a", "b"}, {"c"}, {"d"}})
	assertEqual(t, "last", last, []bool{false, false, true})
}

func TestClient_takesAnEmptyListForEmpty(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		`{"request_id":"r"}`,
		`{"data":[],"request_id":"r"}`,
		`{"data":null,"pagination":null,"request_id":"r"}`,
		`{"data":[],"pagination":{"cursor":null,"has_next_page":null},"errors":[],"request_id":"r"}`,
		` {"data" : [ ] , "request_id" : null} ` + "\n",
	} {
		c := newTestClient(t, transport(func(*http.Request) (*http.Response, error) { return response(200, body), nil }))
		for _, name := range []string{"tags", "accounts", "knowledge_base_articles"} {
			pages, last, err := refreshAll(t.Context(), c, stream(t, name))
			if err != nil {
				t.Fatal(err)
			}
			assertEqual(t, name+" of "+body, pages, [][]string{nil})
			assertEqual(t, "last", last, []bool{true})
		}
	}
}

func TestClient_tellsRefusalsApart(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		resp     func() *http.Response
		is       []error
		contains []string
	}{
		"401": {
			func() *http.Response {
				return response(401, `{"errors":["bad `+testToken+`"],"code":"invalid_api_token","request_id":"r-1"}`)
			},
			[]error{ErrUnauthorized},
			[]string{"401 Unauthorized (invalid_api_token)", "r-1", "revoked"},
		},
		"401 for the region": {
			func() *http.Response {
				return response(401, `{"errors":["x"],"code":"wrong_region_token"}`, "X-Pylon-Request-Id: r-2")
			},
			[]error{ErrUnauthorized},
			[]string{"other region", "PYLON_API_URL", "https://api.eu.usepylon.com", "r-2"},
		},
		"403":         {func() *http.Response { return response(403, `{"errors":["not allowed"]}`) }, []error{ErrForbidden}, []string{"not allowed"}},
		"404":         {func() *http.Response { return response(404, `<html>`) }, []error{ErrNotFound}, []string{"GET /tags: 404 Not Found"}},
		"410":         {func() *http.Response { return response(410, ``) }, []error{ErrNotFound}, nil},
		"400":         {func() *http.Response { return response(400, `{"errors":["`+strings.Repeat("é", 999)+`"]}`) }, nil, []string{strings.Repeat("é", 300) + "…"}},
		"422":         {func() *http.Response { return response(422, `{"errors":[1]}`) }, nil, []string{"422"}},
		"two lines":   {func() *http.Response { return response(400, `{"errors":["a\n\tb"]}`) }, nil, []string{": a b"}},
		"redirection": {func() *http.Response { return response(302, ``, "Location: https://login.example/x?secret=1") }, nil, []string{"https://login.example", "PYLON_API_URL"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			requests := 0
			c := newTestClient(t, transport(func(r *http.Request) (*http.Response, error) {
				requests++
				resp := tt.resp()
				resp.Request = r
				return resp, nil
			}))
			_, _, err := refreshAll(t.Context(), c, stream(t, "tags"))
			var api *APIError
			if !errors.As(err, &api) {
				t.Fatalf("error %v, want an *APIError", err)
			}
			for _, sentinel := range []error{ErrUnauthorized, ErrForbidden, ErrNotFound} {
				want := slices.Contains(tt.is, sentinel)
				if errors.Is(err, sentinel) != want {
					t.Errorf("%v: is %q: %t, want %t", err, sentinel, !want, want)
				}
			}
			for _, part := range append(tt.contains, "refresh tags") {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%q does not contain %q", err, part)
				}
			}
			for _, part := range []string{testToken, "secret=1"} {
				if strings.Contains(err.Error(), part) {
					t.Errorf("%q gives %q away", err, part)
				}
			}
			if requests != 1 {
				t.Errorf("%d requests, want 1: it will be refused again", requests)
			}
		})
	}
}

func TestClient_boundsARecord(t *testing.T) {
	t.Parallel()
	s := stream(t, "tags")
	r := request{stream: &s}
	decode := func(text string) error {
		_, err := r.decode(&bodyReader{r: strings.NewReader(text), maxValue: 1 << 16}, "", nil)
		return err
	}
	small := `{"id":"a","value":"` + strings.Repeat("x", 1<<14) + `"}`
	if err := decode(`{"data":[` + strings.Repeat(small+",", 50) + small + `],"request_id":"r"}`); err != nil {
		t.Errorf("many small records: %v", err)
	}
	large := `{"data":[{"id":"a","value":"` + strings.Repeat("x", 1<<18) + `"}],"request_id":"r"}`
	if err := decode(large); !errors.Is(err, errTooLarge) || retryable(err) != giveUp {
		t.Errorf("one large record: %v", err)
	}
}

func TestClient_keepsRecordsAsTheyCame(t *testing.T) {
	t.Parallel()
	c := newTestClient(t, transport(func(*http.Request) (*http.Response, error) {
		return response(200, "{\"data\":[{\"id\":\"a\",\"n\":9007199254740993,\"f\":1.10,\"bad\":\"\xff\xc0\",\"d\":1,\"d\":2,\"u\":\"\\u00e9\"},{\"value\":\"x\"},7],\"request_id\":\"r-9\"}"), nil
	}))
	for page, err := range c.Refresh(t.Context(), stream(t, "tags"), Ask{}) {
		if err != nil {
			t.Fatal(err)
		}
		if len(page.Records) != 3 {
			t.Fatalf("%d records", len(page.Records))
		}
		assertEqual(t, "JSON", string(page.Records[0].JSON), "{\"id\":\"a\",\"n\":9007199254740993,\"f\":1.10,\"bad\":\"\xff\xc0\",\"d\":1,\"d\":2,\"u\":\"\\u00e9\"}")
		for _, rec := range page.Records {
			if rec.RequestID != "r-9" {
				t.Errorf("request id %q", rec.RequestID)
			}
		}
		for _, rec := range page.Records[1:] {
			if !errors.Is(rec.Err, ErrNoKey) || !strings.Contains(rec.Err.Error(), "tags") || !strings.Contains(rec.Err.Error(), "r-9") {
				t.Errorf("error %v, want ErrNoKey with stream and request", rec.Err)
			}
		}
	}
}

func TestClient_readsGzip(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write(gzipped(t, `{"data":[{"id":"a"}],"request_id":"r"}`))
	}))
	t.Cleanup(server.Close)
	c := newServerClient(t, server.URL, nil)
	pages, _, err := refreshAll(t.Context(), c, stream(t, "tags"))
	if err != nil {
		t.Fatal(err)
	}
	assertEqual(t, "pages", pages, [][]string{{"a"}})
}

func TestClient_keepsTheTokenFromOtherHosts(t *testing.T) {
	t.Parallel()
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("followed the redirection, with %q", r.Header.Get("Authorization"))
	}))
	t.Cleanup(other.Close)
	server := httptest.NewServer(http.RedirectHandler(other.URL, http.StatusTemporaryRedirect))
	t.Cleanup(server.Close)
	_, _, err := refreshAll(t.Context(), newServerClient(t, server.URL, nil), stream(t, "tags"))
	if !isStatus(err, http.StatusTemporaryRedirect) {
		t.Errorf("error %v, want the redirection", err)
	}
}

func TestClient_showsEverySeriesFromTheStart(t *testing.T) {
	t.Parallel()
	reg := prometheus.NewPedanticRegistry()
	cfg := testConfig()
	cfg.RateLimits = RateLimits{"tags": 7, "issues_list": 0}
	c, err := NewClient(cfg, Options{Registerer: reg, Transport: transport(func(*http.Request) (*http.Response, error) {
		return response(200, `{"request_id":"r"}`), nil
	})})
	if err != nil {
		t.Fatal(err)
	}
	text := gathered(t, reg)
	for prefix, perEndpoint := range map[string]int{
		"pylon_kafka_api_requests_total{":                 13,
		"pylon_kafka_api_request_duration_seconds_count{": 1,
		"pylon_kafka_api_rate_limit_wait_seconds_total{":  1,
		"pylon_kafka_api_rate_limit_remaining{":           1,
	} {
		if n, want := strings.Count(text, prefix), perEndpoint*len(Endpoints()); n != want {
			t.Errorf("%d series %s, want %d", n, prefix, want)
		}
	}
	if _, _, err := refreshAll(t.Context(), c, stream(t, "tags")); err != nil {
		t.Fatal(err)
	}
	text = gathered(t, reg)
	for _, line := range []string{
		`pylon_kafka_api_requests_total{code="200",endpoint="tags"} 1`,
		`pylon_kafka_api_requests_total{code="429",endpoint="tags"} 0`,
		`pylon_kafka_api_request_duration_seconds_count{endpoint="tags"} 1`,
		`pylon_kafka_api_rate_limit_remaining{endpoint="tags"} 6`,
		`pylon_kafka_api_rate_limit_remaining{endpoint="issues_list"} +Inf`,
		`pylon_kafka_api_rate_limit_remaining{endpoint="issues_search"} 120`,
	} {
		if !strings.Contains(text, line) {
			t.Errorf("no line %s in\n%s", line, text)
		}
	}
	if _, err := NewClient(cfg, Options{Registerer: reg}); err == nil {
		t.Error("a second client shares the metrics of the first")
	}
}

func TestClient_isWorthNothingWithoutSettings(t *testing.T) {
	t.Parallel()
	_, err := NewClient(Config{}, Options{})
	for _, name := range []string{"PYLON_API_TOKEN", "PYLON_API_URL"} {
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("error %v does not name %s", err, name)
		}
	}
}

func FuzzDecodeEnvelope(f *testing.F) {
	for _, seed := range []string{
		``, `{}`, `{"request_id":"r"}`, `{"data":[{"id":"a"}],"pagination":{"cursor":"c","has_next_page":true},"request_id":"r"}`,
		`{"data":[{"id":"\ud800"},null,[]],"x":1}`, `{"data":null}x`, "{\"data\":[{\"\xff\":\"\xfe\"}]}", `{"data":{"id":"a"}}`,
	} {
		f.Add([]byte(seed), 3)
	}
	f.Fuzz(func(t *testing.T, text []byte, step int) {
		s := stream(t, "issue_messages")
		r := request{stream: &s, parent: newParent(&s, "i1")}
		whole, err := r.decode(&bodyReader{r: bytes.NewReader(text), maxValue: 1 << 20}, "", nil)
		// In pieces it must be the same, and cut off it must never pass for whole.
		pieces, err2 := r.decode(&bodyReader{r: &stutter{text: text, step: max(1, step%7)}, maxValue: 1 << 20}, "", nil)
		if (err == nil) != (err2 == nil) || len(whole.Records) != len(pieces.Records) {
			t.Fatalf("whole: %d records, %v; in pieces: %d records, %v", len(whole.Records), err, len(pieces.Records), err2)
		}
		if err != nil {
			return
		}
		for _, rec := range whole.Records {
			if (rec.Key == "") != (rec.Err != nil) {
				t.Errorf("key %q, error %v", rec.Key, rec.Err)
			}
		}
		if trimmed := bytes.TrimRight(text, " \t\r\n"); len(trimmed) > 0 {
			if _, err := r.decode(&bodyReader{r: bytes.NewReader(trimmed[:len(trimmed)-1]), maxValue: 1 << 20}, "", nil); err == nil {
				t.Errorf("%q passes without its last byte", trimmed)
			}
		}
	})
}

// stutter reads a text a few bytes at a time.
type stutter struct {
	text []byte
	step int
}

func (s *stutter) Read(p []byte) (int, error) {
	if len(s.text) == 0 {
		return 0, io.EOF
	}
	n := copy(p[:min(len(p), s.step)], s.text)
	s.text = s.text[n:]
	return n, nil
}
