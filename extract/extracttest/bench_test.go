package extracttest_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"pylon-kafka/extract/extracttest"
)

// BenchmarkSearchPage serves pages of 999 issues one after the other, without
// and with a connection.
func BenchmarkSearchPage(b *testing.B) {
	opts := extracttest.Options{Issues: 100_000, Limits: map[string]int{"*": 0}}
	long := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	b.Run("handler", func(b *testing.B) {
		benchmarkSearch(b, "http://sandbox", extracttest.New(opts).Transport(), long)
	})
	b.Run("http", func(b *testing.B) {
		benchmarkSearch(b, extracttest.NewServer(b, opts).URL, http.DefaultTransport, long)
	})
}

func benchmarkSearch(b *testing.B, url string, transport http.RoundTripper, after time.Time) {
	b.Helper()
	client := &http.Client{Transport: transport}
	at := after.Format(time.RFC3339)
	body := `{"limit":999,"filter":{"operator":"or","subfilters":[` +
		`{"field":"updated_at","operator":"time_is_after","value":"` + at + `"},` +
		`{"field":"latest_message_activity_at","operator":"time_is_after","value":"` + at + `"}]}}`
	b.ReportAllocs()
	var bytes int64
	issues := 0
	for b.Loop() {
		req, err := http.NewRequestWithContext(b.Context(), http.MethodPost, url+"/issues/search", strings.NewReader(body))
		if err != nil {
			b.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer secret")
		resp, err := client.Do(req)
		if err != nil {
			b.Fatal(err)
		}
		n, err := io.Copy(io.Discard, resp.Body)
		if err != nil || resp.StatusCode != http.StatusOK {
			b.Fatal(resp.Status, err)
		}
		bytes += n
		issues += 999
		_ = resp.Body.Close()
	}
	b.ReportMetric(float64(issues)/b.Elapsed().Seconds(), "issues/s")
	b.ReportMetric(float64(bytes)/float64(issues), "bytes/issue")
}

// BenchmarkPoll searches a million issues for the last ten minutes' changes.
func BenchmarkPoll(b *testing.B) {
	api := extracttest.New(extracttest.Options{Issues: 1_000_000, Limits: map[string]int{"*": 0}})
	for i := range 999 {
		if err := api.UpdateIssue(api.IssueID(i*997), extracttest.IssueChange{}); err != nil {
			b.Fatal(err)
		}
	}
	benchmarkSearch(b, "http://sandbox", api.Transport(), api.Now().Add(-10*time.Minute))
}

// BenchmarkIssue makes the JSON of one issue after the other. An issue may cost
// at most 10 µs.
func BenchmarkIssue(b *testing.B) {
	for name, size := range map[string]int{"default": 0, "7400_bytes": 7400} {
		b.Run(name, func(b *testing.B) {
			api := extracttest.New(extracttest.Options{Issues: 10_000, IssueBytes: size})
			ids := make([]string, 10_000)
			for i := range ids {
				ids[i] = api.IssueID(i)
			}
			b.ReportAllocs()
			bytes, n := 0, 0
			for b.Loop() {
				object, ok := api.Object("issues", ids[n%len(ids)])
				if !ok {
					b.Fatal("an issue is not there")
				}
				bytes += len(object)
				n++
			}
			b.ReportMetric(float64(bytes)/float64(n), "bytes/issue")
		})
	}
}
