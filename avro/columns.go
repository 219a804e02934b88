package avro

import "fmt"

// Column is a field of a record, for programs that describe what a topic holds
// to others, such as package avro/ddl.
type Column struct {
	Name string
	Doc  string
	Type Type
	Key  bool // a part of the primary key: the only fields that are never null
}

// Type is what a column holds.
type Type struct {
	Kind   Kind
	Fields []Column // of a KindRecord
	Items  *Type    // of a KindArray the elements, of a KindMap the values
}

// Kind is a type of which there are no variants, or the outermost part of one
// that has some.
type Kind int

// The kinds. Strings are UTF-8, KindJSON is a string that holds the JSON text of
// an array or an object, KindLong has 64 bits, KindTime counts milliseconds since
// 1970 in UTC, and the keys of a KindMap are strings.
const (
	KindString Kind = iota + 1
	KindJSON
	KindLong
	KindBoolean
	KindTime
	KindRecord
	KindArray
	KindMap
)

// Columns lists the fields of the stream's record in their order. The caller
// owns the slice.
func (c *Codec) Columns() []Column { return columnsOf(c.root) }

// Doc says what an object of the stream is.
func (c *Codec) Doc() string { return c.root.doc }

func columnsOf(t *schemaType) []Column {
	columns := make([]Column, len(t.fields))
	for i, f := range t.fields {
		inner, nullable := f.typ.nullable()
		columns[i] = Column{Name: f.name, Doc: f.doc, Type: typeOf(inner), Key: !nullable}
		if f.json != "" {
			columns[i].Type = Type{Kind: KindJSON}
		}
	}
	return columns
}

func typeOf(t *schemaType) Type {
	switch {
	case t.kind == kindString:
		return Type{Kind: KindString}
	case t.kind == kindBoolean:
		return Type{Kind: KindBoolean}
	case t.isTimestamp():
		return Type{Kind: KindTime}
	case t.kind == kindLong:
		return Type{Kind: KindLong}
	case t.kind == kindRecord:
		return Type{Kind: KindRecord, Fields: columnsOf(t)}
	case t.kind == kindArray:
		items := typeOf(t.items)
		return Type{Kind: KindArray, Items: &items}
	case t.kind == kindMap:
		items := typeOf(t.items)
		return Type{Kind: KindMap, Items: &items}
	default:
		// A codec has no other types: newPlan refuses them.
		panic(fmt.Sprintf("a column of type %s", t.word))
	}
}
