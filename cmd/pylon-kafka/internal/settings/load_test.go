package settings

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// goodEnvironment has every setting that is required, and nothing else.
func goodEnvironment() Environment {
	return Environment{
		"PYLON_API_TOKEN":  "secret-token",
		"PYLON_START_DATE": "2024-01-31T00:00:00Z",
		"KAFKA_BROKERS":    "127.0.0.1:1",
	}
}

// with returns the environment with variables changed: a name, its value, and
// so on.
func (e Environment) with(variables ...string) Environment {
	for pair := range slices.Chunk(variables, 2) {
		e[pair[0]] = pair[1]
	}
	return e
}

func TestLoad_takesGoodSettings(t *testing.T) {
	t.Parallel()
	cfg, err := Load[Config](t.Context(), goodEnvironment().with("PYLON_STREAMS", "issues,tags", "KAFKA_RACK_ID", ""))
	if err != nil {
		t.Fatalf("load: %v", err)
	}
	if cfg.Process.HTTPAddr != ":8080" {
		t.Errorf("HTTP_ADDR is %q by default, want :8080", cfg.Process.HTTPAddr)
	}
	if got := len(cfg.Extract.ChosenStreams()); got != 2 {
		t.Errorf("%d streams chosen, want 2", got)
	}
}

func TestLoad_tellsEmptyFromUnsetForHTTPAddrOnly(t *testing.T) {
	t.Parallel()
	cfg, err := Load[Config](t.Context(), goodEnvironment().with("HTTP_ADDR", "", "KAFKA_COMPRESSION", "", "KAFKA_TOPIC_PARTITIONS", ""))
	if err != nil {
		t.Fatalf("load: %v", err)
	}
	if cfg.Process.HTTPAddr != "" {
		t.Errorf("HTTP_ADDR is %q, want it off", cfg.Process.HTTPAddr)
	}
	if cfg.Producer.Kafka.Compression != "zstd" || cfg.Producer.Kafka.Partitions != 1 {
		t.Errorf("an empty variable took away its default: %+v", cfg.Producer.Kafka)
	}
}

func TestLoad_reportsEveryProblemAtOnce(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		env  Environment
		want []string // each must be part of one line
	}{
		"nothing set": {
			env:  Environment{},
			want: []string{"PYLON_API_TOKEN", "PYLON_START_DATE", "KAFKA_BROKERS"},
		},
		"set and empty is not set": {
			env:  Environment{"PYLON_API_TOKEN": "", "PYLON_START_DATE": "", "KAFKA_BROKERS": ""},
			want: []string{"PYLON_API_TOKEN", "PYLON_START_DATE", "KAFKA_BROKERS"},
		},
		"malformed values of every kind": {
			env: goodEnvironment().with(
				"PYLON_POLL_INTERVAL", "15", "PYLON_WINDOW", "a month", "TOMBSTONES", "maybe", "KAFKA_TOPIC_PARTITIONS", "many",
				"LOG_LEVEL", "loud", "LOG_FORMAT", "xml", "KAFKA_COMPRESSION", "zip",
			),
			want: []string{
				`PYLON_POLL_INTERVAL is "15": want a duration such as 15s, 10m or 168h`,
				`PYLON_WINDOW is "a month": want a duration`,
				`TOMBSTONES is "maybe": want true or false`,
				`KAFKA_TOPIC_PARTITIONS is "many": want a whole number`,
				`LOG_LEVEL is "loud": want debug, info, warn or error`,
				`LOG_FORMAT is "xml": want json or text`,
				`KAFKA_COMPRESSION is "zip"`,
			},
		},
		"a value that does not fit, one that is missing, one that is misspelt": {
			env: Environment{"PYLON_API_TOKN": "x", "PYLON_START_DATE": "yesterday", "KAFKA_BROKERS": "h:1", "PYLON_REFRESH_INTERVAL": "1"},
			want: []string{
				"PYLON_API_TOKEN is not set",
				`PYLON_START_DATE is "yesterday"`,
				`PYLON_REFRESH_INTERVAL is "1"`,
				"PYLON_API_TOKN is not a setting: did you mean PYLON_API_TOKEN?",
			},
		},
		"a stream that there is not": {
			env:  goodEnvironment().with("PYLON_STREAMS", "issues,isues"),
			want: []string{`isues`},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := Load[Config](t.Context(), test.env)
			var problems Problems
			if !errors.As(err, &problems) {
				t.Fatalf("load = %v, want problems", err)
			}
			lines := strings.Split(err.Error(), "\n")
			for _, want := range test.want {
				if n := len(slices.DeleteFunc(slices.Clone(lines), func(line string) bool { return !strings.Contains(line, want) })); n != 1 {
					t.Errorf("%d lines say %q, want 1, in\n%v", n, want, err)
				}
			}
			// One line each, one to begin with and one that says where to look.
			if len(lines) != len(test.want)+2 {
				t.Errorf("%d lines, want %d:\n%v", len(lines), len(test.want)+2, err)
			}
		})
	}
}

