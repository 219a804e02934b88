package avro

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	twmb "github.com/twmb/avro"
)

// decodeIndependently reads binary with twmb/avro, in the words of
// encoding/json: times as RFC 3339, numbers as json.Number.
func decodeIndependently(tb testing.TB, schema *twmb.Schema, body []byte) any {
	tb.Helper()
	var native any
	rest, err := schema.Decode(body, &native)
	if err != nil || len(rest) > 0 {
		tb.Fatalf("twmb/avro: %v, %d bytes left", err, len(rest))
	}
	return jsonNative(tb, native)
}

func jsonNative(tb testing.TB, v any) any {
	tb.Helper()
	switch v := v.(type) {
	case nil, bool, string:
		return v
	case int64:
		return json.Number(fmt.Sprint(v))
	case time.Time:
		return v.UTC().Format(time.RFC3339Nano)
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = jsonNative(tb, v[i])
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for k := range v {
			out[k] = jsonNative(tb, v[k])
		}
		return out
	default:
		tb.Fatalf("twmb/avro gave a %T", v)
		return nil
	}
}

// parseJSON reads JSON and keeps the digits of numbers.
func parseJSON(tb testing.TB, text []byte) any {
	tb.Helper()
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		tb.Fatalf("parse %.200s: %v", text, err)
	}
	return v
}

// TestGolden encodes the fixtures, decodes them with another implementation,
// and compares with testdata/<stream>.golden.json.
func TestGolden(t *testing.T) {
	t.Parallel()
	for _, stream := range Streams() {
		t.Run(stream, func(t *testing.T) {
			t.Parallel()
			c := newTestCodec(t, stream)
			schema := twmb.MustParse(c.Schema())
			var got []any
			for i, record := range readFixture(t, stream) {
				body, unmapped, err := c.Encode(nil, record)
				if err != nil {
					t.Fatal(err)
				}
				if full := i < 2; full != (len(unmapped) == 0) {
					t.Errorf("record %d: unmapped are %v", i, unmapped)
				}
				got = append(got, decodeIndependently(t, schema, body))
			}
			compareGolden(t, filepath.Join("testdata", stream+".golden.json"), marshalIndent(t, got))
		})
	}
}

func marshalIndent(tb testing.TB, v any) string {
	tb.Helper()
	var out strings.Builder
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		tb.Fatal(err)
	}
	return out.String()
}

// compareGolden compares with a file, or writes it with -update.
func compareGolden(tb testing.TB, name, got string) {
	tb.Helper()
	if *update {
		if err := os.WriteFile(name, []byte(got), 0o600); err != nil {
			tb.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(name)
	if err != nil {
		tb.Fatalf("%v (go test ./avro -update writes it)", err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		tb.Errorf("%s (-want +got; go test ./avro -update rewrites it):\n%s", name, diff)
	}
}

// The full record of a fixture must have every property, or the tests that use
// it prove less than they say.
func TestFixtures_haveEveryProperty(t *testing.T) {
	t.Parallel()
	full := make(map[string]any)
	for _, stream := range Streams() {
		full[stream] = parseJSON(t, readFixture(t, stream)[0])
	}
	for _, p := range readProperties(t) {
		if !holds(full[p.stream], strings.Split(p.pointer, "/")[1:]) {
			t.Errorf("%s: the full record has no %s", p.stream, p.pointer)
		}
	}
}

// holds reports whether a value that is not null stands at path.
func holds(v any, path []string) bool {
	if len(path) == 0 {
		return v != nil
	}
	switch v := v.(type) {
	case []any:
		return slices.ContainsFunc(v, func(e any) bool { return holds(e, path[1:]) })
	case map[string]any:
		if path[0] != "*" {
			return holds(v[path[0]], path[1:])
		}
		for _, e := range v {
			if holds(e, path[1:]) {
				return true
			}
		}
	}
	return false
}

// unfoldText puts the value in the place of JSON text, in records within v.
func unfoldText(tb testing.TB, s *schemaType, v any) {
	tb.Helper()
	s, _ = s.nullable()
	m, _ := v.(map[string]any)
	for _, f := range s.fields {
		if text, ok := m[f.name].(string); ok && f.json != "" {
			m[f.name] = parseJSON(tb, []byte(text))
		} else {
			unfoldText(tb, f.typ, m[f.name])
		}
	}
}

// Field by field: what the API sent is what another implementation reads.
func TestEncode_fullRecordsAreReadBackByAnotherImplementation(t *testing.T) {
	t.Parallel()
	for _, stream := range Streams() {
		c := newTestCodec(t, stream)
		record := readFixture(t, stream)[0]
		body, _, err := c.Encode(nil, record)
		if err != nil {
			t.Fatal(err)
		}
		got := decodeIndependently(t, twmb.MustParse(c.Schema()), body)
		if m, _ := got.(map[string]any); m != nil {
			delete(m, unmappedField)
		}
		unfoldText(t, c.root, got)
		want := normalize(c.root, parseJSON(t, record))
		if diff := cmp.Diff(want, normalize(c.root, got)); diff != "" {
			t.Errorf("%s (-sent +read):\n%s", stream, diff)
		}
	}
}
