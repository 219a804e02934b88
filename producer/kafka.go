package producer

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/oauth"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"
	"golang.org/x/oauth2/clientcredentials"

	"pylon-kafka/extract"
)

// Kafka holds the settings of the cluster and of the topics that we create.
type Kafka struct {
	Brokers       []string `env:"KAFKA_BROKERS"` // host:port, ...
	ClientID      string   `env:"KAFKA_CLIENT_ID, default=pylon-kafka"`
	RackID        string   `env:"KAFKA_RACK_ID"`
	TopicPrefix   string   `env:"KAFKA_TOPIC_PREFIX, default=pylon."`
	OffsetsTopic  string   `env:"KAFKA_OFFSETS_TOPIC"` // default: prefix + "offsets"
	TxnPrefix     string   `env:"KAFKA_TRANSACTIONAL_ID_PREFIX, default=pylon-kafka"`
	Partitions    int32    `env:"KAFKA_TOPIC_PARTITIONS, default=1"`
	Replication   int16    `env:"KAFKA_TOPIC_REPLICATION_FACTOR, default=-1"` // -1: the broker's default
	CreateTopics  bool     `env:"KAFKA_CREATE_TOPICS, default=true"`
	Compression   string   `env:"KAFKA_COMPRESSION, default=zstd"`
	TLSEnabled    bool     `env:"KAFKA_TLS_ENABLED"`
	TLSCAFile     string   `env:"KAFKA_TLS_CA_FILE"`
	TLSCertFile   string   `env:"KAFKA_TLS_CERT_FILE"`
	TLSKeyFile    string   `env:"KAFKA_TLS_KEY_FILE"`
	TLSServerName string   `env:"KAFKA_TLS_SERVER_NAME"`
	TLSInsecure   bool     `env:"KAFKA_TLS_INSECURE_SKIP_VERIFY"`
	SASL          SASL
}

// SASL holds the settings of the authentication to the brokers.
type SASL struct {
	Mechanism    string         `env:"KAFKA_SASL_MECHANISM"`
	Username     string         `env:"KAFKA_SASL_USERNAME"`
	Password     extract.Secret `env:"KAFKA_SASL_PASSWORD"`
	PasswordFile string         `env:"KAFKA_SASL_PASSWORD_FILE"`
	TokenURL     string         `env:"KAFKA_SASL_TOKEN_URL"`
	ClientID     string         `env:"KAFKA_SASL_CLIENT_ID"`
	ClientSecret extract.Secret `env:"KAFKA_SASL_CLIENT_SECRET"`
	Scopes       []string       `env:"KAFKA_SASL_SCOPES"`
}

// Topic returns the name of a stream's topic, or of one of ours.
func (k *Kafka) Topic(stream string) string { return k.TopicPrefix + stream }

// Offsets returns the name of the offsets topic.
func (k *Kafka) Offsets() string {
	if k.OffsetsTopic != "" {
		return k.OffsetsTopic
	}
	return k.Topic("offsets")
}

// compressions are the values of KAFKA_COMPRESSION.
func compression(name string) (kgo.CompressionCodec, bool) {
	switch name {
	case "none":
		return kgo.NoCompression(), true
	case "gzip":
		return kgo.GzipCompression(), true
	case "snappy":
		return kgo.SnappyCompression(), true
	case "lz4":
		return kgo.Lz4Compression(), true
	case "zstd":
		return kgo.ZstdCompression(), true
	default:
		return kgo.CompressionCodec{}, false
	}
}

func (k *Kafka) validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if len(k.Brokers) == 0 {
		bad("KAFKA_BROKERS is not set: give one or more brokers, e.g. kafka-0:9092,kafka-1:9092")
	}
	for _, b := range k.Brokers {
		if host, port, err := net.SplitHostPort(b); err != nil || host == "" || port == "" {
			bad("KAFKA_BROKERS holds %q: use host:port", b)
		}
	}
	if !topicName.MatchString(k.Topic("x")) {
		bad("KAFKA_TOPIC_PREFIX is %q: a topic's name takes letters, digits, dot, underscore and hyphen", k.TopicPrefix)
	}
	if !topicName.MatchString(k.Offsets()) {
		bad("KAFKA_OFFSETS_TOPIC is %q: a topic's name takes letters, digits, dot, underscore and hyphen", k.OffsetsTopic)
	}
	if k.TxnPrefix == "" {
		bad("KAFKA_TRANSACTIONAL_ID_PREFIX is empty: leave it out or give a name")
	}
	if k.Partitions < 1 {
		bad("KAFKA_TOPIC_PARTITIONS is %d: use 1 or more", k.Partitions)
	}
	if k.Replication < 1 && k.Replication != -1 {
		bad("KAFKA_TOPIC_REPLICATION_FACTOR is %d: use 1 or more, or -1 for the broker's default", k.Replication)
	}
	if _, ok := compression(k.Compression); !ok {
		bad("KAFKA_COMPRESSION is %q: use zstd, gzip, snappy, lz4 or none", k.Compression)
	}
	if (k.TLSCertFile == "") != (k.TLSKeyFile == "") {
		bad("KAFKA_TLS_CERT_FILE and KAFKA_TLS_KEY_FILE go together: set both or none")
	}
	if _, err := k.tlsConfig(); err != nil {
		errs = append(errs, err)
	}
	return errors.Join(append(errs, k.SASL.validate())...)
}