func TestLoad_saysOnceWhatIsWrongWithOneVariable(t *testing.T) {
	t.Parallel()
	// A required variable that cannot be decoded looks missing afterwards.
	_, err := Load[tinyConfig](t.Context(), Environment{"TINY_SIZE": "big"})
	if err == nil {
		t.Fatal("load took a malformed value")
	}
	if !strings.Contains(err.Error(), `TINY_SIZE is "big": want a whole number`) || strings.Contains(err.Error(), "TINY_SIZE is not set") {
		t.Errorf("load = %v", err)
	}
}

// tinyConfig has one required setting.
type tinyConfig struct {
	Size int `env:"TINY_SIZE"`
}

func (c *tinyConfig) Validate() error {
	if c.Size == 0 {
		return errors.New("TINY_SIZE is not set: want a size")
	}
	return nil
}

func TestMisspelt_suggestsTheSettingThatWasMeant(t *testing.T) {
	t.Parallel()
	tests := map[string]string{ // variable: setting that is suggested; "" for none of our business
		"PYLON_API_TOKN":            "PYLON_API_TOKEN",
		"PYLON_API_TOEKN":           "PYLON_API_TOKEN",
		"PLYON_API_TOKEN":           "PYLON_API_TOKEN",
		"KAFKA_BROKER":              "KAFKA_BROKERS",
		"KAKFA_BROKERS":             "KAFKA_BROKERS",
		"KAFKA_SASL_MECHANISMS":     "KAFKA_SASL_MECHANISM",
		"PYLON_STARTDATE":           "PYLON_START_DATE",
		"SCHEMA_REGISTRY_URI":       "SCHEMA_REGISTRY_URL",
		"TOMBSTONE":                 "TOMBSTONES",
		"LOGLEVEL":                  "LOG_LEVEL",
		"KAFKA_HOME":                "",
		"KAFKA_PORT":                "",
		"KAFKA_PORT_9092_TCP":       "",
		"KAFKA_PORT_9092_TCP_ADDR":  "",
		"KAFKA_SERVICE_HOST":        "",
		"KAFKA_BROKER_SERVICE_HOST": "",
		"KAFKA_BROKER_ID":           "",
		"KAFKA_OPTS":                "",
		"KAFKA_LOG_DIRS":            "",
		"SCHEMA_REGISTRY_PORT":      "",
		"SCHEMA_REGISTRY_HOST_NAME": "",
		"PYLON_KAFKA_SERVICE_HOST":  "",
		"PYLON_KAFKA_PORT":          "",
		"PYLON_KAFKA_TEST_IMAGE":    "",
		"PUBLIC":                    "",
		"HTTP_PROXY":                "",
		"HTTP_PORT":                 "",
		"HOME":                      "",
		"PATH":                      "",
		"HOSTNAME":                  "",
	}
	for name, want := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := misspelt(Environment{name: "something secret"}, Known())
			if want == "" {
				if len(got) > 0 {
					t.Errorf("%v, want nothing", got)
				}
				return
			}
			if len(got) != 1 || !strings.Contains(got[0].Error(), name) || !strings.Contains(got[0].Error(), "did you mean "+want+"?") {
				t.Errorf("%v, want %s suggested", got, want)
			}
			if strings.Contains(got[0].Error(), "secret") {
				t.Errorf("the value is shown: %v", got)
			}
		})
	}
}

