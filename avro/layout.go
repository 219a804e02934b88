package avro

import (
	"errors"
	"fmt"
	"strings"
)

// Layout is the form in which the values of a topic hold an object. A topic
// holds one. All layouts of a stream follow from its one .avsc file.
type Layout int

const (
	// LayoutNested is the schema of the .avsc file: records in records, arrays
	// and maps of records.
	LayoutNested Layout = iota
	// LayoutFlat is for sinks that want columns. A record in a record becomes
	// fields of the outer one, joined by an underscore (assignee.email is
	// assignee_email); maps and arrays of records become JSON text; arrays of
	// strings stay arrays.
	LayoutFlat
	// LayoutFlatText is LayoutFlat with JSON text for arrays of strings too: no
	// field is anything but a string, a number, a boolean or a time.
	LayoutFlatText
)

// Layouts lists the layouts. The caller owns the slice.
func Layouts() []Layout { return []Layout{LayoutNested, LayoutFlat, LayoutFlatText} }

// String names the layout: nested, flat or flat-text.
func (l Layout) String() string {
	switch l {
	case LayoutNested:
		return "nested"
	case LayoutFlat:
		return "flat"
	case LayoutFlatText:
		return "flat-text"
	default:
		return fmt.Sprintf("Layout(%d)", int(l))
	}
}

// suffix ends the names of the layout's records: each layout has names of its
// own, since one name stands for one record in a registry.
func (l Layout) suffix() string {
	switch l {
	case LayoutFlat:
		return "Flat"
	case LayoutFlatText:
		return "FlatText"
	default:
		return ""
	}
}

// Identify says which stream and layout a schema belongs to, whatever its
// version: it goes by the full name of the record. It is how to find out what a
// topic holds, from the schema that a record of it names. For any other text,
// schemas of keys included, ok is false.
func Identify(schema string) (stream string, layout Layout, ok bool) {
	root, err := parseSchema(schema)
	if err != nil || root.kind != kindRecord {
		return "", 0, false
	}
	for _, stream := range Streams() {
		nested, _, err := readSchema(stream)
		if err != nil {
			// The schemas are part of the program.
			panic(err)
		}
		for _, layout := range Layouts() {
			if root.name == nested.name+layout.suffix() {
				return stream, layout, true
			}
		}
	}
	return "", 0, false
}

// NameOf returns the full name of a record's schema, "" for any other text.
func NameOf(schema string) string {
	root, err := parseSchema(schema)
	if err != nil || root.kind != kindRecord {
		return ""
	}
	return root.name
}

// flatten is the schema of a flat layout that follows from the nested one.
func flatten(nested *schemaType, layout Layout) ([]byte, error) {
	f := flattener{layout: layout, names: make(map[string]bool)}
	if err := f.record(nested, "", "", ""); err != nil {
		return nil, err
	}
	flat := &schemaType{
		kind: kindRecord, word: "record", name: nested.name + layout.suffix(), fields: f.fields,
		doc: nested.doc + " Flat: a record in it is spread over fields, joined by an underscore; what cannot be a column is JSON text.",
	}
	return appendSchema(nil, flat), nil
}

// flattener gathers the fields of a flat record.
type flattener struct {
	layout Layout
	names  map[string]bool
	fields []*schemaField
}

// record adds the fields of a record that stands at pointer. Doc tells what the
// record is there for.
func (f *flattener) record(t *schemaType, prefix, pointer, doc string) error {
	for _, field := range t.fields {
		place := pointer + "/" + field.name
		inner, nullable := field.typ.nullable()
		words := strings.TrimSpace(doc + " " + field.doc)
		if inner.kind == kindRecord {
			if !nullable {
				return fmt.Errorf("record %s cannot be null", place)
			}
			if err := f.record(inner, prefix+field.name+"_", place, words); err != nil {
				return err
			}
			continue
		}
		column := &schemaField{name: f.name(prefix, field.name), doc: words, typ: field.typ, json: field.json}
		if pointer != "" {
			column.pointer = place
		}
		if form := f.textOf(inner); form != "" {
			if !nullable {
				return errors.New(place + " cannot be null")
			}
			column.json = form
			column.doc += " JSON text: an " + form + "."
			column.typ = nullableOf(&schemaType{kind: kindString, word: "string"})
		}
		f.fields = append(f.fields, column)
	}
	return nil
}

// name joins a column's name. A name that an earlier column has gets one more
// underscore before its last part: users have a role_id of their own, so
// role.id is role__id. As new fields come last, no column is ever renamed.
func (f *flattener) name(prefix, last string) string {
	for f.names[prefix+last] {
		prefix += "_"
	}
	f.names[prefix+last] = true
	return prefix + last
}

// textOf says what JSON text takes the place of the type: an array, an object,
// or none.
func (f *flattener) textOf(t *schemaType) string {
	switch {
	case t.kind == kindMap:
		return jsonObject
	case t.kind == kindArray && (f.layout == LayoutFlatText || t.items.isContainer()):
		return jsonArray
	default:
		return ""
	}
}
