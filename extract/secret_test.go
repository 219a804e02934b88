package extract

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/sethvargo/go-envconfig"
)

func TestSecret_isShownToNobody(t *testing.T) {
	t.Parallel()
	const text = "hunter2-hunter2"
	secret := NewSecret(text)
	holder := struct {
		Shown  Secret
		hidden Secret // fmt prints unexported fields without asking their methods
		list   []Secret
		m      map[string]*Secret
	}{secret, secret, []Secret{secret}, map[string]*Secret{"x": &secret}}
	var shown []string
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%T", "%p", "%t"} {
		shown = append(shown, fmt.Sprintf(verb, secret), fmt.Sprintf(verb, &secret), fmt.Sprintf(verb, holder), fmt.Sprintf(verb, &holder))
	}
	var log bytes.Buffer
	for _, h := range []slog.Handler{slog.NewTextHandler(&log, nil), slog.NewJSONHandler(&log, nil)} {
		slog.New(h).Info("x", "secret", secret, "pointer", &secret, "holder", holder, "error", fmt.Errorf("refused %v", secret))
	}
	asJSON, err := json.Marshal(map[string]any{"a": secret, "b": &secret, "c": []Secret{secret}})
	if err != nil || !json.Valid(asJSON) {
		t.Errorf("%s, %v", asJSON, err)
	}
	asText, err := secret.MarshalText()
	if err != nil {
		t.Error(err)
	}
	shown = append(shown, log.String(), string(asJSON), string(asText), secret.String(), secret.GoString())
	for _, s := range shown {
		for _, form := range []string{text, fmt.Sprintf("%x", text), fmt.Sprintf("%X", text), "hunter2"} {
			if strings.Contains(s, form) {
				t.Errorf("it is shown: %s", s)
			}
		}
	}
	if !secret.Equal(NewSecret(text)) || secret.Equal(NewSecret("x")) || secret.IsZero() || secret.Reveal() != text {
		t.Error("it is not what it was made of")
	}
	if none := NewSecret(""); !none.IsZero() || none.Reveal() != "" || fmt.Sprint(none) != "" {
		t.Error("no secret is one")
	}
}

func TestSecret_isReadFromTheEnvironment(t *testing.T) {
	t.Parallel()
	var cfg struct {
		Set   Secret `env:"SET"`
		Unset Secret `env:"UNSET"`
	}
	err := envconfig.ProcessWith(context.Background(), &envconfig.Config{
		Target: &cfg, Lookuper: envconfig.MapLookuper(map[string]string{"SET": "x"}),
	})
	if err != nil || cfg.Set.Reveal() != "x" || !cfg.Unset.IsZero() {
		t.Errorf("%q, %t, %v", cfg.Set.Reveal(), cfg.Unset.IsZero(), err)
	}
}
