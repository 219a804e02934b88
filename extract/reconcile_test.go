package extract

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// listAPI lists issues by created_at, a few a page.
type listAPI struct {
	created  []time.Time
	limit    int
	maxRange time.Duration
	refuse   func(cursor string) bool // a page cursor
	asked    int
	windows  []string
}

func (a *listAPI) RoundTrip(r *http.Request) (*http.Response, error) {
	a.asked++
	q := r.URL.Query()
	from, err := time.Parse(time.RFC3339, q.Get("start_time"))
	if err != nil {
		return nil, err
	}
	to, err := time.Parse(time.RFC3339, q.Get("end_time"))
	if err != nil {
		return nil, err
	}
	if r.Method != http.MethodGet || r.URL.Path != "/issues" || q.Get("limit") != "999" || to.Sub(from) > a.maxRange {
		return response(400, `{"errors":["range"]}`), nil
	}
	cursor := q.Get("cursor")
	if cursor == "" {
		a.windows = append(a.windows, q.Get("start_time"))
	}
	first := 0
	if cursor != "" {
		text, window, _ := strings.Cut(cursor, "|")
		if window != from.String()+to.String() || a.refuse != nil && a.refuse(cursor) {
			return response(400, `{"errors":["cursor"]}`), nil
		}
		if first, err = strconv.Atoi(text); err != nil {
			return nil, err
		}
	}
	var rows []string
	for n := first; n < len(a.created); n++ {
		c := a.created[n]
		if !c.After(from) || !c.Before(to) {
			continue
		}
		if len(rows) == a.limit {
			return response(200, fmt.Sprintf(`{"data":[%s],"pagination":{"cursor":"%d|%s","has_next_page":true},"request_id":"r"}`,
				strings.Join(rows, ","), n, from.String()+to.String())), nil
		}
		updated := fmt.Sprintf(`,"updated_at":%q`, formatTime(c.Add(time.Hour)))
		if n%7 == 0 {
			updated = ""
		}
		rows = append(rows, fmt.Sprintf(`{"id":"i%d","created_at":%q%s}`, n, formatTime(c), updated))
	}
	if len(rows) == 0 {
		return response(200, `{"request_id":"r"}`), nil
	}
	return response(200, fmt.Sprintf(`{"data":[%s],"request_id":"r"}`, strings.Join(rows, ","))), nil
}

func TestReconcile_seesEveryIssue(t *testing.T) {
	t.Parallel()
	for run := range 20 {
		seed := rand.Uint64()
		synctest.Test(t, func(t *testing.T) {
			advance(time.Until(time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC)))
			r := rand.New(rand.NewPCG(seed, 0))
			api := &listAPI{limit: 1 + r.IntN(5), maxRange: []time.Duration{30 * day, 4 * day, 365 * day}[run%3]}
			if r.IntN(2) == 0 {
				api.refuse = func(string) bool { return r.IntN(20) == 0 }
			}
			for range 200 {
				c := firstWindow().Add(time.Duration(r.Int64N(int64(time.Since(firstWindow())))))
				if r.IntN(3) == 0 {
					c = c.Truncate(day) // on a bound
				}
				api.created = append(api.created, c)
			}
			cfg := testConfig()
			cfg.StartDate = "2022-02-02T02:02:02Z"
			s := NewReconcile(newTestClient(t, api), cfg, Ask{})
			seen, published := make(map[string]bool), make(map[string]bool)
			var cur ReconcileCursor
			end := firstWindow() // of the windows done so far
			for steps := 0; ; steps++ {
				page, err := s.Fetch(t.Context(), cur)
				if err != nil && !badPage(err) || steps > 3000 {
					t.Fatalf("step %d: %v (seed %d)", steps, err, seed)
				}
				if err != nil {
					continue
				}
				if !page.From.Equal(end) || page.From.Truncate(day) != page.From || page.To.Sub(page.From) > api.maxRange {
					t.Fatalf("window %s to %s after %s (seed %d)", page.From, page.To, end, seed)
				}
				for _, key := range page.Seen {
					seen[key] = true
				}
				for _, rec := range page.Records {
					published[rec.Key] = true
				}
				if page.WindowDone {
					end = page.To
				}
				if page.Done != page.Last || page.Done && !page.WindowDone {
					t.Errorf("page %+v", page)
				}
				if cur = page.Next; page.Done {
					break
				}
				if r.IntN(10) == 0 {
					// A crash.
					text, err := json.Marshal(cur)
					if err != nil {
						t.Fatal(err)
					}
					cur = ReconcileCursor{}
					if err := json.Unmarshal(text, &cur); err != nil {
						t.Fatal(err)
					}
					s = NewReconcile(newTestClient(t, api), cfg, Ask{})
				}
			}
			if !end.Equal(time.Now()) || cur != (ReconcileCursor{}) {
				t.Errorf("ended at %s with cursor %+v", end, cur)
			}
			for n, c := range api.created {
				key := fmt.Sprintf("i%d", n)
				if !seen[key] {
					t.Errorf("issue of %s was not seen (seed %d)", c, seed)
				}
				if want := n%7 == 0 || !c.Add(time.Hour).Truncate(time.Second).Before(cfg.Start()); published[key] != want {
					t.Errorf("issue of %s, updated an hour later: published %t, want %t (seed %d)", c, published[key], want, seed)
				}
			}
		})
	}
}

