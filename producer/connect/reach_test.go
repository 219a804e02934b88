package connect_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl"

	"pylon-kafka/producer/connect"
	"pylon-kafka/producer/producertest"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, path string, data []byte) {
	t.Helper()
	must(t, os.WriteFile(path, data, 0o600))
}

// ping reaches the brokers with the settings, once.
func ping(t *testing.T, k *connect.Kafka) error {
	t.Helper()
	must(t, k.Validate())
	opts, err := k.Options()
	must(t, err)
	cl, err := kgo.NewClient(opts...)
	must(t, err)
	defer cl.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	return k.Explain(cl.Ping(ctx))
}

func wantError(t *testing.T, err error, says ...string) {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range says {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error does not say %q:\n%v", want, err)
		}
	}
	if strings.Contains(err.Error(), hidden) {
		t.Errorf("the error shows a secret:\n%v", err)
	}
}

// TestKafka_TLS meets each way in which TLS can be wrong.
func TestKafka_TLS(t *testing.T) {
	t.Parallel()
	ca, other := producertest.NewAuthority(t, "ours"), producertest.NewAuthority(t, "other")
	dir := t.TempDir()
	write(t, filepath.Join(dir, "ca"), ca.PEM)
	write(t, filepath.Join(dir, "other"), other.PEM)
	start := func(t *testing.T, host string, until time.Time, mutual bool) string {
		t.Helper()
		cert, key := ca.Issue(t, host, until, host)
		pair, err := tls.X509KeyPair(cert, key)
		must(t, err)
		cfg := &tls.Config{Certificates: []tls.Certificate{pair}, ClientCAs: x509.NewCertPool()}
		cfg.ClientCAs.AppendCertsFromPEM(ca.PEM)
		if mutual {
			cfg.ClientAuth = tls.RequireAndVerifyClientCert
		}
		cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.TLS(cfg))
		must(t, err)
		t.Cleanup(cluster.Close)
		return cluster.ListenAddrs()[0]
	}
	client := func(t *testing.T, a *producertest.Authority, name string) {
		t.Helper()
		cert, key := a.Issue(t, "client", time.Now().Add(time.Hour), "client")
		write(t, filepath.Join(dir, name+".cert"), cert)
		write(t, filepath.Join(dir, name+".key"), key)
	}
	client(t, ca, "good")
	client(t, other, "bad")
	later := time.Now().Add(time.Hour)
	good := start(t, "127.0.0.1", later, false)
	mutual := start(t, "127.0.0.1", later, true)
	plain, err := kfake.NewCluster(kfake.NumBrokers(1))
	must(t, err)
	t.Cleanup(plain.Close)

	for name, test := range map[string]struct {
		broker string
		tls    *connect.TLS // nil: off
		says   []string     // nil: it works
	}{
		"right":                  {good, &connect.TLS{CAFile: "ca"}, nil},
		"authority not known":    {good, &connect.TLS{}, []string{"KAFKA_TLS_CA_FILE", "authority", good}},
		"another authority":      {good, &connect.TLS{CAFile: "other"}, []string{"KAFKA_TLS_CA_FILE"}},
		"not looked at":          {good, &connect.TLS{InsecureSkipVerify: true}, nil},
		"another host":           {start(t, "kafka.example.com", later, false), &connect.TLS{CAFile: "ca"}, []string{"KAFKA_TLS_SERVER_NAME", "another host"}},
		"another host, named":    {start(t, "kafka.example.com", later, false), &connect.TLS{CAFile: "ca", ServerName: "kafka.example.com"}, nil},
		"expired":                {start(t, "127.0.0.1", time.Now().Add(-time.Hour), false), &connect.TLS{CAFile: "ca"}, []string{"expired", "renew"}},
		"TLS to plain":           {plain.ListenAddrs()[0], &connect.TLS{CAFile: "ca"}, []string{"KAFKA_TLS_ENABLED", "TLS listener"}},
		"plain to TLS":           {good, nil, []string{"KAFKA_TLS_ENABLED"}},
		"mutual":                 {mutual, &connect.TLS{CAFile: "ca", CertFile: "good.cert", KeyFile: "good.key"}, nil},
		"mutual, no certificate": {mutual, &connect.TLS{CAFile: "ca"}, []string{"KAFKA_TLS_CERT_FILE", "KAFKA_TLS_KEY_FILE"}},
		"mutual, not trusted":    {mutual, &connect.TLS{CAFile: "ca", CertFile: "bad.cert", KeyFile: "bad.key"}, []string{"KAFKA_TLS_CERT_FILE", "authority"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := settings(t, map[string]string{"KAFKA_BROKERS": test.broker})
			if test.tls != nil {
				k.TLSEnabled, k.TLS = true, *test.tls
				for _, path := range []*string{&k.TLS.CAFile, &k.TLS.CertFile, &k.TLS.KeyFile} {
					if *path != "" {
						*path = filepath.Join(dir, *path)
					}
				}
			}
			err := ping(t, k)
			if test.says == nil {
				must(t, err)
				return
			}
			wantError(t, err, test.says...)
		})
	}
}

