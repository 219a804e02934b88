package terminal

import (
	"io"

	"pylon-kafka/cmd/pylon-kafka/internal/report"
	"pylon-kafka/producer"
)

// WritePass prints what a pass did, a row a stream, as a table or as JSON.
func WritePass(w io.Writer, streams []producer.Status, asJSON bool) error {
	if asJSON {
		return PrintJSON(w, streams)
	}
	t := NewTable("STREAM", "TOPIC", "STATE", ">RECORDS", ">TOMBSTONES", ">UNCHANGED", ">DEAD LETTERS", ">REQUESTS", ">TIME", "REASON")
	var sum producer.Status
	for _, s := range streams {
		t.Add(s.Stream, s.Topic, string(s.State), report.Count(s.Records), report.Count(s.Tombstones), report.Count(s.Unchanged),
			report.Count(s.DeadLetters), report.Count(s.Requests), report.Seconds(s.Elapsed), s.Reason)
		sum.Records += s.Records
		sum.Tombstones += s.Tombstones
		sum.Unchanged += s.Unchanged
		sum.DeadLetters += s.DeadLetters
		sum.Requests += s.Requests
		sum.Elapsed = max(sum.Elapsed, s.Elapsed)
	}
	t.Add("all", "", "", report.Count(sum.Records), report.Count(sum.Tombstones), report.Count(sum.Unchanged),
		report.Count(sum.DeadLetters), report.Count(sum.Requests), report.Seconds(sum.Elapsed), "")
	return t.Write(w)
}
