package preflight

import (
	"context"
	"fmt"
	"net/http"
	"sync"

	"pylon-kafka/producer/registry"
)

// schemas checks the registry, and then how each schema stands to its subject.
func schemas(ctx context.Context, opts *Options) []Check {
	const name = "schema registry"
	r := opts.Registry
	if r == nil {
		return []Check{good(name, "none: records are in Avro's single-object encoding")}
	}
	first, ok := reachRegistry(ctx, name, r)
	if !ok {
		return []Check{first}
	}
	checks := make([]Check, len(opts.Schemas))
	var asking sync.WaitGroup
	for i, s := range opts.Schemas {
		asking.Go(func() { checks[i] = subject(ctx, r, s) })
	}
	asking.Wait()
	return append([]Check{first}, checks...)
}

// reachRegistry asks the registry which subjects there are; ok says whether more
// may be asked.
func reachRegistry(ctx context.Context, name string, r *registry.Registry) (c Check, ok bool) {
	subjects, err := r.Subjects(ctx)
	status := registry.Status(err)
	switch {
	case err == nil:
		return good(name, fmt.Sprintf("%s answers; %d subjects", r.URL(), len(subjects))), true
	case status == http.StatusForbidden:
		return warn(name, fmt.Sprintf("%s answers, and does not let us list its subjects (403)", r.URL()), ""), true
	case status == http.StatusUnauthorized:
		return fail(name, fmt.Errorf("SCHEMA_REGISTRY_URL %s refuses us: %w", r.URL(), err), "look at SCHEMA_REGISTRY_USERNAME and SCHEMA_REGISTRY_PASSWORD"), false
	default:
		return fail(name, fmt.Errorf("SCHEMA_REGISTRY_URL %s: %w", r.URL(), err), ""), false
	}
}

// subject checks how a schema stands to its subject.
func subject(ctx context.Context, r *registry.Registry, s registry.Schema) Check {
	name := "subject " + r.Subject(s)
	const register = "register it (`pylon-kafka schemas register`), or set SCHEMA_REGISTRY_AUTO_REGISTER=true"
	c, err := r.Compare(ctx, s)
	switch {
	case err != nil:
		return fail(name, err, "")
	case c.State == registry.Equal:
		return good(name, fmt.Sprintf("there, equal, with id %d", c.ID))
	case c.State == registry.Differs:
		err := fmt.Errorf("the registry would refuse the schema of %s: it is not compatible with what is there: %s", s.Record, c.Reason)
		return fail(name, err, r.LetIn(c.Subject)+"; or use another KAFKA_TOPIC_PREFIX")
	case !r.AutoRegister():
		return fail(name, fmt.Errorf("it lacks the schema of %s, and SCHEMA_REGISTRY_AUTO_REGISTER is false", s.Record), register)
	case c.State == registry.Compatible:
		return good(name, "there, compatible; the schema will be registered")
	default:
		return good(name, "not there yet; will be registered")
	}
}
