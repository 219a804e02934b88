// Package memory keeps small what the garbage collector lets the heap grow by, and
// what the process keeps of memory that it does not use.
package memory

import (
	"context"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// Tune keeps what the garbage collector lets the heap grow by about constant, and
// the process about as large as the heap was at its largest, until ctx ends. What
// the producer knows of its topics is large, is never scanned and hardly changes:
// to let the heap double over it, as Go does by itself, would cost as much memory
// again and save nothing. GOGC, where it is set, is left alone. GOMEMLIMIT, where it
// is set, is the most that the process may become.
//
// The limit is soft: a page that needs more gets it, at the price of some more work
// for the collector until the limit follows.
func Tune(ctx context.Context) {
	const (
		headroom = 12 << 20
		least    = 20 // percent
		most     = 100
		room     = 36 << 20 // what Go holds beside what is live: at 32 MiB a first pass takes 12 % more CPU time than without a limit, here 6 %
	)
	if os.Getenv("GOGC") != "" {
		return
	}
	sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	tick := time.NewTicker(250 * time.Millisecond)
	defer tick.Stop()
	now := most
	allowed := debug.SetMemoryLimit(-1) // only asks
	for {
		metrics.Read(sample)
		live := max(sample[0].Value.Uint64(), 1)
		percent := int(min(most, max(least, headroom*100/live)))
		if percent < now*9/10 || percent > now*11/10 {
			now = percent
			debug.SetGCPercent(percent)
		}
		debug.SetMemoryLimit(min(allowed, int64(live+live/5+room)))
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}
