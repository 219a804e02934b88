package avro

import (
	"encoding/binary"
	"fmt"
	"strings"
)

// keySeparator stands between the parts of a plain key.
const keySeparator = ":"

// KeyCodec turns the plain key of a stream's Kafka records, UTF-8, into an Avro
// record of its parts, and back: for sinks that want primary keys by name. The
// parts have the names of the value's fields, in every layout: id, or slug for
// issue_statuses, or object_type and id for custom_fields. It is safe for
// concurrent use.
type KeyCodec struct {
	stream      string
	schema      string
	root        *schemaType
	fingerprint uint64
}

// NewKeyCodec returns the codec of a stream's keys, which follows from the
// schema of its values. The error names a stream that has none.
func NewKeyCodec(stream string) (*KeyCodec, error) {
	nested, _, err := readSchema(stream)
	if err != nil {
		return nil, err
	}
	root := &schemaType{kind: kindRecord, word: "record", name: nested.name + "Key", doc: "The primary key. " + nested.doc}
	for _, f := range nested.fields {
		if _, nullable := f.typ.nullable(); !nullable {
			root.fields = append(root.fields, f)
		}
	}
	return &KeyCodec{
		stream:      stream,
		schema:      string(appendSchema(nil, root)),
		root:        root,
		fingerprint: rabin(appendCanonical(nil, root, make(map[string]bool))),
	}, nil
}

// Schema is the JSON text of the key's schema.
func (k *KeyCodec) Schema() string { return k.schema }

// FullName is the full name of the key's record, such as com.usepylon.IssueKey.
func (k *KeyCodec) FullName() string { return k.root.name }

// Fingerprint is CRC-64-AVRO of the schema, as [Codec.Fingerprint].
func (k *KeyCodec) Fingerprint() uint64 { return k.fingerprint }

// Parts names the fields of the key, in order. The caller owns the slice.
func (k *KeyCodec) Parts() []string {
	names := make([]string, len(k.root.fields))
	for i, f := range k.root.fields {
		names[i] = f.name
	}
	return names
}

// Encode appends the Avro binary of a plain key to dst, without a header. Equal
// keys give equal bytes. The error names a key that has fewer parts than the
// stream's keys have, or an empty one; then out is dst.
func (k *KeyCodec) Encode(dst []byte, key string) (out []byte, err error) {
	parts := strings.SplitN(key, keySeparator, len(k.root.fields))
	if len(parts) < len(k.root.fields) {
		return dst, fmt.Errorf("key %q of %s is not %s", key, k.stream, strings.Join(k.Parts(), keySeparator))
	}
	out = dst
	for i, part := range parts {
		if part == "" {
			return dst, fmt.Errorf("key %q of %s has an empty %s", key, k.stream, k.root.fields[i].name)
		}
		out = append(binary.AppendVarint(out, int64(len(part))), part...)
	}
	return out, nil
}

// Decode returns the plain key of an Avro key, binary without a header. The
// error means that body was not written by Encode of this stream.
func (k *KeyCodec) Decode(body []byte) (string, error) {
	r := reader{body: body}
	parts := make([]string, len(k.root.fields))
	for i := range parts {
		part, err := r.sized()
		if err != nil {
			return "", fmt.Errorf("decode key of %s: %s: %w", k.stream, k.root.fields[i].name, err)
		}
		parts[i] = string(part)
	}
	if len(r.body) > 0 {
		return "", fmt.Errorf("decode key of %s: %d bytes are left after it", k.stream, len(r.body))
	}
	return strings.Join(parts, keySeparator), nil
}
