package extract

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// issuesAgainst returns a reader of issues against a fake with some issues.
func issuesAgainst(t *testing.T, opts searchOptions, change func(*Config)) (*Issues, *sandboxSearch, Config) {
	t.Helper()
	cfg := testConfig()
	cfg.StartDate = formatTime(time.Now().Add(-100 * day))
	if change != nil {
		change(&cfg)
	}
	if opts.limit == 0 {
		opts.limit = 999
	}
	api := newSandboxSearch(t, opts, rand.New(rand.NewPCG(1, 1)))
	for n := range 10 {
		api.create(time.Now().UTC().Add(-time.Duration(n*9) * day))
	}
	return NewIssues(newTestClient(t, api), cfg, Ask{}), api, cfg
}

// catchUp reads until the live search has ended and returns all pages.
func catchUp(t *testing.T, i *Issues, cur IssuesCursor) []IssuesPage {
	t.Helper()
	var pages []IssuesPage
	for len(pages) < 1000 {
		page, err := i.Fetch(t.Context(), cur)
		if err != nil {
			t.Fatal(err)
		}
		pages = append(pages, page)
		if page.CaughtUp {
			return pages
		}
		cur = page.Next
	}
	t.Fatal("never caught up")
	return nil
}

// cursorText returns what of a cursor is committed.
func cursorText(t *testing.T, cur IssuesCursor) string {
	t.Helper()
	text, err := json.Marshal(cur)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestIssues_backfillThenPoll(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i, api, cfg := issuesAgainst(t, searchOptions{}, nil)
		began := time.Now().UTC()
		pages := catchUp(t, i, IssuesCursor{})
		var got []string
		for _, p := range pages {
			got = append(got, p.Origin)
		}
		assertEqual(t, "origins", got, []string{OriginBackfill, OriginBackfill, OriginBackfill, OriginBackfill, OriginPoll})
		month := 30*day - 2*time.Second
		assertEqual(t, "cursor in the backfill", cursorText(t, pages[0].Next), cursorText(t, IssuesCursor{From: cfg.Start().Add(month), To: cfg.Start().Add(2 * month), Live: began}))
		assertEqual(t, "cursor after it", cursorText(t, pages[4].Next), cursorText(t, IssuesCursor{From: began}))
		// The range that is asked for is not longer than the 30 days that the API may insist on.
		assertEqual(t, "first search", api.log[0], `{"operator":"and","subfilters":[`+
			`{"field":"updated_at","operator":"time_is_after","value":"`+formatTime(cfg.Start().Add(-time.Second))+`"},`+
			`{"field":"updated_at","operator":"time_is_before","value":"`+formatTime(cfg.Start().Add(30*day-time.Second))+`"}]}`)
		after := formatTime(began.Add(-10*time.Minute - time.Second))
		assertEqual(t, "live search", api.log[4], `{"operator":"or","subfilters":[`+
			`{"field":"updated_at","operator":"time_is_after","value":"`+after+`"},`+
			`{"field":"latest_message_activity_at","operator":"time_is_after","value":"`+after+`"}]}`)

		// A quiet account: one request a poll, and the cursor moves on.
		cur := pages[4].Next
		for n := range 3 {
			advance(15 * time.Second)
			page, err := i.Fetch(t.Context(), cur)
			if err != nil || !page.CaughtUp {
				t.Fatal(page, err)
			}
			cur = page.Next
			assertEqual(t, "cursor of an empty poll", cursorText(t, cur), cursorText(t, IssuesCursor{From: began.Add(time.Duration(n+1) * 15 * time.Second)}))
		}
		if len(api.log) != 8 {
			t.Errorf("%d searches, want 8", len(api.log))
		}
		// After a long pause the search is live, unless it is too long for one range.
		advance(10 * day)
		if page, err := i.Fetch(t.Context(), cur); err != nil || page.Origin != OriginPoll {
			t.Errorf("origin %s, %v", page.Origin, err)
		}
		advance(30 * day)
		if page, err := i.Fetch(t.Context(), cur); err != nil || page.Origin != OriginBackfill {
			t.Errorf("origin %s, %v", page.Origin, err)
		}
	})
}

