package registry

import (
	"context"
	"crypto/tls"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/sr"

	"pylon-kafka/extract"
)

// timeout is how long the registry may take to answer.
const timeout = 15 * time.Second

// Registry is a schema registry. It is safe for concurrent use.
type Registry struct {
	settings Settings
	client   *sr.Client
}

// New returns a client of the registry, or nil where none is set. It asks
// nothing yet. Its error is for settings that [Settings.Validate] would have
// refused.
func New(s Settings) (*Registry, error) {
	if s.URL == "" {
		return nil, nil
	}
	base, err := url.Parse(s.URL)
	if err != nil {
		return nil, s.Validate()
	}
	cfg, err := s.TLS.Config("SCHEMA_REGISTRY_TLS")
	if err != nil {
		return nil, err
	}
	client, err := sr.NewClient(
		sr.URLs(strings.TrimRight(s.URL, "/")),
		sr.UserAgent("pylon-kafka"),
		sr.HTTPClient(&http.Client{Timeout: timeout, Transport: newTransport(&s, base.Host, cfg)}),
	)
	if err != nil {
		return nil, err
	}
	return &Registry{settings: s, client: client}, nil
}

// transport adds user and password to requests to the registry, and to no other
// host that it may lead to.
type transport struct {
	settings *Settings
	host     string
	next     http.RoundTripper
}

func newTransport(s *Settings, host string, cfg *tls.Config) *transport {
	return &transport{settings: s, host: host, next: &http.Transport{
		Proxy:           http.ProxyFromEnvironment,
		DialTLSContext:  s.TLS.Dialer("SCHEMA_REGISTRY_TLS", "write http:// in SCHEMA_REGISTRY_URL"),
		TLSClientConfig: cfg, // through a proxy
		IdleConnTimeout: time.Minute,
	}}
}

// RoundTrip sends a request.
func (t *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	if t.settings.Username != "" && req.URL.Host == t.host {
		password, err := t.settings.password()
		if err != nil {
			return nil, err
		}
		req = req.Clone(req.Context())
		req.SetBasicAuth(t.settings.Username, password.Reveal())
	}
	return t.next.RoundTrip(req)
}

// URL returns the registry's address, for messages.
func (r *Registry) URL() string { return extract.MaskURL(r.settings.URL) }

// AutoRegister reports whether we register schemas ourselves.
func (r *Registry) AutoRegister() bool { return r.settings.AutoRegister }

// MayRotate reports whether the registry refused the password of a file: it is
// read again for each request, and may hold another one soon.
func (r *Registry) MayRotate(err error) bool {
	return Status(err) == http.StatusUnauthorized && r.settings.PasswordFile != ""
}

// Subject names the subject of a schema.
func (r *Registry) Subject(schema Schema) string { return r.settings.Subject(schema) }

// Subjects returns the names of all subjects.
func (r *Registry) Subjects(ctx context.Context) ([]string, error) {
	names, err := r.client.Subjects(ctx)
	if err != nil {
		return nil, readable(err)
	}
	return names, nil
}

// ByID returns the schema that the registry has for an id. One that is not there
// is an error for which [NotFound] is true.
func (r *Registry) ByID(ctx context.Context, id int) (string, error) {
	schema, err := r.client.SchemaByID(ctx, id)
	if err != nil {
		return "", fmt.Errorf("schema %d: %w", id, readable(err))
	}
	return schema.Schema, nil
}

// Lookup returns the id of a schema that is under its subject, or 0 where it is
// not there. It changes nothing.
func (r *Registry) Lookup(ctx context.Context, schema Schema) (int, error) {
	subject := r.Subject(schema)
	found, err := r.client.LookupSchema(ctx, subject, avroSchema(schema))
	switch code := codeOf(err); {
	case code == subjectNotFound || code == schemaNotFound:
		return 0, nil
	case err != nil:
		return 0, fmt.Errorf("look up schema under subject %s: %w", subject, readable(err))
	}
	return believable(found.ID, "look up schema under subject "+subject)
}

// ID returns the registry's id of a schema under its subject: registered where
// SCHEMA_REGISTRY_AUTO_REGISTER is on, else looked up. What the registry refuses
// is an error that names subject and reason.
func (r *Registry) ID(ctx context.Context, schema Schema) (int, error) {
	if r.settings.AutoRegister {
		return r.Register(ctx, schema)
	}
	subject := r.Subject(schema)
	found, err := r.client.LookupSchema(ctx, subject, avroSchema(schema))
	switch code := codeOf(err); {
	case code == subjectNotFound || code == schemaNotFound:
		return 0, fmt.Errorf("subject %s lacks the schema of %s: register it (`pylon-kafka schemas register`), or set SCHEMA_REGISTRY_AUTO_REGISTER=true: %w",
			subject, schema.Record, readable(err))
	case err != nil:
		return 0, fmt.Errorf("look up schema under subject %s: %w", subject, readable(err))
	}
	return believable(found.ID, "look up schema under subject "+subject)
}

