package producer

import (
	"errors"
	"fmt"
	"strings"

	"pylon-kafka/avro"
	"pylon-kafka/offsets/lease"
	"pylon-kafka/producer/connect"
	"pylon-kafka/producer/registry"
)

// Config holds the settings of this package. The variable names are the
// interface that users hold on to.
type Config struct {
	Publish    string `env:"PUBLISH, default=changes"` // "changes", or "snapshot": every object on every full pass
	Tombstones bool   `env:"TOMBSTONES, default=true"` // publish deletions
	// TombstonesMaxShare is the largest share of the known objects, of at least 20,
	// that a complete read may delete; one that would delete more is not believed.
	TombstonesMaxShare float64 `env:"TOMBSTONES_MAX_SHARE, default=0.5"`
	Connector          string  `env:"CONNECTOR_NAME, default=pylon"`   // first half of the keys of the offsets topic
	MaxDeadLetters     int     `env:"MAX_DEAD_LETTERS, default=100"`   // a page with more of them stops its stream; 0: no limit
	ValueLayout        string  `env:"VALUE_LAYOUT, default=nested"`    // "nested" or "flat"
	FlatArrays         string  `env:"FLAT_ARRAYS, default=arrays"`     // of a flat value: "arrays" or "text"
	KeyFormat          string  `env:"KAFKA_KEY_FORMAT, default=plain"` // "plain" or "avro"
	Kafka              connect.Kafka
	Registry           registry.Settings
}

// PublishSnapshot is the value of PUBLISH that publishes unchanged objects too.
const PublishSnapshot = "snapshot"

// Validate reports all problems together; each names its variable, what it
// holds and what would do. It reads the files that hold secrets.
func (c *Config) Validate() error {
	var errs []error
	if c.Publish != "changes" && c.Publish != PublishSnapshot {
		errs = append(errs, fmt.Errorf("PUBLISH is %q: use changes or snapshot", c.Publish))
	}
	if c.MaxDeadLetters < 0 {
		errs = append(errs, fmt.Errorf("MAX_DEAD_LETTERS is %d: use 0 (no limit) or more", c.MaxDeadLetters))
	}
	if !(c.TombstonesMaxShare > 0 && c.TombstonesMaxShare <= 1) {
		errs = append(errs, fmt.Errorf("TOMBSTONES_MAX_SHARE is %v: use a share above 0 and up to 1, which believes every read", c.TombstonesMaxShare))
	}
	if c.ValueLayout != "nested" && c.ValueLayout != "flat" {
		errs = append(errs, fmt.Errorf("VALUE_LAYOUT is %q: use nested or flat", c.ValueLayout))
	}
	if c.FlatArrays != "arrays" && c.FlatArrays != "text" {
		errs = append(errs, fmt.Errorf("FLAT_ARRAYS is %q: use arrays or text", c.FlatArrays))
	}
	if c.FlatArrays == "text" && c.ValueLayout != "flat" {
		errs = append(errs, errors.New("FLAT_ARRAYS is text, which is for VALUE_LAYOUT=flat: set both, or leave FLAT_ARRAYS out"))
	}
	if c.KeyFormat != "plain" && c.KeyFormat != "avro" {
		errs = append(errs, fmt.Errorf("KAFKA_KEY_FORMAT is %q: use plain or avro", c.KeyFormat))
	}
	if c.Connector == "" || strings.ContainsAny(c.Connector, "/ \t\n") {
		errs = append(errs, fmt.Errorf("CONNECTOR_NAME is %q: use a name without slashes and spaces", c.Connector))
	}
	return errors.Join(append(errs, c.Kafka.Validate(), c.Registry.Validate())...)
}

// Layout is the layout of the values.
func (c *Config) Layout() avro.Layout {
	switch {
	case c.ValueLayout != "flat":
		return avro.LayoutNested
	case c.FlatArrays == "text":
		return avro.LayoutFlatText
	default:
		return avro.LayoutFlat
	}
}

// keyCodec is the codec of a stream's keys, nil where they are plain.
func (c *Config) keyCodec(stream string) (*avro.KeyCodec, error) {
	if c.KeyFormat != "avro" {
		return nil, nil
	}
	codec, err := avro.NewKeyCodec(stream)
	if err != nil {
		return nil, fmt.Errorf("schema of the keys of %s: %w", stream, err)
	}
	return codec, nil
}

// group is the group of a deployment's replicas, of which one has this name. All
// that makes two processes write to the same topics, and fence each other, is in
// Deployment: who differs in it is of another deployment, and kept out.
func (c *Config) group(name string) lease.Config {
	k := &c.Kafka
	return lease.Config{
		Group: k.Group(), Topic: k.Offsets(), ClientID: name,
		Deployment:     strings.Join([]string{c.Connector, k.TopicPrefix, k.TxnPrefix}, ","),
		SessionTimeout: k.SessionTimeout, RebalanceTimeout: transactionWork,
	}
}
