package avro

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"time"
)

const (
	// maxDecodeDepth bounds the recursion on a schema that names itself.
	maxDecodeDepth = 1000
	// freeItems is how many elements a body may hold beyond one for each byte:
	// an element of type null takes none.
	freeItems = 4096
)

// Decoder turns Avro binary into plain JSON by any schema. It is safe for
// concurrent use.
type Decoder struct {
	root *schemaType
}

// DecodeOptions says how [Decoder.JSON] writes a record.
type DecodeOptions struct {
	// Merge gives back what the API sent: it puts what is in the field unmapped
	// in its place and leaves that field out, writes JSON text as the value that
	// it is of, and puts the columns of a flat layout in their places. A record
	// without such a field is written as it is.
	Merge bool
}

// NewDecoder returns a decoder for binary that was written with the schema, a
// JSON text from a registry or from anywhere.
func NewDecoder(schema string) (*Decoder, error) {
	root, err := parseSchema(schema)
	if err != nil {
		return nil, err
	}
	return &Decoder{root: root}, nil
}

// JSON appends body, Avro binary without a header, as one line of JSON: unions
// unwrapped, record fields in the order of the schema, timestamps as RFC 3339 in
// UTC, dates as 2006-01-02, bytes and fixed in base64, NaN and the infinities as
// strings, other logical types as the type below them.
//
// An error means that body was not written with this schema, or with Merge that
// its JSON text was not written by this package; then out is dst. No body,
// however broken, panics or takes memory beyond what its length justifies.
func (d *Decoder) JSON(dst, body []byte, opts DecodeOptions) ([]byte, error) {
	r := reader{body: body, items: len(body) + freeItems}
	out, err := r.value(dst, d.root, 0)
	if err == nil && len(r.body) > 0 {
		err = fmt.Errorf("%d bytes are left after the record", len(r.body))
	}
	if err != nil {
		return dst, fmt.Errorf("decode %s: %w", d.name(), err)
	}
	if !opts.Merge || !hasUnmapped(d.root) {
		return out, nil
	}
	merged, err := merge(d.root, out[len(dst):])
	if err != nil {
		return dst, fmt.Errorf("merge %s: %w", d.name(), err)
	}
	return append(out[:len(dst)], merged...), nil
}

// name is what errors call the schema.
func (d *Decoder) name() string {
	if d.root.name != "" {
		return d.root.name
	}
	return d.root.word
}

// hasUnmapped reports whether t is a record with the field unmapped.
func hasUnmapped(t *schemaType) bool {
	for _, f := range t.fields {
		if f.name == unmappedField {
			return f.json == jsonObject
		}
	}
	return false
}

// reader is what is left of a body.
type reader struct {
	body  []byte
	items int // how many more elements may come
}

// value appends the next value as JSON.
func (r *reader) value(dst []byte, t *schemaType, depth int) ([]byte, error) {
	if depth > maxDecodeDepth {
		return nil, fmt.Errorf("values nest deeper than %d", maxDecodeDepth)
	}
	switch t.kind {
	case kindNull:
		return append(dst, "null"...), nil
	case kindBoolean:
		return r.boolean(dst)
	case kindInt, kindLong:
		return r.integer(dst, t)
	case kindFloat:
		b, err := r.take(4)
		if err != nil {
			return nil, err
		}
		return appendFloat(dst, float64(math.Float32frombits(binary.LittleEndian.Uint32(b))), 32), nil
	case kindDouble:
		b, err := r.take(8)
		if err != nil {
			return nil, err
		}
		return appendFloat(dst, math.Float64frombits(binary.LittleEndian.Uint64(b)), 64), nil
	case kindString:
		b, err := r.sized()
		if err != nil {
			return nil, err
		}
		return appendQuoted(dst, string(b)), nil
	case kindBytes:
		b, err := r.sized()
		if err != nil {
			return nil, err
		}
		return appendBase64(dst, b), nil
	case kindFixed:
		b, err := r.take(t.size)
		if err != nil {
			return nil, err
		}
		return appendBase64(dst, b), nil
	case kindEnum:
		i, err := r.index(len(t.symbols))
		if err != nil {
			return nil, fmt.Errorf("enum %s: %w", t.name, err)
		}
		return appendQuoted(dst, t.symbols[i]), nil
	case kindUnion:
		i, err := r.index(len(t.branches))
		if err != nil {
			return nil, fmt.Errorf("union: %w", err)
		}
		return r.value(dst, t.branches[i], depth+1)
	case kindRecord:
		return r.record(dst, t, depth)
	case kindArray, kindMap:
		return r.blocks(dst, t, depth)
	default:
		return nil, fmt.Errorf("no decoding for %s", t.word)
	}
}

