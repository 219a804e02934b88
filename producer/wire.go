package producer

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sr"

	"pylon-kafka/avro"
)

// wire knows what stands before the Avro in every value of a topic, and whether
// what a topic holds can be read together with it.
type wire struct {
	registry *sr.Client // nil: single-object encoding
	settings *Registry
	schemas  *schemasTopic
	wait     policy // for a registry that does not answer
}

// schemasTopic is what the schemas topic held when the process began: schemas by
// their fingerprints in hex. Without a registry a reader finds them there.
type schemasTopic struct {
	name string
	text map[string]string
}

// header returns what stands before the Avro in every value of a session's
// stream, and the record that makes the schema known, where it is not. With a
// registry it waits for it.
func (w *wire) header(ctx context.Context, s *session) ([]byte, *kgo.Record, error) {
	if w.registry != nil {
		id, err := w.id(ctx, s)
		if err != nil {
			return nil, nil, fmt.Errorf("schema registry: %w", err)
		}
		return avro.AppendConfluent(nil, id), nil, nil
	}
	fingerprint := s.codec.Fingerprint()
	key := hashText(fingerprint) // 16 hex digits, most significant first
	var rec *kgo.Record
	if _, ok := w.schemas.text[key]; !ok && !s.memory.schemaSent() {
		rec = &kgo.Record{Topic: w.schemas.name, Key: []byte(key), Value: []byte(s.codec.Schema())}
	}
	return avro.AppendSingleObject(nil, fingerprint), rec, nil
}

// id returns the registry's id of the schema of a session's stream.
func (w *wire) id(ctx context.Context, s *session) (id int, err error) {
	err = retry(ctx, w.wait, func(ctx context.Context) error {
		id, err = w.settings.schemaID(ctx, w.registry, s.topic.Name, s.codec)
		if err != nil && !registryRetryable(err) {
			return refusedError{err}
		}
		return err
	})
	return id, err
}

// framing is which headers the records of a topic have, each with a record that
// has it.
type framing map[avro.Header]place

// see notes the header of a record's value.
func (f framing) see(rec *kgo.Record) {
	header, _, err := avro.ParseHeader(rec.Value)
	if err != nil {
		header = avro.Header{}
	}
	if _, ok := f[header]; !ok {
		f[header] = place{rec.Partition, rec.Offset}
	}
}

// fits returns an error if the topic holds records that a consumer could not
// read together with those that the session would write: of another encoding, of
// another registry, or of another layout.
func (w *wire) fits(ctx context.Context, s *session) error {
	ours, _, err := avro.ParseHeader(append(s.header[:len(s.header):len(s.header)], 0))
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
		if have.Format == ours.Format && ok && stream == s.stream.Name && layout == s.codec.Layout() {
			continue // an earlier version of the schema
		}
		what := describeFraming(have)
		if ok && stream == s.stream.Name {
			what += fmt.Sprintf(", layout %s", layout)
		}
		return refuse("topic %s holds records with %s (partition %d, offset %d), and the settings make %s, layout %s: "+
			"a consumer could not read both; either publish everything anew (`pylon-kafka publish-anew %s`), or use another KAFKA_TOPIC_PREFIX",
			s.topic.Name, what, at.partition, at.offset, describeFraming(ours), s.codec.Layout(), s.stream.Name)
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
		return w.schemas.text[hashText(h.Fingerprint)], nil
	case avro.FormatConfluent:
		if w.registry == nil {
			return "", nil
		}
		schema, err := w.registry.SchemaByID(ctx, h.ID)
		if err != nil && registryRetryable(err) {
			return "", fmt.Errorf("schema registry: look up id %d: %w", h.ID, refusal(err))
		}
		return schema.Schema, nil //nolint:nilerr // What the registry refuses to give, it does not have.
	default:
		return "", nil
	}
}

func describeFraming(h avro.Header) string {
	switch h.Format {
	case avro.FormatConfluent:
		return fmt.Sprintf("id %d of a schema registry", h.ID)
	case avro.FormatSingleObject:
		return "single-object encoding, fingerprint " + hashText(h.Fingerprint)
	default:
		return "no Avro header"
	}
}
