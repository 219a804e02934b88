package terminal

import (
	"io"

	"pylon-kafka/cmd/pylon-kafka/internal/report"
)

// WritePass prints what a pass did, a row a stream, as a table or as JSON.
func WritePass(w io.Writer, reports []report.Stream, asJSON bool) error {
	if asJSON {
		return PrintJSON(w, reports)
	}
	t := NewTable("STREAM", "TOPIC", "STATE", ">RECORDS", ">TOMBSTONES", ">UNCHANGED", ">DEAD LETTERS", ">REQUESTS", ">TIME", "REASON")
	var sum report.Stream
	for _, r := range reports {
		t.Add(r.Stream, r.Topic, r.State, report.Count(r.Records), report.Count(r.Tombstones), report.Count(r.Unchanged), report.Count(r.DeadLetters),
			report.Count(r.Requests), report.Seconds(r.ElapsedSeconds), r.Reason)
		sum.Records += r.Records
		sum.Tombstones += r.Tombstones
		sum.Unchanged += r.Unchanged
		sum.DeadLetters += r.DeadLetters
		sum.Requests += r.Requests
		sum.ElapsedSeconds = max(sum.ElapsedSeconds, r.ElapsedSeconds)
	}
	t.Add("all", "", "", report.Count(sum.Records), report.Count(sum.Tombstones), report.Count(sum.Unchanged), report.Count(sum.DeadLetters),
		report.Count(sum.Requests), report.Seconds(sum.ElapsedSeconds), "")
	return t.Write(w)
}
