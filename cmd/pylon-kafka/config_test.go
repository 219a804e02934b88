package main

import (
	"bytes"
	"strings"
	"testing"

	"pylon-kafka/cmd/pylon-kafka/internal/settings"
)

// goodEnvironment has every setting that is required, and nothing else.
func goodEnvironment() settings.Environment {
	return settings.Environment{
		"PYLON_API_TOKEN":  "secret-token",
		"PYLON_START_DATE": "2024-01-31T00:00:00Z",
		"KAFKA_BROKERS":    "127.0.0.1:1",
	}
}

func TestSecrets_areShownNowhere(t *testing.T) {
	t.Parallel()
	const secret = "hunter2"
	for name, address := range map[string]string{
		"user":     "https://user:" + secret + "@host",
		"query":    "https://host/token?secret=" + secret,
		"all":      "https://user:" + secret + "@host/?token=" + secret + "#" + secret,
		"fragment": "https://host/#" + secret,
		"no URL":   "https://user:" + secret + "@host:port",
		"no host":  "user:" + secret + "@host",
		"broker":   "user:" + secret + "@host:9092,b:9092",
	} {
		env := settings.Environment{}
		for _, s := range settings.Known() {
			// Every setting is wrong, so that every message is written.
			switch {
			case s.Secret():
				env[s.Name] = secret
			case strings.HasSuffix(s.Name, "_URL"), strings.HasSuffix(s.Name, "_BROKERS"):
				env[s.Name] = address
			default:
				env[s.Name] = "wrong"
			}
		}
		env["PYLON_API_TOKN"] = secret
		for _, args := range [][]string{{"config"}, {"config", "--json"}, {"run"}, {"sync"}, {"check"}, {"tail", "issues"}} {
			t.Run(name+" "+strings.Join(args, " "), func(t *testing.T) {
				t.Parallel()
				var out, errOut bytes.Buffer
				err := run(t.Context(), args, env, &out, &errOut)
				if exitCode(err) != exitUsage {
					t.Errorf("exit code %d, want %d: %v", exitCode(err), exitUsage, err)
				}
				if all := out.String() + errOut.String() + err.Error(); strings.Contains(all, secret) {
					t.Errorf("a secret is shown in\n%s", all)
				}
			})
		}
	}
}

func TestConfig_listsEverySetting(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	if err := run(t.Context(), []string{"config"}, goodEnvironment(), &out, &out); err != nil {
		t.Fatalf("config: %v", err)
	}
	for _, s := range settings.Known() {
		if !strings.Contains(out.String(), "\n"+s.Name+" ") {
			t.Errorf("%s is not listed", s.Name)
		}
	}
	for _, want := range []string{"******", "2024-01-31T00:00:00Z", "https://api.usepylon.com", "environment", "default", "UTC, such as"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in\n%s", want, out.String())
		}
	}
	if strings.Contains(out.String(), "secret-token") {
		t.Error("the token is shown")
	}
}
