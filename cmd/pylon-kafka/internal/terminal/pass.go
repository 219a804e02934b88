package terminal

import (
	"slices"

	"pylon-kafka/cmd/pylon-kafka/internal/report"
	"pylon-kafka/producer"
)

// WritePass prints what a pass did, a row a stream; without an end to the lines
// with everything that there is.
func WritePass(s Screen, streams []producer.Status) error {
	wide := s.Width == 0
	unchanged := wide || s.Width >= plainWidth // there is room for it
	columns := []Column{{Title: "STREAM"}, {Title: "STATE"}, {Title: "RECORDS", Right: true}, {Title: "TOMBSTONES", Right: true}}
	if unchanged {
		columns = append(columns, Column{Title: "UNCHANGED", Right: true})
	}
	if wide {
		columns = append(columns, Column{Title: "DEAD LETTERS", Right: true}, Column{Title: "REQUESTS", Right: true}, Column{Title: "TOPIC"})
	}
	columns = append(columns, Column{Title: "TIME", Right: true}, Column{Title: "REASON", Note: true})
	t := NewTable(columns...)
	add := func(s *producer.Status) {
		cells := []string{s.Stream, string(s.State), report.Count(s.Records), report.Count(s.Tombstones)}
		if unchanged {
			cells = append(cells, report.Count(s.Unchanged))
		}
		if wide {
			cells = append(cells, report.Count(s.DeadLetters), report.Count(s.Requests), s.Topic)
		}
		t.Add(append(cells, report.Seconds(s.Elapsed), reason(s, wide))...)
	}
	var sum producer.Status
	for i := range streams {
		s := &streams[i]
		add(s)
		sum.Records += s.Records
		sum.Tombstones += s.Tombstones
		sum.Unchanged += s.Unchanged
		sum.DeadLetters += s.DeadLetters
		sum.Requests += s.Requests
		sum.Elapsed = max(sum.Elapsed, s.Elapsed)
	}
	sum.Stream = "all"
	add(&sum)
	if !slices.ContainsFunc(t.rows, func(row []string) bool { return row[len(row)-1] != "" }) {
		t.columns[len(t.columns)-1].Title = "" // of notes that nobody wrote
	}
	return t.Write(s)
}

// reason is what a person must know of a stream beside its numbers.
func reason(s *producer.Status, wide bool) string {
	switch {
	case s.Reason != "":
		return s.Reason
	case s.DeadLetters > 0 && !wide && s.Stream != "all":
		return report.Plural(s.DeadLetters, "dead letter")
	default:
		return ""
	}
}
