package extracttest_test

import (
	"io"
	"net/http"
	"slices"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"pylon-kafka/extract/extracttest"
)

// What was recorded of the live API: remaining stays one below the limit while
// requests come no faster than the bucket is filled.
func TestLimits_bucketIsFilledAllTheTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		// A limit of 120 gains a token every half second.
		var times []time.Duration
		for n := range 125 { // at once: 120 of them pass
			times = append(times, time.Duration(n)*time.Microsecond)
		}
		times = append(times, time.Second, 1001*time.Millisecond, 1002*time.Millisecond, 90*time.Second, 91*time.Second, 91500*time.Millisecond)
		got, headers, api := requestsAt(t, extracttest.Options{LimitWindow: extracttest.LimitBucket, Issues: 1}, "/issues/1/messages", times)
		for n, status := range got[:125] {
			if want := 200 + 229*(n/120); status != want {
				t.Fatalf("request %d of those at once: %d, want %d", n, status, want)
			}
		}
		if got := headers[124].Get("X-Retry-After"); got != "1" {
			t.Errorf("X-Retry-After is %q, want 1: the next token comes within a second", got)
		}
		if diff := cmp.Diff([]int{200, 200, 429, 200, 200, 200}, got[125:]); diff != "" {
			t.Errorf("later: %s", diff)
		}
		var remaining []string
		for _, n := range []int{0, 1, 119, 128, 129, 130} {
			remaining = append(remaining, headers[n].Get("X-Rate-Limit-Remaining"))
		}
		if diff := cmp.Diff([]string{"119", "118", "0", "119", "119", "119"}, remaining); diff != "" {
			t.Errorf("remaining: %s", diff)
		}
		if api.Rejected() != 6 {
			t.Errorf("%d rejected", api.Rejected())
		}
	})
}

// FirstPass is compared with a reader that asks for all messages as fast as the
// sandbox lets it.
func TestFirstPass_isWhatTheLimitsTake(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		window extracttest.LimitWindow
		issues int
		want   time.Duration
	}{
		{extracttest.LimitSliding, 1000, 8 * time.Minute},
		{extracttest.LimitSliding, 120, 0},
		{extracttest.LimitSliding, 121, time.Minute},
		{extracttest.LimitBucket, 1000, 440 * time.Second},
	} {
		t.Run(string(tt.window)+" "+strconv.Itoa(tt.issues), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				api := extracttest.New(extracttest.Options{Issues: tt.issues, LimitWindow: tt.window})
				client := &http.Client{Transport: api.Transport()}
				begin := time.Now()
				for index := 0; index < tt.issues; {
					status, after := getStatus(t, client, "http://sandbox/issues/"+api.IssueID(index)+"/messages")
					if status == http.StatusOK {
						index++
						continue
					}
					time.Sleep(after) //nolint:forbidigo // moves the bubble's clock
				}
				took := time.Since(begin)
				got, endpoint, n := api.FirstPass()
				if got != tt.want || tt.want > 0 && (endpoint != "issue_messages" || n != tt.issues) {
					t.Errorf("FirstPass is %v for %d requests of %s, want %v", got, n, endpoint, tt.want)
				}
				if took < got || took > got+time.Second {
					t.Errorf("reading took %v, FirstPass says %v", took, got)
				}
			})
		})
	}
	if d, _, _ := extracttest.New(extracttest.Options{Issues: 1000, Limits: noLimits()}).FirstPass(); d != 0 {
		t.Errorf("without limits FirstPass is %v", d)
	}
}

// getStatus returns the status and how long a 429 says to wait.
func getStatus(tb testing.TB, client *http.Client, url string) (status int, after time.Duration) {
	tb.Helper()
	req, err := http.NewRequestWithContext(tb.Context(), http.MethodGet, url, nil)
	check(tb, err)
	req.Header.Set("Authorization", "Bearer x")
	resp, err := client.Do(req)
	check(tb, err)
	defer func() { _ = resp.Body.Close() }()
	_, err = io.Copy(io.Discard, resp.Body)
	check(tb, err)
	seconds, _ := strconv.Atoi(resp.Header.Get("X-Retry-After")) // absent on a 200
	return resp.StatusCode, time.Duration(seconds) * time.Second
}

