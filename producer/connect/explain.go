package connect

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Explain adds to an error from a client of ours what it means and which
// setting mends it, if it is about how the brokers are reached: authentication,
// TLS on one side only, a connection that is closed at once. Others are
// returned as they are.
func (k *Kafka) Explain(err error) error {
	var closed *kgo.ErrFirstReadEOF
	var hint string
	switch {
	case err == nil:
		return nil
	case errors.Is(err, kerr.SaslAuthenticationFailed):
		hint = "the broker refuses KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD"
		if k.SASL.Mechanism == mechanismOAuthBearer {
			hint = "the broker refuses the token that KAFKA_SASL_TOKEN_URL gave"
		}
	case errors.Is(err, kerr.UnsupportedSaslMechanism):
		hint = fmt.Sprintf("the broker does not offer KAFKA_SASL_MECHANISM %s", k.SASL.Mechanism)
	case errors.Is(err, kerr.IllegalSaslState) && k.SASL.Mechanism != "":
		hint = "the broker's listener wants no authentication: use another of its addresses, or leave KAFKA_SASL_MECHANISM out"
	case isTLSAlert(err) && !k.TLSEnabled:
		hint = "the broker's listener speaks TLS: set KAFKA_TLS_ENABLED=true"
	case errors.As(err, &closed) && !k.TLSEnabled && k.SASL.Mechanism == "":
		hint = "the broker closes the connection: its listener wants authentication (KAFKA_SASL_MECHANISM) or TLS (KAFKA_TLS_ENABLED)"
	case errors.As(err, &closed) && k.SASL.Mechanism == "":
		hint = "the broker closes the connection: its listener wants authentication (KAFKA_SASL_MECHANISM)"
	case errors.As(err, &closed) && !k.TLSEnabled:
		hint = "the broker closes the connection: its listener wants TLS (KAFKA_TLS_ENABLED), or no authentication"
	case errors.Is(err, io.EOF) && k.SASL.Mechanism != "": // some brokers do not say why
		hint = fmt.Sprintf("the broker closes the connection: does it take KAFKA_SASL_MECHANISM %s with these KAFKA_SASL_ settings?", k.SASL.Mechanism)
	default:
		return err
	}
	return fmt.Errorf("%s: %w", hint, err)
}

// isTLSAlert reports whether the client read the alert of a TLS server where it
// had expected Kafka's answer. The client library has no type for it.
func isTLSAlert(err error) bool { return strings.Contains(err.Error(), "tls alert record") }
