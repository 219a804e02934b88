package extract

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// advance moves the fake clock of a synctest bubble.
func advance(d time.Duration) {
	time.Sleep(d) //nolint:forbidigo // Only called in a synctest bubble, where it moves the fake clock.
}

// mustAcquire takes a slot and returns how long that took.
func mustAcquire(t *testing.T, l *limiter, p Priority) (slot, time.Duration) {
	t.Helper()
	began := time.Now()
	s, err := l.acquire(t.Context(), p)
	waited := time.Since(began)
	if err != nil {
		t.Fatal(err)
	}
	return s, waited
}

// arrivals collects when requests reached the server.
type arrivals struct {
	mu    sync.Mutex
	times []time.Time
}

func (a *arrivals) add(t time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.times = append(a.times, t)
}

// most returns the largest number of arrivals in any 60 seconds.
func (a *arrivals) most() int {
	slices.SortFunc(a.times, time.Time.Compare)
	most, first := 0, 0
	for n, t := range a.times {
		for !t.Before(a.times[first].Add(minute)) {
			first++
		}
		most = max(most, n-first+1)
	}
	return most
}

func TestLimiter_neverExceedsTheLimitInAnyMinute(t *testing.T) {
	t.Parallel()
	for _, limit := range []int{1, 2, 7, 30} {
		seed := rand.Uint64()
		synctest.Test(t, func(t *testing.T) {
			l := newLimiter(limit)
			ctx, cancel := context.WithTimeout(t.Context(), 20*minute)
			defer cancel()
			var server arrivals
			var clients sync.WaitGroup
			for n := range 12 {
				r := rand.New(rand.NewPCG(seed, uint64(n)))
				clients.Go(func() {
					for {
						p := Priority(r.IntN(2))
						s, err := l.acquire(ctx, p)
						if err != nil {
							return
						}
						// Anywhere between sending and the answer it arrives.
						advance(time.Duration(r.IntN(3000)) * time.Millisecond)
						server.add(time.Now())
						advance(time.Duration(r.IntN(3000)) * time.Millisecond)
						l.done(s, unknown)
						advance(time.Duration(r.IntN(2)*r.IntN(60)) * time.Second)
					}
				})
			}
			clients.Wait()
			if most := server.most(); most > limit {
				t.Errorf("%d requests within 60 s, the limit is %d (seed %d)", most, limit, seed)
			}
			if len(server.times) < limit*5 {
				t.Errorf("only %d requests in 20 minutes, the limit is %d a minute (seed %d)", len(server.times), limit, seed)
			}
		})
	}
}

func TestLimiter_spendsTheBudgetAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLimiter(120)
		for range 120 {
			s, waited := mustAcquire(t, l, Foreground)
			if waited != 0 {
				t.Fatalf("waited %s with budget left", waited)
			}
			l.done(s, unknown)
		}
		if n := l.remaining(); n != 0 {
			t.Errorf("remaining is %d, want 0", n)
		}
		if _, waited := mustAcquire(t, l, Foreground); waited != minute {
			t.Errorf("the 121st waited %s, want 1m", waited)
		}
	})
}

func TestLimiter_holdsTheSlotOfAnUnansweredRequest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLimiter(1)
		s, _ := mustAcquire(t, l, Foreground)
		time.AfterFunc(3*minute, func() { l.done(s, unknown) })
		if _, waited := mustAcquire(t, l, Foreground); waited != 4*minute {
			t.Errorf("the second waited %s, want until 60 s after the first one's answer", waited)
		}
	})
}

// saturate keeps workers busy with Background requests that take latency each,
// until ctx ends, and counts them.
func saturate(ctx context.Context, l *limiter, workers int, latency func() time.Duration) (count func() int) {
	var wg sync.WaitGroup
	var mu sync.Mutex
	sent := 0
	for range workers {
		wg.Go(func() {
			for {
				s, err := l.acquire(ctx, Background)
				if err != nil {
					return
				}
				mu.Lock()
				sent++
				mu.Unlock()
				advance(latency())
				l.done(s, unknown)
			}
		})
	}
	return func() int { wg.Wait(); return sent }
}

func TestLimiter_backgroundUsesTheBudget(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		limit   int
		workers int
		latency func() time.Duration
	}{
		"120 a minute":       {120, 4, func() time.Duration { return 300 * time.Millisecond }},
		"uneven answers":     {120, 8, func() time.Duration { return 100*time.Millisecond + rand.N(time.Second) }},
		"300 a minute":       {300, 4, func() time.Duration { return 300 * time.Millisecond }},
		"30 a minute, slow":  {30, 4, func() time.Duration { return 2 * time.Second }},
		"one worker, 20":     {20, 1, func() time.Duration { return 300 * time.Millisecond }},
		"one request minute": {1, 2, func() time.Duration { return 300 * time.Millisecond }},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				const minutes = 60
				ctx, cancel := context.WithTimeout(t.Context(), minutes*minute)
				defer cancel()
				sent := saturate(ctx, newLimiter(tt.limit), tt.workers, tt.latency)()
				share := float64(sent) / float64(minutes*tt.limit)
				t.Logf("%d requests in an hour, %.2f %% of the budget", sent, 100*share)
				if share < 0.95 {
					t.Errorf("only %.1f %% of the budget, want 95 %%", 100*share)
				}
			})
		})
	}
}