// tlsConfig returns nil where TLS is off.
func (k *Kafka) tlsConfig() (*tls.Config, error) {
	files := tlsFiles{
		prefix: "KAFKA_TLS", ca: k.TLSCAFile, cert: k.TLSCertFile, key: k.TLSKeyFile,
		serverName: k.TLSServerName, insecure: k.TLSInsecure,
	}
	if !k.TLSEnabled {
		if files != (tlsFiles{prefix: "KAFKA_TLS"}) {
			return nil, errors.New("KAFKA_TLS_ENABLED is not true, but other KAFKA_TLS_ settings are there: set it, or leave them out")
		}
		return nil, nil
	}
	return files.config()
}

func (s *SASL) validate() error {
	var errs []error
	if err := readSecret("KAFKA_SASL_PASSWORD", &s.Password, s.PasswordFile); err != nil {
		errs = append(errs, err)
	}
	s.PasswordFile = ""
	need := func(name string, missing bool) {
		if missing {
			errs = append(errs, fmt.Errorf("%s is not set: KAFKA_SASL_MECHANISM %s needs it", name, s.Mechanism))
		}
	}
	switch s.Mechanism {
	case "":
		if s.Username != "" || !s.Password.IsZero() || s.TokenURL != "" {
			errs = append(errs, errors.New("KAFKA_SASL_MECHANISM is not set, but other KAFKA_SASL_ settings are there: use PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, OAUTHBEARER or AWS_MSK_IAM"))
		}
	case "PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512":
		need("KAFKA_SASL_USERNAME", s.Username == "")
		need("KAFKA_SASL_PASSWORD", s.Password.IsZero())
	case "OAUTHBEARER":
		need("KAFKA_SASL_TOKEN_URL", s.TokenURL == "")
		need("KAFKA_SASL_CLIENT_ID", s.ClientID == "")
		need("KAFKA_SASL_CLIENT_SECRET", s.ClientSecret.IsZero())
	case "AWS_MSK_IAM":
	default:
		errs = append(errs, fmt.Errorf("KAFKA_SASL_MECHANISM is %q: use PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, OAUTHBEARER or AWS_MSK_IAM", s.Mechanism))
	}
	return errors.Join(errs...)
}

// mechanism returns nil where there is no authentication.
func (s *SASL) mechanism() (sasl.Mechanism, error) {
	switch s.Mechanism {
	case "":
		return nil, nil
	case "PLAIN":
		return plain.Auth{User: s.Username, Pass: s.Password.Reveal()}.AsMechanism(), nil
	case "SCRAM-SHA-256":
		return scram.Auth{User: s.Username, Pass: s.Password.Reveal()}.AsSha256Mechanism(), nil
	case "SCRAM-SHA-512":
		return scram.Auth{User: s.Username, Pass: s.Password.Reveal()}.AsSha512Mechanism(), nil
	case "OAUTHBEARER":
		// The token source keeps a token until shortly before it ends.
		source := (&clientcredentials.Config{
			ClientID: s.ClientID, ClientSecret: s.ClientSecret.Reveal(), TokenURL: s.TokenURL, Scopes: s.Scopes,
		}).TokenSource(context.Background())
		return oauth.Oauth(func(context.Context) (oauth.Auth, error) {
			token, err := source.Token()
			if err != nil {
				// Its text may quote the token endpoint's whole answer.
				return oauth.Auth{}, fmt.Errorf("KAFKA_SASL_TOKEN_URL %s gave no token", s.TokenURL)
			}
			return oauth.Auth{Token: token.AccessToken}, nil
		}), nil
	case "AWS_MSK_IAM":
		return mskIAM(), nil
	default:
		return nil, fmt.Errorf("KAFKA_SASL_MECHANISM is %q", s.Mechanism)
	}
}

// ClientOptions returns what every Kafka client of ours needs: brokers, TLS,
// SASL, client id, rack.
func (k *Kafka) ClientOptions() ([]kgo.Opt, error) {
	opts := []kgo.Opt{
		kgo.SeedBrokers(k.Brokers...),
		kgo.ClientID(k.ClientID),
		kgo.DialTimeout(10 * time.Second),
		kgo.MetadataMinAge(100 * time.Millisecond), // a topic just created is found at once
		kgo.RetryBackoffFn(func(tries int) time.Duration { // capped: a broker that is back is found soon
			return min(100*time.Millisecond<<min(tries, 5), 2*time.Second)
		}),
	}
	if k.RackID != "" {
		opts = append(opts, kgo.Rack(k.RackID))
	}
	cfg, err := k.tlsConfig()
	if err != nil {
		return nil, err
	}
	if cfg != nil {
		opts = append(opts, kgo.DialTLSConfig(cfg))
	}
	mechanism, err := k.SASL.mechanism()
	if err != nil {
		return nil, err
	}
	if mechanism != nil {
		opts = append(opts, kgo.SASL(mechanism))
	}
	return opts, nil
}

// brokers is for messages.
func (k *Kafka) brokers() string { return strings.Join(k.Brokers, ",") }