// requestsAt sends a request at each of the times after the start, in a bubble,
// and returns the answers' statuses and headers.
func requestsAt(t *testing.T, opts extracttest.Options, path string, times []time.Duration) (statuses []int, headers []http.Header, api *extracttest.API) {
	t.Helper()
	api = extracttest.New(opts)
	client := &http.Client{Transport: api.Transport()}
	begin := time.Now()
	for _, at := range times {
		time.Sleep(at - time.Since(begin)) //nolint:forbidigo // moves the bubble's clock
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://sandbox"+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer x")
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadAll(resp.Body); err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		statuses, headers = append(statuses, resp.StatusCode), append(headers, resp.Header)
	}
	return statuses, headers, api
}

func TestLimits_windows(t *testing.T) {
	t.Parallel()
	const s = time.Second
	for _, tt := range []struct {
		name   string
		window extracttest.LimitWindow
		times  []time.Duration // the bubble starts at a whole minute
		want   []int
	}{
		{"sliding", extracttest.LimitSliding, []time.Duration{50 * s, 51 * s, 61 * s, 109 * s, 110 * s, 110 * s, 111 * s}, []int{200, 200, 429, 429, 200, 429, 200}},
		{"aligned", extracttest.LimitAligned, []time.Duration{50 * s, 51 * s, 59 * s, 60 * s, 61 * s, 62 * s}, []int{200, 200, 429, 200, 200, 429}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				opts := extracttest.Options{LimitWindow: tt.window, Limits: map[string]int{"tags": 2}}
				got, _, api := requestsAt(t, opts, "/tags", tt.times)
				if diff := cmp.Diff(tt.want, got); diff != "" {
					t.Error(diff)
				}
				rejected := len(tt.want) - len(slices.DeleteFunc(slices.Clone(tt.want), func(s int) bool { return s == 429 }))
				if api.Rejected() != rejected || api.Requests()["tags"] != len(tt.times) {
					t.Errorf("rejected %d of %v", api.Rejected(), api.Requests())
				}
			})
		})
	}
}

func TestLimits_documentedTiers(t *testing.T) {
	t.Parallel()
	for path, limit := range map[string]int{
		"/issues/1": 300, "/issues/1/messages": 120, "/issues/1/threads": 120, "/activity-types": 30, "/issue-statuses": 30,
		"/accounts": 300, "/me": 300, "/issues?start_time=2026-05-01T00:00:00Z&end_time=2026-05-02T00:00:00Z": 30,
	} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				got, headers, _ := requestsAt(t, extracttest.Options{Accounts: 1, Issues: 1}, path, make([]time.Duration, limit+1))
				if got[limit-1] != 200 || got[limit] != 429 {
					t.Errorf("the last answers are %v", got[limit-1:])
				}
				if x, y := headers[0].Get("X-Rate-Limit-Remaining"), headers[limit-1].Get("X-Rate-Limit-Remaining"); x != strconv.Itoa(limit-1) || y != "0" {
					t.Errorf("remaining from %s to %s", x, y)
				}
			})
		})
	}
}

func TestLimits_offAndByDefault(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		got, headers, _ := requestsAt(t, extracttest.Options{Limits: noLimits()}, "/issue-statuses", make([]time.Duration, 400))
		if got[399] != 200 || headers[399].Get("X-Rate-Limit-Remaining") != "" {
			t.Errorf("limits that are off answer %d, %v", got[399], headers[399])
		}
		got, _, _ = requestsAt(t, extracttest.Options{Limits: map[string]int{"*": 1, "tags": 2}}, "/tags", make([]time.Duration, 3))
		if diff := cmp.Diff([]int{200, 200, 429}, got); diff != "" {
			t.Error(diff)
		}
	})
}

func TestLimits_retryAfter(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		form              extracttest.RetryAfter
		standard, ofPylon string
	}{
		{"", "", "43"},
		{extracttest.RetryAfterSeconds, "43", ""},
		{extracttest.RetryAfterBoth, "43", "43"},
		{extracttest.RetryAfterDate, "Mon, 04 May 2026 03:03:02 GMT", ""},
		{extracttest.RetryAfterNone, "", ""},
	} {
		t.Run(string(tt.form), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				opts := extracttest.Options{Now: now, RetryAfter: tt.form, Limits: map[string]int{"me": 1}}
				got, headers, _ := requestsAt(t, opts, "/me", []time.Duration{0, 17500 * time.Millisecond})
				h := headers[1]
				if got[1] != 429 || h.Get("Retry-After") != tt.standard || h.Get("X-Retry-After") != tt.ofPylon {
					t.Errorf("%d, Retry-After %q, X-Retry-After %q", got[1], h.Get("Retry-After"), h.Get("X-Retry-After"))
				}
			})
		})
	}
}
