package preflight_test

import (
	"maps"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"pylon-kafka/producer/producertest"
)

// The listeners of the secure Kafka. The plain one is the administrator's: who
// connects there may do everything.
const (
	plainPort   = "PLAIN"
	saslPort    = "SASL"    // PLAIN, SCRAM-SHA-256, SCRAM-SHA-512
	securePort  = "SECURE"  // the same over TLS
	mutualPort  = "MUTUAL"  // TLS with a certificate of the client
	expiredPort = "EXPIRED" // TLS with a certificate that has expired
	oauthPort   = "OAUTH"   // OAUTHBEARER; it believes unsigned tokens
)

// secureKafka is a Kafka in a container with every kind of security.
type secureKafka struct {
	addr map[string]string // by listener
	dir  string            // with ca.pem, other.pem, client.pem, client.key, unsigned.pem, unsigned.key
	adm  *kadm.Client
}

// needSecureKafka starts the container for one test, or skips or fails the test
// as [producertest.StartKafka] does.
func needSecureKafka(t *testing.T) *secureKafka {
	t.Helper()
	k := &secureKafka{dir: t.TempDir()}
	kafka := producertest.StartKafka(t, producertest.Options{
		Listeners: []producertest.Listener{
			{Name: saslPort, Protocol: "SASL_PLAINTEXT"},
			{Name: securePort, Protocol: "SASL_SSL"},
			{Name: mutualPort, Protocol: "SSL"},
			{Name: expiredPort, Protocol: "SSL"},
			{Name: oauthPort, Protocol: "SASL_PLAINTEXT"},
		},
		Files: k.certificates(t),
		Env:   security(),
	})
	k.addr = kafka.Listeners
	k.addr[plainPort] = kafka.Brokers
	cl, err := kgo.NewClient(kgo.SeedBrokers(kafka.Brokers))
	must(t, err)
	t.Cleanup(cl.Close)
	k.adm = kadm.NewClient(cl)
	return k
}

// security is how the listeners and the broker's rights are set.
func security() map[string]string {
	env := map[string]string{
		"KAFKA_AUTHORIZER_CLASS_NAME": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
		"KAFKA_SUPER_USERS":           "User:ANONYMOUS",

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
	ca, other := producertest.NewAuthority(t, "authority"), producertest.NewAuthority(t, "authority")
	hosts := []string{"127.0.0.1", "localhost"} // whichever Docker says that ports are mapped to
	hour := time.Now().Add(time.Hour)
	client, clientKey := ca.Issue(t, "pylon", hour, hosts...)
	unsigned, unsignedKey := other.Issue(t, "pylon", hour, hosts...)
	server, serverKey := ca.Issue(t, "broker", hour, hosts...)
	expired, expiredKey := ca.Issue(t, "broker", time.Now().Add(-time.Hour), hosts...)
	for name, data := range map[string][]byte{
		"ca.pem": ca.PEM, "other.pem": other.PEM, "client.pem": client, "client.key": clientKey, "unsigned.pem": unsigned, "unsigned.key": unsignedKey,
	} {
		must(t, os.WriteFile(filepath.Join(k.dir, name), data, 0o600))
	}
	return map[string][]byte{
		"/tmp/ca.pem": ca.PEM, "/tmp/server.pem": append(serverKey, server...), "/tmp/expired.pem": append(expiredKey, expired...),
	}
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

// with returns the settings of env and more.
func with(env map[string]string, more ...string) map[string]string {
	all := maps.Clone(env)
	for i := 0; i+1 < len(more); i += 2 {
		all[more[i]] = more[i+1]
	}
	return all
}