func TestMisspelt_leavesOurOwnAndEmptyVariablesAlone(t *testing.T) {
	t.Parallel()
	env := Environment{"KAFKA_BROKER": ""}
	for _, s := range Known() {
		env[s.Name] = "x"
	}
	if got := misspelt(env, Known()); len(got) > 0 {
		t.Errorf("misspelt = %v", got)
	}
}

func TestSettings_areThoseOfTheInterface(t *testing.T) {
	t.Parallel()
	var names []string
	for _, s := range Known() {
		names = append(names, s.Name)
	}
	for _, name := range []string{
		"PYLON_API_TOKEN", "PYLON_API_TOKEN_FILE", "PYLON_START_DATE", "PYLON_API_URL", "PYLON_STREAMS", "PYLON_POLL_INTERVAL",
		"PYLON_REFRESH_INTERVAL", "PYLON_INTERVALS", "PYLON_SWEEP_INTERVAL", "PYLON_LOOKBACK", "PYLON_WINDOW", "PYLON_RATE_LIMITS",
		"PUBLISH", "TOMBSTONES", "CONNECTOR_NAME",
		"KAFKA_BROKERS", "KAFKA_CLIENT_ID", "KAFKA_RACK_ID", "KAFKA_TOPIC_PREFIX", "KAFKA_OFFSETS_TOPIC", "KAFKA_TRANSACTIONAL_ID_PREFIX",
		"KAFKA_TOPIC_PARTITIONS", "KAFKA_TOPIC_REPLICATION_FACTOR", "KAFKA_CREATE_TOPICS", "KAFKA_COMPRESSION",
		"KAFKA_TLS_ENABLED", "KAFKA_TLS_CA_FILE", "KAFKA_TLS_CERT_FILE", "KAFKA_TLS_KEY_FILE", "KAFKA_TLS_SERVER_NAME", "KAFKA_TLS_INSECURE_SKIP_VERIFY",
		"KAFKA_SASL_MECHANISM", "KAFKA_SASL_USERNAME", "KAFKA_SASL_PASSWORD", "KAFKA_SASL_PASSWORD_FILE", "KAFKA_SASL_TOKEN_URL",
		"KAFKA_SASL_CLIENT_ID", "KAFKA_SASL_CLIENT_SECRET", "KAFKA_SASL_SCOPES",
		"SCHEMA_REGISTRY_URL", "SCHEMA_REGISTRY_USERNAME", "SCHEMA_REGISTRY_PASSWORD", "SCHEMA_REGISTRY_PASSWORD_FILE",
		"SCHEMA_REGISTRY_TLS_CA_FILE", "SCHEMA_REGISTRY_TLS_CERT_FILE", "SCHEMA_REGISTRY_TLS_KEY_FILE",
		"SCHEMA_REGISTRY_SUBJECT_STRATEGY", "SCHEMA_REGISTRY_AUTO_REGISTER",
		"HTTP_ADDR", "LOG_LEVEL", "LOG_FORMAT",
	} {
		if !slices.Contains(names, name) {
			t.Errorf("%s is not a setting", name)
		}
	}
	slices.Sort(names)
	if unique := slices.Compact(slices.Clone(names)); len(unique) != len(names) {
		t.Errorf("a setting is declared twice: %v", names)
	}
}

func TestSettingsOf_readsTagsAsEnvconfigDoes(t *testing.T) {
	t.Parallel()
	type inner struct {
		File string `env:"FILE, default=a,b"`
	}
	type outer struct {
		Plain  bool `env:"PLAIN"`
		Inner  inner
		Prefix inner `env:", prefix=DEEP_"`
		hidden int
	}
	_ = outer{hidden: 1}
	got := settingsOf(reflect.TypeFor[outer]())
	for i := range got {
		got[i].Type = nil // it has no exported form to compare
	}
	want := []Setting{{Name: "PLAIN"}, {Name: "FILE", Default: "a,b"}, {Name: "DEEP_FILE", Default: "a,b"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("settings (-want +got):\n%s", diff)
	}
}
