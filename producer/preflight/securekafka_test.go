package preflight_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/wait"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// kafkaImage is the Kafka that tests run against. Where it cannot be pulled, an
// image of that name made from the same jars does as well.
const kafkaImage = "apache/kafka:4.3.1"

// The listeners of the secure Kafka, by the port inside of the container. The
// plain one is the administrator's: who connects there may do everything.
const (
	plainPort   = "9092/tcp"
	saslPort    = "9094/tcp" // PLAIN, SCRAM-SHA-256, SCRAM-SHA-512
	securePort  = "9095/tcp" // the same over TLS
	mutualPort  = "9096/tcp" // TLS with a certificate of the client
	expiredPort = "9097/tcp" // TLS with a certificate that has expired
	oauthPort   = "9098/tcp" // OAUTHBEARER; it believes unsigned tokens
)

// secureKafka is a Kafka in a container with every kind of security.
type secureKafka struct {
	addr map[string]string // by port
	dir  string            // with ca.pem, other.pem, client.pem, client.key, unsigned.pem, unsigned.key
	adm  *kadm.Client
}

// listeners are the names of the ports' listeners and their protocols.
func listeners() map[string][2]string {
	return map[string][2]string{
		plainPort: {"ADMIN", "PLAINTEXT"}, saslPort: {"SASL", "SASL_PLAINTEXT"}, securePort: {"SECURE", "SASL_SSL"},
		mutualPort: {"MUTUAL", "SSL"}, expiredPort: {"EXPIRED", "SSL"}, oauthPort: {"OAUTH", "SASL_PLAINTEXT"},
	}
}

// needSecureKafka starts the container for one test. Where there is none to be
// had it skips the test and says why, or fails it if
// PYLON_KAFKA_REQUIRE_CONTAINERS is 1.
func needSecureKafka(t *testing.T) *secureKafka {
	t.Helper()
	if testing.Short() {
		t.Skip("needs a real Kafka, which takes long: not in a short run")
	}
	k, err := startSecureKafka(t)
	switch {
	case err == nil:
		return k
	case os.Getenv("PYLON_KAFKA_REQUIRE_CONTAINERS") == "1":
		t.Fatalf("needs a real Kafka in a container (PYLON_KAFKA_REQUIRE_CONTAINERS is 1): %v", err)
	default:
		t.Skipf("needs a real Kafka in a container, and there is none: %v", err)
	}
	return nil
}

func startSecureKafka(t *testing.T) (*secureKafka, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	if err := dockerAnswers(ctx); err != nil {
		return nil, err
	}
	k := &secureKafka{addr: make(map[string]string), dir: t.TempDir()}
	keystores := k.certificates(t)
	const script = "/tmp/start.sh"
	var ports []string
	for port := range listeners() {
		ports = append(ports, port)
	}
	ctr, err := testcontainers.Run(ctx, kafkaImage,
		testcontainers.WithExposedPorts(ports...),
		testcontainers.WithEntrypoint("sh", "-c", "while [ ! -x "+script+" ]; do sleep 0.05; done; exec timeout 1800 "+script),
		testcontainers.WithHostConfigModifier(func(c *container.HostConfig) { c.AutoRemove = true }),
		testcontainers.WithEnv(secureSettings()),
		testcontainers.WithAdditionalLifecycleHooks(testcontainers.ContainerLifecycleHooks{
			PostStarts: []testcontainers.ContainerHook{func(ctx context.Context, c testcontainers.Container) error {
				advertised := []string{"INSIDE://localhost:19092"}
				for port, l := range listeners() {
					mapped, err := c.MappedPort(ctx, port)
					if err != nil {
						return err
					}
					k.addr[port] = net.JoinHostPort("127.0.0.1", mapped.Port())
					advertised = append(advertised, l[0]+"://"+k.addr[port])
				}
				for name, data := range keystores {
					if err := c.CopyToContainer(ctx, data, "/tmp/"+name, 0o644); err != nil {
						return err
					}
				}
				text := "#!/bin/sh\nexport KAFKA_ADVERTISED_LISTENERS=" + strings.Join(advertised, ",") + "\nexec /etc/kafka/docker/run\n"
				return c.CopyToContainer(ctx, []byte(text), script, 0o755)
			}},
		}),
		testcontainers.WithWaitStrategyAndDeadline(2*time.Minute, wait.ForLog("Kafka Server started")),
	)
	testcontainers.CleanupContainer(t, ctr)
	if err != nil {
		return nil, err
	}
	cl, err := kgo.NewClient(kgo.SeedBrokers(k.addr[plainPort]))
	if err != nil {
		return nil, err
	}
	t.Cleanup(cl.Close)
	k.adm = kadm.NewClient(cl)
	return k, nil
}

