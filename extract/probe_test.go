package extract

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// A process that was started anew finds the minute partly spent. The first
// answer says so before the others are sent.
func TestLimiter_beginsWithWhatTheFirstAnswerSays(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLimiter(120)
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		var sent atomic.Int64
		var wg sync.WaitGroup
		for range 16 {
			wg.Go(func() {
				for {
					s, err := l.acquire(ctx, Foreground)
					if err != nil {
						return
					}
					n := sent.Add(1)
					advance(300 * time.Millisecond)
					l.done(s, max(0, 5-int(n)))
				}
			})
		}
		advance(200 * time.Millisecond)
		if n := sent.Load(); n != 1 {
			t.Errorf("%d requests before the first answer, want 1", n)
		}
		advance(800 * time.Millisecond)
		if n := sent.Load(); n > 6 {
			t.Errorf("%d requests in the first second, where 5 were left", n)
		}
		cancel()
		wg.Wait()
	})
}

func TestLimiter_doesNotWaitLongForTheFirstAnswer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLimiter(120)
		first, _ := mustAcquire(t, l, Foreground)
		if _, waited := mustAcquire(t, l, Foreground); waited != probeWait {
			t.Errorf("waited %s for an answer that does not come, want %s", waited, probeWait)
		}
		if _, waited := mustAcquire(t, l, Foreground); waited != 0 {
			t.Errorf("and then %s", waited)
		}
		l.done(first, unknown)
	})
}