// TestKafka_filesAreReadAgain exchanges a password and an authority under a
// client that lives.
func TestKafka_filesAreReadAgain(t *testing.T) {
	t.Parallel()
	ca, other := producertest.NewAuthority(t, "ours"), producertest.NewAuthority(t, "other")
	cert, key := ca.Issue(t, "127.0.0.1", time.Now().Add(time.Hour), "127.0.0.1")
	pair, err := tls.X509KeyPair(cert, key)
	must(t, err)
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.TLS(&tls.Config{Certificates: []tls.Certificate{pair}}),
		kfake.EnableSASL(), kfake.Superuser("PLAIN", "user", "new"))
	must(t, err)
	t.Cleanup(cluster.Close)
	caFile, password := file(t, string(other.PEM)), file(t, hidden)
	k := settings(t, map[string]string{
		"KAFKA_BROKERS": cluster.ListenAddrs()[0], "KAFKA_TLS_ENABLED": "true", "KAFKA_TLS_CA_FILE": caFile,
		"KAFKA_SASL_MECHANISM": "PLAIN", "KAFKA_SASL_USERNAME": "user", "KAFKA_SASL_PASSWORD_FILE": password,
	})
	opts, err := k.Options()
	must(t, err)
	cl, err := kgo.NewClient(opts...)
	must(t, err)
	defer cl.Close()
	wantError(t, k.Explain(cl.Ping(t.Context())), "KAFKA_TLS_CA_FILE")
	write(t, caFile, ca.PEM)
	wantError(t, k.Explain(cl.Ping(t.Context())), "KAFKA_SASL_MECHANISM PLAIN")
	write(t, password, []byte("new\n"))
	must(t, cl.Ping(t.Context()))
}

// TestKafka_SASL wants each mechanism to work, and to say what is wrong.
func TestKafka_SASL(t *testing.T) {
	t.Parallel()
	secure, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.EnableSASL(),
		kfake.Superuser("PLAIN", "plain", hidden), kfake.Superuser("SCRAM-SHA-256", "s256", hidden), kfake.Superuser("SCRAM-SHA-512", "s512", hidden))
	must(t, err)
	t.Cleanup(secure.Close)
	for mechanism, user := range map[string]string{"PLAIN": "plain", "SCRAM-SHA-256": "s256", "SCRAM-SHA-512": "s512"} {
		env := map[string]string{
			"KAFKA_BROKERS": secure.ListenAddrs()[0], "KAFKA_SASL_MECHANISM": mechanism, "KAFKA_SASL_USERNAME": user, "KAFKA_SASL_PASSWORD": hidden,
		}
		must(t, ping(t, settings(t, env)))
		env["KAFKA_SASL_PASSWORD"] = hidden + "x"
		wantError(t, ping(t, settings(t, env)), "KAFKA_SASL_MECHANISM "+mechanism)
	}
	wantError(t, ping(t, settings(t, map[string]string{"KAFKA_BROKERS": secure.ListenAddrs()[0]})), "KAFKA_SASL_MECHANISM")
}

// tokenEndpoint gives tokens or what answer says, and counts requests.
func tokenEndpoint(t *testing.T, answer http.HandlerFunc) (url string, requests *atomic.Int64) {
	t.Helper()
	requests = new(atomic.Int64)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		answer(w, r)
	}))
	t.Cleanup(server.Close)
	return strings.Replace(server.URL, "://", "://user:"+hidden+"@", 1) + "/token?key=" + hidden, requests
}

func oauthSettings(t *testing.T, url string) *connect.Kafka {
	t.Helper()
	return settings(t, map[string]string{
		"KAFKA_SASL_MECHANISM": "OAUTHBEARER", "KAFKA_SASL_TOKEN_URL": url, "KAFKA_SASL_CLIENT_ID": "client", "KAFKA_SASL_CLIENT_SECRET": hidden,
		"KAFKA_BROKERS": "127.0.0.1:1",
	})
}

// authenticate begins a connection's authentication, as a client does. (kfake
// does not take tokens.)
func authenticate(ctx context.Context, mechanism sasl.Mechanism) error {
	_, _, err := mechanism.Authenticate(ctx, "kafka")
	return err
}

// mechanismOf returns how clients with the settings authenticate.
func mechanismOf(t *testing.T, k *connect.Kafka) sasl.Mechanism {
	t.Helper()
	must(t, k.Validate())
	opts, err := k.Options()
	must(t, err)
	cl, err := kgo.NewClient(opts...)
	must(t, err)
	defer cl.Close()
	mechanisms, ok := cl.OptValue(kgo.SASL).([]sasl.Mechanism)
	if !ok || len(mechanisms) != 1 {
		t.Fatalf("mechanisms: %v", mechanisms)
	}
	return mechanisms[0]
}

