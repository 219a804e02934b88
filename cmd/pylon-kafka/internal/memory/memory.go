// Package memory keeps what the garbage collector lets the heap grow by small.
package memory

import (
	"context"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// Tune keeps what the garbage collector lets the heap grow by about
// constant, until ctx ends. What the producer knows of its topics is large, is
// never scanned and hardly changes: to let the heap double over it, as Go does by
// itself, would cost as much memory again and save nothing. GOGC, where it is
// set, is left alone, and so is GOMEMLIMIT, which works beside it.
func Tune(ctx context.Context) {
	const (
		headroom = 12 << 20
		least    = 20 // percent
		most     = 100
	)
	if os.Getenv("GOGC") != "" {
		return
	}
	sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	tick := time.NewTicker(250 * time.Millisecond)
	defer tick.Stop()
	now := most
	for {
		metrics.Read(sample)
		live := max(sample[0].Value.Uint64(), 1)
		percent := int(min(most, max(least, headroom*100/live)))
		if percent < now*9/10 || percent > now*11/10 {
			now = percent
			debug.SetGCPercent(percent)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}
