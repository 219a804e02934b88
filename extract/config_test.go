package extract

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sethvargo/go-envconfig"
)

// configOf decodes settings as cmd does.
func configOf(t *testing.T, env map[string]string) (Config, error) {
	t.Helper()
	var cfg Config
	err := envconfig.ProcessWith(t.Context(), &envconfig.Config{Target: &cfg, Lookuper: envconfig.MapLookuper(env)})
	return cfg, err
}

// validEnv returns the least that is needed, and what is given besides.
func validEnv(more ...string) map[string]string {
	env := map[string]string{"PYLON_API_TOKEN": testToken, "PYLON_START_DATE": "2024-01-31T00:00:00Z"}
	for _, pair := range more {
		name, value, _ := strings.Cut(pair, "=")
		env[name] = value
	}
	return env
}

func TestConfig_defaults(t *testing.T) {
	t.Parallel()
	cfg, err := configOf(t, validEnv())
	if err == nil {
		err = cfg.Validate()
	}
	if err != nil {
		t.Fatal(err)
	}
	assertEqual(t, "config", cfg, Config{
		APIToken: NewSecret(testToken), StartDate: "2024-01-31T00:00:00Z", APIURL: "https://api.usepylon.com",
		PollInterval: 15 * time.Second, RefreshInterval: time.Hour, ReconcileInterval: time.Hour, SweepInterval: 168 * time.Hour, Lookback: 10 * time.Minute, Window: 720 * time.Hour,
	})
	assertEqual(t, "start", cfg.Start(), time.Date(2024, 1, 31, 0, 0, 0, 0, time.UTC))
	assertEqual(t, "streams", cfg.ChosenStreams(), Streams())
	for _, s := range Streams() {
		want := time.Hour
		if s.Sync != SyncFull {
			want = 15 * time.Second
		}
		if got := cfg.Interval(s); got != want {
			t.Errorf("interval of %s is %s, want %s", s.Name, got, want)
		}
	}
	for _, e := range Endpoints() {
		if got := cfg.RateLimits.perMinute(e); got != e.PerMinute {
			t.Errorf("limit of %s is %d, want %d", e.Name, got, e.PerMinute)
		}
	}
}

func TestConfig_takesWhatIsSet(t *testing.T) {
	t.Parallel()
	cfg, err := configOf(t, validEnv(
		"PYLON_STREAMS= tags, accounts,", "PYLON_INTERVALS=tags:24h, accounts:10m,issues:5s", "PYLON_RATE_LIMITS=issues_search:60,tags:0",
		"PYLON_SWEEP_INTERVAL=0", "PYLON_RECONCILE_INTERVAL=0", "PYLON_LOOKBACK=0", "PYLON_API_URL=http://localhost:8080/eu/",
	))
	if err == nil {
		err = cfg.Validate()
	}
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, s := range cfg.ChosenStreams() {
		names = append(names, s.Name)
	}
	assertEqual(t, "streams, in our order", names, []string{"accounts", "tags"})
	assertEqual(t, "interval", cfg.Interval(stream(t, "tags")), 24*time.Hour)
	assertEqual(t, "interval", cfg.Interval(stream(t, "issues")), 5*time.Second)
	limits := make(map[string]int)
	for _, e := range Endpoints() {
		limits[e.Name] = cfg.RateLimits.perMinute(e)
	}
	assertEqual(t, "limits", []int{limits["issues_search"], limits["tags"], limits["issues_list"]}, []int{60, 0, 30})
	base, err := cfg.baseURL()
	if err != nil || base.String() != "http://localhost:8080/eu" {
		t.Errorf("base %s, %v", base, err)
	}

	cfg, err = configOf(t, validEnv("PYLON_RATE_LIMITS=0"))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range Endpoints() {
		if n := cfg.RateLimits.perMinute(e); n != 0 {
			t.Errorf("limit of %s is %d with all limits off", e.Name, n)
		}
	}
}

