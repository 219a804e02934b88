package extract_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"pylon-kafka/extract"
	"pylon-kafka/extract/extracttest"
)

// sandboxConfig returns settings for a sandbox whose data began at a time.
func sandboxConfig(url string, start time.Time) extract.Config {
	return extract.Config{
		APIToken: extract.NewSecret("secret"), APIURL: url, StartDate: start.UTC().Format("2006-01-02T15:04:05Z"),
		PollInterval: 15 * time.Second, RefreshInterval: time.Hour, ReconcileInterval: time.Hour, SweepInterval: 168 * time.Hour,
		Lookback: 10 * time.Minute, Window: 720 * time.Hour,
	}
}

// content returns the objects by key in the form in which they can be compared.
func content(t *testing.T, stream string, into map[string]string, records []extract.Record) {
	t.Helper()
	for _, rec := range records {
		if rec.Err != nil {
			t.Errorf("%s: %v", stream, rec.Err)
			continue
		}
		text, err := extracttest.Normalize(stream, rec.JSON)
		if err != nil {
			t.Fatal(err)
		}
		into[rec.Key] = string(text)
	}
}

// readIssues reads until the live search has ended.
func readIssues(t *testing.T, issues *extract.Issues, into map[string]string) {
	t.Helper()
	var cur extract.IssuesCursor
	for {
		page, err := issues.Fetch(t.Context(), cur)
		if err != nil {
			t.Fatal(err)
		}
		content(t, "issues", into, page.Records)
		if cur = page.Next; page.CaughtUp {
			return
		}
	}
}

// Every stream over real HTTP, with every kind of fault, against the truth.
func TestSandbox_isReadWhole(t *testing.T) {
	t.Parallel()
	for _, bounds := range []extracttest.Bounds{extracttest.BoundsInclusive, extracttest.BoundsExclusive} {
		t.Run(string(bounds), func(t *testing.T) {
			t.Parallel()
			start := time.Now().Add(-100 * 24 * time.Hour)
			server := extracttest.NewServer(t, extracttest.Options{
				Issues: 60, Accounts: 1500, Articles: 20, MessagesPerIssue: 6, ThreadsPerIssue: 2, Mistyped: 9, NoUpdatedAt: 7,
				Start: start, Bounds: bounds, Limits: map[string]int{"*": 0}, MaxSearchRange: 30 * 24 * time.Hour,
			})
			api := server.API
			cfg := sandboxConfig(server.URL, start.Add(-time.Hour))
			cfg.RateLimits = extract.RateLimits{"*": 0}
			c, err := extract.NewClient(cfg, extract.Options{})
			if err != nil {
				t.Fatal(err)
			}
			api.Fail(
				extracttest.Fault{Endpoint: "accounts", Skip: 1, Drop: true},
				extracttest.Fault{Endpoint: "tags", Truncate: true},
				extracttest.Fault{Endpoint: "teams", Malformed: true},
				extracttest.Fault{Endpoint: "users", HTML: true},
				extracttest.Fault{Endpoint: "ticket_forms", Status: 503},
				extracttest.Fault{Endpoint: "user_roles", Empty: true},
				extracttest.Fault{Endpoint: "custom_fields", Skip: 3, DropAfterHeaders: true},
				extracttest.Fault{Endpoint: "knowledge_base_articles", NoData: true},
				extracttest.Fault{Endpoint: "issues_search", NoData: true},
				extracttest.Fault{Endpoint: "issues_search", Skip: 1, RefuseRange: true},
				extracttest.Fault{Endpoint: "issue_messages", Skip: 5, Truncate: true, Count: 2},
				extracttest.Fault{Endpoint: "issue_threads", Skip: 5, Drop: true},
				extracttest.Fault{Endpoint: "issues_list", Malformed: true},
			)

			issues := make(map[string]string)
			readIssues(t, extract.NewIssues(c, cfg, extract.Ask{}), issues)
			swept := make(map[string]string)
			sweep := extract.NewReconcile(c, cfg, extract.Ask{})
			for cur := (extract.ReconcileCursor{Window: start.Truncate(24 * time.Hour), Until: time.Now().Add(time.Minute)}); ; {
				page, err := sweep.Fetch(t.Context(), cur)
				if err != nil {
					t.Fatal(err)
				}
				content(t, "issues", swept, page.Records)
				if cur = page.Next; page.Done {
					break
				}
			}

			for _, s := range extract.Streams() {
				got := make(map[string]string)
				switch s.Sync {
				case extract.SyncFull:
					last := false
					for page, err := range c.Refresh(t.Context(), s, extract.Ask{}) {
						if err != nil {
							t.Fatal(err)
						}
						content(t, s.Name, got, page.Records)
						if last {
							t.Errorf("%s: a page after the last one", s.Name)
						}
						last = page.Last
					}
					if !last {
						t.Errorf("%s: no last page", s.Name)
					}
				case extract.SyncIssues:
					got = issues
				case extract.SyncChildren:
					for id := range issues {
						records, err := c.Children(t.Context(), s, id, extract.Ask{Priority: extract.Foreground})
						if err != nil {
							t.Fatal(err)
						}
						content(t, s.Name, got, records)
					}
				}
				want := make(map[string]string)
				for key, object := range api.Objects(s.Name) {
					text, err := extracttest.Normalize(s.Name, object)
					if err != nil {
						t.Fatal(err)
					}
					want[key] = string(text)
				}
				if len(want) == 0 {
					t.Errorf("%s: the sandbox holds nothing", s.Name)
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%s (-sandbox +read):\n%.2000s", s.Name, diff)
				}
				if s.Sync == extract.SyncIssues {
					if diff := cmp.Diff(want, swept); diff != "" {
						t.Errorf("sweep (-sandbox +read):\n%.2000s", diff)
					}
				}
			}
			if n := api.FaultsLeft(); n > 0 {
				t.Errorf("%d faults did not happen", n)
			}
			if v := api.Violations(); len(v) > 0 {
				t.Errorf("the API would not like %v", v)
			}
			sent, received := c.Usage(), api.Requests()
			for endpoint, n := range received {
				if sent[endpoint].Requests != int64(n) {
					t.Errorf("%s: %d requests counted, %d received", endpoint, sent[endpoint].Requests, n)
				}
			}
		})
	}
}

