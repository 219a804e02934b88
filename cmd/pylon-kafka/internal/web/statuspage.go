package web

import (
	"bytes"
	"crypto/rand"
	_ "embed"
	"fmt"
	"html/template"
	"net/http"
	"strings"
	"time"

	"pylon-kafka/cmd/pylon-kafka/internal/report"
	"pylon-kafka/producer"
)

//go:embed status.html
var statusHTML string

// statusPage is parsed once for all: its text is part of the binary.
var statusPage = template.Must(template.New("status").Parse(statusHTML))

// page is what the status page shows.
type page struct {
	Nonce   string // of this answer: no other script runs
	Ready   bool
	Summary string
	Waiting string // what readiness waits for
	Streams []row
	Build   string
	Uptime  string
}

// row is one stream on the page, in words.
type row struct {
	Stream, Word, Level string
	pace
	BacklogText   string
	Line, Hour    string // what was published in the last hour, as points and in words
	Budget        string
	Reason        string
	LastErrorText string
	Warnings      []string
	More          []fact
}

// pace is when the stream was read and will be.
type pace struct{ Age, Every, Next string }

// fact is something that is shown on demand.
type fact struct {
	Name, Value string
	Wide        bool // long text
}

// page answers with the status page. It is made whole before it is sent, so
// that a client never gets half of one with a status of 200.
func (p *Pages) page(w http.ResponseWriter, _ *http.Request) {
	now := time.Now()
	streams := p.Status()
	view := page{
		Nonce:   rand.Text(),
		Ready:   p.Ready(),
		Summary: report.Summary(streams, now),
		Build:   p.Build.String(),
		Uptime:  report.Duration(now.Sub(p.Started)),
	}
	if !view.Ready {
		view.Waiting = waitingFor(streams)
	}
	for _, s := range report.WorstFirst(streams, now) {
		view.Streams = append(view.Streams, newRow(&s, now))
	}
	var text bytes.Buffer
	if err := statusPage.Execute(&text, view); err != nil {
		http.Error(w, "the status page cannot be made: "+err.Error(), http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", fmt.Sprintf("default-src 'none'; connect-src 'self'; base-uri 'none'; form-action 'none'; "+
		"frame-ancestors 'none'; style-src 'nonce-%[1]s'; script-src 'nonce-%[1]s'", view.Nonce))
	_, _ = w.Write(text.Bytes()) // a client that has left is not told
}

// newRow words one stream.
func newRow(s *producer.Status, now time.Time) row {
	r := row{
		Stream:   s.Stream,
		Word:     report.Word(s, now),
		Level:    report.LevelOf(s, now).String(),
		pace:     pace{Age: report.Ago(s.LastSuccess, now), Next: report.In(s.NextPass, now)},
		Reason:   s.Reason,
		Warnings: s.Warnings,
		Line:     line(s.Throughput),
		Hour:     report.Count(sum(s.Throughput)),
		Budget:   report.Percent(s.BudgetUsed),
		More:     facts(s, now),
	}
	if s.Interval > 0 {
		r.Every = "every " + report.Duration(s.Interval)
	}
	if s.Backlog > 0 {
		r.BacklogText = report.Plural(s.Backlog, "issue")
	}
	if s.BacklogLeft > 0 {
		r.BacklogText += ", " + report.Duration(s.BacklogLeft)
	}
	if !s.NextTry.IsZero() {
		r.Next = "tries again " + report.In(s.NextTry, now)
	}
	if r.Reason != "" && !s.Since.IsZero() {
		r.Reason = "Since " + report.Clock(s.Since, now) + ": " + r.Reason
	}
	if s.LastError != "" && s.LastError != s.Reason {
		r.LastErrorText = "Last error, " + report.Ago(s.LastErrorAt, now) + ": " + s.LastError
	}
	return r
}

// shownParked is how many parked issues the page shows; /api/streams has all.
const shownParked = 10

// facts is what is shown on demand.
func facts(s *producer.Status, now time.Time) []fact {
	facts := []fact{
		{Name: "topic", Value: s.Topic},
		{Name: "records", Value: report.Count(s.Records)},
		{Name: "tombstones", Value: report.Count(s.Tombstones)},
		{Name: "unchanged", Value: report.Count(s.Unchanged)},
		{Name: "dead letters", Value: report.Count(s.DeadLetters)},
		{Name: "unmapped fields", Value: report.Count(s.Unmapped)},
		{Name: "requests", Value: report.Count(s.Requests)},
		{Name: "data up to", Value: report.Ago(s.Cursor, now)},
	}
	if s.Owner != "" {
		facts = append(facts, fact{Name: "replica", Value: s.Owner})
	}
	for i, parked := range s.Parked {
		if i == shownParked {
			facts = append(facts, fact{Name: "parked", Value: fmt.Sprintf("and %d more", len(s.Parked)-i)})
			break
		}
		facts = append(facts, fact{Name: "parked", Wide: true, Value: fmt.Sprintf("issue %s for %s, tried %d times, next %s: %s",
			parked.Issue, report.Duration(now.Sub(parked.Since)), parked.Tries, report.In(parked.Next, now), parked.Reason)})
	}
	return facts
}

// line draws counts by minute in a box of 59 by 12, and nothing where there was
// nothing.
func line(counts []int64) string {
	var most int64
	for _, n := range counts {
		most = max(most, n)
	}
	if most == 0 || len(counts) < 2 {
		return ""
	}
	var points strings.Builder
	for i, n := range counts {
		fmt.Fprintf(&points, "%d,%.3g ", i*59/(len(counts)-1), 12-12*float64(n)/float64(most))
	}
	return strings.TrimSpace(points.String())
}

func sum(counts []int64) int64 {
	var sum int64
	for _, n := range counts {
		sum += n
	}
	return sum
}
