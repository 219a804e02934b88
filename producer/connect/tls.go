package connect

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"time"
)

// A connection that takes longer than dialTimeout, or a TLS handshake that takes
// longer than handshakeTimeout, is given up.
const (
	dialTimeout      = 5 * time.Second
	handshakeTimeout = 5 * time.Second
)

// TLS holds the TLS settings of one server, below a prefix such as KAFKA_TLS.
type TLS struct {
	CAFile             string `env:"CA_FILE"` // PEM; none: the system's authorities
	CertFile           string `env:"CERT_FILE"`
	KeyFile            string `env:"KEY_FILE"`
	ServerName         string `env:"SERVER_NAME"` // expected in the certificate; none: the host
	InsecureSkipVerify bool   `env:"INSECURE_SKIP_VERIFY"`
}

// Validate reports settings below prefix that cannot work. It reads the files.
func (t TLS) Validate(prefix string) error {
	if (t.CertFile == "") != (t.KeyFile == "") {
		return fmt.Errorf("%s_CERT_FILE and %s_KEY_FILE go together: set both or none", prefix, prefix)
	}
	_, err := t.Config(prefix)
	return err
}

// Config reads the files as they are now. Its errors name the setting below
// prefix and the file.
func (t TLS) Config(prefix string) (*tls.Config, error) {
	cfg := &tls.Config{
		MinVersion: tls.VersionTLS12,
		ServerName: t.ServerName,
		//nolint:gosec // The user asked for it by a setting whose name says what it does.
		InsecureSkipVerify: t.InsecureSkipVerify,
	}
	if t.CAFile != "" {
		pem, err := os.ReadFile(t.CAFile)
		if err != nil {
			return nil, fmt.Errorf("%s_CA_FILE: %w", prefix, err)
		}
		cfg.RootCAs = x509.NewCertPool()
		if !cfg.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%s_CA_FILE is %q: no certificate in it (PEM is wanted)", prefix, t.CAFile)
		}
	}
	if t.CertFile != "" && t.KeyFile != "" {
		pair, err := tls.LoadX509KeyPair(t.CertFile, t.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("%s_CERT_FILE, %s_KEY_FILE: %w", prefix, prefix, err)
		}
		cfg.Certificates = []tls.Certificate{pair}
	}
	return cfg, nil
}

// Dialer returns a function that connects with the files as they are at that
// moment. What the other side's certificate or its refusal of ours means is said
// in the error, with the setting below prefix; off says how TLS is done without,
// such as "leave KAFKA_TLS_ENABLED out". It is safe for concurrent use.
func (t TLS) Dialer(prefix, off string) func(ctx context.Context, network, addr string) (net.Conn, error) {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		cfg, err := t.Config(prefix)
		if err != nil {
			return nil, err
		}
		if cfg.ServerName == "" {
			cfg.ServerName, _, _ = net.SplitHostPort(addr)
		}
		raw, err := (&net.Dialer{Timeout: dialTimeout}).DialContext(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		e := explainer{prefix: prefix, off: off, addr: addr}
		secured := tls.Client(raw, cfg)
		if err := e.handshake(ctx, secured); err != nil {
			_ = raw.Close() // it was of no use
			return nil, &net.OpError{Op: "dial", Net: network, Addr: raw.RemoteAddr(), Err: err}
		}
		return &conn{Conn: secured, explainer: e}, nil
	}
}

// explainer says what errors of TLS with one server mean.
type explainer struct{ prefix, off, addr string }

// handshake begins TLS. An end of the connection and a timeout are not wrapped:
// the client library would put a guess of its own in the place of our text.
func (e explainer) handshake(ctx context.Context, c *tls.Conn) error {
	limited, cancel := context.WithTimeout(ctx, handshakeTimeout)
	defer cancel()
	err := c.HandshakeContext(limited)
	switch {
	case err == nil || ctx.Err() != nil:
		return err
	case limited.Err() != nil:
		return fmt.Errorf("%s does not answer to TLS within %v: use the address of its TLS listener, or %s", e.addr, handshakeTimeout, e.off)
	case errors.Is(err, io.EOF), errors.Is(err, syscall.ECONNRESET):
		return fmt.Errorf("%s closes the connection at the beginning of TLS: use the address of its TLS listener, or %s", e.addr, e.off)
	default:
		return e.explain(err)
	}
}

// conn explains what the server says of our certificate: in TLS 1.3 it comes
// after the handshake, as the answer to the first read.
type conn struct {
	net.Conn
	explainer
}

// Read reads as net.Conn does.
func (c *conn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if err != nil {
		err = c.explain(err)
	}
	return n, err
}

// explain adds to an error of crypto/tls what would mend it. Others are returned
// as they are.
func (e explainer) explain(err error) error {
	var (
		authority x509.UnknownAuthorityError
		invalid   x509.CertificateInvalidError
		hostname  x509.HostnameError
		noTLS     tls.RecordHeaderError
		hint      string
	)
	switch text := err.Error(); {
	case errors.As(err, &hostname):
		hint = "the certificate of " + e.addr + " is for another host: use a name that stands in it, or set " + e.prefix + "_SERVER_NAME to that name"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		hint = "the certificate of " + e.addr + " has expired or is not valid yet: renew it there, and look at this machine's clock"
	case errors.As(err, &authority):
		hint = "the certificate of " + e.addr + " is not signed by an authority that we trust: set " + e.prefix + "_CA_FILE to that authority's certificate"
	case errors.As(err, &noTLS):
		hint = e.addr + " does not speak TLS: use the address of its TLS listener, or " + e.off
	case strings.Contains(text, "tls: certificate required"), strings.Contains(text, "tls: handshake failure"):
		hint = e.addr + " wants a certificate of ours that an authority of its own has signed: set " + e.prefix + "_CERT_FILE and " + e.prefix + "_KEY_FILE"
	case strings.Contains(text, "remote error: tls: ") && strings.Contains(text, "certificate"):
		hint = e.addr + " refuses our certificate: look at " + e.prefix + "_CERT_FILE (is it signed by an authority that the server trusts, and still valid?)"
	default:
		return err
	}
	return fmt.Errorf("%s: %w", hint, err)
}
