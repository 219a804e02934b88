package extract

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestClient_readsTheTokenAgainWhenItIsRefused(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "token")
		write := func(text string) {
			t.Helper()
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		write("first\n")
		valid, asked := "first", 0
		cfg := testConfig()
		cfg.APIToken, cfg.APITokenFile = Secret{}, file
		log, text := logBuffer()
		c, err := NewClient(cfg, Options{Logger: log, Transport: transport(func(r *http.Request) (*http.Response, error) {
			asked++
			if r.Header.Get("Authorization") != "Bearer "+valid {
				return response(401, `{"code":"invalid_api_token"}`), nil
			}
			return response(200, `{"request_id":"r"}`), nil
		})})
		if err != nil {
			t.Fatal(err)
		}
		ask := func() error {
			_, err := c.Children(t.Context(), stream(t, "issue_threads"), "i1", Ask{})
			return err
		}
		if err := ask(); err != nil || asked != 1 {
			t.Errorf("%d requests, %v", asked, err)
		}
		valid = "second"
		if err := ask(); !errors.Is(err, ErrUnauthorized) || asked != 2 {
			t.Errorf("the file is as it was: %d requests, %v", asked, err)
		}
		write("second")
		if err := ask(); err != nil || asked != 4 {
			t.Errorf("the file holds another one: %d requests, %v", asked, err)
		}
		valid = "late"
		time.AfterFunc(time.Minute, func() { write("late") })
		if err := ask(); err != nil || asked != 6 {
			t.Errorf("the file is exchanged a minute later: %d requests, %v", asked, err)
		}
		valid = "third"
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
		if err := ask(); !errors.Is(err, ErrUnauthorized) {
			t.Errorf("the file is away: %v", err)
		}
		if !strings.Contains(text.String(), "holds another one") || strings.Contains(text.String(), "second") {
			t.Errorf("log %s", text)
		}
		// Somebody else has read it meanwhile.
		other := NewSecret("fourth")
		refused := c.tokens.current.Swap(&other)
		if !c.tokens.other(t.Context(), refused, log) {
			t.Error("another token was not seen")
		}
	})
}

func TestClient_waitsASecondAfterABare429(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var at []time.Time
		c := newTestClient(t, transport(func(*http.Request) (*http.Response, error) {
			if at = append(at, time.Now()); len(at) < 6 {
				return response(429, `{"code":"rate_limited"}`), nil
			}
			return response(200, `{"request_id":"r"}`), nil
		}))
		c.jitter = func(time.Duration) time.Duration { return 0 } // the worst
		if _, err := c.Children(t.Context(), stream(t, "issue_threads"), "i1", Ask{}); err != nil {
			t.Fatal(err)
		}
		for n, want := 1, time.Second; n < len(at); n, want = n+1, 2*want {
			if got := at[n].Sub(at[n-1]); got != want {
				t.Errorf("waited %s before try %d, want %s", got, n+1, want)
			}
		}
	})
}

func TestClient_namesTheRequestOfEveryFailure(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		status int
		body   string
		want   string
	}{
		"a web page of a proxy":  {502, "<html>", "request h"},
		"the body's comes first": {403, `{"request_id":"b"}`, "request b"},
		"a broken success":       {200, `{"data":[`, "request h"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newTestClient(t, transport(func(*http.Request) (*http.Response, error) {
				return response(tt.status, tt.body, "X-Pylon-Request-Id: h"), nil
			}))
			_, _, err := c.try(t.Context(), request{endpoint: "tags", path: "/tags", stream: new(Stream)}, &effort{}, Secret{})
			if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(tt.want, requestIDOf(err)) {
				t.Errorf("error %v, want %s", err, tt.want)
			}
		})
	}
}

func TestClient_skew(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for _, skew := range []time.Duration{3 * time.Hour, -3 * time.Hour} {
			c := newTestClient(t, transport(func(*http.Request) (*http.Response, error) {
				return response(200, `{"request_id":"r"}`, "Date: "+time.Now().Add(skew).UTC().Format(http.TimeFormat)), nil
			}))
			for page, err := range c.Refresh(t.Context(), stream(t, "tags"), Ask{}) {
				if err != nil {
					t.Fatal(err)
				}
				if want := time.Now().Add(min(0, skew)); !page.Date.Equal(want) || !c.now().Equal(want) {
					t.Errorf("skew %s: page of %s, now %s, want %s", skew, page.Date, c.now(), want)
				}
			}
			if c.Skew() != skew {
				t.Errorf("skew %s, want %s", c.Skew(), skew)
			}
		}
	})
}

