package producer

import (
	"errors"
	"fmt"
	"strings"

	"pylon-kafka/producer/connect"
	"pylon-kafka/producer/registry"
)

// Config holds the settings of this package. The variable names are the
// interface that users hold on to.
type Config struct {
	Publish        string `env:"PUBLISH, default=changes"`      // "changes", or "snapshot": every object on every full pass
	Tombstones     bool   `env:"TOMBSTONES, default=true"`      // publish deletions
	Connector      string `env:"CONNECTOR_NAME, default=pylon"` // first half of the keys of the offsets topic
	MaxDeadLetters int    `env:"MAX_DEAD_LETTERS, default=100"` // a page with more of them stops its stream; 0: no limit
	Kafka          connect.Kafka
	Registry       registry.Settings
}

// PublishSnapshot is the value of PUBLISH that publishes unchanged objects too.
const PublishSnapshot = "snapshot"

// Validate reports every problem at once; each names its variable, what it
// holds and what would do. It reads the files that hold secrets.
func (c *Config) Validate() error {
	var errs []error
	if c.Publish != "changes" && c.Publish != PublishSnapshot {
		errs = append(errs, fmt.Errorf("PUBLISH is %q: use changes or snapshot", c.Publish))
	}
	if c.MaxDeadLetters < 0 {
		errs = append(errs, fmt.Errorf("MAX_DEAD_LETTERS is %d: use 0 (no limit) or more", c.MaxDeadLetters))
	}
	if c.Connector == "" || strings.ContainsAny(c.Connector, "/ \t\n") {
		errs = append(errs, fmt.Errorf("CONNECTOR_NAME is %q: use a name without slashes and spaces", c.Connector))
	}
	return errors.Join(append(errs, c.Kafka.Validate(), c.Registry.Validate())...)
}