func TestConfig_saysWhatIsWrong(t *testing.T) {
	t.Parallel()
	empty := filepath.Join(t.TempDir(), "empty")
	if err := os.WriteFile(empty, []byte(" \n"), 0o600); err != nil {
		t.Fatal(err)
	}
	future := time.Now().Add(time.Hour).UTC().Format(startDateLayout)
	tests := map[string][]string{
		"PYLON_API_TOKEN=":                           {"PYLON_API_TOKEN is not set", "PYLON_API_TOKEN_FILE", "settings/api-tokens"},
		"PYLON_API_TOKEN=Bearer abc":                 {"PYLON_API_TOKEN is not a token", "Bearer"},
		"PYLON_API_TOKEN=a\nb":                       {"PYLON_API_TOKEN is not a token"},
		"PYLON_API_TOKEN_FILE=" + empty:              {"PYLON_API_TOKEN and PYLON_API_TOKEN_FILE are both set"},
		"PYLON_START_DATE=":                          {"PYLON_START_DATE is not set", "2024-01-31T00:00:00Z"},
		"PYLON_START_DATE=2024-01-31":                {`PYLON_START_DATE is "2024-01-31"`, "2024-01-31T00:00:00Z"},
		"PYLON_START_DATE=2024-01-31T00:00:00.5Z":    {"PYLON_START_DATE is"},
		"PYLON_START_DATE=2024-01-31T00:00:00+01:00": {"PYLON_START_DATE is"},
		"PYLON_START_DATE=2024-02-31T00:00:00Z":      {"PYLON_START_DATE is"},
		"PYLON_START_DATE=" + future:                 {"PYLON_START_DATE is", "in the future"},
		"PYLON_API_URL=":                             {"PYLON_API_URL is not set"},
		"PYLON_API_URL=api.usepylon.com":             {`PYLON_API_URL is "api.usepylon.com"`, "https"},
		"PYLON_API_URL=ftp://api.usepylon.com":       {"PYLON_API_URL is"},
		"PYLON_API_URL=https://":                     {"PYLON_API_URL is"},
		"PYLON_API_URL=https://u:hidden@a.example":   {"PYLON_API_URL is", "without user"},
		"PYLON_API_URL=admin:hidden@a.example":       {"PYLON_API_URL is", "******"},
		"PYLON_API_URL=https://a.example/?t=hidden":  {"PYLON_API_URL is", "without"},
		"PYLON_API_URL=https://u:hidden@a.example%":  {"PYLON_API_URL cannot be read"},
		"PYLON_STREAMS=tags,isues":                   {`PYLON_STREAMS names "isues"`, `did you mean "issues"?`, "accounts, contacts"},
		"PYLON_STREAMS=zzzzzzzz":                     {`PYLON_STREAMS names "zzzzzzzz"`, "want one of accounts"},
		"PYLON_POLL_INTERVAL=0s":                     {`PYLON_POLL_INTERVAL is "0s"`},
		"PYLON_REFRESH_INTERVAL=-1h":                 {`PYLON_REFRESH_INTERVAL is "-1h0m0s"`},
		"PYLON_WINDOW=0s":                            {`PYLON_WINDOW is "0s"`},
		"PYLON_WINDOW=5m":                            {`PYLON_WINDOW is "5m0s"`, "at least 1h0m0s"},
		"PYLON_SWEEP_INTERVAL=-1s":                   {`PYLON_SWEEP_INTERVAL is "-1s"`, "0 for no sweep"},
		"PYLON_RECONCILE_INTERVAL=-1s":               {`PYLON_RECONCILE_INTERVAL is "-1s"`, "0 for no reconcile"},
		"PYLON_LOOKBACK=-1s":                         {`PYLON_LOOKBACK is "-1s"`},
		"PYLON_INTERVALS=tag:1h":                     {`PYLON_INTERVALS names "tag"`, `did you mean "tags"?`},
		"PYLON_INTERVALS=tags:0s":                    {`PYLON_INTERVALS has "0s" for tags`},
		"PYLON_INTERVALS=issue_messages:1h":          {`PYLON_INTERVALS names "issue_messages"`, "each issue that changes"},
		"PYLON_RATE_LIMITS=issues:10":                {`PYLON_RATE_LIMITS names "issues"`, "issues_search"},
		"PYLON_RATE_LIMITS=issue_serch:10":           {`PYLON_RATE_LIMITS names "issue_serch"`, `did you mean "issues_search"?`},
		"PYLON_RATE_LIMITS=tags:-1":                  {"PYLON_RATE_LIMITS has -1 for tags"},
	}
	for setting, want := range tests {
		t.Run(setting, func(t *testing.T) {
			t.Parallel()
			cfg, err := configOf(t, validEnv(setting))
			if err != nil {
				t.Fatal(err)
			}
			if setting == "PYLON_API_URL=" {
				cfg.APIURL = ""
			}
			err = cfg.Validate()
			if err == nil {
				t.Fatal("no problem")
			}
			for _, part := range want {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%q does not contain %q", err, part)
				}
			}
			for _, secret := range []string{testToken, "Bearer abc", "hidden"} {
				if strings.Contains(err.Error(), secret) {
					t.Errorf("%q gives %q away", err, secret)
				}
			}
			if lines := strings.Count(err.Error(), "\n"); lines > 0 {
				t.Errorf("%q: %d problems, want 1", err, lines+1)
			}
		})
	}
}

