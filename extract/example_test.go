package extract_test

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"time"

	"pylon-kafka/extract"
	"pylon-kafka/extract/extracttest"
)

// example returns a client of a sandbox.
func example(api *extracttest.API) (*extract.Client, extract.Config, func()) {
	server := httptest.NewServer(api)
	cfg := extract.Config{
		APIToken: extract.NewSecret("secret"), APIURL: server.URL, StartDate: "2024-01-01T00:00:00Z",
		Lookback: 10 * time.Minute, Window: 720 * time.Hour,
	}
	client, err := extract.NewClient(cfg, extract.Options{})
	if err != nil {
		panic(err)
	}
	return client, cfg, server.Close
}

// A whole list, page by page. A record is given to Prepare while its page is
// decoded, so that the raw JSON lives for one record.
func ExampleClient_Refresh() {
	client, _, stop := example(extracttest.New(extracttest.Options{Tags: 3}))
	defer stop()
	tags, _ := extract.Find("tags")
	ask := extract.Ask{
		Patience: time.Minute,
		Prepare:  func(r *extract.Record) { r.Prepared = len(r.JSON) > 0 },
	}
	for page, err := range client.Refresh(context.Background(), tags, ask) {
		if err != nil {
			fmt.Println(err)
			return
		}
		for _, r := range page.Records {
			fmt.Println(r.Key != "", r.JSON == nil, r.Prepared)
		}
		fmt.Println("complete:", page.Last && !page.Doubtful && len(page.Unread) == 0)
	}
	// Output:
	// true true true
	// true true true
	// true true true
	// complete: true
}

// The issues from the start date to now, and then what changes.
func ExampleIssues() {
	now := time.Now()
	client, cfg, stop := example(extracttest.New(extracttest.Options{Issues: 5, Start: now.Add(-50 * 24 * time.Hour), Now: now}))
	defer stop()
	cfg.StartDate = now.Add(-51 * 24 * time.Hour).UTC().Format("2006-01-02T15:04:05Z")
	issues := extract.NewIssues(client, cfg, extract.Ask{})
	seen := make(map[string]bool)
	for cursor := (extract.IssuesCursor{}); ; { // the zero cursor, or the JSON of the last one that was committed
		page, err := issues.Fetch(context.Background(), cursor)
		if err != nil {
			fmt.Println(err)
			return
		}
		for _, r := range page.Records {
			seen[r.Key] = true
		}
		cursor = page.Next // to be committed with the records
		if page.CaughtUp {
			break // wait for the poll interval, then Fetch again
		}
	}
	fmt.Println(len(seen), "issues")
	// Output: 5 issues
}

// The children of one issue, and what an error means.
func ExampleClient_Children() {
	api := extracttest.New(extracttest.Options{Issues: 1})
	client, _, stop := example(api)
	defer stop()
	messages, _ := extract.Find("issue_messages")
	for _, issue := range []string{api.IssueID(0), "unknown"} {
		_, err := client.Children(context.Background(), messages, issue, extract.Ask{Priority: extract.Background, Patience: time.Minute})
		switch {
		case errors.Is(err, extract.ErrNotFound):
			_, err := client.Issue(context.Background(), issue, extract.Ask{})
			fmt.Println("not shown; the issue was deleted:", errors.Is(err, extract.ErrNotFound))
		case err != nil:
			fmt.Println(err) // this issue is parked; the others go on
		default:
			fmt.Println("complete")
		}
	}
	// Output:
	// complete
	// not shown; the issue was deleted: true
}
