package avro

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// keyOf says what the key of a stream's Kafka records is, where it is not the
// primary key alone.
func keyOf(c *Codec) string {
	if c.stream == "custom_fields" {
		return "`object_type`, a colon, and `id`"
	}
	return "`" + keyNames(c) + "`"
}

// TestReference keeps README.md true: go test ./avro -update rewrites it.
func TestReference(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	out.WriteString(referenceHead)
	for _, stream := range Streams() {
		c := newTestCodec(t, stream)
		fmt.Fprintf(&out, "\n## %s\n\n%s\n\n", stream, c.root.doc)
		fmt.Fprintf(&out, "Topic `pylon.%s`, key %s, record `%s`, fingerprint `%016x`, [schema](schemas/%s.avsc).\n\n",
			stream, keyOf(c), c.FullName(), c.Fingerprint(), stream)
		out.WriteString("| field | type | meaning |\n|---|---|---|\n")
		appendReference(&out, c.root, "", nil)
	}
	compareGolden(t, "README.md", out.String())
}

const referenceHead = `<!-- Written by go test ./avro -update from schemas/*.avsc. -->

# Topics and fields

One topic for each stream. The topic names here begin with the default of ` + "`KAFKA_TOPIC_PREFIX`" + `. The key of a Kafka record is
plain UTF-8, its value Avro, or null where the object is gone.

- Every field but the primary key can be null: the API leaves members out or sends null.
- ` + "`timestamp`" + ` is a long of milliseconds since 1970 in UTC, logical type ` + "`timestamp-millis`" + `.
- ` + "`a.b`" + ` is the field b of the record a, ` + "`a[].b`" + ` of each element of the array a, ` + "`a{}.b`" + ` of each value of the map a.
- ` + "`unmapped`" + ` holds what the API sent and no field can: by JSON Pointer, as JSON text. It is never null and mostly empty.
`

// appendReference writes a table row for each field of a record.
func appendReference(out *strings.Builder, t *schemaType, prefix string, above []string) {
	above = append(above[:len(above):len(above)], t.name)
	for _, f := range t.fields {
		inner, _ := f.typ.nullable()
		name := prefix + f.name
		fmt.Fprintf(out, "| `%s` | %s | %s |\n", name, typeWords(inner), strings.ReplaceAll(f.doc, "|", "\\|"))
		for ; inner.items != nil; inner = inner.items {
			if inner.kind == kindArray {
				name += "[]"
			} else {
				name += "{}"
			}
		}
		if inner.kind == kindRecord && !slices.Contains(above, inner.name) {
			appendReference(out, inner, name+".", above)
		}
	}
}

func typeWords(t *schemaType) string {
	switch {
	case t.isTimestamp():
		return "timestamp"
	case t.kind == kindArray:
		return "array of " + typeWords(t.items)
	case t.kind == kindMap:
		return "map of " + typeWords(t.items)
	case t.kind == kindRecord:
		return "record `" + t.name[strings.LastIndexByte(t.name, '.')+1:] + "`"
	default:
		return t.word
	}
}
