package producer

import (
	"context"
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
}

// askPause is how long an answer that may pass is kept before the registry is
// asked again: several streams may want to know.
const askPause = 200 * time.Millisecond

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
// come before it have theirs as far as the registry gives them. One whose topic
// holds something that its own stream has not judged yet is left to it.
func (r *registrar) id(ctx context.Context, schema registry.Schema, empty func(ctx context.Context, topic string) bool) (int, error) {
	return r.own(ctx, schema, func(ctx context.Context, schema registry.Schema) (int, error) {
		for _, before := range r.schemas {
			if before == schema {
				break
			}
			a := r.about(before)
			if a.id > 0 || a.withheld || !a.at.IsZero() || !a.fits && !empty(ctx, before.Topic) {
				continue
			}
			a.note(r.ID(ctx, before))
		}
		return r.ID(ctx, schema)
	})
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
