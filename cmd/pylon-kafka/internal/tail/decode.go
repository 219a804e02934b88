package tail

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kgo"

	"pylon-kafka/avro"
	"pylon-kafka/offsets/topic"
	"pylon-kafka/producer"
	"pylon-kafka/producer/connect"
	"pylon-kafka/producer/registry"
	"pylon-kafka/producer/topics"
)

// valueDecoder turns the value of a record into JSON. An unreadableError is
// about this one value; any other error is about what all of them need.
type valueDecoder interface {
	json(ctx context.Context, value []byte) (json.RawMessage, error)
}

// unreadableError is a value that is not what its topic should hold.
type unreadableError struct{ err error }

func (e *unreadableError) Error() string { return e.err.Error() }
func (e *unreadableError) Unwrap() error { return e.err }

// plainValues are values that are JSON already.
type plainValues struct{}

func (plainValues) json(_ context.Context, value []byte) (json.RawMessage, error) {
	if !json.Valid(value) {
		return nil, &unreadableError{errors.New("the value is not JSON")}
	}
	return value, nil
}

// keyReader reads the keys of a topic. The zero value is for the topics of our own.
type keyReader struct{ codec *avro.KeyCodec }

// plain returns the object's key of a record, whichever KAFKA_KEY_FORMAT it was
// written with, or the bytes as they are where they are neither. The schema of a
// stream's keys never changes, so that none has to be looked up; and no plain key
// begins as a header does, with a zero byte or with what is not UTF-8.
func (k keyReader) plain(key []byte) string {
	if k.codec == nil {
		return string(key)
	}
	_, body, err := avro.ParseHeader(key)
	if err != nil {
		return string(key)
	}
	plain, err := k.codec.Decode(body)
	if err != nil {
		return string(key)
	}
	return plain
}

// avroValues decodes Avro values in either framing and any layout, with the
// schema that they were written with: by fingerprint from this binary or from the schemas topic,
// by id from the schema registry. It is not safe for concurrent use.
type avroValues struct {
	kafka         *connect.Kafka
	registry      *registry.Registry // nil: none is set
	options       avro.DecodeOptions
	byFingerprint map[uint64]*avro.Decoder
	unknown       map[uint64]bool
	byID          map[int]*avro.Decoder
}

// newAvroValues makes a decoder for the topic of stream, and reads nothing yet.
func newAvroValues(cfg *producer.Config, stream string, merge bool) (*avroValues, error) {
	reg, err := registry.New(cfg.Registry)
	if err != nil {
		return nil, err
	}
	byFingerprint := make(map[uint64]*avro.Decoder)
	for _, layout := range avro.Layouts() {
		codec, err := avro.NewCodec(stream, layout)
		if err != nil {
			return nil, err
		}
		if byFingerprint[codec.Fingerprint()], err = avro.NewDecoder(codec.Schema()); err != nil {
			return nil, err
		}
	}
	return &avroValues{
		kafka:         &cfg.Kafka,
		registry:      reg,
		options:       avro.DecodeOptions{Merge: merge},
		byFingerprint: byFingerprint,
		unknown:       make(map[uint64]bool),
		byID:          make(map[int]*avro.Decoder),
	}, nil
}

func (v *avroValues) json(ctx context.Context, value []byte) (json.RawMessage, error) {
	header, body, err := avro.ParseHeader(value)
	if err != nil {
		return nil, &unreadableError{err}
	}
	var decoder *avro.Decoder
	if header.Format == avro.FormatConfluent {
		decoder, err = v.fromRegistry(ctx, header.ID)
	} else {
		decoder, err = v.fromTopic(ctx, header.Fingerprint)
	}
	if err != nil {
		return nil, err
	}
	text, err := decoder.JSON(nil, body, v.options)
	if err != nil {
		return nil, &unreadableError{err}
	}
	return text, nil
}

// fromRegistry returns the decoder for a schema id of the registry.
func (v *avroValues) fromRegistry(ctx context.Context, id int) (*avro.Decoder, error) {
	if decoder, ok := v.byID[id]; ok {
		return decoder, nil
	}
	if v.registry == nil {
		return nil, fmt.Errorf("the value is in Confluent's wire format, with schema id %d: set SCHEMA_REGISTRY_URL", id)
	}
	schema, err := v.registry.ByID(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("SCHEMA_REGISTRY_URL: %w", err)
	}
	decoder, err := avro.NewDecoder(schema)
	if err != nil {
		return nil, &unreadableError{fmt.Errorf("schema %d: %w", id, err)}
	}
	v.byID[id] = decoder
	return decoder, nil
}

// fromTopic returns the decoder for a fingerprint that this binary does not
// know by itself: the record is of another version.
func (v *avroValues) fromTopic(ctx context.Context, fingerprint uint64) (*avro.Decoder, error) {
	if decoder, ok := v.byFingerprint[fingerprint]; ok {
		return decoder, nil
	}
	if v.unknown[fingerprint] {
		return nil, &unreadableError{fmt.Errorf("schema %s is not known", avro.FingerprintText(fingerprint))}
	}
	options, err := v.kafka.Options()
	if err != nil {
		return nil, err
	}
	var schema string
	key := []byte(avro.FingerprintText(fingerprint))
	name := topics.Schemas(v.kafka).Name
	err = topic.ReadAll(ctx, options, name, topic.Stable, func(rec *kgo.Record) error {
		if bytes.Equal(rec.Key, key) {
			schema = string(rec.Value)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("look for schema %s: %w", key, err)
	}
	if schema == "" {
		v.unknown[fingerprint] = true // a schema is published before its first record: it will not come
		return nil, &unreadableError{fmt.Errorf("schema %s is neither in this binary nor in topic %s", key, name)}
	}
	decoder, err := avro.NewDecoder(schema)
	if err != nil {
		return nil, &unreadableError{fmt.Errorf("schema %s: %w", key, err)}
	}
	v.byFingerprint[fingerprint] = decoder
	return decoder, nil
}
