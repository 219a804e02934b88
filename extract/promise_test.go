package extract

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// promised answers lists of three pages of two objects, and breaks the promise of
// a page as often as it is told.
type promised struct {
	t      *testing.T
	broken map[string]int // how often the page at a cursor comes without data
	how    string         // the body then
	shrunk bool           // a list that begins anew ends with its first page
	asked  []string       // cursors
}

func (p *promised) RoundTrip(r *http.Request) (*http.Response, error) {
	return transport(func(r *http.Request) (*http.Response, error) {
		if r.URL.Path == "/knowledge-bases" {
			return response(200, `{"data":[{"id":"k1"}],"request_id":"r"}`), nil
		}
		cursor := cursorOf(p.t, r)
		p.asked = append(p.asked, cursor)
		if p.broken[cursor] > 0 {
			p.broken[cursor]--
			return response(200, p.how), nil
		}
		again := p.shrunk && slices.Contains(p.asked[1:], "")
		next := map[string]string{"": "c1", "c1": "c2"}[cursor]
		if next == "" || again {
			return response(200, fmt.Sprintf(`{"data":[{"id":"%s-0"},{"id":"%s-1"}],"request_id":"r"}`, cursor, cursor)), nil
		}
		return response(200, fmt.Sprintf(`{"data":[{"id":"%s-0"},{"id":"%s-1"}],"pagination":{"cursor":%q,"has_next_page":true},"request_id":"r"}`, cursor, cursor, next)), nil
	}).RoundTrip(r)
}

// An empty answer to a promised page is never the end of a list, in any way to
// read one.
func TestPromise_isKeptOrTold(t *testing.T) {
	t.Parallel()
	readers := map[string]func(t *testing.T, c *Client) (records []Record, doubtful bool, err error){
		"messages": func(t *testing.T, c *Client) ([]Record, bool, error) {
			t.Helper()
			records, err := c.Children(t.Context(), stream(t, "issue_messages"), "i1", Ask{})
			return records, false, err
		},
		"search": func(t *testing.T, c *Client) (records []Record, doubtful bool, err error) {
			t.Helper()
			issues := NewIssues(c, testConfig(), Ask{})
			err = fetchAll(func(cur IssuesCursor) (IssuesCursor, bool, error) {
				page, err := issues.Fetch(t.Context(), cur)
				records = append(records, page.Records...)
				return page.Next, page.CaughtUp, err
			}, IssuesCursor{From: time.Now().UTC().Add(-time.Hour)})
			return records, false, err
		},
		"reconcile": func(t *testing.T, c *Client) (records []Record, doubtful bool, err error) {
			t.Helper()
			reconcile := NewReconcile(c, testConfig(), Ask{})
			at := time.Now().UTC().Truncate(day)
			err = fetchAll(func(cur ReconcileCursor) (ReconcileCursor, bool, error) {
				page, err := reconcile.Fetch(t.Context(), cur)
				records = append(records, page.Records...)
				doubtful = page.Doubtful
				return page.Next, page.Done, err
			}, ReconcileCursor{Window: at.Add(-10 * day), Until: at})
			return records, doubtful, err
		},
	}
	for _, name := range []string{"accounts", "contacts", "knowledge_base_articles"} {
		readers[name] = func(t *testing.T, c *Client) (records []Record, doubtful bool, err error) {
			t.Helper()
			for page, err := range c.Refresh(t.Context(), stream(t, name), Ask{}) {
				if err != nil {
					return records, doubtful, err
				}
				records, doubtful = append(records, page.Records...), page.Doubtful
			}
			return records, doubtful, nil
		}
	}
	bodies := map[string]string{
		"no data":       `{"request_id":"r"}`,
		"null":          `{"data":null,"request_id":"r"}`,
		"empty":         `{"data":[],"pagination":{"cursor":"","has_next_page":false},"request_id":"r"}`,
		"promises more": `{"pagination":{"cursor":"c9","has_next_page":true},"request_id":"r"}`,
	}
	cases := map[string]struct {
		broken map[string]int
		shrunk bool
		keys   int // distinct ones
		err    bool
		least  int // requests
	}{
		"kept":                           {nil, false, 6, false, 3},
		"kept at the next try":           {map[string]int{"c1": 1}, false, 6, false, 4},
		"kept after the list began anew": {map[string]int{"c1": pageTries}, false, 6, false, 7},
		"never kept":                     {map[string]int{"c1": 99}, false, 2, true, 2 + 2*pageTries},
		"taken back by a list that ends without promise": {map[string]int{"c2": 99}, true, 4, false, 3 + pageTries},
	}
	for reader, read := range readers {
		for how, body := range bodies {
			for name, tt := range cases {
				t.Run(reader+"/"+how+"/"+name, func(t *testing.T) {
					t.Parallel()
					synctest.Test(t, func(t *testing.T) {
						advance(time.Until(time.Date(2026, 4, 1, 12, 0, 0, 0, time.UTC)))
						api := &promised{t: t, broken: make(map[string]int), how: body, shrunk: tt.shrunk}
						for cursor, n := range tt.broken {
							api.broken[cursor] = n
						}
						records, doubtful, err := read(t, newTestClient(t, api))
						if errors.Is(err, ErrImpossible) != tt.err {
							t.Fatalf("error %v", err)
						}
						keys := make(map[string]bool)
						for _, rec := range records {
							keys[rec.Key] = true
						}
						want := tt.keys
						if reader == "messages" && (tt.err || tt.shrunk) {
							want = map[bool]int{true: 0, false: 2}[tt.err] // of one read only, or nothing
						}
						if len(keys) != want || len(api.asked) < tt.least {
							t.Errorf("read %v with %q", keys, api.asked)
						}
						if canTell := reader != "messages" && reader != "search"; canTell && !tt.err && doubtful != (tt.broken != nil) {
							t.Errorf("doubtful %t", doubtful)
						}
					})
				})
			}
		}
	}
}

