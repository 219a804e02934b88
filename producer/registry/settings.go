package registry

import (
	"errors"
	"fmt"
	"net/url"

	"pylon-kafka/extract"
	"pylon-kafka/producer/connect"
)

// Settings are those of the schema registry. Without a URL there is none, and
// records are in Avro's single-object encoding.
type Settings struct {
	URL             string         `env:"SCHEMA_REGISTRY_URL"`
	Username        string         `env:"SCHEMA_REGISTRY_USERNAME"`
	Password        extract.Secret `env:"SCHEMA_REGISTRY_PASSWORD"`
	PasswordFile    string         `env:"SCHEMA_REGISTRY_PASSWORD_FILE"`
	TLS             connect.TLS    `env:", prefix=SCHEMA_REGISTRY_TLS_"`
	SubjectStrategy string         `env:"SCHEMA_REGISTRY_SUBJECT_STRATEGY, default=topic"`
	AutoRegister    bool           `env:"SCHEMA_REGISTRY_AUTO_REGISTER, default=true"`
}

// The values of SCHEMA_REGISTRY_SUBJECT_STRATEGY.
const (
	strategyTopic       = "topic"
	strategyRecord      = "record"
	strategyTopicRecord = "topic-record"
)

// Validate reports all problems together; each names its variable. It reads the
// files that are named.
func (s *Settings) Validate() error {
	var errs []error
	if s.URL != "" {
		u, err := url.Parse(s.URL)
		if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
			// Not quoted: it may hold a password.
			errs = append(errs, errors.New("SCHEMA_REGISTRY_URL is no URL of the form https://host[:port][/path]; user and password have settings of their own"))
		}
	}
	switch s.SubjectStrategy {
	case strategyTopic, strategyRecord, strategyTopicRecord:
	default:
		errs = append(errs, fmt.Errorf("SCHEMA_REGISTRY_SUBJECT_STRATEGY is %q: use topic, record or topic-record", s.SubjectStrategy))
	}
	password, err := s.password()
	if err != nil {
		errs = append(errs, err)
	} else if (s.Username == "") != password.IsZero() {
		errs = append(errs, errors.New("SCHEMA_REGISTRY_USERNAME and SCHEMA_REGISTRY_PASSWORD go together: set both or none"))
	}
	return errors.Join(append(errs, s.TLS.Validate("SCHEMA_REGISTRY_TLS"))...)
}

// password is read anew each time.
func (s *Settings) password() (extract.Secret, error) {
	return connect.Secret("SCHEMA_REGISTRY_PASSWORD", s.Password, s.PasswordFile)
}

// Schema is an Avro schema and what its subject is named for.
type Schema struct {
	Topic  string
	Record string // full name
	Text   string // JSON
	Key    bool   // of the topic's keys, and not of its values
}

// Subject names the registry's subject for a schema, as Confluent's
// TopicNameStrategy, RecordNameStrategy and TopicRecordNameStrategy do
// (https://docs.confluent.io/platform/current/schema-registry/fundamentals/serdes-develop/index.html#subject-name-strategy).
func (s *Settings) Subject(schema Schema) string {
	switch {
	case s.SubjectStrategy == strategyRecord:
		return schema.Record
	case s.SubjectStrategy == strategyTopicRecord:
		return schema.Topic + "-" + schema.Record
	case schema.Key:
		return schema.Topic + "-key"
	default:
		return schema.Topic + "-value"
	}
}