func TestIssues_neverAskForWhatIsBeforeTheStartDate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i, api, cfg := issuesAgainst(t, searchOptions{}, func(c *Config) { c.StartDate = formatTime(time.Now().Add(-time.Minute)) })
		pages := catchUp(t, i, IssuesCursor{})
		catchUp(t, i, pages[len(pages)-1].Next)
		catchUp(t, i, IssuesCursor{From: cfg.Start().Add(-day), To: cfg.Start(), Page: "x", Live: cfg.Start()})
		limit := formatTime(cfg.Start().Add(-time.Second))
		for _, search := range api.log {
			if !strings.Contains(search, limit) {
				t.Errorf("search %s does not begin at %s", search, limit)
			}
		}
	})
}

func TestIssues_halveARangeThatIsRefused(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i, api, _ := issuesAgainst(t, searchOptions{maxRange: 10 * day}, nil)
		pages := catchUp(t, i, IssuesCursor{})
		// 30 days, 15, 7.5; from then on as long as what was accepted.
		windows := 0
		for _, p := range pages {
			if p.Origin == OriginBackfill {
				windows++
			}
		}
		if windows != 14 || len(api.log) != windows+3 {
			t.Errorf("%d windows, %d searches; want 14 and 17", windows, len(api.log))
		}
		var keys []string
		for _, p := range pages {
			keys = append(keys, keysOf(p.Records)...)
		}
		slices.Sort(keys)
		if n := len(slices.Compact(keys)); n != 10 {
			t.Errorf("%d issues read, want 10", n)
		}
	})
}

func TestIssues_refusalOfSmallRangesIsAnError(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i, api, _ := issuesAgainst(t, searchOptions{maxRange: time.Minute}, nil)
		_, err := i.Fetch(t.Context(), IssuesCursor{})
		if !isStatus(err, http.StatusBadRequest) || len(api.log) > 20 {
			t.Errorf("%d requests, error %v", len(api.log), err)
		}
		// That the API refused everything does not make the windows small for ever.
		if i.size() != 30*day-2*time.Second {
			t.Errorf("window %s", i.size())
		}
		// The live search likewise.
		_, err = i.Fetch(t.Context(), IssuesCursor{From: time.Now().UTC().Add(-30 * time.Minute)})
		if !isStatus(err, http.StatusBadRequest) || i.form != formBest {
			t.Errorf("error %v, form %d", err, i.form)
		}
	})
}

func TestIssues_searchByUpdateAloneWhereActivityIsRefused(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i, api, _ := issuesAgainst(t, searchOptions{noActivity: true, limit: 2}, func(c *Config) { c.Lookback = 25 * day })
		log, text := logBuffer()
		i.c.log = log
		pages := catchUp(t, i, IssuesCursor{})
		pages = append(pages, catchUp(t, i, pages[len(pages)-1].Next)...)
		if n := strings.Count(text.String(), "level=ERROR"); n != 1 {
			t.Errorf("%d loud words about it, want 1:\n%s", n, text)
		}
		refused := 0
		for _, search := range api.log {
			if strings.Contains(search, "latest_message_activity_at") {
				refused++
			}
		}
		if refused != 1 {
			t.Errorf("%d searches by activity, want 1", refused)
		}
		if last := pages[len(pages)-1]; last.Next.From.IsZero() || !last.CaughtUp {
			t.Errorf("last page %+v", last)
		}
	})
}

