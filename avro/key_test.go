package avro

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"
	twmb "github.com/twmb/avro"
)

func newTestKeyCodec(tb testing.TB, stream string) *KeyCodec {
	tb.Helper()
	k, err := NewKeyCodec(stream)
	if err != nil {
		tb.Fatal(err)
	}
	return k
}

func TestKeyCodec_encodesThePartsByName(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		stream, key string
		want        map[string]any
	}{
		"id":            {"issues", "b5eb9159", map[string]any{"id": "b5eb9159"}},
		"id of a colon": {"tags", "a:b:", map[string]any{"id": "a:b:"}},
		"slug":          {"issue_statuses", "wartet_über", map[string]any{"slug": "wartet_über"}},
		"two parts":     {"custom_fields", "account:cf:01", map[string]any{"object_type": "account", "id": "cf:01"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := newTestKeyCodec(t, tt.stream)
			out, err := k.Encode([]byte("before"), tt.key)
			if err != nil {
				t.Fatal(err)
			}
			body, ok := strings.CutPrefix(string(out), "before")
			if !ok {
				t.Fatalf("Encode changed what it appends to: %q", out)
			}
			if diff := cmp.Diff(any(tt.want), decodeIndependently(t, twmb.MustParse(k.Schema()), []byte(body))); diff != "" {
				t.Errorf("parts (-want +got):\n%s", diff)
			}
			if back, err := k.Decode([]byte(body)); err != nil || back != tt.key {
				t.Errorf("Decode gives %q, %v", back, err)
			}
		})
	}
}

// Every key can be had from the value, by the same names, in each layout.
func TestKeyCodec_partsAreFieldsOfTheValue(t *testing.T) {
	t.Parallel()
	for _, stream := range Streams() {
		k := newTestKeyCodec(t, stream)
		for _, layout := range Layouts() {
			c := newLayoutCodec(t, stream, layout)
			var parts []string
			for _, column := range c.Columns() {
				if column.Key {
					parts = append(parts, column.Name)
				}
			}
			if diff := cmp.Diff(k.Parts(), parts); diff != "" {
				t.Errorf("%s, %s (-key +value):\n%s", stream, layout, diff)
			}
		}
		if want := newTestCodec(t, stream).FullName() + "Key"; k.FullName() != want {
			t.Errorf("%s: the key's record is %s, want %s", stream, k.FullName(), want)
		}
	}
}

// A key must be the same bytes for ever, or one object has two.
func TestKeyCodec_schemasNeverChange(t *testing.T) {
	t.Parallel()
	for _, stream := range Streams() {
		k := newTestKeyCodec(t, stream)
		name := filepath.Join("schemas", "released", stream, "key.avsc")
		text, err := os.ReadFile(name)
		if os.IsNotExist(err) && *release {
			v := jsontext.Value(k.Schema())
			if err := v.Indent(jsontext.WithIndent("  ")); err != nil {
				t.Fatal(err)
			}
			if err := os.MkdirAll(filepath.Dir(name), 0o750); err != nil {
				t.Fatal(err)
			}
			text, err = v, os.WriteFile(name, append(v, '\n'), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(compactJSON(t, text), k.Schema()); diff != "" {
			t.Errorf("%s (-released +now):\n%s", stream, diff)
		}
		root, err := parseSchema(k.Schema())
		if err != nil {
			t.Fatal(err)
		}
		if got := rabin(appendCanonical(nil, root, map[string]bool{})); got != k.Fingerprint() {
			t.Errorf("%s: fingerprint is %x, want %x", stream, k.Fingerprint(), got)
		}
	}
}

func TestKeyCodec_refusesOtherKeys(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ stream, key, want string }{
		{"custom_fields", "cf01", "object_type:id"},
		{"custom_fields", ":cf01", "empty object_type"},
		{"custom_fields", "issue:", "empty id"},
		{"tags", "", "empty id"},
	} {
		out, err := newTestKeyCodec(t, tt.stream).Encode([]byte("dst"), tt.key)
		if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), tt.stream) || string(out) != "dst" {
			t.Errorf("Encode(%q) gives %q and error %v", tt.key, out, err)
		}
	}
	for _, body := range []string{"", "\x04a", "\x02a\x02b\x02c", "\x02a", "\x01"} {
		if key, err := newTestKeyCodec(t, "custom_fields").Decode([]byte(body)); err == nil || !strings.Contains(err.Error(), "custom_fields") {
			t.Errorf("Decode(%q) gives %q, %v", body, key, err)
		}
	}
	if _, err := NewKeyCodec("surveys"); err == nil || !strings.Contains(err.Error(), "surveys") {
		t.Errorf("error is %v", err)
	}
}
