package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"time"

	"pylon-kafka/producer"
)

// streamReport is the state of one stream as the status page, /api/streams and
// the tables of sync and demo show it.
type streamReport struct {
	Stream         string  `json:"stream"`
	Topic          string  `json:"topic"`
	State          string  `json:"state"`
	Up             bool    `json:"up"`
	Reason         string  `json:"reason,omitempty"`
	Resumed        bool    `json:"resumed"`
	Progress       float64 `json:"progress"` // 0 to 1; -1 unknown
	Records        int64   `json:"records"`
	Tombstones     int64   `json:"tombstones"`
	Unchanged      int64   `json:"unchanged"`
	DeadLetters    int64   `json:"dead_letters"`
	Requests       int64   `json:"requests"`
	Backlog        int64   `json:"backlog"`
	Cursor         moment  `json:"cursor"`
	LastSuccess    moment  `json:"last_success"`
	ElapsedSeconds float64 `json:"elapsed_seconds"`
}

// streamReports words what the pipeline says of its streams, in its order.
func streamReports(statuses []producer.Status) []streamReport {
	reports := make([]streamReport, 0, len(statuses))
	for _, s := range statuses {
		reports = append(reports, streamReport{
			Stream:         s.Stream,
			Topic:          s.Topic,
			State:          string(s.State),
			Up:             s.Up,
			Reason:         s.Reason,
			Resumed:        s.Resumed,
			Progress:       s.Progress,
			Records:        s.Records,
			Tombstones:     s.Tombstones,
			Unchanged:      s.Unchanged,
			DeadLetters:    s.DeadLetters,
			Requests:       s.Requests,
			Backlog:        s.Backlog,
			Cursor:         moment(s.Cursor),
			LastSuccess:    moment(s.LastSuccess),
			ElapsedSeconds: s.Elapsed.Seconds(),
		})
	}
	return reports
}

// Percent is how far the stream is, for a person.
func (r streamReport) Percent() string {
	if r.Progress < 0 {
		return ""
	}
	return strconv.FormatFloat(100*r.Progress, 'f', 0, 64) + " %"
}

// moment is a time of which the zero value means never.
type moment time.Time

// MarshalJSON writes RFC 3339 in UTC, and null for never.
func (m moment) MarshalJSON() ([]byte, error) {
	if time.Time(m).IsZero() {
		return []byte("null"), nil
	}
	return json.Marshal(time.Time(m).UTC().Format(time.RFC3339))
}

// Ago is how long ago the moment was, for a person.
func (m moment) Ago() string {
	t := time.Time(m)
	if t.IsZero() {
		return "never"
	}
	return time.Since(t).Round(time.Second).String() + " ago"
}

// writeReports prints what a pass did, a row a stream, as a table or as JSON.
func writeReports(w io.Writer, reports []streamReport, asJSON bool) error {
	if asJSON {
		return printJSON(w, reports)
	}
	t := newTable("STREAM", "TOPIC", "STATE", ">RECORDS", ">TOMBSTONES", ">UNCHANGED", ">DEAD LETTERS", ">REQUESTS", ">TIME", "REASON")
	var sum streamReport
	for _, r := range reports {
		t.add(r.Stream, r.Topic, r.State, count(r.Records), count(r.Tombstones), count(r.Unchanged), count(r.DeadLetters),
			count(r.Requests), seconds(r.ElapsedSeconds), r.Reason)
		sum.Records += r.Records
		sum.Tombstones += r.Tombstones
		sum.Unchanged += r.Unchanged
		sum.DeadLetters += r.DeadLetters
		sum.Requests += r.Requests
		sum.ElapsedSeconds = max(sum.ElapsedSeconds, r.ElapsedSeconds)
	}
	t.add("all", "", "", count(sum.Records), count(sum.Tombstones), count(sum.Unchanged), count(sum.DeadLetters),
		count(sum.Requests), seconds(sum.ElapsedSeconds), "")
	return t.write(w)
}

// count writes n with a comma between the thousands.
func count(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func seconds(s float64) string { return fmt.Sprintf("%.1f s", s) }