func (r *reader) record(dst []byte, t *schemaType, depth int) ([]byte, error) {
	dst = append(dst, '{')
	for i, f := range t.fields {
		if i > 0 {
			dst = append(dst, ',')
		}
		var err error
		dst = append(appendQuoted(dst, f.name), ':')
		if dst, err = r.value(dst, f.typ, depth+1); err != nil {
			return nil, fmt.Errorf("field %s: %w", f.name, err)
		}
	}
	return append(dst, '}'), nil
}

// blocks appends an array or a map, which come as blocks of elements.
func (r *reader) blocks(dst []byte, t *schemaType, depth int) ([]byte, error) {
	open, end := byte('['), byte(']')
	if t.kind == kindMap {
		open, end = '{', '}'
	}
	dst = append(dst, open)
	for first := true; ; {
		n, err := r.blockLen()
		if err != nil {
			return nil, err
		}
		if n == 0 {
			return append(dst, end), nil
		}
		for range n {
			if !first {
				dst = append(dst, ',')
			}
			first = false
			if t.kind == kindMap {
				key, err := r.sized()
				if err != nil {
					return nil, err
				}
				dst = append(appendQuoted(dst, string(key)), ':')
			}
			if dst, err = r.value(dst, t.items, depth+1); err != nil {
				return nil, err
			}
		}
	}
}

// blockLen reads how many elements the next block has.
func (r *reader) blockLen() (int, error) {
	n, err := r.long()
	if err != nil {
		return 0, err
	}
	if n < 0 {
		// The size of the block in bytes follows, for readers that skip it.
		if _, err := r.long(); err != nil {
			return 0, err
		}
		n = -n
	}
	if n < 0 || n > int64(r.items) {
		return 0, fmt.Errorf("a block of %d elements in so few bytes", n)
	}
	r.items -= int(n)
	return int(n), nil
}

func (r *reader) boolean(dst []byte) ([]byte, error) {
	b, err := r.take(1)
	if err != nil {
		return nil, err
	}
	if b[0] > 1 {
		return nil, fmt.Errorf("boolean of %#x", b[0])
	}
	return strconv.AppendBool(dst, b[0] == 1), nil
}

func (r *reader) integer(dst []byte, t *schemaType) ([]byte, error) {
	v, err := r.long()
	if err != nil {
		return nil, err
	}
	if t.kind == kindInt && (v < math.MinInt32 || v > math.MaxInt32) {
		return nil, fmt.Errorf("int of %d", v)
	}
	var at time.Time
	layout := time.RFC3339Nano
	switch t.logical {
	case "timestamp-millis":
		at = time.UnixMilli(v)
	case "timestamp-micros":
		at = time.UnixMicro(v)
	case "timestamp-nanos":
		at = time.Unix(0, v)
	case "date":
		if t.kind != kindInt {
			return strconv.AppendInt(dst, v, 10), nil
		}
		at, layout = time.Unix(v*24*60*60, 0), time.DateOnly
	default:
		return strconv.AppendInt(dst, v, 10), nil
	}
	if at = at.UTC(); at.Year() < 0 || at.Year() > 9999 {
		return strconv.AppendInt(dst, v, 10), nil
	}
	return append(at.AppendFormat(append(dst, '"'), layout), '"'), nil
}

// take reads n bytes.
func (r *reader) take(n int) ([]byte, error) {
	if n > len(r.body) {
		return nil, io.ErrUnexpectedEOF
	}
	b := r.body[:n]
	r.body = r.body[n:]
	return b, nil
}

// sized reads bytes that begin with their number.
func (r *reader) sized() ([]byte, error) {
	n, err := r.long()
	if err != nil {
		return nil, err
	}
	if n < 0 || n > int64(len(r.body)) {
		return nil, fmt.Errorf("text of %d bytes where %d are left", n, len(r.body))
	}
	return r.take(int(n))
}

// index reads a number below n.
func (r *reader) index(n int) (int, error) {
	v, err := r.long()
	if err != nil {
		return 0, err
	}
	if v < 0 || v >= int64(n) {
		return 0, fmt.Errorf("number %d of %d", v, n)
	}
	return int(v), nil
}

// long reads a zig-zag number.
func (r *reader) long() (int64, error) {
	v, n := binary.Varint(r.body)
	if n == 0 {
		return 0, io.ErrUnexpectedEOF
	}
	if n < 0 {
		return 0, errors.New("number of more than 64 bits")
	}
	r.body = r.body[n:]
	return v, nil
}

func appendFloat(dst []byte, v float64, bits int) []byte {
	switch {
	case math.IsNaN(v):
		return append(dst, `"NaN"`...)
	case math.IsInf(v, 1):
		return append(dst, `"Infinity"`...)
	case math.IsInf(v, -1):
		return append(dst, `"-Infinity"`...)
	default:
		return strconv.AppendFloat(dst, v, 'g', -1, bits)
	}
}

func appendBase64(dst, b []byte) []byte {
	return append(base64.StdEncoding.AppendEncode(append(dst, '"'), b), '"')
}
