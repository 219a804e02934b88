package producer

import (
	"log/slog"
	"time"

	"pylon-kafka/extract"
)

// passLog writes one line about each pass of a stream. What is read every few
// seconds, such as the poll, has one line a minute at the most, with the sum. It
// is used by the committer alone.
type passLog struct {
	log    *slog.Logger
	usage  func() extract.Usage // what the stream has spent
	parts  map[string]*passSum
	filled int   // tenths of the backfill that were logged; -1: none runs
	issues int64 // of a backlog of children, when it was longest
}

// passSum is what one part of a stream did since its last line.
type passSum struct {
	began  time.Time     // when something was read for the first time
	took   time.Duration // in passes
	logged time.Time
	counts Counts
	usage  extract.Usage
}

// passLine is how often a part is logged that reads every few seconds.
const passLine = time.Minute

func newPassLog(log *slog.Logger, usage func() extract.Usage) *passLog {
	return &passLog{log: log, usage: usage, parts: make(map[string]*passSum), filled: -1}
}

// sum is what a part did since its last line.
func (l *passLog) sum(part string, before extract.Usage) *passSum {
	sum, ok := l.parts[part]
	if !ok {
		sum = &passSum{began: time.Now(), usage: before}
		l.parts[part] = sum
	}
	return sum
}

// batch notes a batch that is in Kafka.
func (l *passLog) batch(b *batch, d *draft) {
	sum := l.sum(b.part, b.before)
	sum.counts.Records += d.counts.Records
	sum.counts.Tombstones += d.counts.Tombstones
	sum.counts.Unchanged += d.counts.Unchanged
	sum.counts.DeadLetters += d.counts.DeadLetters
	if done := !b.ended.IsZero() || !b.note.caughtUp.IsZero(); done && !b.began.IsZero() {
		sum.took += time.Since(b.began)
	}
	if b.note.lane != "" {
		l.backlog(&b.note)
	} else {
		l.backfill(&b.note)
	}
	switch {
	case !b.ended.IsZero(): // a pass that begins on a clock
		l.line(b.part, sum)
		delete(l.parts, b.part)
	case b.note.caughtUp.IsZero() || time.Since(sum.logged) < passLine:
	case b.note.lane != "" && sum.counts == (Counts{}): // a lane reads when there is something
		sum.began = time.Now()
	default:
		l.line(b.part, sum)
	}
}

// end logs what has no line yet.
func (l *passLog) end() {
	for part, sum := range l.parts {
		if sum.counts != (Counts{}) {
			l.line(part, sum)
		}
	}
}

func (l *passLog) line(part string, sum *passSum) {
	now, usage, c := time.Now(), l.usage(), sum.counts
	if sum.took == 0 {
		sum.took = now.Sub(sum.began)
	}
	l.log.Info("pass", "part", part,
		"read", c.Records+c.Unchanged+c.DeadLetters, "published", c.Records, "tombstones", c.Tombstones, "unchanged", c.Unchanged,
		"requests", usage.Requests-sum.usage.Requests, "waited", (usage.Waited - sum.usage.Waited).Round(time.Millisecond).String(),
		"took", sum.took.Round(time.Millisecond).String())
	l.parts[part] = &passSum{began: now, logged: now, usage: usage}
}

// backfill logs when a backfill begins, each tenth of it, and when it ends.
func (l *passLog) backfill(n *note) {
	switch n.state {
	case "":
	case Backfill:
		l.filling(n.progress)
	default:
		l.full()
	}
}

// backlog does the same for issues whose children are to be read.
func (l *passLog) backlog(n *note) {
	if n.lane != backlogLane {
		return
	}
	if n.left == 0 {
		l.full()
		l.issues = 0
		return
	}
	l.issues = max(l.issues, n.left)
	l.filling(1 - float64(n.left)/float64(l.issues))
}

// filling logs a backfill that has come to progress, from 0 to 1; less than 0 is
// one whose end is not known.
func (l *passLog) filling(progress float64) {
	tenth := int(progress * 10)
	switch {
	case l.filled < 0:
		l.filled = max(tenth, 0)
		if l.issues > 0 {
			l.log.Info("backfill begins", "issues", l.issues)
			return
		}
		l.log.Info("backfill begins", "progress", max(progress, 0))
	case tenth > l.filled:
		l.filled = tenth
		l.log.Info("backfill", "progress", float64(tenth)/10)
	}
}

func (l *passLog) full() {
	if l.filled >= 0 {
		l.log.Info("backfill ends")
	}
	l.filled = -1
}
