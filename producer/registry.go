package producer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/sr"

	"pylon-kafka/extract"
	"pylon-kafka/producer/connect"
)

// Registry holds the settings of the schema registry. Without a URL there is
// none, and records are in Avro's single-object encoding.
type Registry struct {
	URL             string         `env:"SCHEMA_REGISTRY_URL"`
	Username        string         `env:"SCHEMA_REGISTRY_USERNAME"`
	Password        extract.Secret `env:"SCHEMA_REGISTRY_PASSWORD"`
	PasswordFile    string         `env:"SCHEMA_REGISTRY_PASSWORD_FILE"`
	TLS             connect.TLS    `env:", prefix=SCHEMA_REGISTRY_TLS_"`
	SubjectStrategy string         `env:"SCHEMA_REGISTRY_SUBJECT_STRATEGY, default=topic"`
	AutoRegister    bool           `env:"SCHEMA_REGISTRY_AUTO_REGISTER, default=true"`
}

func (r *Registry) validate() error {
	var errs []error
	if r.URL != "" {
		u, err := url.Parse(r.URL)
		if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
			// Not quoted: it may hold a password.
			errs = append(errs, errors.New("SCHEMA_REGISTRY_URL is no URL of the form https://host[:port][/path]; user and password have settings of their own"))
		}
	}
	switch r.SubjectStrategy {
	case "topic", "record", "topic-record":
	default:
		errs = append(errs, fmt.Errorf("SCHEMA_REGISTRY_SUBJECT_STRATEGY is %q: use topic, record or topic-record", r.SubjectStrategy))
	}
	password, err := r.password()
	if err != nil {
		errs = append(errs, err)
	} else if (r.Username == "") != (password.IsZero()) {
		errs = append(errs, errors.New("SCHEMA_REGISTRY_USERNAME and SCHEMA_REGISTRY_PASSWORD go together: set both or none"))
	}
	return errors.Join(append(errs, r.TLS.Validate("SCHEMA_REGISTRY_TLS"))...)
}

func (r *Registry) password() (extract.Secret, error) {
	return connect.Secret("SCHEMA_REGISTRY_PASSWORD", r.Password, r.PasswordFile)
}

// Client returns a client of the registry, or nil where none is set.
func (r *Registry) Client() (*sr.Client, error) {
	if r.URL == "" {
		return nil, nil
	}
	cfg, err := r.TLS.Config("SCHEMA_REGISTRY_TLS")
	if err != nil {
		return nil, err
	}
	password, err := r.password()
	if err != nil {
		return nil, err
	}
	opts := []sr.ClientOpt{
		sr.URLs(strings.TrimRight(r.URL, "/")),
		sr.UserAgent("pylon-kafka"),
		sr.HTTPClient(&http.Client{
			Timeout:   15 * time.Second,
			Transport: &http.Transport{Proxy: http.ProxyFromEnvironment, TLSClientConfig: cfg, ForceAttemptHTTP2: true},
		}),
	}
	if r.Username != "" {
		opts = append(opts, sr.BasicAuth(r.Username, password.Reveal()))
	}
	return sr.NewClient(opts...)
}

// subject names the registry's subject for a topic's keys or values, as Confluent's
// TopicNameStrategy, RecordNameStrategy and TopicRecordNameStrategy do.
func (r *Registry) subject(topic, record string, key bool) string {
	switch r.SubjectStrategy {
	case "record":
		return record
	case "topic-record":
		return topic + "-" + record
	}
	if key {
		return topic + "-key"
	}
	return topic + "-value"
}

