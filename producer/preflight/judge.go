package preflight

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kgo"

	"pylon-kafka/avro"
	"pylon-kafka/offsets/topic"
	"pylon-kafka/producer/registry"
	"pylon-kafka/producer/topics"
)

// judge says whether records fit the settings.
type judge struct {
	c       *cluster
	opts    *Options
	streams map[string]string // by topic
	schemas map[string]string // what the schemas topic holds, by fingerprint; nil: not read yet

	named map[avro.Header]string // the schemas that headers name, as far as they were looked for
}

// record returns why a record does not fit the settings, or nil. What is not Avro
// is not ours.
func (j *judge) record(ctx context.Context, rec *kgo.Record) error {
	header, _, err := avro.ParseHeader(rec.Value)
	if err != nil {
		return nil //nolint:nilerr // It is another program's, and left alone.
	}
	if err := errors.Join(j.value(ctx, header, j.streams[rec.Topic]), j.key(ctx, rec.Key, j.streams[rec.Topic])); err != nil {
		return fmt.Errorf("topic %s, partition %d, offset %d: %w", rec.Topic, rec.Partition, rec.Offset, err)
	}
	return nil
}

// value judges a value by its header.
func (j *judge) value(ctx context.Context, header avro.Header, stream string) error {
	r := j.opts.Registry
	switch {
	case r == nil && header.Format == avro.FormatConfluent:
		return fmt.Errorf("a value in Confluent's wire format with schema id %d, and SCHEMA_REGISTRY_URL is not set, so the next would be in single-object encoding", header.ID)
	case r != nil && header.Format != avro.FormatConfluent:
		return errors.New("a value in single-object encoding, and SCHEMA_REGISTRY_URL is set, so the next would be in Confluent's wire format")
	}
	text, err := j.schema(ctx, header)
	if r != nil && registry.NotFound(err) {
		return fmt.Errorf("a value with schema id %d, which the registry at SCHEMA_REGISTRY_URL %s does not have: it is another registry", header.ID, r.URL())
	}
	if err != nil {
		return nil //nolint:nilerr // The check of the registry, or of the topic of schemas, says so.
	}
	got, layout, ok := avro.Identify(text)
	switch {
	case ok && got == stream && layout == j.opts.Layout:
		return nil
	case ok && got == stream:
		return fmt.Errorf("a value in layout %s, and VALUE_LAYOUT and FLAT_ARRAYS make the next in layout %s", layout, j.opts.Layout)
	case r == nil && text == "":
		return fmt.Errorf("a value whose schema, fingerprint %s, the topic %s does not hold", avro.FingerprintText(header.Fingerprint), topics.Schemas(j.c.k).Name)
	case r == nil:
		return fmt.Errorf("a value whose schema, fingerprint %s, is of %q, and not of %s", avro.FingerprintText(header.Fingerprint), avro.NameOf(text), stream)
	default:
		return fmt.Errorf("a value with schema id %d, which is of %q in the registry at SCHEMA_REGISTRY_URL %s, and not of %s: it is another registry", header.ID, avro.NameOf(text), r.URL(), stream)
	}
}

// key judges the form of a key: keys are compared byte by byte.
func (j *judge) key(ctx context.Context, key []byte, stream string) error {
	header, _, err := avro.ParseHeader(key)
	plain := err != nil
	switch {
	case !j.opts.AvroKeys && plain:
		return nil //nolint:nilerr // That there is no header is what makes a key plain.
	case !j.opts.AvroKeys:
		return errors.New("an Avro key, and KAFKA_KEY_FORMAT is plain: a consumer would take the two forms for two objects")
	case plain:
		return errors.New("a plain key, and KAFKA_KEY_FORMAT is avro: a consumer would take the two forms for two objects")
	}
	codec, err := avro.NewKeyCodec(stream)
	if err != nil {
		return err
	}
	const other = "an Avro key of another registry or schema: a consumer would take it and the next for two objects"
	if (header.Format == avro.FormatConfluent) != (j.opts.Registry != nil) {
		return errors.New(other)
	}
	if header.Format == avro.FormatSingleObject {
		if header.Fingerprint != codec.Fingerprint() {
			return errors.New(other)
		}
		return nil
	}
	text, err := j.schema(ctx, header)
	switch fingerprint, parsing := avro.FingerprintOf(text); {
	case err != nil && !registry.NotFound(err):
		return nil // The registry's own check says so.
	case err != nil || parsing != nil || fingerprint != codec.Fingerprint():
		return errors.New(other)
	}
	return nil
}

// schema returns the schema that a header names, and looks for each once: records
// by the hundred have the same.
func (j *judge) schema(ctx context.Context, header avro.Header) (string, error) {
	if text, ok := j.named[header]; ok {
		return text, nil
	}
	text, err := j.look(ctx, header)
	if err == nil {
		j.named[header] = text
	}
	return text, err
}

// look looks for a schema: by id, among this program's own, or in the schemas
// topic; "" if it is not there.
func (j *judge) look(ctx context.Context, header avro.Header) (string, error) {
	if header.Format == avro.FormatConfluent {
		return j.opts.Registry.ByID(ctx, header.ID)
	}
	for _, stream := range j.streams {
		for _, layout := range avro.Layouts() {
			codec, err := avro.NewCodec(stream, layout)
			if err != nil {
				return "", err
			}
			if codec.Fingerprint() == header.Fingerprint {
				return codec.Schema(), nil
			}
		}
	}
	if err := j.readSchemas(ctx); err != nil {
		return "", err
	}
	return j.schemas[avro.FingerprintText(header.Fingerprint)], nil
}

// readSchemas reads the topic of schemas, once.
func (j *judge) readSchemas(ctx context.Context) error {
	if j.schemas != nil {
		return nil
	}
	limited, cancel := context.WithTimeout(ctx, sampleTime)
	defer cancel()
	options, err := j.c.k.Options(j.opts.Dial...)
	if err != nil {
		return err
	}
	schemas := make(map[string]string)
	err = topic.ReadAll(limited, options, topics.Schemas(j.c.k).Name, topic.Stable, func(rec *kgo.Record) error {
		schemas[string(rec.Key)] = string(rec.Value)
		return nil
	})
	if err == nil {
		j.schemas = schemas
	}
	return err
}
