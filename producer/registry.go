package producer

import (
	"context"
	"fmt"

	"pylon-kafka/producer/registry"
)

// registryID returns the registry's id of the schema of t's stream. It waits for
// a registry that does not answer: a run as long as it takes, a sync for a
// minute. What the registry refuses is an error at once.
func (p *Pipeline) registryID(ctx context.Context, t *task) (int, error) {
	schema := registry.Schema{Topic: t.topic.Name, Record: t.codec.FullName(), Text: t.codec.Schema()}
	limited := ctx
	if p.once {
		var cancel context.CancelFunc
		limited, cancel = context.WithTimeout(ctx, p.reach)
		defer cancel()
	}
	var why error
	for attempt := 0; ; attempt++ {
		id, err := p.registry.ID(limited, schema)
		switch {
		case err == nil:
			return id, nil
		case ctx.Err() != nil:
			return 0, ctx.Err()
		case !registry.Retryable(err):
			return 0, refusedError{err}
		}
		if why == nil || limited.Err() == nil { // the last request was cut short by our own impatience
			why = err
		}
		t.fail(fmt.Errorf("schema registry: %w", why))
		t.log.Warn("the schema registry gives no id; trying again", "err", why)
		if sleep(limited, backoff(attempt)) == nil {
			continue
		}
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		return 0, refusedError{fmt.Errorf("no answer to be used in %v: %w", p.reach, why)}
	}
}
