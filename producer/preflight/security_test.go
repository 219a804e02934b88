package preflight_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sethvargo/go-envconfig"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"pylon-kafka/extract"
	"pylon-kafka/offsets/lease"
	"pylon-kafka/producer"
	"pylon-kafka/producer/preflight"
)

// TestSecurity has a real Kafka with TLS, mutual TLS, each mechanism of SASL and
// ACLs. One container serves all of its parts.
func TestSecurity(t *testing.T) {
	t.Parallel()
	k := needSecureKafka(t)
	k.user(t, "scram")
	t.Run("connections", func(t *testing.T) {
		t.Parallel()
		k.testConnections(t)
	})
	t.Run("rights", func(t *testing.T) {
		t.Parallel()
		k.testRights(t)
	})
	t.Run("token endpoint", func(t *testing.T) {
		t.Parallel()
		k.testTokenEndpoint(t)
	})
}

// testConnections reaches the broker in every way that works and that does not,
// and wants the first to work and the second to say what would mend it.
func (k *secureKafka) testConnections(t *testing.T) {
	t.Helper()
	path := func(name string) string { return filepath.Join(k.dir, name) }
	sasl := func(mechanism, user, password string) []string {
		return []string{"KAFKA_SASL_MECHANISM", mechanism, "KAFKA_SASL_USERNAME", user, "KAFKA_SASL_PASSWORD", password}
	}
	tls := []string{"KAFKA_TLS_ENABLED", "true", "KAFKA_TLS_CA_FILE", path("ca.pem")}
	for name, test := range map[string]struct {
		port string
		env  []string
		says []string // nil: it works
	}{
		"PLAIN":                    {saslPort, sasl("PLAIN", "plain", hidden), nil},
		"SCRAM-SHA-256":            {saslPort, sasl("SCRAM-SHA-256", "scram", hidden), nil},
		"SCRAM-SHA-512":            {saslPort, sasl("SCRAM-SHA-512", "scram", hidden), nil},
		"SCRAM-SHA-512 over TLS":   {securePort, append(sasl("SCRAM-SHA-512", "scram", hidden), tls...), nil},
		"OAUTHBEARER":              {oauthPort, tokenSettings(t, time.Hour), nil},
		"a token that has ended":   {oauthPort, tokenSettings(t, -time.Hour), []string{"KAFKA_SASL_TOKEN_URL", "SASL_AUTHENTICATION_FAILED"}},
		"mutual TLS":               {mutualPort, append(tls[:len(tls):len(tls)], "KAFKA_TLS_CERT_FILE", path("client.pem"), "KAFKA_TLS_KEY_FILE", path("client.key")), nil},
		"wrong password, PLAIN":    {saslPort, sasl("PLAIN", "plain", "x"), []string{"KAFKA_SASL_PASSWORD", "SASL_AUTHENTICATION_FAILED"}},
		"wrong password, SCRAM":    {saslPort, sasl("SCRAM-SHA-256", "scram", "x"), []string{"KAFKA_SASL_PASSWORD", "SASL_AUTHENTICATION_FAILED"}},
		"unknown user":             {saslPort, sasl("SCRAM-SHA-512", "nobody", hidden), []string{"KAFKA_SASL_USERNAME", "SASL_AUTHENTICATION_FAILED"}},
		"another mechanism":        {oauthPort, sasl("PLAIN", "plain", hidden), []string{"KAFKA_SASL_MECHANISM PLAIN", "UNSUPPORTED_SASL_MECHANISM"}},
		"SASL lacking":             {saslPort, nil, []string{"KAFKA_SASL_MECHANISM"}},
		"SASL to none":             {plainPort, sasl("PLAIN", "plain", hidden), []string{"KAFKA_SASL_MECHANISM"}},
		"authority not known":      {securePort, append(sasl("PLAIN", "plain", hidden), "KAFKA_TLS_ENABLED", "true"), []string{"KAFKA_TLS_CA_FILE"}},
		"another authority":        {securePort, append(sasl("PLAIN", "plain", hidden), "KAFKA_TLS_ENABLED", "true", "KAFKA_TLS_CA_FILE", path("other.pem")), []string{"KAFKA_TLS_CA_FILE"}},
		"another host":             {securePort, append(append(sasl("PLAIN", "plain", hidden), tls...), "KAFKA_TLS_SERVER_NAME", "kafka.example.com"), []string{"KAFKA_TLS_SERVER_NAME", "another host"}},
		"expired":                  {expiredPort, tls, []string{"expired", "renew"}},
		"TLS to plain":             {plainPort, tls, []string{"KAFKA_TLS_ENABLED", "TLS listener"}},
		"plain to TLS":             {securePort, nil, []string{"KAFKA_TLS_ENABLED"}},
		"SASL without TLS to TLS":  {securePort, sasl("PLAIN", "plain", hidden), []string{"KAFKA_TLS_ENABLED"}},
		"mutual, no certificate":   {mutualPort, tls, []string{"KAFKA_TLS_CERT_FILE"}},
		"mutual, not its own sign": {mutualPort, append(tls[:len(tls):len(tls)], "KAFKA_TLS_CERT_FILE", path("unsigned.pem"), "KAFKA_TLS_KEY_FILE", path("unsigned.key")), []string{"KAFKA_TLS_CERT_FILE"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, k.addr[test.port])
			w.env = with(w.env, test.env...)
			checks := check(t, w.options(t))
			brokers := checks["brokers"]
			if test.says == nil {
				if brokers.State != preflight.OK {
					t.Errorf("%+v", brokers)
				}
				return
			}
			if brokers.State != preflight.Failed {
				t.Fatalf("it works: %+v", brokers)
			}
			wantText(t, brokers.Detail, append(test.says, "KAFKA_BROKERS "+k.addr[test.port])...)
		})
	}
}

