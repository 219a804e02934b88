package avro

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"
	twmb "github.com/twmb/avro"
)

// normalize makes equal what counts as the same value: a null member of a
// record that the schema knows and an absent one, and two RFC 3339 texts of one
// instant in a timestamp field. It changes v.
func normalize(t *schemaType, v any) any {
	t, _ = t.nullable()
	switch v := v.(type) {
	case string:
		var at time.Time
		if t.isTimestamp() && at.UnmarshalText([]byte(v)) == nil {
			return at.UTC().Format(time.RFC3339Nano)
		}
	case []any:
		if t.kind == kindArray {
			for i := range v {
				v[i] = normalize(t.items, v[i])
			}
		}
	case map[string]any:
		if t.kind == kindMap {
			for k := range v {
				v[k] = normalize(t.items, v[k])
			}
		}
		for _, f := range t.fields {
			if e, ok := v[f.name]; ok && e == nil && f.name != unmappedField {
				delete(v, f.name)
			} else if ok && f.name != unmappedField {
				v[f.name] = normalize(f.typ, e)
			}
		}
	}
	return v
}

// checkRoundTrip encodes a record, decodes it with two implementations that
// must agree, and demands that merging gives back the value that was sent.
func checkRoundTrip(t *testing.T, c *Codec, other *twmb.Schema, record []byte) {
	t.Helper()
	prefix := []byte("before")
	out, unmapped, err := c.Encode(prefix, record)
	if err != nil {
		if !bytes.Equal(out, prefix) {
			t.Errorf("with an error Encode returned %q", out)
		}
		if why := mustEncode(c, record); why != "" {
			t.Fatalf("encode %.1000q: %v, but %s", record, err, why)
		}
		return
	}
	body, ok := bytes.CutPrefix(out, prefix)
	if !ok {
		t.Fatalf("Encode changed what it appends to: %q", out)
	}
	d, err := NewDecoder(c.Schema())
	if err != nil {
		t.Fatal(err)
	}
	plain, err := d.JSON(nil, body, DecodeOptions{})
	if err != nil {
		t.Fatalf("decode %.1000q: %v", record, err)
	}
	decoded := parseJSON(t, plain)
	if diff := diffJSON(t, decodeIndependently(t, other, body), decoded); diff != "" {
		t.Fatalf("decoding of %.1000q (-twmb/avro +ours):\n%s", record, diff)
	}
	inRecord := readUnmapped(t, decoded)
	if len(inRecord) != len(unmapped) {
		t.Errorf("%q: unmapped are %q, the record has %q", record, unmapped, inRecord)
	}
	for _, pointer := range unmapped {
		if _, ok := inRecord[pointer]; !ok {
			t.Errorf("%q: unmapped %q is not in the record", record, pointer)
		}
	}
	merged, err := d.JSON([]byte("kept"), body, DecodeOptions{Merge: true})
	if err != nil {
		t.Fatalf("merge %.1000q: %v", record, err)
	}
	want := normalize(c.nested, parseJSON(t, record))
	got := normalize(c.nested, parseJSON(t, bytes.TrimPrefix(merged, []byte("kept"))))
	if diff := diffJSON(t, want, got); diff != "" {
		t.Fatalf("round trip of %.1000q, unmapped %q (-sent +rebuilt):\n%s", record, unmapped, diff)
	}
}

// readUnmapped reads the field unmapped of a decoded record.
func readUnmapped(tb testing.TB, record any) map[string]any {
	tb.Helper()
	fields, _ := record.(map[string]any)
	if fields[unmappedField] == nil {
		return nil
	}
	text, ok := fields[unmappedField].(string)
	if !ok {
		tb.Fatalf("unmapped is a %T", fields[unmappedField])
	}
	members, ok := parseJSON(tb, []byte(text)).(map[string]any)
	if !ok || len(members) == 0 {
		tb.Fatalf("unmapped is %q", text)
	}
	return members
}

