package producer

import (
	"context"
	"encoding/json"
	"maps"
	"time"

	"go.opentelemetry.io/otel/trace"

	"pylon-kafka/extract"
)

// reader is one way to read a stream. It knows neither Kafka's side nor what
// consumers have.
type reader interface {
	// read emits batches until it has caught up with what it reads, and returns
	// nil then. It begins where p says. The batches are committed in the order in
	// which they were emitted, each with its cursor, or not at all: after a failure
	// read is called again with what was committed last.
	read(ctx context.Context, p part, emit emitFunc) error
}

// emitFunc hands a batch to the committer; it returns once the batch is taken,
// or with ctx's error.
type emitFunc func(batch) error

// batch is what a reader read and what follows for the cursor: one transaction.
type batch struct {
	rule     rule // decides what of it is published
	origin   string
	records  []extract.Record // of a flat stream
	families []family         // of a stream of children

	part   string          // of the cursor document; the task fills it in
	span   trace.Span      // of its page; nil: none
	cursor json.RawMessage // what the part's cursor becomes; nil: it stays
	began  time.Time       // when the pass began; zero: nobody knows
	before extract.Usage   // what the stream had spent then; the task fills it in
	ended  time.Time       // when the part reached its end; zero: it did not
	note   note
}

// further reports whether a batch that is committed shows that its part has got
// past what it failed at before: a cursor that moves begins at that, a pass is
// complete, a lane has come to its end.
func (b *batch) further() bool {
	return b.cursor != nil || !b.ended.IsZero() || b.note.lane != ""
}

// note is what a batch says about its stream once it is committed.
type note struct {
	state    State // "": as it was
	progress float64
	upTo     time.Time // what Pylon held then is in Kafka; zero: as it was
	caughtUp time.Time // when the stream caught up with Pylon; zero: it has not

	lane   string // of a stream of children: whose left and parked follow
	left   int64  // issues still to be worked
	worked int64  // issues whose children this batch holds
	parked []Parked
}

// refreshPart names the part of the cursor; its end is the begin of the last
// complete pass.
const refreshPart = "refresh"

// pollPart names the part of the cursor, an [extract.IssuesCursor].
const pollPart = "poll"

// reconcilePart names the part of the cursor, a [reconcileCursor].
const reconcilePart = "reconcile"

// slowParts names the parts of a stream's cursor that are due an interval after
// the first start, since what is read then sees everything.
func slowParts(s extract.Stream) []string {
	switch s.Sync {
	case extract.SyncIssues:
		return []string{reconcilePart}
	case extract.SyncChildren:
		return []string{backlogLane}
	default:
		return nil
	}
}

// The lanes of a stream of children, which are parts of its cursor.
const (
	liveLane    = "live"
	backlogLane = "backlog"
)

// with returns the document after a batch.
func (d document) with(b *batch) document {
	p, parts := d.Parts[b.part], maps.Clone(d.Parts)
	if parts == nil {
		parts = make(map[string]part, 1)
	}
	if b.cursor != nil {
		p.Cursor = b.cursor
	}
	if !b.ended.IsZero() {
		p.Ended = b.ended.UTC()
	}
	parts[b.part] = p
	d.Parts = parts
	if b.note.upTo.After(d.UpTo) {
		d.UpTo = b.note.upTo.UTC().Truncate(time.Millisecond)
	}
	if b.note.caughtUp.After(d.CaughtUpAt) {
		d.CaughtUpAt = b.note.caughtUp.UTC().Truncate(time.Millisecond)
	}
	return d
}