func TestIssues_goOnAtThePageAfterARestart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i, api, _ := issuesAgainst(t, searchOptions{limit: 1}, nil)
		var cur IssuesCursor
		for cur.Page == "" {
			page, err := i.Fetch(t.Context(), cur)
			if err != nil {
				t.Fatal(err)
			}
			cur = page.Next
		}
		text, err := json.Marshal(cur)
		if err != nil {
			t.Fatal(err)
		}
		var after IssuesCursor
		if err := json.Unmarshal(text, &after); err != nil {
			t.Fatal(err)
		}
		searches := len(api.log)
		page, err := i.Fetch(t.Context(), after)
		if err != nil || len(api.log) != searches {
			t.Errorf("the window began anew: %v", err)
		}
		if len(page.Records) != 1 || page.Origin != OriginBackfill {
			t.Errorf("page %+v", page)
		}
		// A page cursor that nobody can read any more restarts the window, once.
		after.Page = "expired"
		page, err = i.Fetch(t.Context(), after)
		if err != nil || len(api.log) != searches+1 || page.Next.From != cur.From {
			t.Errorf("searches %d, page %+v, error %v", len(api.log)-searches, page, err)
		}
		if _, err = i.Fetch(t.Context(), after); !isStatus(err, 400) || !errors.Is(err, ErrImpossible) {
			t.Errorf("the same cursor fails again: error %v, want the refusal, for others to see", err)
		}
		if _, err = i.Fetch(t.Context(), after); err != nil {
			t.Errorf("and then: %v, want to begin anew once more", err)
		}
	})
}

func TestIssues_followAClockThatJumps(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i, api, _ := issuesAgainst(t, searchOptions{}, nil)
		log, text := logBuffer()
		i.c.log = log
		pages := catchUp(t, i, IssuesCursor{})
		cur := pages[len(pages)-1].Next
		poll := func() []string {
			t.Helper()
			advance(15 * time.Second)
			page, err := i.Fetch(t.Context(), cur)
			if err != nil || !page.CaughtUp {
				t.Fatal(page, err)
			}
			cur = page.Next
			return keysOf(page.Records)
		}
		poll()
		was := cur.From
		api.setSkew(-5 * time.Minute) // within the lookback
		api.update(3)
		// Issue 0 was made within the lookback.
		assertEqual(t, "small jump", poll(), []string{api.issues[0].id, api.issues[3].id})
		if !cur.From.Equal(was) || text.Len() > 0 {
			t.Errorf("cursor %s after %s; log %s", cur.From, was, text)
		}
		api.setSkew(-2 * time.Hour)
		api.update(4)
		poll() // does not find it, and notices the clock
		if !strings.Contains(text.String(), "clock") {
			t.Errorf("nothing said of the clock: %s", text)
		}
		if found := poll(); !slices.Contains(found, api.issues[4].id) {
			t.Errorf("found %v, want the issue that was updated after the jump", found)
		}
		api.setSkew(0)
		api.update(5)
		if found := poll(); !slices.Contains(found, api.issues[5].id) {
			t.Errorf("found %v after the clock was right again", found)
		}
	})
}

func FuzzIssuesCursor(f *testing.F) {
	for _, seed := range []string{
		`{}`, `{"from":"1999-12-01T00:00:00Z"}`, `{"from":"1999-12-01T00:00:00Z","to":"1999-12-31T00:00:00Z","page":"x","live":"2000-01-01T00:00:00Z"}`,
		`{"from":"9999-12-31T23:59:59Z"}`, `{"from":"0001-01-01T00:00:00Z","to":"9999-01-01T00:00:00Z","live":"1000-01-01T00:00:00Z"}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var cur IssuesCursor
		if json.Unmarshal(text, &cur) != nil {
			t.Skip()
		}
		synctest.Test(t, func(t *testing.T) {
			i, _, _ := issuesAgainst(t, searchOptions{}, nil)
			// Whatever somebody wrote, the read arrives in the present within a few pages, or says what is wrong.
			for n := 0; ; n++ {
				page, err := i.Fetch(t.Context(), cur)
				if err != nil {
					t.Fatalf("%s: %v", text, err)
				}
				if cur = page.Next; page.CaughtUp {
					break
				}
				if n > 50 {
					t.Fatalf("%s: still at %+v", text, cur)
				}
			}
			if behind := time.Since(cur.From); behind < 0 && -behind > 10*time.Minute {
				t.Errorf("%s: the cursor is in the future: %s", text, cur.From)
			}
		})
	})
}
