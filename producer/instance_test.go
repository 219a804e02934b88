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
		case <-time.After(patience):
			t.Fatal("the pipeline does not stop")
		}
		return i.result
	}
	t.Cleanup(func() { _ = i.stop() })
	return i
}

// wantRunning fails if the instance has ended.
func (i *instance) wantRunning(t *testing.T) {
	t.Helper()
	select {
	case <-i.ended:
		t.Fatalf("the newer instance ends with %v", i.result)
	default:
	}
}

// up waits until every stream of the instance is open.
func (i *instance) up(t *testing.T) {
	t.Helper()
	eventually(t, "every stream is open", func() bool {
		i.wantRunning(t)
		for _, s := range i.pipeline.Status() {
			if !s.Up {
				return false
			}
		}
		return true
	})
}
