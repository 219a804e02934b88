package producer

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"pylon-kafka/extract"
)

// openPart is a part of the cursor as its reader has moved it.
type openPart struct {
	part
	name    string
	ctx     context.Context //nolint:containedctx // It is the session's, and lives as long.
	batches chan<- batch
	tracing tracing
	passing passing
	usage   func() extract.Usage
}

// emit hands a batch of the part's reader to the committer.
func (p *openPart) emit(b batch) error {
	b.part = p.name
	p.traced(&b)
	select {
	case p.batches <- b:
		p.passing.page = time.Now()
	case <-p.ctx.Done():
		_, end := b.inPage(p.ctx)
		end(p.ctx.Err())
		return p.ctx.Err()
	}
	if b.cursor != nil {
		p.Cursor = b.cursor
	}
	if !b.ended.IsZero() {
		p.Ended = b.ended
	}
	return nil
}

// begin begins a pass; the function that it returns ends it.
func (p *openPart) begin(ctx context.Context) (pass context.Context, end func(error)) {
	pass, span := p.tracing.start(ctx, "pass", trace.WithAttributes(attribute.String("pylon_kafka.part", p.name)))
	p.passing = passing{pass, time.Now(), p.usage()}
	return pass, func(err error) {
		p.passing = passing{}
		endSpan(ctx, span, err)
	}
}

// pass has a reader read once.
func (p *openPart) pass(ctx context.Context, r reader) error {
	ctx, end := p.begin(ctx)
	err := r.read(ctx, p.part, p.emit)
	end(err)
	return inPart(p.name, err)
}

// partError is what ended a session, and in which part of the cursor.
type partError struct {
	part string
	error
}

// Unwrap returns the error without its part, which its text leaves out.
func (e *partError) Unwrap() error { return e.error }

// inPart says in which part of the cursor err came up, if it is one.
func inPart(part string, err error) error {
	if err == nil {
		return nil
	}
	return &partError{part, err}
}

// traced gives a batch the span of its page, outside of a pass none, and what was
// spent before.
func (p *openPart) traced(b *batch) {
	if p.passing.ctx == nil {
		b.before = p.usage()
		return
	}
	b.before = p.passing.used
	_, b.span = p.tracing.start(p.passing.ctx, "page", trace.WithTimestamp(p.passing.page), trace.WithAttributes(
		attribute.String("pylon_kafka.origin", b.origin), attribute.Int("pylon_kafka.objects", b.size())))
}

// size is how many objects a batch holds.
func (b *batch) size() int {
	n := len(b.records)
	for i := range b.families {
		n += len(b.families[i].records)
	}
	return n
}

// inPage returns ctx with the span of a batch's page, and what ends it.
func (b *batch) inPage(ctx context.Context) (page context.Context, end func(error)) {
	if b.span == nil {
		return ctx, func(error) {}
	}
	return trace.ContextWithSpan(ctx, b.span), func(err error) { endSpan(ctx, b.span, err) }
}
