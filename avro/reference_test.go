package avro

import (
	"fmt"
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
	out.Write(readFile(t, "testdata/README.head.md"))
	for _, stream := range Streams() {
		c := newTestCodec(t, stream)
		fmt.Fprintf(&out, "\n## %s\n\n%s\n\n", stream, c.root.doc)
		fmt.Fprintf(&out, "Topic `pylon.%s`, key %s, record `%s`, fingerprint `%016x`, [schema](schemas/%s.avsc).\n\n",
			stream, keyOf(c), c.FullName(), c.Fingerprint(), stream)
		out.WriteString("| field | type | meaning |\n|---|---|---|\n")
		appendReference(&out, c.root, "")
		appendFlatReference(t, &out, stream)
	}
	compareGolden(t, "README.md", out.String())
}

// appendReference writes a table row for each field of a record.
func appendReference(out *strings.Builder, t *schemaType, prefix string) {
	for _, f := range t.fields {
		inner, _ := f.typ.nullable()
		name := prefix + f.name
		typ := typeWords(inner)
		if f.json != "" {
			typ = "JSON text, " + f.json
		}
		fmt.Fprintf(out, "| `%s` | %s | %s |\n", name, typ, strings.ReplaceAll(f.doc, "|", "\\|"))
		for ; inner.items != nil; inner = inner.items {
			if inner.kind == kindArray {
				name += "[]"
			} else {
				name += "{}"
			}
		}
		if inner.kind == kindRecord {
			appendReference(out, inner, name+".")
		}
	}
}

// appendFlatReference says how the flat layouts differ.
func appendFlatReference(tb testing.TB, out *strings.Builder, stream string) {
	tb.Helper()
	flat, text := newLayoutCodec(tb, stream, LayoutFlat), newLayoutCodec(tb, stream, LayoutFlatText)
	fmt.Fprintf(out, "\nFlat: record `%s`, fingerprint `%016x`; with text for arrays `%s`, `%016x`.", flat.FullName(), flat.Fingerprint(), text.FullName(), text.Fingerprint())
	var columns, texts, arrays []string
	for i, f := range flat.root.fields {
		if f.pointer != "" {
			columns = append(columns, fmt.Sprintf("%#q for %s", f.name, strings.ReplaceAll(strings.TrimPrefix(f.pointer, "/"), "/", ".")))
		}
		switch {
		case f.name == unmappedField:
		case f.json != "":
			texts = append(texts, "`"+f.name+"`")
		case text.root.fields[i].json != "":
			arrays = append(arrays, "`"+f.name+"`")
		}
	}
	for _, list := range []struct {
		words string
		names []string
	}{{"Columns of records", columns}, {"JSON text", texts}, {"Arrays of strings, or JSON text", arrays}} {
		if len(list.names) > 0 {
			fmt.Fprintf(out, " %s: %s.", list.words, strings.Join(list.names, ", "))
		}
	}
	out.WriteByte('\n')
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