func TestReconcile_asksForOneWindowAtATime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		advance(time.Until(time.Date(2020, 4, 1, 12, 0, 0, 0, time.UTC)))
		api := &listAPI{limit: 10, maxRange: 30 * day}
		s := NewReconcile(newTestClient(t, api), testConfig(), Ask{})
		var cur ReconcileCursor
		for {
			page, err := s.Fetch(t.Context(), cur)
			if err != nil {
				t.Fatal(err)
			}
			if cur = page.Next; page.Done {
				break
			}
		}
		assertEqual(t, "windows", api.windows, []string{"2019-12-31T23:59:59Z", "2020-01-29T23:59:59Z", "2020-02-27T23:59:59Z", "2020-03-27T23:59:59Z"})
		if api.asked != 5 { // 91 days are refused, then 29 at a time
			t.Errorf("%d requests, want 5", api.asked)
		}
		// A cursor that somebody wrote beyond the end is done at once.
		page, err := s.Fetch(t.Context(), ReconcileCursor{Window: time.Now().Add(day), Until: time.Now()})
		if err != nil || !page.Done || api.asked != 5 {
			t.Errorf("%+v, %v", page, err)
		}
	})
}

// A year at a time, where the API allows it: what the hourly list of all issues
// costs is pages, not windows.
func TestReconcile_asksForLongWindows(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		advance(time.Until(time.Date(2026, 4, 1, 12, 0, 0, 0, time.UTC)))
		api := &listAPI{limit: 999, maxRange: 365 * day}
		for n := range 2000 {
			api.created = append(api.created, time.Now().Add(-time.Duration(n)*8*time.Hour))
		}
		reconcile, found := NewReconcile(newTestClient(t, api), testConfig(), Ask{}), 0
		err := fetchAll(func(cur ReconcileCursor) (ReconcileCursor, bool, error) {
			page, err := reconcile.Fetch(t.Context(), cur)
			found += len(page.Seen)
			return page.Next, page.Done, err
		}, ReconcileCursor{})
		if err != nil || found < 2000 || api.asked > 9 {
			t.Errorf("%d issues with %d requests, %v", found, api.asked, err)
		}
	})
}

func TestReconcile_saysWhatTheAPIRefuses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		advance(time.Until(time.Date(2024, 4, 1, 12, 0, 0, 0, time.UTC)))
		api := &listAPI{limit: 1, maxRange: time.Hour}
		s := NewReconcile(newTestClient(t, api), testConfig(), Ask{})
		if _, err := s.Fetch(t.Context(), ReconcileCursor{}); !isStatus(err, 400) || api.asked > 10 {
			t.Errorf("%d requests, error %v", api.asked, err)
		}
		if s.size() != 364*day {
			t.Errorf("the window stays at %s", s.size())
		}
		// A page cursor that is refused for good: anew, then an error, then anew.
		api = &listAPI{limit: 1, maxRange: 30 * day, refuse: func(string) bool { return true }}
		at := time.Date(2024, 3, 1, 0, 0, 0, 0, time.UTC)
		api.created = []time.Time{at.Add(time.Hour), at.Add(2 * time.Hour)}
		s = NewReconcile(newTestClient(t, api), testConfig(), Ask{})
		page, err := s.Fetch(t.Context(), ReconcileCursor{Window: at, Until: at.Add(day)})
		if err != nil || page.Next.Page == "" {
			t.Fatal(page, err)
		}
		var failed []bool
		for range 4 {
			_, err := s.Fetch(t.Context(), page.Next)
			failed = append(failed, err != nil)
		}
		if !slices.Equal(failed, []bool{false, true, false, true}) {
			t.Errorf("failed %v", failed)
		}
	})
}

func FuzzReconcileCursor(f *testing.F) {
	f.Add([]byte(`{"window":"2024-01-01T00:00:00Z","to":"2024-01-30T00:00:00Z","page":"x","until":"2024-04-01T00:00:00Z"}`))
	f.Add([]byte(`{"until":"9999-01-01T00:00:00Z","window":"9998-01-01T00:00:00Z"}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		var cur ReconcileCursor
		if json.Unmarshal(text, &cur) != nil {
			t.Skip()
		}
		synctest.Test(t, func(t *testing.T) {
			c := newTestClient(t, &listAPI{limit: 1, maxRange: 30 * day})
			page, err := NewReconcile(c, testConfig(), Ask{}).Fetch(t.Context(), cur)
			if err != nil {
				t.Fatalf("%s: %v", text, err)
			}
			if !page.Done && !page.Next.Window.After(cur.Window) {
				t.Errorf("%s: the window stays: %+v", text, page.Next)
			}
		})
	})
}
