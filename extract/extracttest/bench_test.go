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