// diffJSON compares the texts of two values first: cmp needs more than linear
// time for deep ones.
func diffJSON(tb testing.TB, want, got any) string {
	tb.Helper()
	if slices.Equal(marshal(tb, want), marshal(tb, got)) {
		return ""
	}
	return cmp.Diff(want, got)
}

// mustEncode says why a record has to be encoded, or nothing.
func mustEncode(c *Codec, record []byte) string {
	var m map[string]any
	if !json.Valid(record) || json.Unmarshal(record, &m) != nil {
		return ""
	}
	for name := range strings.SplitSeq(keyNames(c), keySeparator) {
		// encoding/json makes lone surrogates U+FFFD, and a key may not have one.
		if part, _ := m[name].(string); part == "" || strings.Contains(part, "\ufffd") {
			return ""
		}
	}
	return "it is an object with a key"
}

func TestRoundTrip_fixtures(t *testing.T) {
	t.Parallel()
	for _, stream := range Streams() {
		for _, layout := range Layouts() {
			c := newLayoutCodec(t, stream, layout)
			other := twmb.MustParse(c.Schema())
			for _, record := range readFixture(t, stream) {
				checkRoundTrip(t, c, other, record)
			}
		}
	}
}

// One codec is used for all, so that a value left over from the record before
// would show.
func TestRoundTrip_randomRecords(t *testing.T) {
	t.Parallel()
	for _, stream := range Streams() {
		t.Run(stream, func(t *testing.T) {
			t.Parallel()
			for _, layout := range Layouts() {
				c := newLayoutCodec(t, stream, layout)
				other := twmb.MustParse(c.Schema())
				for seed := range uint64(100) {
					g := generator{rand.New(rand.NewPCG(seed, 1)).IntN}
					checkRoundTrip(t, c, other, g.record(c.nested))
				}
			}
		})
	}
}

// FuzzRoundTrip takes the data as a record as it is, and as the choices of a
// generator that knows the schema.
func FuzzRoundTrip(f *testing.F) {
	for i, stream := range Streams() {
		for _, record := range readFixture(f, stream) {
			for l := range Layouts() {
				f.Add(uint8(i+15*l), []byte(record))
			}
		}
	}
	f.Add(uint8(10), []byte("{\"id\":\"\xff\",\"value\":\"\\ud800\",\"value\":null,\"\\ud800\":1,\"\xf0\":[]}"))
	codecs := make([]*Codec, 0, 45)
	others := make([]*twmb.Schema, 0, 45)
	for _, layout := range Layouts() {
		for _, stream := range Streams() {
			c := newLayoutCodec(f, stream, layout)
			codecs, others = append(codecs, c), append(others, twmb.MustParse(c.Schema()))
		}
	}
	f.Fuzz(func(t *testing.T, stream uint8, data []byte) {
		i := int(stream) % len(codecs)
		checkRoundTrip(t, codecs[i], others[i], data)
		g := generator{func(n int) int {
			if len(data) == 0 {
				return 0
			}
			b := data[0]
			data = data[1:]
			return int(b) % n
		}}
		checkRoundTrip(t, codecs[i], others[i], g.record(codecs[i].nested))
	})
}

// generator makes JSON that a schema nearly describes; pick chooses one of n.
type generator struct {
	pick func(n int) int
}

// record makes an object of the root, with its key.
func (g *generator) record(root *schemaType) []byte {
	rest := g.object(nil, root, 0)[1:]
	record := []byte{'{'}
	for _, f := range root.fields {
		if _, nullable := f.typ.nullable(); !nullable {
			record = fmt.Appendf(record, `"%s":"k",`, f.name)
		}
	}
	if rest[0] == '}' {
		record = record[:len(record)-1]
	}
	return append(record, rest...)
}

