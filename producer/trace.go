package producer

import (
	"context"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/plugin/kotel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"pylon-kafka/extract"
)

// tracing makes the spans of one stream: a pass is what is read at a time, and has
// a page for each batch; a page has its transaction. Requests to Pylon are
// children of their pass (otelhttp), records of their transaction (kotel).
type tracing struct {
	tracer trace.Tracer
	stream attribute.KeyValue
	hooks  []kgo.Hook // of the client that produces
}

// newTracing returns spans that go to the provider; nil is nowhere.
func newTracing(provider trace.TracerProvider, stream string) tracing {
	t := tracing{stream: attribute.String("pylon_kafka.stream", stream)}
	if provider == nil {
		provider = noop.NewTracerProvider()
	} else {
		// Without a propagator: a trace leaves no headers in records.
		none := propagation.NewCompositeTextMapPropagator()
		t.hooks = kotel.NewKotel(kotel.WithTracer(kotel.NewTracer(kotel.TracerProvider(provider), kotel.TracerPropagator(none)))).Hooks()
	}
	t.tracer = provider.Tracer("pylon-kafka/producer")
	return t
}

func (t tracing) start(ctx context.Context, name string, opts ...trace.SpanStartOption) (context.Context, trace.Span) {
	return t.tracer.Start(ctx, name, append(opts, trace.WithAttributes(t.stream))...)
}

// endSpan ends a span, with an error if there is one that is not ctx's.
func endSpan(ctx context.Context, span trace.Span, err error) {
	if err != nil && ctx.Err() == nil {
		span.RecordError(err)
		span.SetStatus(codes.Error, err.Error())
	}
	span.End()
}

// passing is the pass of a part that runs now.
type passing struct {
	ctx  context.Context //nolint:containedctx // It carries the span to the pages.
	page time.Time       // when the page began that is read now
	used extract.Usage   // what the stream had spent before
}
