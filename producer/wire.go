package producer

import (
	"context"
	"fmt"
	"time"

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

// look returns the format of a session's stream as far as it is known without
// registering anything: a header that the registry has yet to give is nil. With a
// registry it waits for it.
func (w *wire) look(ctx context.Context, s *session) (format, error) {
	if w.registry == nil {
		return w.open(ctx, s)
	}
	return w.format(ctx, s, w.registry.look)
}

// open returns the format of a session's stream. With a registry it registers the
// schemas and waits for it; without one, the schemas that the schemas topic lacks
// are to be published.
func (w *wire) open(ctx context.Context, s *session) (format, error) {
	if w.registry == nil {
		return w.singleObject(s), nil
	}
	return w.format(ctx, s, func(ctx context.Context, schema registry.Schema) (int, error) {
		return w.registry.id(ctx, schema, s.topics.empty)
	})
}

// judged notes whether what the session's topic holds lets its schemas be
// registered.
func (w *wire) judged(s *session, err error) {
	if w.registry == nil || err != nil && !refused(err) {
		return
	}
	w.registry.judge(registrySchema(s.topic.Name, s.codec, false), err == nil)
	if s.keyCodec != nil {
		w.registry.judge(registrySchema(s.topic.Name, s.keyCodec, true), err == nil)
	}
}

// singleObject returns the format without a registry.
func (w *wire) singleObject(s *session) format {
	var f format
	header := func(codec schemaOwner) []byte {
		name := avro.FingerprintText(codec.Fingerprint())
		if !w.schemas.holds(name) {
			f.unknown = append(f.unknown, w.schemas.record(name, codec.Schema()))
		}
		return avro.AppendSingleObject(nil, codec.Fingerprint())
	}
	f.header = header(s.codec)
	if f.keys.codec = s.keyCodec; s.keyCodec != nil {
		f.keys.header = header(s.keyCodec)
	}
	return f
}

// format returns the format with the ids that the registry gives by id; for 0 a
// header is nil.
func (w *wire) format(ctx context.Context, s *session, id func(context.Context, registry.Schema) (int, error)) (format, error) {
	f := format{keys: keyFormat{codec: s.keyCodec}}
	var err error
	if f.header, err = w.header(ctx, registrySchema(s.topic.Name, s.codec, false), id); err == nil && s.keyCodec != nil {
		f.keys.header, err = w.header(ctx, registrySchema(s.topic.Name, s.keyCodec, true), id)
	}
	return f, err
}

// header asks the registry until it answers, and returns what stands before the
// Avro of a schema.
func (w *wire) header(ctx context.Context, schema registry.Schema, id func(context.Context, registry.Schema) (int, error)) ([]byte, error) {
	n := 0
	began := time.Now()
	err := retry(ctx, w.wait, func(ctx context.Context) error {
		var err error
		n, err = id(ctx, schema)
		if err != nil && !registry.Retryable(err) && (w.wait.patience > 0 || !w.registry.MayRotate(err)) {
			return refusedError{err}
		}
		return err
	})
	if err != nil && w.wait.patience > 0 && !refused(err) && ctx.Err() == nil {
		err = refuse("no answer to be used in %v: %w", time.Since(began).Round(time.Second), err)
	}
	switch {
	case err != nil:
		return nil, fmt.Errorf("schema registry: %w", err)
	case n == 0:
		return nil, nil
	}
	return avro.AppendConfluent(nil, n), nil
}

// fits returns an error if the topic holds records that a consumer could not
// read together with those that the session would write: of another encoding, of
// another registry, or of another layout. It does not need our own id, so that
// nothing is registered for a topic that is refused.
func (w *wire) fits(ctx context.Context, s *session) error {
	if err := w.keysFit(ctx, s); err != nil {
		return err
	}
	ours := avro.Header{Format: avro.FormatSingleObject, Fingerprint: s.codec.Fingerprint()}
	if w.registry != nil {
		ours = avro.Header{Format: avro.FormatConfluent, ID: w.registry.known(registrySchema(s.topic.Name, s.codec, false))}
	}
	for have, at := range s.framing {
		if have == ours && (w.registry == nil || ours.ID > 0) {
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
			"a consumer could not read both; %s",
			s.topic.Name, what, at.partition, at.offset, w.describeOurs(ours), w.layout, w.waysOut(ctx, s))
	}
	return nil
}

// keysFit does the same for keys whose header is yet to be given: they are
// compared byte by byte, so that only the same schema will do.
func (w *wire) keysFit(ctx context.Context, s *session) error {
	for have, at := range s.keyFraming {
		text, err := w.schemaOf(ctx, have)
		if err != nil {
			return err
		}
		if fingerprint, err := avro.FingerprintOf(text); err != nil || have.Format != avro.FormatConfluent || fingerprint != s.keyCodec.Fingerprint() {
			return otherKeyRefused(s, fmt.Sprintf("partition %d, offset %d", at.partition, at.offset))
		}
	}
	return nil
}

// waysOut says what somebody may do about a topic that does not fit. A registry
// may refuse the layout too: the subject is then named, and what makes it take it.
func (w *wire) waysOut(ctx context.Context, s *session) string {
	anew := fmt.Sprintf("either publish everything anew (`pylon-kafka publish-anew %s`)", s.stream.Name)
	if w.registry != nil {
		c, err := w.registry.Compare(ctx, registrySchema(s.topic.Name, s.codec, false))
		if err == nil && c.State == registry.Differs {
			anew += fmt.Sprintf(" and let the registry take the other schema (%s)", w.registry.LetIn(c.Subject))
		}
	}
	return anew + ", or use another KAFKA_TOPIC_PREFIX"
}

func (w *wire) describeOurs(ours avro.Header) string {
	if w.registry != nil && ours.ID == 0 {
		return "ids of the schema registry " + w.registry.URL()
	}
	return describeFraming(ours)
}

// schemaOf returns the schema that a header names, "" where it cannot be had.
func (w *wire) schemaOf(ctx context.Context, h avro.Header) (string, error) {
	switch h.Format {
	case avro.FormatSingleObject:
		return w.schemas.schema(avro.FingerprintText(h.Fingerprint)), nil
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
