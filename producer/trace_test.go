package producer_test

import (
	"testing"

	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"pylon-kafka/extract/extracttest"
)

// TestSync_makesSpans looks at the spans of a pass: requests and pages are below
// it, the transaction below its page, the records that kotel shows below that; and
// no trace is seen by Pylon or by consumers.
func TestSync_makesSpans(t *testing.T) {
	t.Parallel()
	w := newWorld(t, extracttest.Options{Seed: 78, Issues: 20})
	spans := tracetest.NewSpanRecorder()
	w.traces = sdk.NewTracerProvider(sdk.WithSpanProcessor(spans))
	w.sync(t, "PYLON_STREAMS", "tags,issues,issue_messages")
	names := make(map[string]string) // of spans by id
	for _, s := range spans.Ended() {
		names[s.SpanContext().SpanID().String()] = s.Name()
	}
	found := make(map[string]int) // "name below parent" and its stream
	for _, s := range spans.Ended() {
		what := s.Name() + " below " + names[s.Parent().SpanID().String()]
		for _, a := range s.Attributes() {
			if a.Key == "pylon_kafka.stream" {
				what += " of " + a.Value.AsString()
			}
		}
		found[what]++
	}
	for _, want := range []string{
		"pass below  of tags", "page below pass of tags", "transaction below page of tags", "HTTP GET below pass",
		"page below pass of issues", "transaction below page of issues", "HTTP POST below pass",
		"pass below  of issue_messages", "page below pass of issue_messages", "transaction below page of issue_messages",
		"pylon.tags publish below transaction",
	} {
		if found[want] == 0 {
			t.Errorf("no span %q among %v", want, found)
		}
	}
	for _, m := range w.messages(t, "tags") {
		if _, ok := m.headers["traceparent"]; ok {
			t.Error("a record has a header of the trace")
		}
	}
}