// secureSettings are those of the broker, apart from what it advertises.
func secureSettings() map[string]string {
	bound, protocols := []string{"CONTROLLER://:9093", "INSIDE://:19092"}, []string{"CONTROLLER:PLAINTEXT", "INSIDE:PLAINTEXT"}
	for port, l := range listeners() {
		bound = append(bound, l[0]+"://:"+strings.TrimSuffix(port, "/tcp"))
		protocols = append(protocols, l[0]+":"+l[1])
	}
	env := map[string]string{
		"KAFKA_NODE_ID":                                  "1",
		"KAFKA_PROCESS_ROLES":                            "broker,controller",
		"KAFKA_CONTROLLER_QUORUM_VOTERS":                 "1@localhost:9093",
		"KAFKA_CONTROLLER_LISTENER_NAMES":                "CONTROLLER",
		"KAFKA_LISTENERS":                                strings.Join(bound, ","),
		"KAFKA_LISTENER_SECURITY_PROTOCOL_MAP":           strings.Join(protocols, ","),
		"KAFKA_INTER_BROKER_LISTENER_NAME":               "INSIDE",
		"KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR":         "1",
		"KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR": "1",
		"KAFKA_TRANSACTION_STATE_LOG_MIN_ISR":            "1",
		"KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS":         "0",
		"KAFKA_AUTHORIZER_CLASS_NAME":                    "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
		"KAFKA_SUPER_USERS":                              "User:ANONYMOUS",

		"KAFKA_LISTENER_NAME_OAUTH_SASL_ENABLED_MECHANISMS":      "OAUTHBEARER",
		"KAFKA_LISTENER_NAME_OAUTH_OAUTHBEARER_SASL_JAAS_CONFIG": `org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="broker";`,
		"KAFKA_LISTENER_NAME_MUTUAL_SSL_CLIENT_AUTH":             "required",
	}
	for _, l := range []string{"SASL", "SECURE"} {
		prefix := "KAFKA_LISTENER_NAME_" + l + "_"
		env[prefix+"SASL_ENABLED_MECHANISMS"] = "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512"
		env[prefix+"PLAIN_SASL_JAAS_CONFIG"] = `org.apache.kafka.common.security.plain.PlainLoginModule required user_plain="` + hidden + `";`
		env[prefix+"SCRAM___SHA___256_SASL_JAAS_CONFIG"] = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
		env[prefix+"SCRAM___SHA___512_SASL_JAAS_CONFIG"] = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
	}
	for l, keystore := range map[string]string{"SECURE": "server.pem", "MUTUAL": "server.pem", "EXPIRED": "expired.pem"} {
		prefix := "KAFKA_LISTENER_NAME_" + l + "_SSL_"
		env[prefix+"KEYSTORE_TYPE"], env[prefix+"KEYSTORE_LOCATION"] = "PEM", "/tmp/"+keystore
		env[prefix+"TRUSTSTORE_TYPE"], env[prefix+"TRUSTSTORE_LOCATION"] = "PEM", "/tmp/ca.pem"
	}
	return env
}

// certificates writes those of clients to k.dir and returns the broker's files.
func (k *secureKafka) certificates(t *testing.T) map[string][]byte {
	t.Helper()
	ca, other := newAuthority(t), newAuthority(t)
	hour := time.Now().Add(time.Hour)
	client, clientKey := ca.issue(t, "pylon", hour)
	unsigned, unsignedKey := other.issue(t, "pylon", hour)
	server, serverKey := ca.issue(t, "broker", hour)
	expired, expiredKey := ca.issue(t, "broker", time.Now().Add(-time.Hour))
	for name, data := range map[string][]byte{
		"ca.pem": ca.pem, "other.pem": other.pem, "client.pem": client, "client.key": clientKey, "unsigned.pem": unsigned, "unsigned.key": unsignedKey,
	} {
		must(t, os.WriteFile(filepath.Join(k.dir, name), data, 0o600))
	}
	return map[string][]byte{
		"ca.pem": ca.pem, "server.pem": append(serverKey, server...), "expired.pem": append(expiredKey, expired...),
	}
}

// authority signs certificates.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pem  []byte
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	must(t, err)
	cert, err := x509.ParseCertificate(raw)
	must(t, err)
	return &authority{cert: cert, key: key, pem: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: raw})}
}

// issue returns a certificate for 127.0.0.1 and its key.
func (a *authority) issue(t *testing.T, name string, until time.Time) (cert, key []byte) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-24 * time.Hour), NotAfter: until, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, a.cert, private.Public(), a.key)
	must(t, err)
	encoded, err := x509.MarshalPKCS8PrivateKey(private)
	must(t, err)
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: raw}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: encoded})
}

// user makes a user for SCRAM with both mechanisms.
func (k *secureKafka) user(t *testing.T, name string) {
	t.Helper()
	var upserts []kadm.UpsertSCRAM
	for _, mechanism := range []kadm.ScramMechanism{kadm.ScramSha256, kadm.ScramSha512} {
		upserts = append(upserts, kadm.UpsertSCRAM{User: name, Mechanism: mechanism, Iterations: 4096, Password: hidden})
	}
	for _, upsert := range upserts { // one request may name a user once
		altered, err := k.adm.AlterUserSCRAMs(t.Context(), nil, []kadm.UpsertSCRAM{upsert})
		must(t, err)
		must(t, altered.Error())
	}
}

// dockerAnswers returns why there is no Docker to be used.
func dockerAnswers(ctx context.Context) (err error) {
	defer func() {
		if cause := recover(); cause != nil { // instead of an error, where it finds no socket
			err = fmt.Errorf("no Docker: %v", cause)
		}
	}()
	if os.Getenv("TESTCONTAINERS_RYUK_DISABLED") == "" { // the reaper would be one more image to pull
		if err := os.Setenv("TESTCONTAINERS_RYUK_DISABLED", "true"); err != nil {
			return err
		}
	}
	provider, err := testcontainers.ProviderDocker.GetProvider()
	if err != nil {
		return fmt.Errorf("no Docker: %w", err)
	}
	return errors.Join(provider.Health(ctx), provider.Close())
}

// with returns the settings of env and more.
func with(env map[string]string, more ...string) map[string]string {
	all := maps.Clone(env)
	for i := 0; i+1 < len(more); i += 2 {
		all[more[i]] = more[i+1]
	}
	return all
}
