package producer

import (
	"context"
	"encoding/json"
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

// family is all children of one issue.
type family struct {
	issue   string
	records []extract.Record
	gone    bool // the issue itself was deleted, and its children with it
	claim   *claim
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

// rule decides what of a batch is published. What only one way to read needs
// lives in its rule.
type rule interface {
	// decide fills the draft of a transaction. It may be called several times for
	// one batch, and changes nothing that a second call would see.
	decide(d *draft, b *batch) error
	// committed is called once what decide has put into d is in Kafka.
	committed(d *draft)
}