func TestClient_usage(t *testing.T) {
	t.Parallel()
	cfg := testConfig()
	cfg.RateLimits = RateLimits{"tags": 7, "teams": 0}
	c, err := NewClient(cfg, Options{Transport: transport(func(*http.Request) (*http.Response, error) {
		return response(200, `{"request_id":"r"}`), nil
	})})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := refreshAll(t.Context(), c, stream(t, "tags")); err != nil {
		t.Fatal(err)
	}
	usage := c.Usage()
	assertEqual(t, "tags", usage["tags"], Usage{Requests: 1, Limit: 7, Remaining: 6})
	assertEqual(t, "teams", usage["teams"], Usage{Remaining: -1})
	if len(usage) != len(Endpoints()) {
		t.Errorf("usage of %d endpoints", len(usage))
	}
}

// A workspace with large issues: pages are cut to what the bound allows.
func TestClient_asksForFewerObjectsWhereAPageIsTooLarge(t *testing.T) {
	t.Parallel()
	const objects = 1500
	size := 40 << 10
	var limits []int
	c := newTestClient(t, transport(func(r *http.Request) (*http.Response, error) {
		limit, _ := strconv.Atoi(r.URL.Query().Get("limit"))
		at, _ := strconv.Atoi(r.URL.Query().Get("cursor")) // 0 for page one
		limits = append(limits, limit)
		var b strings.Builder
		end := min(at+limit, objects)
		fmt.Fprintf(&b, `{"pagination":{"cursor":"%d","has_next_page":%t},"request_id":"r","data":[`, end, end < objects)
		for n := at; n < end; n++ {
			if n > at {
				b.WriteByte(',')
			}
			fmt.Fprintf(&b, `{"id":"%d","text":"%s"}`, n, strings.Repeat("x", size))
		}
		return response(200, b.String()+"]}"), nil
	}))
	read := func() {
		t.Helper()
		keys := make(map[string]int)
		for page, err := range c.Refresh(t.Context(), stream(t, "accounts"), Ask{Prepare: func(*Record) {}}) {
			if err != nil {
				t.Fatal(err)
			}
			for _, rec := range page.Records {
				keys[rec.Key]++
			}
			if page.Doubtful {
				t.Error("doubtful")
			}
		}
		if len(keys) != objects {
			t.Errorf("%d objects, want %d", len(keys), objects)
		}
	}
	read()
	if limits[0] != 999 || limits[1] > 250 || limits[1] < 180 || len(limits) > 10 {
		t.Errorf("asked with limits %v", limits)
	}
	limits, size = nil, 1<<10
	read()
	read()
	if last := limits[len(limits)-1]; last != 999 || limits[0] > 250 {
		t.Errorf("asked with limits %v, want 999 again at last", limits)
	}
}

func TestClient_tellsOfARequestThatHasNoAnswer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		hang := 25 * time.Second
		c := newTestClient(t, transport(func(*http.Request) (*http.Response, error) {
			time.Sleep(hang) //nolint:forbidigo // Moves the bubble's clock.
			return response(200, `{"request_id":"r"}`), nil
		}))
		began := time.Now()
		var told []string
		ask := Ask{Trouble: func(tr Trouble) {
			text := "over"
			if tr.Err != nil {
				text = fmt.Sprintf("since %s: %v", tr.Since.Sub(began), tr.Err)
			}
			told = append(told, fmt.Sprintf("%s %s", time.Since(began), text))
		}}
		if _, err := c.Children(t.Context(), stream(t, "issue_threads"), "i1", ask); err != nil {
			t.Fatal(err)
		}
		if len(told) != 2 || !strings.HasPrefix(told[0], "10s since 0s: GET /issues/i1/threads: no answer") || told[1] != "25s over" {
			t.Errorf("told %q", told)
		}
		told, hang = nil, slowAnswer/2
		if _, err := c.Children(t.Context(), stream(t, "issue_threads"), "i1", ask); err != nil || len(told) > 0 {
			t.Errorf("told %q, %v", told, err)
		}
	})
}
