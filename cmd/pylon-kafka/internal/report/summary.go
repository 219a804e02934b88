package report

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"pylon-kafka/producer"
)

// Level is how a stream is doing, the worst first.
type Level int

// The levels.
const (
	Failed   Level = iota // closed, and opened again later
	Retrying              // something that it needs has failed for a while
	Waiting               // not open yet, and something keeps it from that
	Late                  // works, but was last up to date longer ago than it should be
	Starting              // on its way
	Busy                  // reads what was there before, or has a backlog
	Fresh                 // as it should be
	Standby               // another replica has it
	Done                  // a pass that has ended
)

// String is the level as a class of the status page.
func (l Level) String() string {
	switch l {
	case Failed:
		return "bad"
	case Retrying, Waiting, Late:
		return "warn"
	case Starting, Busy:
		return "busy"
	case Fresh, Done:
		return "good"
	default:
		return "off"
	}
}

// grace is how much longer than twice its interval a stream may take before it
// is late: a pass takes time, too.
const grace = 30 * time.Second

// LevelOf says how a stream is doing.
func LevelOf(s *producer.Status, now time.Time) Level {
	switch {
	case s.State == producer.Failed:
		return Failed
	case s.State == producer.Retrying:
		return Retrying
	case s.State == producer.Standby:
		return Standby
	case s.State == producer.Done:
		return Done
	case s.State == producer.Starting && s.Reason != "":
		return Waiting
	case s.State == producer.Starting:
		return Starting
	case s.State == producer.Backfill || s.Backlog > 0:
		return Busy
	case s.LastSuccess.IsZero():
		return Starting
	case s.Interval > 0 && now.Sub(s.LastSuccess) > 2*s.Interval+grace:
		return Late
	default:
		return Fresh
	}
}

// Word is what a stream does, in a word or two.
func Word(s *producer.Status, now time.Time) string {
	switch LevelOf(s, now) {
	case Waiting:
		return "waiting"
	case Starting:
		return "starting"
	case Late:
		return "late"
	case Busy:
		if s.State == producer.Backfill && s.Progress >= 0 {
			return "backfill " + Percent(s.Progress)
		}
		if s.State != producer.Backfill {
			return "catching up"
		}
	default:
	}
	return string(s.State)
}

// WorstFirst returns the streams in the order in which a person wants to see
// them; those that do equally well keep their order.
func WorstFirst(streams []producer.Status, now time.Time) []producer.Status {
	sorted := slices.Clone(streams)
	slices.SortStableFunc(sorted, func(a, b producer.Status) int {
		return int(LevelOf(&a, now)) - int(LevelOf(&b, now))
	})
	return sorted
}

// Summary says in one sentence how all streams are doing.
func Summary(streams []producer.Status, now time.Time) string {
	by := make(map[Level][]*producer.Status)
	var parked, deadLetters int64
	for i := range streams {
		s := &streams[i]
		level := LevelOf(s, now)
		by[level] = append(by[level], s)
		parked += int64(len(s.Parked))
		deadLetters += s.DeadLetters
	}
	var parts []string
	add := func(format string, args ...any) { parts = append(parts, fmt.Sprintf(format, args...)) }
	if n := len(by[Fresh]); n == len(streams) && n > 1 {
		add("All %d streams fresh", n)
	} else if n > 0 {
		add("%s fresh", Plural(int64(n), "stream"))
	}
	if n := len(by[Done]); n > 0 {
		add("%s done", Plural(int64(n), "stream"))
	}
	parts = append(parts, troubled(by[Failed], "failed", now)...)
	parts = append(parts, troubled(by[Retrying], "retrying", now)...)
	parts = append(parts, troubled(by[Waiting], "waiting to begin", now)...)
	for _, s := range by[Late] {
		add("%s was last up to date %s", s.Stream, Ago(s.LastSuccess, now))
	}
	for _, s := range by[Busy] {
		parts = append(parts, busy(s))
	}
	if n := by[Starting]; len(n) > 0 {
		add("%s starting", names(n))
	}
	if n := by[Standby]; len(n) > 0 {
		add("%s with another replica", names(n))
	}
	if parked > 0 {
		add("%s parked", Plural(parked, "issue"))
	}
	if deadLetters > 0 {
		add("%s", Plural(deadLetters, "dead letter"))
	}
	if len(parts) == 0 {
		return "No streams."
	}
	return strings.Join(parts, "; ") + "."
}

// troubled says since when the streams are as the word says; those that have
// been since the same minute are named together.
func troubled(streams []*producer.Status, word string, now time.Time) []string {
	var order []string
	since := make(map[string][]*producer.Status)
	for _, s := range streams {
		at := ""
		if !s.Since.IsZero() {
			at = " since " + Clock(s.Since, now)
		}
		if since[at] == nil {
			order = append(order, at)
		}
		since[at] = append(since[at], s)
	}
	var parts []string
	for _, at := range order {
		parts = append(parts, names(since[at])+" "+word+at)
	}
	return parts
}

// busy says how far a stream is, and how long it will take.
func busy(s *producer.Status) string {
	text := s.Stream + " backfill"
	switch {
	case s.State != producer.Backfill:
		text = s.Stream + " has " + Plural(s.Backlog, "issue") + " to read"
	case s.Progress >= 0:
		text += " " + Percent(s.Progress)
	}
	if s.BacklogLeft > 0 {
		text += ", about " + Duration(s.BacklogLeft) + " left"
	}
	return text
}

// names names up to three streams, and counts more.
func names(streams []*producer.Status) string {
	var words []string
	for _, s := range streams {
		words = append(words, s.Stream)
	}
	switch n := len(words); {
	case n > 3:
		return Plural(int64(n), "stream")
	case n > 1:
		return strings.Join(words[:n-1], ", ") + " and " + words[n-1]
	default:
		return words[0]
	}
}
