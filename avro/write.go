package avro

import "strings"

// appendSchema appends the JSON text of a record's schema, with its docs and
// with the attributes of this program. No record stands in it: it is that of a
// flat layout or of a key.
func appendSchema(dst []byte, t *schemaType) []byte {
	namespace := namespaceOf(t.name)
	dst = appendQuoted(append(dst, `{"type":"record","name":`...), strings.TrimPrefix(t.name, namespace+"."))
	dst = appendQuoted(append(dst, `,"namespace":`...), namespace)
	dst = appendQuoted(append(dst, `,"doc":`...), t.doc)
	dst = append(dst, `,"fields":[`...)
	for i, f := range t.fields {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendField(dst, f)
	}
	return append(dst, "]}"...)
}

func appendField(dst []byte, f *schemaField) []byte {
	dst = appendQuoted(append(dst, `{"name":`...), f.name)
	dst = appendQuoted(append(dst, `,"doc":`...), f.doc)
	if f.pointer != "" {
		dst = appendQuoted(append(dst, `,"pointer":`...), f.pointer)
	}
	if f.json != "" {
		dst = appendQuoted(append(dst, `,"json":`...), f.json)
	}
	dst = append(dst, `,"type":`...)
	inner, nullable := f.typ.nullable()
	if !nullable {
		return append(appendType(dst, inner), '}')
	}
	return append(appendType(append(dst, `["null",`...), inner), `],"default":null}`...)
}

func appendType(dst []byte, t *schemaType) []byte {
	switch {
	case t.kind == kindArray:
		return append(appendType(append(dst, `{"type":"array","items":`...), t.items), '}')
	case t.logical != "":
		dst = appendQuoted(append(dst, `{"type":`...), t.word)
		return append(appendQuoted(append(dst, `,"logicalType":`...), t.logical), '}')
	default:
		return appendQuoted(dst, t.word)
	}
}