// TestKafka_tokenEndpoint wants each of its failures to be named, without its
// password, without the query, and without what it answered.
func TestKafka_tokenEndpoint(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		answer http.HandlerFunc
		says   []string
	}{
		"refuses": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(401)
			fmt.Fprintf(w, `{"error":"invalid_client","error_description":"%s"}`, hidden)
		}, []string{"401 (invalid_client)", "KAFKA_SASL_CLIENT_SECRET"}},
		"is broken":    {func(w http.ResponseWriter, _ *http.Request) { http.Error(w, hidden, http.StatusServiceUnavailable) }, []string{"503"}},
		"has no token": {func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintf(w, `{"x":"%s"}`, hidden) }, []string{"no token"}},
		"redirects": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/"+hidden, http.StatusTemporaryRedirect)
		}, []string{"307"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url, _ := tokenEndpoint(t, test.answer)
			wantError(t, authenticate(t.Context(), mechanismOf(t, oauthSettings(t, url))), append(test.says, "KAFKA_SASL_TOKEN_URL http://******@127.0.0.1")...)
		})
	}
	wantError(t, authenticate(t.Context(), mechanismOf(t, oauthSettings(t, "http://user:"+hidden+"@127.0.0.1:1/token"))), "KAFKA_SASL_TOKEN_URL", "connection refused")
}

// TestKafka_tokenEndpointThatHangs is given up on after ten seconds, by all who
// wait, with one request.
func TestKafka_tokenEndpointThatHangs(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes the ten seconds that a token endpoint has")
	}
	release := make(chan struct{})
	url, requests := tokenEndpoint(t, func(http.ResponseWriter, *http.Request) { <-release })
	t.Cleanup(func() { close(release) })
	mechanism := mechanismOf(t, oauthSettings(t, url))
	errs := make(chan error)
	began := time.Now()
	for range 5 {
		go func() { errs <- authenticate(t.Context(), mechanism) }()
	}
	soon, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	wantError(t, authenticate(soon, mechanism), "KAFKA_SASL_TOKEN_URL", "has given no token yet")
	for range 5 {
		wantError(t, <-errs, "KAFKA_SASL_TOKEN_URL", "no answer within 10s")
	}
	if took := time.Since(began); took > 30*time.Second {
		t.Errorf("it took %v, want about 10 s", took)
	}
	if n := requests.Load(); n != 1 {
		t.Errorf("%d requests, want one for all", n)
	}
}

func TestKafka_aTokenIsKeptUntilItEnds(t *testing.T) {
	t.Parallel()
	for lifetime, want := range map[int]int64{3600: 1, 10: 3, 0: 3} {
		url, requests := tokenEndpoint(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprintf(w, `{"access_token":"%s","token_type":"bearer","expires_in":%d}`, hidden, lifetime)
		})
		mechanism := mechanismOf(t, oauthSettings(t, url))
		for range 3 {
			must(t, authenticate(t.Context(), mechanism))
		}
		if n := requests.Load(); n != want {
			t.Errorf("a token of %d s: %d requests for three connections, want %d", lifetime, n, want)
		}
	}
}

func TestKafka_deniedNamesRightAndCommand(t *testing.T) {
	t.Parallel()
	k := settings(t, map[string]string{"KAFKA_BROKERS": "kafka:9092", "KAFKA_SASL_USERNAME": "pylon"})
	const acl = "kafka-acls.sh --bootstrap-server kafka:9092 --add --allow-principal User:pylon --operation "
	for want, right := range map[string]connect.Right{
		"Write on topic pylon.tags; grant it with: " + acl + "Write --topic pylon.tags":                                         {Operation: "Write", Name: "pylon.tags"},
		"Write on transactional id pylon-kafka-tags; grant it with: " + acl + "Write --transactional-id pylon-kafka-tags":       {Operation: "Write", Resource: connect.OnTransactionalID, Name: "pylon-kafka-tags"},
		"Read on group g; grant it with: " + acl + "Read --group g":                                                             {Operation: "Read", Resource: connect.OnGroup, Name: "g"},
		"Write on transactional id t-*; grant it with: " + acl + "Write --transactional-id t- --resource-pattern-type prefixed": {Operation: "Write", Resource: connect.OnTransactionalID, Name: "t-", Prefix: true},
	} {
		err := k.Denied(fmt.Errorf("produce: %w", kerr.TopicAuthorizationFailed), right)
		wantError(t, err, want, "produce: TOPIC_AUTHORIZATION_FAILED")
		if !connect.IsDenied(err) || !errors.Is(k.Denied(err, connect.Right{}), err) {
			t.Errorf("%v: not denied any more, or denied twice", err)
		}
	}
	other := errors.New("other")
	if err := k.Denied(other, connect.Right{}); !errors.Is(err, other) || connect.IsDenied(err) {
		t.Errorf("Denied changes %v to %v", other, err)
	}
	if k.Explain(nil) != nil || !errors.Is(k.Explain(other), other) {
		t.Error("Explain changes what it does not know")
	}
}