// schemaID returns the registry's id of the codec's schema in a subject:
// registered where that is on, else looked up. What the registry refuses is
// an error that names subject and reason; whether it may pass is told by
// [registryRetryable].
func (r *Registry) schemaID(ctx context.Context, cl *sr.Client, subject string, codec schemaOwner) (int, error) {
	schema := sr.Schema{Schema: codec.Schema(), Type: sr.TypeAvro}
	what := "register schema under subject " + subject
	var id int
	var err error
	if r.AutoRegister {
		if id, err = cl.RegisterSchema(ctx, subject, schema, -1, -1); err != nil {
			return 0, fmt.Errorf("%s: %w%s", what, refusal(err), r.incompatibility(ctx, cl, subject, schema, err))
		}
	} else {
		what = "look up schema under subject " + subject
		var found sr.SubjectSchema
		found, err = cl.LookupSchema(ctx, subject, schema)
		switch code := registryCode(err); {
		case code == 40401 || code == 40403:
			return 0, fmt.Errorf("subject %s lacks the schema of %s: register it (`pylon-kafka schemas` prints it), or set SCHEMA_REGISTRY_AUTO_REGISTER=true: %w",
				subject, codec.FullName(), refusal(err))
		case err != nil:
			return 0, fmt.Errorf("%s: %w", what, refusal(err))
		}
		id = found.ID
	}
	if id < 1 || id > math.MaxInt32 {
		return 0, fmt.Errorf("%s: the answer has no id of a schema in it; is SCHEMA_REGISTRY_URL a registry's?", what)
	}
	return id, nil
}

// incompatibility asks the registry why it refused a schema as incompatible;
// it returns "" where that was not the reason, or the registry has said so
// already or does not say.
func (r *Registry) incompatibility(ctx context.Context, cl *sr.Client, subject string, schema sr.Schema, refused error) string {
	if code := registryCode(refused); code != http.StatusConflict && code/100 != http.StatusConflict {
		return ""
	}
	check, err := cl.CheckCompatibility(sr.WithParams(ctx, sr.Verbose), subject, -1, schema)
	if err != nil {
		return ""
	}
	reasons := slices.DeleteFunc(check.Messages, func(m string) bool { return strings.Contains(refused.Error(), m) })
	if len(reasons) == 0 {
		return ""
	}
	return "; the registry says: " + oneLine(strings.Join(reasons, "; "))
}

// refusalError is a registry's error with its status, and its text cut: a
// proxy in between may answer with a page of HTML, and a registry's own reason
// may quote a whole schema.
type refusalError struct{ *sr.ResponseError }

func (e refusalError) Error() string {
	return fmt.Sprintf("registry answered %d: %s", e.StatusCode, oneLine(e.ResponseError.Error()))
}

func (e refusalError) Unwrap() error { return e.ResponseError }

// refusal makes an error of the registry's client readable.
func refusal(err error) error {
	var answer *sr.ResponseError
	var syntax *json.SyntaxError
	var wrongType *json.UnmarshalTypeError
	switch {
	case errors.As(err, &answer):
		return refusalError{answer}
	case errors.As(err, &syntax), errors.As(err, &wrongType):
		return fmt.Errorf("the answer is not a registry's (a page of HTML?); is SCHEMA_REGISTRY_URL right?: %w", err)
	default:
		return err
	}
}

// oneLine is text without line breaks, cut where it is long.
func oneLine(text string) string {
	const most = 600
	text = strings.ToValidUTF8(strings.Join(strings.Fields(text), " "), "\uFFFD")
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}

// registryCode returns the registry's error code, or 0.
func registryCode(err error) int {
	var e *sr.ResponseError
	if !errors.As(err, &e) {
		return 0
	}
	if e.ErrorCode != 0 {
		return e.ErrorCode
	}
	return e.StatusCode
}

// registryRetryable says whether the registry may answer otherwise later
// without anyone doing anything: it could not be reached or not be read, is
// overloaded or broken, or something else answers in its place. What it refused
// (401, 404, 409, 422) stays refused.
func registryRetryable(err error) bool {
	var e *sr.ResponseError
	if !errors.As(err, &e) {
		return true
	}
	return e.StatusCode >= 500 || e.StatusCode == http.StatusTooManyRequests || e.StatusCode == http.StatusRequestTimeout
}
