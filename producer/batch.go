package producer

import (
	"context"
	"encoding/json"
	"time"

	"pylon-kafka/extract"
)

// source reads one stream, from where its last committed cursor says. There
// are three: [issuesSource], [childrenSource] and [refreshSource].
type source interface {
	// read yields batches until it is done (a sync) or ctx ends. It calls emit
	// with one batch at a time; the batches are committed in the order in which
	// they were emitted, each with its cursor, or not at all: after a failure
	// read is called again with the last committed cursor. cursor is nil where
	// there is none.
	read(ctx context.Context, cursor json.RawMessage, emit emitFunc) error
}

// emitFunc hands a batch to the task. It returns an error once ctx has ended.
type emitFunc func(batch) error

// batch is what a source read and what follows for the cursor: one transaction.
type batch struct {
	origin   string           // header of its records
	records  []extract.Record // of a flat stream
	families []family         // of a stream of children
	gone     []string         // keys that Pylon no longer has, confirmed
	pass     uint16           // full refresh: which pass the records belong to
	last     bool             // full refresh: the pass is complete with this batch
	repair   bool             // sweep: an object that the topic lacks counts only where the topic is a full table
	settled  time.Time        // sweep: what was updated later is left to the poll
	began    time.Time        // when reading began
	cursor   json.RawMessage  // to commit with the records
	state    State            // what the stream is doing
	upTo     time.Time        // what Pylon held then is in Kafka, after this batch; zero: unchanged
	caughtUp bool             // the stream has caught up with Pylon
	progress float64          // of a backfill
}

// family is all children of one issue.
type family struct {
	issue   string
	records []extract.Record
	gone    bool // the issue itself is gone, and its children with it
}

// The values of the header origin.
const (
	originBackfill = extract.OriginBackfill
	originPoll     = extract.OriginPoll
	originRefresh  = "refresh"
	originSweep    = "sweep"
)

// The headers of a record.
const (
	headerHash        = "hash"
	headerParent      = "parent"
	headerCreatedAt   = "created_at"
	headerUpdatedAt   = "updated_at"
	headerOrigin      = "origin"
	headerExtractedAt = "extracted_at"
)