func TestLimiter_foregroundPassesBackground(t *testing.T) {
	t.Parallel()
	for name, burst := range map[string]int{"single requests": 1, "after a burst": 20} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				const limit = 120
				ctx, cancel := context.WithTimeout(t.Context(), 30*minute)
				defer cancel()
				l := newLimiter(limit)
				count := saturate(ctx, l, 4, func() time.Duration { return 300 * time.Millisecond })
				advance(30 * time.Second)
				for range burst - 1 {
					s, _ := mustAcquire(t, l, Foreground)
					l.done(s, unknown)
				}
				var worst time.Duration
				for ctx.Err() == nil {
					advance(15 * time.Second)
					s, waited := mustAcquire(t, l, Foreground)
					worst = max(worst, waited)
					advance(200 * time.Millisecond)
					l.done(s, unknown)
				}
				sent := count()
				t.Logf("worst wait %s, %d background requests", worst, sent)
				if want := minute/limit + 50*time.Millisecond; worst > want {
					t.Errorf("a foreground request waited %s, want at most about %s", worst, want)
				}
			})
		})
	}
}

func TestLimiter_pauses(t *testing.T) {
	t.Parallel()
	for _, limit := range []int{0, 120} {
		synctest.Test(t, func(t *testing.T) {
			l := newLimiter(limit)
			began := time.Now()
			l.pause(began.Add(17 * time.Second))
			l.pause(began.Add(5 * time.Second)) // does not shorten it
			if n := l.remaining(); n != 0 {
				t.Errorf("remaining is %d in a pause", n)
			}
			time.AfterFunc(10*time.Second, func() { l.pause(began.Add(20 * time.Second)) }) // lengthens it
			if _, waited := mustAcquire(t, l, Foreground); waited != 20*time.Second {
				t.Errorf("waited %s, want 20s", waited)
			}
		})
	}
}

func TestLimiter_withoutALimitNeverWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLimiter(0)
		for n := range 10_000 {
			if _, waited := mustAcquire(t, l, Priority(n%2)); waited != 0 {
				t.Fatalf("waited %s", waited)
			}
		}
	})
}

func TestLimiter_ofTheSamePriorityTheFirstGoesFirst(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLimiter(1)
		s, _ := mustAcquire(t, l, Foreground)
		l.done(s, unknown)
		ctx := t.Context()
		gaveUp, cancel := context.WithCancelCause(ctx)
		reason := errors.New("not any more")
		var mu sync.Mutex
		var order []int
		var wg sync.WaitGroup
		for n := range 5 {
			wg.Go(func() {
				if n == 0 {
					if _, err := l.acquire(gaveUp, Foreground); !errors.Is(err, reason) {
						t.Errorf("error %v, want the context's cause", err)
					}
					return
				}
				s, err := l.acquire(ctx, Foreground)
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				order = append(order, n)
				mu.Unlock()
				l.done(s, unknown)
			})
			synctest.Wait() // n waits before the next one comes
		}
		cancel(reason)
		wg.Wait()
		if !slices.IsSorted(order) || len(order) != 4 {
			t.Errorf("order %v", order)
		}
	})
}

func TestLimiter_believesTheAPIOnlyWhenItSaysLess(t *testing.T) {
	t.Parallel()
	// answer sends one request whose answer says so many remain.
	answer := func(t *testing.T, l *limiter, says int) {
		t.Helper()
		s, _ := mustAcquire(t, l, Foreground)
		l.done(s, says)
	}
	t.Run("the same number again and again", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			l := newLimiter(120)
			for range 120 {
				answer(t, l, 119)
			}
			if n := l.remaining(); n != 0 {
				t.Errorf("%d remain after 120 requests", n)
			}
		})
	})
	t.Run("what is in flight is ours", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			l := newLimiter(120)
			answer(t, l, 119)
			advance(minute)
			var slots []slot
			for range 10 {
				s, _ := mustAcquire(t, l, Foreground)
				slots = append(slots, s)
			}
			for n, s := range slots {
				l.done(s, 119-(n+3)%10) // they arrived in another order
			}
			if n := l.remaining(); n != 110 {
				t.Errorf("%d remain, want 110", n)
			}
		})
	})
	t.Run("another client shares the budget", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			l := newLimiter(120)
			answer(t, l, 59) // 60 by others
			if n := l.remaining(); n != 59 {
				t.Errorf("%d remain, want 59", n)
			}
			answer(t, l, 58) // no more of others
			if n := l.remaining(); n != 58 {
				t.Errorf("%d remain, want 58", n)
			}
			advance(30 * time.Second)
			if n := l.remaining(); n != 88 {
				t.Errorf("%d remain half a minute later, want half of the others' slots back: 88", n)
			}
			advance(30 * time.Second)
			if n := l.remaining(); n != 120 {
				t.Errorf("%d remain after a minute, want all", n)
			}
		})
	})
	t.Run("a number that is always 0 slows down and does not stop", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			l := newLimiter(120)
			began, sent := time.Now(), 0
			for time.Since(began) < 10*minute {
				answer(t, l, 0)
				sent++
			}
			if sent < 600 || sent > 1320 {
				t.Errorf("%d requests in 10 minutes, want about 1200 at most", sent)
			}
		})
	})
}
