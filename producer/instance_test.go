package producer_test

import (
	"context"
	"testing"
	"time"

	"pylon-kafka/producer"
)

// instance is a pipeline that runs.
type instance struct {
	pipeline *producer.Pipeline
	stop     func() error
	ended    chan struct{}
	result   error // once ended is closed
}

// launch starts the service.
func (w *world) launch(t *testing.T, overrides ...string) *instance {
	t.Helper()
	i := &instance{pipeline: w.pipeline(t, overrides...), ended: make(chan struct{})}
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		defer close(i.ended)
		i.result = i.pipeline.Run(ctx)
	}()
	i.stop = func() error {
		cancel()
		select {
		case <-i.ended:
		case <-time.After(20 * time.Second):
			t.Fatal("the pipeline does not stop")
		}
		return i.result
	}
	t.Cleanup(func() { _ = i.stop() })
	return i
}
