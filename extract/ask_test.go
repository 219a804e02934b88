package extract

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// ways are all ways to ask that may meet trouble.
func ways(t *testing.T) map[string]func(context.Context, *Client, Ask) error {
	t.Helper()
	return map[string]func(context.Context, *Client, Ask) error{
		"refresh": func(ctx context.Context, c *Client, ask Ask) error {
			for _, err := range c.Refresh(ctx, stream(t, "accounts"), ask) {
				if err != nil {
					return err
				}
			}
			return nil
		},
		"refresh of parents": func(ctx context.Context, c *Client, ask Ask) error {
			for _, err := range c.Refresh(ctx, stream(t, "custom_fields"), ask) {
				if err != nil {
					return err
				}
			}
			return nil
		},
		"children": func(ctx context.Context, c *Client, ask Ask) error {
			_, err := c.Children(ctx, stream(t, "issue_messages"), "i1", ask)
			return err
		},
		"issue": func(ctx context.Context, c *Client, ask Ask) error {
			_, err := c.IssueExists(ctx, "i1", ask)
			return err
		},
		"search": func(ctx context.Context, c *Client, ask Ask) error {
			issues := NewIssues(c, testConfig(), ask)
			return fetchAll(func(cur IssuesCursor) (IssuesCursor, bool, error) {
				page, err := issues.Fetch(ctx, cur)
				return page.Next, page.CaughtUp, err
			}, IssuesCursor{From: time.Now().UTC().Add(-time.Hour)})
		},
		"reconcile": func(ctx context.Context, c *Client, ask Ask) error {
			reconcile := NewReconcile(c, testConfig(), ask)
			return fetchAll(func(cur ReconcileCursor) (ReconcileCursor, bool, error) {
				page, err := reconcile.Fetch(ctx, cur)
				return page.Next, page.Done, err
			}, ReconcileCursor{})
		},
	}
}

// fetchAll fetches from a cursor to the end.
func fetchAll[C any](fetch func(C) (C, bool, error), cur C) error {
	for {
		next, done, err := fetch(cur)
		if err != nil || done {
			return err
		}
		cur = next
	}
}

// Whatever Pylon refuses for good, and whatever layer meets it, a call with
// patience ends within two minutes.
func TestAsk_aPersistentRefusalEndsEveryCall(t *testing.T) {
	t.Parallel()
	page := func(cursor string) string {
		return `{"data":[{"id":"x"}],"pagination":{"has_next_page":true,"cursor":"` + cursor + `"},"request_id":"r"}`
	}
	answers := map[string]struct {
		answer func(r *http.Request, cursor string) (*http.Response, error)
		want   []error
	}{
		"429": {func(*http.Request, string) (*http.Response, error) { return response(429, ""), nil }, []error{ErrGaveUp}},
		"429 for a minute": {func(*http.Request, string) (*http.Response, error) {
			return response(429, "", "X-Retry-After: 60"), nil
		}, []error{ErrGaveUp}},
		"503":           {func(*http.Request, string) (*http.Response, error) { return response(503, ""), nil }, []error{ErrGaveUp}},
		"no connection": {func(*http.Request, string) (*http.Response, error) { return nil, errors.New("connection refused") }, []error{ErrGaveUp}},
		"no answer": {func(r *http.Request, _ string) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		}, []error{ErrGaveUp}},
		"a web page":      {func(*http.Request, string) (*http.Response, error) { return response(200, "<html>"), nil }, []error{ErrGaveUp}},
		"401":             {func(*http.Request, string) (*http.Response, error) { return response(401, ""), nil }, []error{ErrUnauthorized}},
		"403":             {func(*http.Request, string) (*http.Response, error) { return response(403, ""), nil }, []error{ErrForbidden}},
		"repeated cursor": {func(*http.Request, string) (*http.Response, error) { return response(200, page("same")), nil }, []error{ErrImpossible}},
		"promises only": {func(*http.Request, string) (*http.Response, error) {
			return response(200, `{"pagination":{"has_next_page":true,"cursor":"c"},"request_id":"r"}`), nil
		}, []error{ErrImpossible}},
		"empty after a promise": {func(_ *http.Request, cursor string) (*http.Response, error) {
			if cursor != "" {
				return response(200, `{"request_id":"r"}`), nil
			}
			return response(200, page("c")), nil
		}, []error{ErrImpossible}},
	}
	for name, tt := range answers {
		for way, call := range ways(t) {
			t.Run(name+"/"+way, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					c := newTestClient(t, transport(func(r *http.Request) (*http.Response, error) {
						return tt.answer(r, cursorOf(t, r))
					}))
					advance(time.Until(time.Date(2026, 4, 1, 12, 0, 0, 0, time.UTC)))
					began := time.Now()
					err := call(t.Context(), c, Ask{Patience: 90 * time.Second})
					if way == "issue" && errors.Is(tt.want[0], ErrImpossible) {
						return // a list is no issue: any error will do
					}
					if !errors.Is(err, tt.want[0]) {
						t.Errorf("error %v, want %v", err, tt.want[0])
					}
					if took := time.Since(began); took > 2*time.Minute {
						t.Errorf("it took %s", took)
					}
				})
			})
		}
	}
}

