package producer

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"

	"pylon-kafka/extract"
)

// Config holds the settings of this package. The variable names are the
// interface that users hold on to.
type Config struct {
	Publish        string `env:"PUBLISH, default=changes"`      // "changes", or "snapshot": every object on every full pass
	Tombstones     bool   `env:"TOMBSTONES, default=true"`      // publish deletions
	Connector      string `env:"CONNECTOR_NAME, default=pylon"` // first half of the keys of the offsets topic
	MaxDeadLetters int    `env:"MAX_DEAD_LETTERS, default=100"` // a page with more of them stops its stream; 0: no limit
	Kafka          Kafka
	Registry       Registry
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
	return errors.Join(append(errs, c.Kafka.validate(), c.Registry.validate())...)
}

// readSecret fills *value from the file, where one is named. Of a value and a
// file only one may be set.
func readSecret(name string, value *extract.Secret, file string) error {
	if file == "" {
		return nil
	}
	if !value.IsZero() {
		return fmt.Errorf("%s and %s_FILE are both set: use one", name, name)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("%s_FILE: %w", name, err)
	}
	if *value = extract.NewSecret(strings.TrimSpace(string(text))); value.IsZero() {
		return fmt.Errorf("%s_FILE is %q: the file is empty", name, file)
	}
	return nil
}

// topicName is what Kafka allows in a topic's name.
var topicName = regexp.MustCompile(`^[a-zA-Z0-9._-]{1,249}$`)