// tokenSettings starts a token endpoint that gives tokens which a broker with
// Kafka's default, unsigned, validation believes, if they last.
func tokenSettings(t *testing.T, lasts time.Duration) []string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		part := func(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
		now := time.Now().Unix()
		token := part(`{"alg":"none"}`) + "." + part(fmt.Sprintf(`{"sub":"oauth","iat":%d,"exp":%d}`, now-7200, now+int64(lasts.Seconds()))) + "."
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"access_token":%q,"token_type":"bearer","expires_in":3600}`, token)
	}))
	t.Cleanup(server.Close)
	return []string{
		"KAFKA_SASL_MECHANISM", "OAUTHBEARER", "KAFKA_SASL_TOKEN_URL", server.URL, "KAFKA_SASL_CLIENT_ID", "c", "KAFKA_SASL_CLIENT_SECRET", hidden,
	}
}

// right is one of the rights in the README's list.
type right struct {
	name string // of the resource: topics and transactional ids by prefix
	op   kadm.ACLOperation
	kind kmsg.ACLResourceType
}

// documented are the rights that the README lists, and no others.
func documented(prefix string) map[string]right {
	topic := kmsg.ACLResourceTypeTopic
	return map[string]right{
		"Create":           {prefix + ".", kmsg.ACLOperationCreate, topic},
		"DescribeConfigs":  {prefix + ".", kmsg.ACLOperationDescribeConfigs, topic},
		"Read":             {prefix + ".", kmsg.ACLOperationRead, topic},
		"Write":            {prefix + ".", kmsg.ACLOperationWrite, topic},
		"transactional id": {prefix + "-", kmsg.ACLOperationWrite, kmsg.ACLResourceTypeTransactionalId},
		"group":            {prefix, kmsg.ACLOperationRead, kmsg.ACLResourceTypeGroup},
	}
}

// grant gives rights to a user.
func (k *secureKafka) grant(t *testing.T, user string, rights map[string]right) {
	t.Helper()
	before := k.rights(t, user)
	for _, r := range rights {
		b := kadm.NewACLs().Allow("User:" + user).AllowHosts().Operations(r.op).ResourcePatternType(kmsg.ACLResourcePatternTypePrefixed)
		switch r.kind {
		case kmsg.ACLResourceTypeTransactionalId:
			b.TransactionalIDs(r.name)
		case kmsg.ACLResourceTypeGroup:
			b.Groups(r.name).ResourcePatternType(kmsg.ACLResourcePatternTypeLiteral)
		default:
			b.Topics(r.name)
		}
		created, err := k.adm.CreateACLs(t.Context(), b)
		must(t, err)
		for _, c := range created {
			must(t, c.Err)
		}
	}
	// The answer comes from the controller; brokers know a moment later.
	for began := time.Now(); k.rights(t, user) < before+len(rights); {
		if time.Since(began) > 20*time.Second {
			t.Fatalf("the broker knows %d rights of %s, want %d", k.rights(t, user), user, before+len(rights))
		}
	}
}

// rights counts the rights of a user that the broker knows, those denied included.
func (k *secureKafka) rights(t *testing.T, user string) int {
	t.Helper()
	described, err := k.adm.DescribeACLs(t.Context(), kadm.NewACLs().Allow("User:"+user).AllowHosts().Deny("User:"+user).DenyHosts().AnyResource().Operations().
		ResourcePatternType(kmsg.ACLResourcePatternTypeAny))
	must(t, err)
	known := 0
	for _, d := range described {
		must(t, d.Err)
		known += len(d.Described)
	}
	return known
}

// deny takes a right away on one topic, of those that a prefix gives.
func (k *secureKafka) deny(t *testing.T, user string, r right) {
	t.Helper()
	before := k.rights(t, user)
	created, err := k.adm.CreateACLs(t.Context(), kadm.NewACLs().Deny("User:"+user).DenyHosts().Operations(r.op).
		ResourcePatternType(kmsg.ACLResourcePatternTypeLiteral).Topics(r.name))
	must(t, err)
	for _, c := range created {
		must(t, c.Err)
	}
	for began := time.Now(); k.rights(t, user) <= before; {
		if time.Since(began) > 20*time.Second {
			t.Fatalf("the broker does not know that %s lacks a right on %s", user, r.name)
		}
	}
}

// testRights gives a user the documented rights, and all but one of them, or all
// with an exception for one topic: with all, sync and check are content; without
// one, both name it. The right to describe configs is only missed.
func (k *secureKafka) testRights(t *testing.T) {
	t.Helper()
	// A new cluster makes its topic for groups when the first one is asked for, which takes seconds.
	_, err := lease.Members(t.Context(), k.adm, "first")
	must(t, err)
	except := map[string]right{
		"Write on offsets":    {name: "offsets", op: kmsg.ACLOperationWrite},
		"Read on offsets":     {name: "offsets", op: kmsg.ACLOperationRead},
		"Write on deadletter": {name: "deadletter", op: kmsg.ACLOperationWrite},
	}
	for missing, says := range map[string]string{
		"":                 "",
		"Write on offsets": "Write on topic PREFIX.offsets", "Read on offsets": "Read on topic PREFIX.offsets", "Write on deadletter": "Write on topic PREFIX.deadletter",
		"Create":           "Create on topic PREFIX.",
		"DescribeConfigs":  "DescribeConfigs on topic PREFIX.",
		"Read":             "Read on topic PREFIX.",
		"Write":            "Write on topic PREFIX.",
		"transactional id": "Write on transactional id PREFIX-",
		"group":            "Read on group PREFIX",
	} {
		t.Run("without "+missing, func(t *testing.T) {
			t.Parallel()
			prefix := "sec-" + strings.ReplaceAll(strings.ToLower(missing+"x"), " ", "")
			says := strings.ReplaceAll(says, "PREFIX", prefix)
			k.user(t, prefix)
			rights := documented(prefix)
			delete(rights, missing)
			k.grant(t, prefix, rights)
			if r, ok := except[missing]; ok {
				r.name = prefix + "." + r.name
				k.deny(t, prefix, r)
			}
			w := newWorld(t, k.addr[securePort])
			w.env = with(w.env, "PYLON_STREAMS", "tags", "KAFKA_TOPIC_PREFIX", prefix+".", "KAFKA_TRANSACTIONAL_ID_PREFIX", prefix,
				"KAFKA_TLS_ENABLED", "true", "KAFKA_TLS_CA_FILE", filepath.Join(k.dir, "ca.pem"),
				"KAFKA_SASL_MECHANISM", "SCRAM-SHA-512", "KAFKA_SASL_USERNAME", prefix, "KAFKA_SASL_PASSWORD", hidden)
			if missing == "Write on deadletter" { // which nothing else needs
				must(t, w.api.API.Put("tags", "", "bad", []byte(`{"value":"no id"}`)))
			}
			before := check(t, w.options(t))
			err := k.sync(t, w)
			if strings.HasPrefix(missing, "Read") { // topics that were just made need not be read
				must(t, err)
				err = k.sync(t, w)
			}
			if missing == "Create" { // what is there need not be created
				admin := newWorld(t, k.addr[plainPort])
				admin.env = with(w.env, "KAFKA_BROKERS", k.addr[plainPort], "KAFKA_TLS_ENABLED", "", "KAFKA_TLS_CA_FILE", "",
					"KAFKA_SASL_MECHANISM", "", "KAFKA_SASL_USERNAME", "", "KAFKA_SASL_PASSWORD", "")
				ensure(t, admin.options(t))
			}
			after := check(t, w.options(t))
			switch missing {
			case "":
				must(t, err)
			case "DescribeConfigs":
				must(t, err)
				wantText(t, w.logs.String(), "level=WARN", says, "User:"+prefix, "1048588")
			default:
				if err == nil {
					t.Fatal("sync works")
				}
				wantText(t, err.Error(), says, "kafka-acls.sh", "User:"+prefix)
			}
			text := ""
			for _, c := range slices.Concat(slices.Collect(maps.Values(before)), slices.Collect(maps.Values(after))) {
				if c.State != preflight.OK {
					text += c.Name + ": " + c.Detail + "; " + c.Fix + "\n"
				}
			}
			if missing == "" {
				if text != "" {
					t.Errorf("checks complain with all rights there:\n%s", text)
				}
				must(t, k.sync(t, w)) // what check asked has changed nothing
				return
			}
			wantText(t, text, says, "kafka-acls.sh", "User:"+prefix)
			t.Logf("without %s, check says:\n%s\nsync says: %v", says, text, err)
			named := "named by check and sync"
			if err == nil {
				named = "named by check; sync does without it"
			}
			t.Logf("taken away: %s: %s", says, named) // .ci/rights prints it
			if missing == "DescribeConfigs" && slices.ContainsFunc(slices.Collect(maps.Values(after)), func(c preflight.Check) bool { return c.State == preflight.Failed }) {
				t.Errorf("a check fails without DescribeConfigs:\n%s", text)
			}
		})
	}
}

// pipeline returns a pipeline with the world's settings, whose Kafka clients have
// opts besides.
func (w *world) pipeline(t *testing.T, opts ...kgo.Opt) *producer.Pipeline {
	t.Helper()
	var cfg struct {
		Extract  extract.Config
		Producer producer.Config
	}
	must(t, envconfig.ProcessWith(t.Context(), &envconfig.Config{Target: &cfg, Lookuper: envconfig.MapLookuper(w.env)}))
	must(t, errors.Join(cfg.Extract.Validate(), cfg.Producer.Validate()))
	client, err := extract.NewClient(cfg.Extract, extract.Options{})
	must(t, err)
	p, err := producer.New(producer.Options{
		Config: cfg.Producer, Extract: cfg.Extract, Client: client, Kafka: opts, Logger: slog.New(slog.NewTextHandler(&w.logs, nil)),
	})
	must(t, err)
	return p
}

// sync makes a pass with the world's settings.
func (k *secureKafka) sync(t *testing.T, w *world) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	return w.pipeline(t).Sync(ctx)
}
