package connect

import (
	"context"
	"errors"
	"fmt"
	"net/url"

	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"pylon-kafka/extract"
)

// The values of KAFKA_SASL_MECHANISM.
const (
	mechanismPlain       = "PLAIN"
	mechanismScram256    = "SCRAM-SHA-256"
	mechanismScram512    = "SCRAM-SHA-512"
	mechanismOAuthBearer = "OAUTHBEARER"
	mechanismMSKIAM      = "AWS_MSK_IAM"
	mechanisms           = "PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, OAUTHBEARER or AWS_MSK_IAM"
)

// SASL holds the settings of the authentication to the brokers.
type SASL struct {
	Mechanism        string         `env:"KAFKA_SASL_MECHANISM"`
	Username         string         `env:"KAFKA_SASL_USERNAME"`
	Password         extract.Secret `env:"KAFKA_SASL_PASSWORD"`
	PasswordFile     string         `env:"KAFKA_SASL_PASSWORD_FILE"`
	TokenURL         string         `env:"KAFKA_SASL_TOKEN_URL"`
	ClientID         string         `env:"KAFKA_SASL_CLIENT_ID"`
	ClientSecret     extract.Secret `env:"KAFKA_SASL_CLIENT_SECRET"`
	ClientSecretFile string         `env:"KAFKA_SASL_CLIENT_SECRET_FILE"`
	Scopes           []string       `env:"KAFKA_SASL_SCOPES"`
}

// password is read anew each time.
func (s *SASL) password() (extract.Secret, error) {
	return Secret("KAFKA_SASL_PASSWORD", s.Password, s.PasswordFile)
}

// clientSecret is read anew each time.
func (s *SASL) clientSecret() (extract.Secret, error) {
	return Secret("KAFKA_SASL_CLIENT_SECRET", s.ClientSecret, s.ClientSecretFile)
}

func (s *SASL) validate() error {
	password, err := s.password()
	secret, secretErr := s.clientSecret()
	errs := []error{err, secretErr}
	need := func(name string, missing bool) {
		if missing {
			errs = append(errs, fmt.Errorf("%s is not set: KAFKA_SASL_MECHANISM %s needs it", name, s.Mechanism))
		}
	}
	switch s.Mechanism {
	case "":
		if s.Username != "" || !password.IsZero() || s.TokenURL != "" || s.ClientID != "" || !secret.IsZero() {
			errs = append(errs, errors.New("KAFKA_SASL_MECHANISM is not set, but other KAFKA_SASL_ settings are there: use "+mechanisms))
		}
	case mechanismPlain, mechanismScram256, mechanismScram512:
		need("KAFKA_SASL_USERNAME", s.Username == "")
		need("KAFKA_SASL_PASSWORD", password.IsZero() && err == nil)
	case mechanismOAuthBearer:
		need("KAFKA_SASL_TOKEN_URL", s.TokenURL == "")
		need("KAFKA_SASL_CLIENT_ID", s.ClientID == "")
		need("KAFKA_SASL_CLIENT_SECRET", secret.IsZero() && secretErr == nil)
		if u, err := url.Parse(s.TokenURL); s.TokenURL != "" && (err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "") {
			errs = append(errs, fmt.Errorf("KAFKA_SASL_TOKEN_URL is %q: use a URL such as https://login.example.com/oauth2/token", extract.MaskURL(s.TokenURL)))
		}
	case mechanismMSKIAM:
	default:
		errs = append(errs, fmt.Errorf("KAFKA_SASL_MECHANISM is %q: use %s", s.Mechanism, mechanisms))
	}
	return errors.Join(errs...)
}

// mechanism returns nil where there is no authentication. Its secrets are read
// for each connection.
func (s *SASL) mechanism() (sasl.Mechanism, error) {
	scramAuth := func(context.Context) (scram.Auth, error) {
		password, err := s.password()
		return scram.Auth{User: s.Username, Pass: password.Reveal()}, err
	}
	switch s.Mechanism {
	case "":
		return nil, nil
	case mechanismPlain:
		return plain.Plain(func(context.Context) (plain.Auth, error) {
			password, err := s.password()
			return plain.Auth{User: s.Username, Pass: password.Reveal()}, err
		}), nil
	case mechanismScram256:
		return scram.Sha256(scramAuth), nil
	case mechanismScram512:
		return scram.Sha512(scramAuth), nil
	case mechanismOAuthBearer:
		return newTokens(s).mechanism(), nil
	case mechanismMSKIAM:
		return mskIAM(), nil
	default:
		return nil, fmt.Errorf("KAFKA_SASL_MECHANISM is %q: use %s", s.Mechanism, mechanisms)
	}
}