// cursorOf returns the page cursor of a request.
func cursorOf(t *testing.T, r *http.Request) string {
	t.Helper()
	if r.Body == nil {
		return r.URL.Query().Get("cursor")
	}
	text, err := io.ReadAll(r.Body)
	if err != nil {
		t.Error(err)
	}
	_, rest, _ := strings.Cut(string(text), `"cursor":"`)
	cursor, _, _ := strings.Cut(rest, `"`)
	return cursor
}

// What one minute explains is free: a 429 that says how long to wait, again and
// again with an answer in between.
func TestAsk_patienceDoesNotCountTheWaitForTheBudget(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		tries := 0
		c := newTestClient(t, transport(func(*http.Request) (*http.Response, error) {
			if tries++; tries%3 != 0 {
				return response(429, "", "X-Retry-After: 40"), nil
			}
			return response(200, `{"request_id":"r"}`), nil
		}))
		for range 8 {
			for _, err := range c.Refresh(t.Context(), stream(t, "tags"), Ask{Patience: time.Minute}) {
				if err != nil {
					t.Error(err)
				}
			}
		}
		if waited := c.Usage()["tags"].Waited; waited < 9*time.Minute {
			t.Errorf("waited %s", waited)
		}
	})
}

// Without patience a 429 is waited out for as long as it takes.
func TestAsk_withoutPatienceRefusalsAreWaitedOut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		c := newTestClient(t, transport(func(*http.Request) (*http.Response, error) {
			if time.Since(began) < time.Hour {
				return response(429, "", "X-Retry-After: 30"), nil
			}
			return response(200, `{"request_id":"r"}`), nil
		}))
		for _, err := range c.Refresh(t.Context(), stream(t, "tags"), Ask{}) {
			if err != nil {
				t.Error(err)
			}
		}
	})
}

func TestAsk_tellsOfTroubleAndOfItsEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		tries := 0
		c := newTestClient(t, transport(func(*http.Request) (*http.Response, error) {
			if tries++; tries < 4 {
				return response(503, ""), nil
			}
			return response(200, `{"request_id":"r"}`), nil
		}))
		began := time.Now()
		var told []Trouble
		ask := Ask{Trouble: func(tr Trouble) { told = append(told, tr) }}
		for range 2 {
			if _, err := c.Children(t.Context(), stream(t, "issue_threads"), "i1", ask); err != nil {
				t.Fatal(err)
			}
		}
		if len(told) != 4 {
			t.Fatalf("told %+v", told)
		}
		for _, tr := range told[:3] {
			if !isStatus(tr.Err, 503) || !tr.Since.Equal(began) || !tr.Next.After(began) {
				t.Errorf("told %+v", tr)
			}
		}
		if told[3] != (Trouble{}) {
			t.Errorf("told of the success with %+v", told[3])
		}
		// The last try of all has no next one.
		tries, told = -1000, nil
		_, err := c.Children(t.Context(), stream(t, "issue_threads"), "i1", Ask{Patience: time.Second, Trouble: ask.Trouble})
		if last := told[len(told)-1]; !errors.Is(err, ErrGaveUp) || !last.Next.IsZero() || last.Err == nil {
			t.Errorf("error %v, told %+v at last", err, last)
		}
	})
}

