package extracttest_test

import (
	"io"
	"net/http"
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
