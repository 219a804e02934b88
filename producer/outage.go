package producer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"pylon-kafka/extract"
)

// outageLog writes one line when a stream goes down and one when it is up again,
// whatever happens in between. It is safe for concurrent use.
type outageLog struct {
	state *state
	log   *slog.Logger

	mu    sync.Mutex
	since time.Time // of the outage that was logged; zero: none is
}

// tell compares the stream's status with what the log says and writes the line
// that is missing.
func (o *outageLog) tell() {
	o.mu.Lock()
	defer o.mu.Unlock()
	now := o.state.read()
	switch {
	case o.since.IsZero() && (now.State == Retrying || now.State == Failed):
		o.since = now.Since
		say := o.log.Warn
		if now.State == Failed {
			say = o.log.Error
		}
		say("stream is down; trying again",
			"state", string(now.State), "error", now.Reason, "since", now.Since, "next_try", now.NextTry)
	case !o.since.IsZero() && (now.Up || now.State == Standby || now.State == Done):
		o.log.Info("stream is no longer down", "state", string(now.State), "lasted", time.Since(o.since).Round(time.Second).String())
		o.since = time.Time{}
	}
}

// hangs is how long Kafka may take to answer before that is a trouble.
const hangs = 5 * time.Second

// await notes a trouble once what is waited for has taken longer than hangs.
// probe may tell a better reason; it has as long again. The function that await
// returns is to be called when the wait is over.
func (s *state) await(ctx context.Context, what string, probe func(context.Context) error) (over func()) {
	ctx, cancel := context.WithCancel(ctx)
	began := time.Now()
	timer := time.AfterFunc(hangs, func() {
		s.waited(ctx, what, extract.Trouble{Err: fmt.Errorf("%s: Kafka gives no answer", what), Since: began})
		limited, done := context.WithTimeout(ctx, hangs)
		defer done()
		if err := probe(limited); err != nil && !errors.Is(err, context.DeadlineExceeded) {
			s.waited(ctx, what, extract.Trouble{Err: fmt.Errorf("%s: Kafka gives no answer: %w", what, err), Since: began})
		}
	})
	return func() {
		timer.Stop()
		s.mu.Lock()
		defer s.mu.Unlock()
		cancel() // under the lock, so that nothing is noted afterwards
		delete(s.troubles, what)
	}
}

// waited notes a trouble of a wait that is not over.
func (s *state) waited(ctx context.Context, what string, t extract.Trouble) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if ctx.Err() == nil {
		s.troubleLocked(what, t)
	}
}
