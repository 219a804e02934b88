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
		schemas = append(schemas, registry.Schema{Topic: c.Kafka.Topic(stream), Record: codec.FullName(), Text: codec.Schema()})
		keys, err := c.keyCodec(stream)
		if err != nil {
			return nil, err
		}
		if keys != nil {
			schemas = append(schemas, registry.Schema{Topic: c.Kafka.Topic(stream), Record: keys.FullName(), Text: keys.Schema(), Key: true})
		}
	}
	return schemas, nil
}
