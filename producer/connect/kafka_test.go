package connect_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sethvargo/go-envconfig"
	"github.com/twmb/franz-go/pkg/kgo"

	"pylon-kafka/producer/connect"
)

// hidden is what no error and no log may show.
const hidden = "hunter2"

// settings decodes an environment as cmd does.
func settings(t *testing.T, env map[string]string) *connect.Kafka {
	t.Helper()
	var k connect.Kafka
	if err := envconfig.ProcessWith(t.Context(), &envconfig.Config{Target: &k, Lookuper: envconfig.MapLookuper(env)}); err != nil {
		t.Fatal(err)
	}
	return &k
}

// file writes a file for the test and returns its path.
func file(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestKafka_defaults(t *testing.T) {
	t.Parallel()
	k := settings(t, map[string]string{"KAFKA_BROKERS": "a:1,b:2"})
	if err := k.Validate(); err != nil {
		t.Fatal(err)
	}
	got := []string{k.Topic("tags"), k.Offsets(), k.TransactionalID("tags"), k.Group(), k.BrokerList(), k.ClientID}
	want := []string{"pylon.tags", "pylon.offsets", "pylon-kafka-tags", "pylon-kafka", "a:1,b:2", "pylon-kafka"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
	if k.OffsetsPartitions != 16 || k.SessionTimeout != 15*time.Second || k.Replication != -1 || k.Partitions != 1 {
		t.Errorf("defaults: %+v", k)
	}
	opts, err := k.Options(kgo.ClientID("another"))
	if err != nil {
		t.Fatal(err)
	}
	cl, err := kgo.NewClient(opts...)
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	if id := cl.OptValue(kgo.ClientID); id != "another" {
		t.Errorf("client id %v, want that of the extra option", id)
	}
}

func TestKafka_namesThatAreSet(t *testing.T) {
	t.Parallel()
	k := settings(t, map[string]string{
		"KAFKA_TOPIC_PREFIX": "x.", "KAFKA_OFFSETS_TOPIC": "o", "KAFKA_TRANSACTIONAL_ID_PREFIX": "t", "KAFKA_GROUP_ID": "g",
	})
	got := []string{k.Topic("tags"), k.Offsets(), k.TransactionalID("tags"), k.Group()}
	if diff := cmp.Diff([]string{"x.tags", "o", "t-tags", "g"}, got); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
	k.GroupID = ""
	if k.Group() != "t" {
		t.Errorf("group %q, want the transactional id prefix", k.Group())
	}
}

// TestKafka_settingsThatCannotWork wants each problem to name its setting.
func TestKafka_settingsThatCannotWork(t *testing.T) {
	t.Parallel()
	empty := file(t, "\n")
	for name, test := range map[string]struct {
		env  map[string]string
		want []string
	}{
		"no brokers":            {map[string]string{"KAFKA_BROKERS": ""}, []string{"KAFKA_BROKERS is not set"}},
		"a broker without port": {map[string]string{"KAFKA_BROKERS": "a:1,b"}, []string{`KAFKA_BROKERS holds "b"`}},
		"a broker with a user":  {map[string]string{"KAFKA_BROKERS": "sasl://u:" + hidden + "@host"}, []string{"KAFKA_BROKERS"}},
		"a prefix":              {map[string]string{"KAFKA_TOPIC_PREFIX": "a b"}, []string{`KAFKA_TOPIC_PREFIX is "a b"`}},
		"an offsets topic":      {map[string]string{"KAFKA_OFFSETS_TOPIC": "a/b"}, []string{`KAFKA_OFFSETS_TOPIC is "a/b"`}},
		"a session timeout":     {map[string]string{"KAFKA_SESSION_TIMEOUT": "15ms"}, []string{`KAFKA_SESSION_TIMEOUT is "15ms"`}},
		"numbers": {
			map[string]string{"KAFKA_TOPIC_PARTITIONS": "0", "KAFKA_TOPIC_REPLICATION_FACTOR": "0", "KAFKA_OFFSETS_PARTITIONS": "-1", "KAFKA_COMPRESSION": "zip"},
			[]string{"KAFKA_TOPIC_PARTITIONS is 0", "KAFKA_TOPIC_REPLICATION_FACTOR is 0", "KAFKA_OFFSETS_PARTITIONS is -1", `KAFKA_COMPRESSION is "zip"`},
		},
		"TLS that is off":       {map[string]string{"KAFKA_TLS_CA_FILE": "x"}, []string{"KAFKA_TLS_ENABLED"}},
		"no file of a CA":       {map[string]string{"KAFKA_TLS_ENABLED": "true", "KAFKA_TLS_CA_FILE": "/nowhere"}, []string{"KAFKA_TLS_CA_FILE", "/nowhere"}},
		"a CA that is none":     {map[string]string{"KAFKA_TLS_ENABLED": "true", "KAFKA_TLS_CA_FILE": empty}, []string{"KAFKA_TLS_CA_FILE is", "PEM"}},
		"certificate, no key":   {map[string]string{"KAFKA_TLS_ENABLED": "true", "KAFKA_TLS_CERT_FILE": "x"}, []string{"KAFKA_TLS_KEY_FILE"}},
		"no certificate":        {map[string]string{"KAFKA_TLS_ENABLED": "true", "KAFKA_TLS_CERT_FILE": empty, "KAFKA_TLS_KEY_FILE": empty}, []string{"KAFKA_TLS_CERT_FILE"}},
		"no mechanism":          {map[string]string{"KAFKA_SASL_PASSWORD": hidden}, []string{"KAFKA_SASL_MECHANISM is not set"}},
		"an unknown mechanism":  {map[string]string{"KAFKA_SASL_MECHANISM": "GSSAPI"}, []string{`KAFKA_SASL_MECHANISM is "GSSAPI"`}},
		"no user, no password":  {map[string]string{"KAFKA_SASL_MECHANISM": "PLAIN"}, []string{"KAFKA_SASL_USERNAME is not set", "KAFKA_SASL_PASSWORD is not set"}},
		"password and its file": {map[string]string{"KAFKA_SASL_MECHANISM": "PLAIN", "KAFKA_SASL_USERNAME": "u", "KAFKA_SASL_PASSWORD": hidden, "KAFKA_SASL_PASSWORD_FILE": "x"}, []string{"KAFKA_SASL_PASSWORD and KAFKA_SASL_PASSWORD_FILE are both set"}},
		"no file of a password": {map[string]string{"KAFKA_SASL_MECHANISM": "PLAIN", "KAFKA_SASL_USERNAME": "u", "KAFKA_SASL_PASSWORD_FILE": "/nowhere"}, []string{"KAFKA_SASL_PASSWORD_FILE", "/nowhere"}},
		"an empty password":     {map[string]string{"KAFKA_SASL_MECHANISM": "PLAIN", "KAFKA_SASL_USERNAME": "u", "KAFKA_SASL_PASSWORD_FILE": empty}, []string{"KAFKA_SASL_PASSWORD_FILE is", "the file is empty"}},
		"OAUTHBEARER alone":     {map[string]string{"KAFKA_SASL_MECHANISM": "OAUTHBEARER"}, []string{"KAFKA_SASL_TOKEN_URL is not set", "KAFKA_SASL_CLIENT_ID is not set", "KAFKA_SASL_CLIENT_SECRET is not set"}},
		"a token URL": {
			map[string]string{"KAFKA_SASL_MECHANISM": "OAUTHBEARER", "KAFKA_SASL_TOKEN_URL": "ftp://u:" + hidden + "@host", "KAFKA_SASL_CLIENT_ID": "c", "KAFKA_SASL_CLIENT_SECRET": hidden},
			[]string{"KAFKA_SASL_TOKEN_URL is"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env := map[string]string{"KAFKA_BROKERS": "a:1"}
			for name, value := range test.env {
				env[name] = value
			}
			err := settings(t, env).Validate()
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error does not say %q:\n%v", want, err)
				}
			}
			if strings.Contains(err.Error(), hidden) {
				t.Errorf("the error shows a secret:\n%v", err)
			}
		})
	}
}