func (g *generator) object(dst []byte, t *schemaType, depth int) []byte {
	dst = append(dst, '{')
	for range g.pick(6) {
		var name string
		value := &schemaType{kind: kindNull}
		if g.pick(5) == 0 {
			name = g.odd("", "a/b", "~1", "0", "unmapped", "new", "\ufffd", "\"", "ids", "\u2028")
		} else {
			f := t.fields[g.pick(len(t.fields))]
			name, value = f.name, f.typ
			if f.json != "" && g.pick(3) > 0 {
				dst = append(append(appendQuoted(dst, name), ':'), g.odd("[]", `[{"a":[1,"\ud800"]}, null]`, "{}", ` {"b":1,"b":-0} `)...)
				dst = append(dst, ',')
				continue
			}
		}
		dst = append(appendQuoted(dst, name), ':')
		dst = append(g.value(dst, value, depth+1), ',')
	}
	return append(bytes.TrimSuffix(dst, []byte{','}), '}')
}

func (g *generator) odd(values ...string) string { return values[g.pick(len(values))] }

// value makes a value that mostly fits.
func (g *generator) value(dst []byte, t *schemaType, depth int) []byte {
	t, _ = t.nullable()
	if g.pick(6) == 0 || depth > 5 {
		return append(dst, g.odd("null", "true", "0", "-0", "1.0", "1e3", "9223372036854775808", `""`, `"\ud800"`, `"1"`, "[]", "{}",
			`[null]`, `[1,{"a":1,"a":2}]`, `{"a":{"b":[]}}`, ` [ 1 , "x" ] `, `"2025-08-26T16:11:58Z"`)...)
	}
	switch {
	case t.isTimestamp():
		return append(dst, g.odd(`"2025-08-26T16:11:58Z"`, `"2025-08-26T16:11:58.871Z"`, `"2025-08-26T18:11:58+02:00"`, `"1969-12-31T23:59:59.999Z"`,
			`"2025-08-26T16:11:58.871123Z"`, `"0000-01-01T00:00:00Z"`, `"0001-01-01T00:00:00Z"`, `"9999-12-31T23:59:59.999-00:01"`, `"2025-08-26"`)...)
	case t.kind == kindString:
		return append(dst, g.odd(`"x"`, `""`, `"\n\"\\\/"`, `"é🙈"`, `"\u00e9\ud83d\ude48"`, `"<p>"`, `"\u0000"`)...)
	case t.kind == kindLong:
		return append(dst, g.odd("0", "-1", "9223372036854775807", "-9223372036854775808", "9007199254740993")...)
	case t.kind == kindBoolean:
		return append(dst, g.odd("true", "false")...)
	case t.kind == kindArray:
		dst = append(dst, '[')
		for i := range g.pick(4) {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = g.value(dst, t.items, depth+1)
		}
		return append(dst, ']')
	case t.kind == kindMap:
		dst = append(dst, '{')
		for i := range g.pick(4) {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = append(appendQuoted(dst, g.odd("a", "b", "a/b", "~", "", "0")), ':')
			dst = g.value(dst, t.items, depth+1)
		}
		return append(dst, '}')
	case t.kind == kindRecord:
		return g.object(dst, t, depth)
	default:
		return append(dst, g.odd(`1`, `"x"`, `null`, `{"a":1,"a":2}`, `[ {} ]`)...)
	}
}

// A generator that makes no valid JSON would let the tests above pass.
func TestGenerator_makesRecords(t *testing.T) {
	t.Parallel()
	root := newTestCodec(t, "issues").root
	for seed := range uint64(100) {
		g := generator{rand.New(rand.NewPCG(seed, 1)).IntN}
		record := g.record(root)
		opts := []jsontext.Options{jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)}
		if !jsontext.Value(slices.Clone(record)).IsValid(opts...) {
			t.Fatalf("the generator made %s", record)
		}
	}
}

func marshal(tb testing.TB, v any) []byte {
	tb.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		tb.Fatal(err)
	}
	return text
}