func TestAsk_preparesEachRecordWhileItsPageIsDecoded(t *testing.T) {
	t.Parallel()
	c := newTestClient(t, transport(func(r *http.Request) (*http.Response, error) {
		if strings.HasSuffix(r.URL.Path, "/issues/i1") {
			return response(200, `{"data":{"id":"i1","n":1},"request_id":"r"}`), nil
		}
		return response(200, `{"data":[{"id":"a","n":1},{"n":2},{"id":"b","n":3}],"request_id":"r"}`, "X-Pylon-Request-Id: h"), nil
	}))
	var seen []string
	ask := Ask{Prepare: func(rec *Record) {
		seen = append(seen, rec.RequestID+" "+string(rec.JSON))
		rec.Prepared = rec.Key
	}}
	check := func(what string, records []Record, want ...string) {
		t.Helper()
		assertEqual(t, what, seen, want)
		for _, rec := range records {
			switch {
			case rec.Err != nil:
				if string(rec.JSON) != `{"n":2}` && !strings.HasSuffix(string(rec.JSON), `,"n":2}`) || rec.Prepared != nil {
					t.Errorf("%s: a record without a key is %+v", what, rec)
				}
			case rec.JSON != nil || rec.Prepared != rec.Key || rec.RequestID != "r":
				t.Errorf("%s: %+v", what, rec)
			}
		}
		seen = nil
	}
	children, err := c.Children(t.Context(), stream(t, "issue_messages"), "i1", ask)
	if err == nil || len(children) > 0 {
		t.Logf("children: %d, %v", len(children), err)
	}
	check("children", children, `h {"issue_id":"i1","id":"a","n":1}`, `h {"issue_id":"i1","id":"b","n":3}`)
	for _, name := range []string{"tags", "knowledge_bases"} {
		for page, err := range c.Refresh(t.Context(), stream(t, name), ask) {
			if name == "knowledge_bases" {
				seen = []string{strings.ReplaceAll(seen[0], "r ", "h "), strings.ReplaceAll(seen[1], "r ", "h ")} // decoded before
			}
			if err != nil {
				t.Fatal(err)
			}
			check(name, page.Records, `h {"id":"a","n":1}`, `h {"id":"b","n":3}`)
		}
	}
	issue, err := c.Issue(t.Context(), "i1", ask)
	if err != nil {
		t.Fatal(err)
	}
	check("issue", []Record{issue}, `r {"id":"i1","n":1}`)
}

func TestIssue_isARecordOfTheStream(t *testing.T) {
	t.Parallel()
	c := newTestClient(t, &script{answers: map[string]string{
		"/issues/i1": `{"data":{"id":"i1","updated_at":"2026-01-01T00:00:00Z","active_time_seconds":5},"request_id":"r"}`,
		"/issues/i2": `{"data":{"id":"i1","updated_at":"2026-01-01T00:00:00Z","active_time_seconds":9},"request_id":"r"}`,
		"/issues/i3": "404",
		"/issues/i4": `{"data":{"number":4},"request_id":"r-4"}`,
	}})
	first, err := c.Issue(t.Context(), "i1", Ask{})
	if err != nil || first.Key != "i1" || first.UpdatedAt == "" || first.RequestID != "r" || len(first.JSON) == 0 {
		t.Errorf("%+v, %v", first, err)
	}
	if second, err := c.Issue(t.Context(), "i2", Ask{}); err != nil || second.Hash != first.Hash {
		t.Errorf("the clocks are part of the hash: %+v, %v", second, err)
	}
	if _, err := c.Issue(t.Context(), "i3", Ask{}); !errors.Is(err, ErrNotFound) {
		t.Errorf("error %v", err)
	}
	if _, err := c.Issue(t.Context(), "i4", Ask{}); !errors.Is(err, ErrNoKey) || !strings.Contains(err.Error(), "r-4") {
		t.Errorf("error %v", err)
	}
}

func TestIssueExists_anIssueThatIsNotThereIsNoTrouble(t *testing.T) {
	t.Parallel()
	c := newTestClient(t, transport(func(*http.Request) (*http.Response, error) { return response(404, `{"request_id":"r"}`), nil }))
	exists, err := c.IssueExists(t.Context(), "i1", Ask{Trouble: func(tr Trouble) {
		if tr.Err != nil {
			t.Errorf("told of %v", tr.Err)
		}
	}})
	if exists || err != nil {
		t.Errorf("IssueExists = %v, %v, want false and no error", exists, err)
	}
}
