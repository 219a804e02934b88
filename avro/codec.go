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

// Codec encodes the objects of one stream. All its methods may be called at
// once. Make one for each stream and keep it: it reuses what it allocates.
type Codec struct {
	stream      string
	schema      string
	root        *schemaType
	fingerprint uint64
	plan        *recordPlan
	goavro      *goavro.Codec
	scratch     sync.Pool // of *scratch
}

// NewCodec returns the codec of a stream, by its embedded schema. The error
// names a stream that has none.
func NewCodec(stream string) (*Codec, error) {
	if !slices.Contains(Streams(), stream) {
		return nil, fmt.Errorf("stream %q has no schema; streams are %s", stream, strings.Join(Streams(), ", "))
	}
	text, err := schemas.ReadFile("schemas/" + stream + ".avsc")
	if err != nil {
		return nil, err
	}
	c, err := newCodec(stream, text)
	if err != nil {
		return nil, fmt.Errorf("schema of %s: %w", stream, err)
	}
	return c, nil
}

func newCodec(stream string, text []byte) (*Codec, error) {
	compact := jsontext.Value(text).Clone()
	if err := compact.Compact(); err != nil {
		return nil, err
	}
	root, err := parseSchema(string(compact))
	if err != nil {
		return nil, err
	}
	plan, err := newPlan(root)
	if err != nil {
		return nil, err
	}
	// goavro's default would take the text "null" for null.
	ga, err := goavro.NewCodecWithOptions(string(compact), &goavro.CodecOption{EnableStringNull: false})
	if err != nil {
		return nil, err
	}
	c := &Codec{
		stream:      stream,
		schema:      string(compact),
		root:        root,
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
// record can differ in bytes. Encode may be called at once.
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
	t := c.root
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