func TestConfig_cannotBeDecoded(t *testing.T) {
	t.Parallel()
	for setting, want := range map[string][]string{
		"PYLON_INTERVALS=tags:soon,x,accounts:1h": {`"soon" of tags is no duration`, `"x" has no colon`},
		"PYLON_RATE_LIMITS=tags:1.5,teams:x":      {`"1.5" of tags is no limit`, `"x" of teams`},
	} {
		_, err := configOf(t, validEnv(setting))
		for _, part := range want {
			if err == nil || !strings.Contains(err.Error(), part) {
				t.Errorf("%s: error %v does not contain %q", setting, err, part)
			}
		}
	}
}

func TestConfig_saysAllAtOnce(t *testing.T) {
	t.Parallel()
	var cfg Config
	cfg.Streams = []string{"no", "neither"}
	cfg.Lookback = -1
	err := cfg.Validate()
	for _, name := range []string{
		"PYLON_API_TOKEN ", "PYLON_API_URL ", "PYLON_START_DATE ", `"no"`, `"neither"`, "PYLON_POLL_INTERVAL ", "PYLON_REFRESH_INTERVAL ",
		"PYLON_WINDOW ", "PYLON_LOOKBACK ",
	} {
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%v does not name %s", err, name)
		}
	}
}

func TestConfig_readsTheTokenFromAFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for text, want := range map[string]string{"\n " + testToken + "\r\n": "", "": "is empty", "two words": "is not a token"} {
		file := filepath.Join(dir, fmt.Sprint(len(text)))
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		cfg := testConfig()
		cfg.APIToken, cfg.APITokenFile = Secret{}, file
		for range 2 { // again does no harm
			if err := cfg.Validate(); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
				t.Errorf("%q: error %v, want %q", text, err, want)
			}
		}
		if token, err := cfg.token(); want == "" && (err != nil || token.Reveal() != testToken) {
			t.Errorf("token %q, %v", token.Reveal(), err)
		}
	}
	cfg := testConfig()
	cfg.APIToken, cfg.APITokenFile = Secret{}, filepath.Join(dir, "missing")
	if err := cfg.Validate(); !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), "PYLON_API_TOKEN_FILE") {
		t.Errorf("error %v", err)
	}
}

func TestConfig_showsItsTokenToNobody(t *testing.T) {
	t.Parallel()
	cfg := testConfig()
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "token", cfg.APIToken, "config", cfg)
	text, err := json.Marshal(cfg)
	if err != nil {
		t.Fatal(err)
	}
	shown := map[string]string{"slog": log.String(), "json": string(text)}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%T"} {
		shown[verb] = fmt.Sprintf(verb+" "+verb+" "+verb, cfg, &cfg, cfg.APIToken)
	}
	for _, how := range slices.Sorted(maps.Keys(shown)) {
		for _, form := range []string{testToken, fmt.Sprintf("%x", testToken), fmt.Sprintf("%X", testToken)} {
			if strings.Contains(shown[how], form) {
				t.Errorf("%s shows the token: %s", how, shown[how])
			}
		}
	}
	if got := fmt.Sprint(Secret{}); got != "" {
		t.Errorf("no secret is shown as %q", got)
	}
}