func TestChildren_areReadAnewUntilNothingGlitches(t *testing.T) {
	t.Parallel()
	for glitches, want := range map[int]bool{0: true, 1: true, 2: true, 3: false} {
		t.Run(fmt.Sprint(glitches), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				reads, broken := 0, false
				c := newTestClient(t, transport(func(r *http.Request) (*http.Response, error) {
					if !r.URL.Query().Has("cursor") {
						reads, broken = reads+1, reads < glitches
						return response(200, fmt.Sprintf(`{"data":[{"id":"m%d"}],"pagination":{"cursor":"c","has_next_page":true},"request_id":"r"}`, reads)), nil
					}
					if broken {
						broken = false
						return response(200, `{"request_id":"r"}`), nil
					}
					return response(200, `{"data":[{"id":"last"}],"request_id":"r"}`), nil
				}))
				records, err := c.Children(t.Context(), stream(t, "issue_messages"), "i1", Ask{})
				if (err == nil) != want || err != nil && !errors.Is(err, ErrImpossible) {
					t.Fatalf("error %v", err)
				}
				if want {
					assertEqual(t, "keys", keysOf(records), []string{fmt.Sprintf("m%d", glitches+1), "last"})
				}
			})
		})
	}
}

func TestIssues_searchWithAnEndWhereOneIsWanted(t *testing.T) {
	t.Parallel()
	for name, noActivity := range map[string]bool{"with messages": false, "updates alone": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				i, api, _ := issuesAgainst(t, searchOptions{noOpen: true, noActivity: noActivity, limit: 2}, func(c *Config) { c.Lookback = 25 * day })
				log, text := logBuffer()
				i.c.log = log
				pages := catchUp(t, i, IssuesCursor{})
				began := time.Now()
				searches := len(api.log)
				pages = append(pages, catchUp(t, i, pages[len(pages)-1].Next)...)
				if len(api.log) != searches+1 {
					t.Errorf("searches %v, want one: what the API takes is known", api.log[searches:])
				}
				last, end := api.log[len(api.log)-1], formatTime(began.Add(day))
				if !strings.Contains(last, `"operator":"time_is_before","value":"`+end) || strings.Contains(last, "activity") == noActivity {
					t.Errorf("search %s, want one that ends at %s", last, end)
				}
				if n := strings.Count(text.String(), "live search ends a day ahead"); n != 1 {
					t.Errorf("%d words about it, want 1:\n%s", n, text)
				}
				if page := pages[len(pages)-1]; !page.CaughtUp || page.Origin != OriginPoll {
					t.Errorf("last page %+v", page)
				}
			})
		})
	}
}

func TestIssues_restartOneSearchAFewTimesOnly(t *testing.T) {
	t.Parallel()
	var r restarts
	allowed := 0
	for n := range 10 {
		if r.allow(fmt.Sprint(n)) {
			allowed++
		} else {
			break
		}
	}
	if allowed != restartsAPass {
		t.Errorf("%d restarts of one search, want %d", allowed, restartsAPass)
	}
	r.allow("x")
	r.passed("y", true)
	if r != (restarts{}) {
		t.Errorf("after the last page: %+v", r)
	}
}
