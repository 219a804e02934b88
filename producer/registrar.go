package producer

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"pylon-kafka/producer/registry"
)

// registrar registers the schemas of all streams one after the other, in their
// order, so that two empty registries give the same ids. It is safe for
// concurrent use.
type registrar struct {
	*registry.Registry

	mu      sync.Mutex
	schemas []registry.Schema // of all streams
	answers map[registry.Schema]*answers
}

// answers is what the registry has said about one schema.
type answers struct {
	id    int // 0: not known yet
	err   error
	at    time.Time // when err came
	heard bool      // the schema's own stream has had err

	fits     bool // its topic holds what can be read together with it
	withheld bool // its topic does not

	since time.Time // it alone has had no answer
}

// askPause is how long an answer that may pass is kept before the registry is
// asked again: several streams may want to know.
const askPause = 200 * time.Millisecond

// mostWait is how long a schema that alone has no answer holds up the next.
const mostWait = 2 * time.Second

func newRegistrar(r *registry.Registry) *registrar {
	return &registrar{Registry: r, answers: make(map[registry.Schema]*answers)}
}

// about returns what has been said about a schema; mu is held.
func (r *registrar) about(schema registry.Schema) *answers {
	if r.answers[schema] == nil {
		r.answers[schema] = &answers{}
	}
	return r.answers[schema]
}

// look returns the id of a schema that the registry has already, or 0. It
// registers nothing.
func (r *registrar) look(ctx context.Context, schema registry.Schema) (int, error) {
	return r.own(ctx, schema, func(ctx context.Context, schema registry.Schema) (int, error) {
		id, err := r.Lookup(ctx, schema)
		if registry.Status(err) == http.StatusForbidden && r.AutoRegister() {
			return 0, nil // who may register need not be allowed to read
		}
		return id, err
	})
}

// id returns the id of a schema, registered where that is allowed, after those that
// come before it have theirs. As long as the registry is away, or the stream of
// an earlier one looks at what its topic holds, nobody passes it. What is refused is
// passed, and so is after a while what alone has no answer.
func (r *registrar) id(ctx context.Context, schema registry.Schema, empty func(ctx context.Context, topic string) bool) (int, error) {
	return r.own(ctx, schema, func(ctx context.Context, schema registry.Schema) (int, error) {
		for _, before := range r.schemas {
			if before == schema || !r.AutoRegister() {
				break
			}
			if err := r.turn(ctx, before, empty); err != nil {
				return 0, fmt.Errorf("subject %s has to wait: %w", r.Subject(schema), err)
			}
		}
		id, err := r.ID(ctx, schema)
		r.patient(ctx, r.about(schema), err)
		return id, err
	})
}

// turn registers a schema for one that comes after it; nil if it can be passed.
func (r *registrar) turn(ctx context.Context, before registry.Schema, empty func(ctx context.Context, topic string) bool) error {
	a := r.about(before)
	passed := func() bool { return !a.since.IsZero() && time.Since(a.since) > mostWait }
	switch {
	case a.id > 0 || a.withheld || a.err != nil && !registry.Retryable(a.err):
		return nil
	case !a.fits && !empty(ctx, before.Topic): // it may be another replica's, which judges it
		if a.since.IsZero() {
			a.since = time.Now()
		}
		if passed() {
			return nil
		}
		return fmt.Errorf("the stream of subject %s reads what its topic holds, and comes first", r.Subject(before))
	}
	if a.err == nil || time.Since(a.at) > askPause {
		a.note(r.ID(ctx, before))
		r.patient(ctx, a, a.err)
	}
	if a.err == nil || !registry.Retryable(a.err) || passed() {
		return nil
	}
	return a.err
}

// patient notes since when a schema has no answer although the registry answers:
// while it is away as a whole, nobody is passed.
func (r *registrar) patient(ctx context.Context, a *answers, err error) {
	switch {
	case err == nil || !registry.Retryable(err) || !r.answering(ctx):
		a.since = time.Time{}
	case a.since.IsZero():
		a.since = time.Now()
	}
}

// answering reports whether the registry answers at all, well or with a refusal.
func (r *registrar) answering(ctx context.Context) bool {
	_, err := r.Subjects(ctx)
	return err == nil || !registry.Retryable(err)
}

// judge notes whether a schema's topic fits it.
func (r *registrar) judge(schema registry.Schema, fits bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	a := r.about(schema)
	a.fits, a.withheld = fits, !fits
}

// own asks for a stream's own schema. What another stream was told about it counts
// as the first answer.
func (r *registrar) own(ctx context.Context, schema registry.Schema, ask func(context.Context, registry.Schema) (int, error)) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	a := r.about(schema)
	if a.id > 0 {
		return a.id, nil
	}
	if a.err == nil || a.heard && time.Since(a.at) > askPause {
		a.note(ask(ctx, schema))
	}
	a.heard = true
	return a.id, a.err
}

// note keeps what the registry has answered.
func (a *answers) note(id int, err error) {
	a.id, a.err, a.heard = id, err, false
	if err != nil {
		a.at = time.Now()
	}
}

// known returns the id of a schema that the registry has given, or 0.
func (r *registrar) known(schema registry.Schema) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.about(schema).id
}

// anID returns an id that the registry has given; false if it has given none.
func (r *registrar) anID() (int, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, a := range r.answers {
		if a.id > 0 {
			return a.id, true
		}
	}
	return 0, false
}
