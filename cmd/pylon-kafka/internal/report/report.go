package report

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"pylon-kafka/producer"
)

// Stream is the state of one stream as the status page, /api/streams and
// the tables of sync and demo show it.
type Stream struct {
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
	Cursor         Moment  `json:"cursor"`
	LastSuccess    Moment  `json:"last_success"`
	ElapsedSeconds float64 `json:"elapsed_seconds"`
}

// Streams words what the pipeline says of its streams, in its order.
func Streams(statuses []producer.Status) []Stream {
	reports := make([]Stream, 0, len(statuses))
	for _, s := range statuses {
		reports = append(reports, Stream{
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
			Cursor:         Moment(s.Cursor),
			LastSuccess:    Moment(s.LastSuccess),
			ElapsedSeconds: s.Elapsed.Seconds(),
		})
	}
	return reports
}

// Percent is how far the stream is, for a person.
func (r Stream) Percent() string {
	if r.Progress < 0 {
		return ""
	}
	return strconv.FormatFloat(100*r.Progress, 'f', 0, 64) + " %"
}

// Moment is a time of which the zero value means never.
type Moment time.Time

// MarshalJSON writes RFC 3339 in UTC, and null for never.
func (m Moment) MarshalJSON() ([]byte, error) {
	if time.Time(m).IsZero() {
		return []byte("null"), nil
	}
	return json.Marshal(time.Time(m).UTC().Format(time.RFC3339))
}

// Ago is how long ago the moment was, for a person.
func (m Moment) Ago() string {
	t := time.Time(m)
	if t.IsZero() {
		return "never"
	}
	return time.Since(t).Round(time.Second).String() + " ago"
}

// Count writes n with a comma between the thousands.
func Count(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// Seconds writes s for a person.
func Seconds(s float64) string { return fmt.Sprintf("%.1f s", s) }
