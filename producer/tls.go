package producer

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
)

// tlsFiles are the TLS settings of one server; prefix is that of their
// variables.
type tlsFiles struct {
	prefix, ca, cert, key, serverName string
	insecure                          bool
}

// config reads the files. Its errors name the variable and the file.
func (f tlsFiles) config() (*tls.Config, error) {
	cfg := &tls.Config{
		MinVersion: tls.VersionTLS12,
		ServerName: f.serverName,
		//nolint:gosec // The user asked for it by a setting whose name says what it does.
		InsecureSkipVerify: f.insecure,
	}
	if f.ca != "" {
		pem, err := os.ReadFile(f.ca)
		if err != nil {
			return nil, fmt.Errorf("%s_CA_FILE: %w", f.prefix, err)
		}
		cfg.RootCAs = x509.NewCertPool()
		if !cfg.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%s_CA_FILE is %q: no certificate in it (PEM is wanted)", f.prefix, f.ca)
		}
	}
	if f.cert != "" && f.key != "" {
		pair, err := tls.LoadX509KeyPair(f.cert, f.key)
		if err != nil {
			return nil, fmt.Errorf("%s_CERT_FILE, %s_KEY_FILE: %w", f.prefix, f.prefix, err)
		}
		cfg.Certificates = []tls.Certificate{pair}
	}
	return cfg, nil
}