// The hash of an object must not depend on when it was read.
func TestSandbox_hashesStandStill(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		start := time.Now().Add(-50 * 24 * time.Hour)
		api := extracttest.New(extracttest.Options{Issues: 200, Start: start, Limits: map[string]int{"*": 0}})
		cfg := sandboxConfig("https://sandbox.example", start)
		cfg.RateLimits = extract.RateLimits{"*": 0}
		c, err := extract.NewClient(cfg, extract.Options{Transport: api.Transport()})
		if err != nil {
			t.Fatal(err)
		}
		read := func() (hashes map[string]uint64, ids []string) {
			hashes = make(map[string]uint64)
			var cur extract.IssuesCursor
			issues := extract.NewIssues(c, cfg, extract.Ask{})
			for caughtUp := false; !caughtUp; {
				page, err := issues.Fetch(t.Context(), cur)
				if err != nil {
					t.Fatal(err)
				}
				for _, rec := range page.Records {
					hashes["issues/"+rec.Key] = rec.Hash
					ids = append(ids, rec.Key)
				}
				cur, caughtUp = page.Next, page.CaughtUp
			}
			slices.Sort(ids)
			ids = slices.Compact(ids)
			for _, s := range extract.Streams() {
				switch s.Sync {
				case extract.SyncFull:
					for page, err := range c.Refresh(t.Context(), s, extract.Ask{}) {
						if err != nil {
							t.Fatal(err)
						}
						for _, rec := range page.Records {
							hashes[s.Name+"/"+rec.Key] = rec.Hash
						}
					}
				case extract.SyncChildren:
					for _, id := range ids {
						records, err := c.Children(t.Context(), s, id, extract.Ask{Priority: extract.Foreground})
						if err != nil {
							t.Fatal(err)
						}
						for _, rec := range records {
							hashes[s.Name+"/"+rec.Key] = rec.Hash
						}
					}
				case extract.SyncIssues:
				}
			}
			return hashes, ids
		}
		before, ids := read()
		wait(t.Context(), 3*time.Hour) // clocks move, URLs are signed anew
		if err := api.UpdateIssue(ids[0], extracttest.IssueChange{Title: "changed"}); err != nil {
			t.Fatal(err)
		}
		after, _ := read()
		var changed []string
		for key, hash := range after {
			if before[key] != hash {
				changed = append(changed, key)
			}
		}
		if diff := cmp.Diff([]string{"issues/" + ids[0]}, changed); diff != "" || len(before) < 500 {
			t.Errorf("of %d objects these have a new hash (-want +got):\n%s", len(before), diff)
		}
	})
}