// Register registers a schema under its subject, whatever
// SCHEMA_REGISTRY_AUTO_REGISTER says, and returns its id. A schema that is there
// already keeps its id.
func (r *Registry) Register(ctx context.Context, schema Schema) (int, error) {
	subject := r.Subject(schema)
	id, err := r.client.RegisterSchema(ctx, subject, avroSchema(schema), -1, -1)
	if err != nil {
		return 0, fmt.Errorf("register schema under subject %s: %w%s", subject, readable(err), r.incompatibility(ctx, subject, schema, err))
	}
	return believable(id, "register schema under subject "+subject)
}

func avroSchema(s Schema) sr.Schema { return sr.Schema{Schema: s.Text, Type: sr.TypeAvro} }

// believable returns an id, or an error if it is none: something else answers.
func believable(id int, what string) (int, error) {
	if id < 1 || id > math.MaxInt32 {
		return 0, notRegistryError{fmt.Errorf("%s: the answer has no id of a schema in it; %s", what, usualPaths)}
	}
	return id, nil
}

// incompatibility asks the registry why it refused a schema as incompatible, and
// says what may be done; it returns "" where that was not the reason.
func (r *Registry) incompatibility(ctx context.Context, subject string, schema Schema, refused error) string {
	if Status(refused) == http.StatusUnprocessableEntity {
		return r.references(ctx, subject)
	}
	if code := codeOf(refused); code != http.StatusConflict && code/100 != http.StatusConflict {
		return ""
	}
	said := ""
	if _, reasons, err := r.compatible(ctx, subject, schema); err == nil {
		reasons = slices.DeleteFunc(reasons, func(m string) bool { return strings.Contains(refused.Error(), m) })
		if len(reasons) > 0 {
			said = "; the registry says: " + oneLine(strings.Join(reasons, "; "))
		}
	}
	if latest, err := r.latest(ctx, subject); err == nil {
		said += "; " + difference(latest, schema.Text)
	}
	return said + "; either " + r.LetIn(subject) + "; or use another KAFKA_TOPIC_PREFIX"
}

// references says that a subject's latest schema refers to others, which Apicurio
// 3.3 takes for invalid when it compares; "" where it does not.
func (r *Registry) references(ctx context.Context, subject string) string {
	found, err := r.client.SchemaByVersion(ctx, subject, -1)
	if err != nil || len(found.References) == 0 {
		return ""
	}
	return "; the subject's latest schema refers to other subjects, and the registry does not compare such a one: either " +
		r.LetIn(subject) + "; or use another KAFKA_TOPIC_PREFIX"
}

// latest returns the newest schema of a subject.
func (r *Registry) latest(ctx context.Context, subject string) (string, error) {
	found, err := r.client.SchemaByVersion(ctx, subject, -1)
	if err != nil {
		return "", fmt.Errorf("latest schema of subject %s: %w", subject, readable(err))
	}
	return found.Schema.Schema, nil
}

// compatible asks whether a schema may follow those of its subject, and why not.
func (r *Registry) compatible(ctx context.Context, subject string, schema Schema) (ok bool, reasons []string, err error) {
	check, err := r.client.CheckCompatibility(sr.WithParams(ctx, sr.Verbose), subject, -1, avroSchema(schema))
	return check.Is, check.Messages, err
}

// State is how a schema stands to what the registry has under its subject.
type State int

// The states.
const (
	Missing    State = iota // there is no such subject
	Equal                   // it is there
	Compatible              // it is not there, and may be registered
	Differs                 // it is not there, and would be refused
)

// Comparison is how a schema stands to its subject.
type Comparison struct {
	Subject string
	State   State
	ID      int    // of an equal schema
	Reason  string // of one that differs: the registry's, or what differs from the latest
}

// Compare asks how a schema stands to what is under its subject, and changes
// nothing.
func (r *Registry) Compare(ctx context.Context, schema Schema) (Comparison, error) {
	c := Comparison{Subject: r.Subject(schema)}
	found, err := r.client.LookupSchema(ctx, c.Subject, avroSchema(schema))
	switch code := codeOf(err); {
	case err == nil:
		c.State = Equal
		c.ID, err = believable(found.ID, "look up schema under subject "+c.Subject)
		return c, err
	case code == subjectNotFound:
		return c, nil
	case code != schemaNotFound:
		return c, fmt.Errorf("look up schema under subject %s: %w", c.Subject, readable(err))
	}
	ok, reasons, err := r.compatible(ctx, c.Subject, schema)
	switch {
	case err != nil:
		return c, fmt.Errorf("compare the schema with subject %s: %w%s", c.Subject, readable(err), r.incompatibility(ctx, c.Subject, schema, err))
	case ok:
		c.State = Compatible
	default:
		c.State, c.Reason = Differs, oneLine(strings.Join(reasons, "; "))
		latest, err := r.latest(ctx, c.Subject)
		if err == nil && (c.Reason == "" || anotherRecord(latest, schema.Text)) { // Apicurio gives no reasons
			c.Reason = strings.TrimPrefix(c.Reason+"; "+difference(latest, schema.Text), "; ")
		}
	}
	return c, nil
}
