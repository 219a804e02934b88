package producer

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"pylon-kafka/extract"
)

const (
	// refusedPause is how long a run waits for somebody to do something about a
	// refusal before it looks again.
	refusedPause = 10 * time.Minute
	// healthy is how long something has to work for its failures to be forgotten.
	healthy = time.Minute
)

// policy says for how long something that fails is tried again.
type policy struct {
	// patience is how long it may fail without progress; 0 is for ever, and then
	// a refusal is tried again as well, after a long pause.
	patience time.Duration
	// cut also ends a try that is under way when patience runs out.
	cut bool
	// progress tells when something was last achieved; nil: each try stands alone.
	progress func() time.Time
	// trouble is told of each failure, with the moment of the next try; nil: nobody.
	trouble func(extract.Trouble)
}

// retry calls fn until it returns nil, ctx ends, or the policy gives up, and
// returns the last error of fn, or that of ctx. What is fatal is returned at
// once.
func retry(ctx context.Context, p policy, fn func(context.Context) error) error {
	limited := ctx
	if p.cut && p.patience > 0 {
		var cancel context.CancelFunc
		limited, cancel = context.WithTimeout(ctx, p.patience)
		defer cancel()
	}
	var since time.Time // of the failures
	var last error
	for attempt := 0; ; attempt++ {
		began := time.Now()
		err := fn(limited)
		switch {
		case err == nil:
			return nil
		case fatal(err):
			return err
		case ctx.Err() != nil:
			return ctx.Err()
		}
		if last == nil || limited.Err() == nil {
			last = err // the one that was cut short says less
		}
		if since.IsZero() || time.Since(began) > healthy {
			since, attempt = began, 0
		}
		if p.progress != nil && p.progress().After(since) {
			since, attempt = p.progress(), 0
		}
		pause := pauseAfter(err, attempt)
		if p.patience > 0 && (refused(err) || limited.Err() != nil || time.Since(since)+pause > p.patience && !isAgain(err)) {
			return last
		}
		if p.trouble != nil {
			p.trouble(extract.Trouble{Err: last, Since: since, Next: time.Now().Add(pause)})
		}
		if sleep(limited, pause) != nil && ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

// pauseAfter is the pause before the next try.
func pauseAfter(err error, attempt int) time.Duration {
	var paused pausedError
	switch {
	case isAgain(err):
		return 0
	case errors.As(err, &paused):
		return paused.pause
	case refused(err):
		return refusedPause
	default:
		return backoff(attempt)
	}
}

// backoff is the pause after a failure: it doubles from half a second up to a
// minute, less up to a half at random.
func backoff(attempt int) time.Duration {
	d := min(500*time.Millisecond<<min(attempt, 10), time.Minute)
	return d - rand.N(d/2)
}

// sleep waits for d, or until ctx ends.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
