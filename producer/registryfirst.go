package producer

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"pylon-kafka/producer/registry"
	"pylon-kafka/producer/topics"
)

// registryError is that the registry is not there before the first topic is made.
type registryError struct{ error }

func (e registryError) Unwrap() error { return e.error }

func isRegistryError(err error) bool {
	var marked registryError
	return errors.As(err, &marked)
}

// registryFirst makes sure, before the first topics are made, that the registry is
// one that answers us. Later each stream asks it by itself.
func (p *Pipeline) registryFirst(ctx context.Context, cl *kgo.Client) error {
	if p.registry == nil {
		return nil
	}
	if _, err := topics.Describe(ctx, cl, &p.cfg.Kafka, topics.Offsets(&p.cfg.Kafka)); !errors.Is(err, kerr.UnknownTopicOrPartition) {
		return nil
	}
	reg := p.registry.registry
	_, err := reg.Subjects(ctx)
	if err == nil || registry.Status(err) == http.StatusForbidden { // who may register need not be allowed to list
		return nil
	}
	err = fmt.Errorf("schema registry: SCHEMA_REGISTRY_URL %s: %w", reg.URL(), err)
	if once := p.tasks[0].cfg.once; once && !registry.Retryable(err) {
		err = refusedError{err}
	}
	return registryError{err}
}
