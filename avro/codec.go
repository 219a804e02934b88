package avro

import (
	"embed"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/linkedin/goavro/v2"
)

//go:embed schemas/*.avsc
var schemas embed.FS

// Streams names the streams that have a schema, sorted.
func Streams() []string {
	entries, err := schemas.ReadDir("schemas")
	if err != nil {
		// The folder is part of the program.
		panic(err)
	}
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = strings.TrimSuffix(e.Name(), ".avsc")
	}
	return names
}

// Codec encodes the objects of one stream. It is safe for concurrent use. Make
// one for each stream and keep it: it reuses what it allocates.
type Codec struct {
	stream      string
	schema      string
	root        *schemaType
	nested      *schemaType // root in the nested layout: what the API's objects look like
	fingerprint uint64
	plan        *recordPlan
	goavro      *goavro.Codec
	scratch     sync.Pool // of *scratch
}

// readSchema returns the embedded schema of a stream, parsed and as compact
// text. The error names a stream that has none.
func readSchema(stream string) (*schemaType, []byte, error) {
	if !slices.Contains(Streams(), stream) {
		return nil, nil, fmt.Errorf("stream %q has no schema; streams are %s", stream, strings.Join(Streams(), ", "))
	}
	text, err := schemas.ReadFile("schemas/" + stream + ".avsc")
	if err != nil {
		return nil, nil, err
	}
	return compactSchema(stream, text)
}

func compactSchema(stream string, text []byte) (*schemaType, []byte, error) {
	compact := jsontext.Value(text).Clone()
	if err := compact.Compact(); err != nil {
		return nil, nil, fmt.Errorf("schema of %s: %w", stream, err)
	}
	root, err := parseSchema(string(compact))
	if err != nil {
		return nil, nil, fmt.Errorf("schema of %s: %w", stream, err)
	}
	return root, compact, nil
}

// NewCodec returns the codec of a stream in a layout, by its embedded schema.
// The error names a stream that has none, or an unknown layout.
func NewCodec(stream string, layout Layout) (*Codec, error) {
	nested, text, err := readSchema(stream)
	if err != nil {
		return nil, err
	}
	return newCodec(stream, nested, text, layout)
}

// newCodec makes the codec of a layout from the nested schema and its text.
func newCodec(stream string, nested *schemaType, text []byte, layout Layout) (*Codec, error) {
	root := nested
	if !slices.Contains(Layouts(), layout) {
		return nil, fmt.Errorf("no such layout: %s", layout)
	}
	plan, err := newPlan(nested)
	if err != nil {
		return nil, fmt.Errorf("schema of %s: %w", stream, err)
	}
	if layout != LayoutNested {
		if text, err = flatten(nested, layout); err != nil {
			return nil, fmt.Errorf("schema of %s, %s: %w", stream, layout, err)
		}
		if root, err = parseSchema(string(text)); err != nil {
			return nil, fmt.Errorf("schema of %s, %s: %w", stream, layout, err)
		}
		if plan, err = newPlan(root); err != nil {
			return nil, fmt.Errorf("schema of %s, %s: %w", stream, layout, err)
		}
	}
	// goavro's default would take the text "null" for null.
	ga, err := goavro.NewCodecWithOptions(string(text), &goavro.CodecOption{EnableStringNull: false})
	if err != nil {
		return nil, fmt.Errorf("schema of %s, %s: %w", stream, layout, err)
	}
	c := &Codec{
		stream:      stream,
		schema:      string(text),
		root:        root,
		nested:      nested,
		fingerprint: rabin(appendCanonical(nil, root, make(map[string]bool))),
		plan:        plan,
		goavro:      ga,
	}
	c.scratch.New = func() any { return newScratch(plan) }
	return c, nil
}

// Schema is the JSON text of the schema, compact and with its docs: what is
// registered or published.
func (c *Codec) Schema() string { return c.schema }

// FullName is the full name of the stream's record, such as com.usepylon.Issue.
func (c *Codec) FullName() string { return c.root.name }

// Fingerprint is CRC-64-AVRO, the Rabin fingerprint of the specification, of
// the schema's Parsing Canonical Form. Docs and defaults do not change it.
func (c *Codec) Fingerprint() uint64 { return c.fingerprint }

// Encode appends the Avro binary of record, the JSON text of one object, to
// dst, without a header. Unmapped lists the JSON Pointers of what went into
// the field unmapped, in the order of the text; it is nil if everything fits.
//
// An error means that the record cannot be encoded at all: it is not JSON or
// not one object, or its key is missing, not a string, or empty. Then out is
// dst. The same record fails every time. Neither dst's bytes nor record are
// kept or changed. Map entries come in random order, so two encodings of one
// record can differ in bytes. Encode is safe for concurrent use.
func (c *Codec) Encode(dst, record []byte) (out []byte, unmapped []string, err error) {
	s, _ := c.scratch.Get().(*scratch)
	defer func() {
		if s.reusable() {
			c.scratch.Put(s)
		}
	}()
	native, err := s.convert(record)
	if err != nil {
		return dst, nil, fmt.Errorf("encode %s: %w", c.stream, err)
	}
	out, err = c.goavro.BinaryFromNative(dst, native)
	if err != nil {
		return dst, nil, fmt.Errorf("encode %s: %w", c.stream, err)
	}
	return out, s.pointers(), nil
}

// Path is a pointer that Encode reported with * for each index of an array and
// each key of a map: the places of one schema are few, its pointers are not.
// /custom_fields/tier/value becomes /custom_fields/*/value. It is what to count
// and log by.
func (c *Codec) Path(pointer string) string {
	var out strings.Builder
	t := c.nested
	for name := range jsontext.Pointer(pointer).Tokens() {
		if t, _ = t.nullable(); t.kind == kindArray || t.kind == kindMap {
			out.WriteString("/*")
			t = t.items
			continue
		}
		out.WriteString(string(jsontext.Pointer("").AppendToken(name)))
		next := &schemaType{}
		for _, f := range t.fields {
			if f.name == name {
				next = f.typ
			}
		}
		t = next
	}
	return out.String()
}
