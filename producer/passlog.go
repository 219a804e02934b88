package producer

import (
	"log/slog"
	"time"

	"pylon-kafka/extract"
)

// passLog writes one line about each pass of a stream; about a poll that
// published nothing, one a minute at the most. It is used by the committer alone.
type passLog struct {
	log    *slog.Logger
	usage  func() extract.Usage // what the stream has spent
	parts  map[string]*passSum
	filled int // tenths of the backfill that were logged; -1: none runs
}

// passSum is what one part of a stream did since its last line.
type passSum struct {
	began  time.Time
	logged time.Time
	counts Counts
	usage  extract.Usage
}

// quietPolls is how often polls that publish nothing are logged.
const quietPolls = time.Minute

func newPassLog(log *slog.Logger, usage func() extract.Usage) *passLog {
	return &passLog{log: log, usage: usage, parts: make(map[string]*passSum), filled: -1}
}

// begin notes that a part begins to read.
func (l *passLog) sum(part string) *passSum {
	sum, ok := l.parts[part]
	if !ok {
		sum = &passSum{began: time.Now(), usage: l.usage()}
		l.parts[part] = sum
	}
	return sum
}

// batch notes a batch that is in Kafka.
func (l *passLog) batch(b *batch, d *draft) {
	sum := l.sum(b.part)
	sum.counts.Records += d.counts.Records
	sum.counts.Tombstones += d.counts.Tombstones
	sum.counts.Unchanged += d.counts.Unchanged
	sum.counts.DeadLetters += d.counts.DeadLetters
	l.backfill(b)
	done := !b.ended.IsZero() || !b.note.caughtUp.IsZero()
	if !done {
		return
	}
	c := sum.counts
	now := time.Now()
	if c.Records+c.Tombstones+c.DeadLetters == 0 && now.Sub(sum.logged) < quietPolls && b.ended.IsZero() {
		return
	}
	usage := l.usage()
	l.log.Info("pass", "part", b.part,
		"read", c.Records+c.Unchanged+c.DeadLetters, "published", c.Records, "tombstones", c.Tombstones, "unchanged", c.Unchanged,
		"requests", usage.Requests-sum.usage.Requests, "waited", (usage.Waited - sum.usage.Waited).Round(time.Millisecond).String(),
		"took", now.Sub(sum.began).Round(time.Millisecond).String())
	l.parts[b.part] = &passSum{began: now, logged: now, usage: usage}
}

// backfill logs when a backfill begins, each tenth of it, and when it ends.
func (l *passLog) backfill(b *batch) {
	if b.note.state == "" {
		return
	}
	if b.note.state != Backfill {
		if l.filled >= 0 {
			l.log.Info("backfill ends")
		}
		l.filled = -1
		return
	}
	tenth := int(b.note.progress * 10)
	switch {
	case l.filled < 0:
		l.filled = max(tenth, 0)
		l.log.Info("backfill begins", "progress", max(b.note.progress, 0))
	case tenth > l.filled:
		l.filled = tenth
		l.log.Info("backfill", "progress", float64(tenth)/10)
	}
}