// wait lets time pass in a synctest bubble.
func wait(ctx context.Context, d time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	<-ctx.Done()
}

// With the documented limits the sandbox never answers 429, and the budget is
// used: of children at 300 ms a request, and by the backfill.
func TestSandbox_limitsAreUsedAndKept(t *testing.T) {
	t.Parallel()
	for _, window := range []extracttest.LimitWindow{extracttest.LimitSliding, extracttest.LimitAligned} {
		t.Run(string(window), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				start := time.Now().Add(-90 * 24 * time.Hour)
				api := extracttest.New(extracttest.Options{
					Issues: 200, MessagesPerIssue: 1, Start: start, LimitWindow: window, Latency: 300 * time.Millisecond,
				})
				cfg := sandboxConfig("https://sandbox.example", start)
				c, err := extract.NewClient(cfg, extract.Options{Transport: api.Transport()})
				if err != nil {
					t.Fatal(err)
				}
				const minutes = 10
				ctx, cancel := context.WithTimeout(t.Context(), minutes*time.Minute)
				defer cancel()
				messages, _ := extract.Find("issue_messages")
				var wg sync.WaitGroup
				for n := range 4 {
					wg.Go(func() {
						for index := n; ctx.Err() == nil; index = (index + 4) % 200 {
							if _, err := c.Children(ctx, messages, api.IssueID(index), extract.Ask{Priority: extract.Background}); err != nil && !errors.Is(err, context.DeadlineExceeded) {
								t.Error(err)
								return
							}
						}
					})
				}
				wg.Go(func() {
					// A new message every 15 seconds must not wait.
					for wait(ctx, 15*time.Second); ctx.Err() == nil; wait(ctx, 15*time.Second) {
						began := time.Now()
						if _, err := c.Children(ctx, messages, api.IssueID(1), extract.Ask{Priority: extract.Foreground}); err != nil && ctx.Err() == nil {
							t.Error(err)
						}
						if took := time.Since(began); took > time.Second {
							t.Errorf("a foreground request took %s", took)
						}
					}
				})
				wg.Go(func() {
					for ctx.Err() == nil {
						issues := extract.NewIssues(c, cfg, extract.Ask{})
						var cur extract.IssuesCursor
						for caughtUp := false; !caughtUp && ctx.Err() == nil; {
							page, err := issues.Fetch(ctx, cur)
							if err != nil && ctx.Err() == nil {
								t.Error(err)
								return
							}
							cur, caughtUp = page.Next, page.CaughtUp
						}
					}
				})
				wg.Wait()
				for _, endpoint := range []string{"issue_messages", "issues_search"} {
					share := float64(api.Requests()[endpoint]) / (minutes * 120)
					t.Logf("%s: %.1f %% of the budget", endpoint, 100*share)
					if share < 0.95 {
						t.Errorf("%s: only %.1f %% of the budget", endpoint, 100*share)
					}
				}
				if n := api.Rejected(); n > 0 {
					t.Errorf("%d requests were rejected", n)
				}
			})
		})
	}
}
