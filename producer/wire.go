package producer

import (
	"context"
	"fmt"
	"sync"

	"github.com/twmb/franz-go/pkg/kgo"

	"pylon-kafka/avro"
	"pylon-kafka/producer/registry"
)

// wire knows what stands before the Avro in every value of a topic, and whether
// what a topic holds can be read together with it.
type wire struct {
	registry *registrar // nil: single-object encoding
	schemas  *schemasTopic
	layout   avro.Layout
	wait     policy // for a registry that does not answer
}

// registrar registers the schemas of all streams one after the other, in their
// order, so that two empty registries give the same ids. It is safe for
// concurrent use.
type registrar struct {
	*registry.Registry

	mu      sync.Mutex
	schemas []registry.Schema // of all streams
	ids     map[registry.Schema]int
	asked   map[registry.Schema]bool
	failed  map[registry.Schema]error // answers that the schema's own stream has not had yet
}

func newRegistrar(r *registry.Registry) *registrar {
	return &registrar{Registry: r, ids: make(map[registry.Schema]int), asked: make(map[registry.Schema]bool), failed: make(map[registry.Schema]error)}
}

// id returns the id of a schema, after those that come before it have theirs as
// far as the registry gives them. What another stream was told about the schema
// counts as the first answer to its own.
func (r *registrar) id(ctx context.Context, schema registry.Schema) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, before := range r.schemas {
		if before == schema {
			break
		}
		if !r.asked[before] {
			r.ask(ctx, before)
		}
	}
	if _, ok := r.ids[schema]; !ok && r.failed[schema] == nil {
		r.ask(ctx, schema)
	}
	if err := r.failed[schema]; err != nil {
		delete(r.failed, schema)
		return 0, err
	}
	return r.ids[schema], nil
}

// anID returns an id that the registry has given; false if it has given none.
func (r *registrar) anID() (int, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, id := range r.ids {
		return id, true
	}
	return 0, false
}

// ask asks the registry and keeps what it answers.
func (r *registrar) ask(ctx context.Context, schema registry.Schema) {
	r.asked[schema] = true
	id, err := r.ID(ctx, schema)
	if err != nil {
		r.failed[schema] = err
		return
	}
	r.ids[schema] = id
}

// schemasTopic is what the schemas topic held when the process began: schemas by
// their fingerprints in hex. Without a registry a reader finds them there.
type schemasTopic struct {
	name string
	text map[string]string
}

// open returns the format of a session's stream. With a registry it waits for
// it; without one, the schemas that the schemas topic lacks are to be published.
func (w *wire) open(ctx context.Context, s *session) (format, error) {
	var f format
	var err error
	if f.header, err = w.header(ctx, s, s.codec, false, &f.unknown); err != nil {
		return f, err
	}
	f.keys.codec = s.keyCodec
	if s.keyCodec != nil {
		f.keys.header, err = w.header(ctx, s, s.keyCodec, true, &f.unknown)
	}
	return f, err
}

// header returns what stands before the Avro of a codec's schema, and adds the
// record that makes it known, where it is not.
func (w *wire) header(ctx context.Context, s *session, codec schemaOwner, key bool, unknown *[]*kgo.Record) ([]byte, error) {
	if w.registry != nil {
		id := 0
		schema := registrySchema(s.topic.Name, codec, key)
		err := retry(ctx, w.wait, func(ctx context.Context) error {
			var err error
			id, err = w.registry.id(ctx, schema)
			if err != nil && !registry.Retryable(err) && (w.wait.patience > 0 || !w.registry.MayRotate(err)) {
				return refusedError{err}
			}
			return err
		})
		if err != nil && w.wait.patience > 0 && !refused(err) && ctx.Err() == nil {
			err = refuse("no answer to be used in %v: %w", w.wait.patience, err)
		}
		if err != nil {
			return nil, fmt.Errorf("schema registry: %w", err)
		}
		return avro.AppendConfluent(nil, id), nil
	}
	fingerprint := codec.Fingerprint()
	name := avro.FingerprintText(fingerprint)
	if _, ok := w.schemas.text[name]; !ok && !s.memory.schemaSent() {
		*unknown = append(*unknown, &kgo.Record{Topic: w.schemas.name, Key: []byte(name), Value: []byte(codec.Schema())})
	}
	return avro.AppendSingleObject(nil, fingerprint), nil
}

// fits returns an error if the topic holds records that a consumer could not
// read together with those that the session would write: of another encoding, of
// another registry, or of another layout.
func (w *wire) fits(ctx context.Context, s *session) error {
	if len(s.framing) == 0 {
		return nil
	}
	ours, _, err := avro.ParseHeader(append(s.format.header[:len(s.format.header):len(s.format.header)], 0))
	if err != nil {
		return err
	}
	for have, at := range s.framing {
		if have == ours {
			continue
		}
		text, err := w.schemaOf(ctx, have)
		if err != nil {
			return err
		}
		stream, layout, ok := avro.Identify(text)
		if have.Format == ours.Format && ok && stream == s.stream.Name && layout == w.layout {
			continue // an earlier version of the schema
		}
		what := describeFraming(have)
		if ok && stream == s.stream.Name {
			what += fmt.Sprintf(", layout %s", layout)
		}
		return refuse("topic %s holds records with %s (partition %d, offset %d), and the settings make %s, layout %s: "+
			"a consumer could not read both; either publish everything anew (`pylon-kafka publish-anew %s`), or use another KAFKA_TOPIC_PREFIX",
			s.topic.Name, what, at.partition, at.offset, describeFraming(ours), w.layout, s.stream.Name)
	}
	return nil
}

// schemaOf returns the schema that a header names, "" where it cannot be had.
func (w *wire) schemaOf(ctx context.Context, h avro.Header) (string, error) {
	switch h.Format {
	case avro.FormatSingleObject:
		if w.schemas == nil {
			return "", nil
		}
		return w.schemas.text[avro.FingerprintText(h.Fingerprint)], nil
	case avro.FormatConfluent:
		if w.registry == nil {
			return "", nil
		}
		text, err := w.registry.ByID(ctx, h.ID)
		if err != nil && registry.Retryable(err) {
			return "", fmt.Errorf("schema registry: look up id %d: %w", h.ID, err)
		}
		return text, nil // what the registry refuses to give, it does not have
	default:
		return "", nil
	}
}

func describeFraming(h avro.Header) string {
	switch h.Format {
	case avro.FormatConfluent:
		return fmt.Sprintf("id %d of a schema registry", h.ID)
	case avro.FormatSingleObject:
		return "single-object encoding, fingerprint " + avro.FingerprintText(h.Fingerprint)
	default:
		return "no Avro header"
	}
}
