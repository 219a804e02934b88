package producer

import (
	"fmt"

	"pylon-kafka/avro"
	"pylon-kafka/producer/registry"
)

// Schemas returns the schemas under which the records of streams are written, each
// stream's values and then, where they are Avro, its keys, in the order in which
// they are registered.
func (c *Config) Schemas(streams []string) ([]registry.Schema, error) {
	var schemas []registry.Schema
	for _, stream := range streams {
		codec, err := avro.NewCodec(stream, c.Layout())
		if err != nil {
			return nil, fmt.Errorf("schema of %s: %w", stream, err)
		}
		keys, err := c.keyCodec(stream)
		if err != nil {
			return nil, err
		}
		schemas = append(schemas, c.schemasOf(stream, codec, keys)...)
	}
	return schemas, nil
}

// schemasOf returns the schemas of one stream; keys may be nil.
func (c *Config) schemasOf(stream string, codec *avro.Codec, keys *avro.KeyCodec) []registry.Schema {
	topic := c.Kafka.Topic(stream)
	schemas := []registry.Schema{registrySchema(topic, codec, false)}
	if keys != nil {
		schemas = append(schemas, registrySchema(topic, keys, true))
	}
	return schemas
}

// registrySchema returns the schema of a topic's values or keys.
func registrySchema(topic string, codec schemaOwner, key bool) registry.Schema {
	return registry.Schema{Topic: topic, Record: codec.FullName(), Text: codec.Schema(), Key: key}
}

// schemaOwner is a codec of keys or of values.
type schemaOwner interface {
	FullName() string
	Schema() string
	Fingerprint() uint64
}
