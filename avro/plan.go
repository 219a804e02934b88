package avro

import (
	"fmt"
	"strings"
)

// unmappedField is the field that takes what fits no other.
const unmappedField = "unmapped"

// recordPlan is what the conversion needs to know of a record that the API
// sends: its fields by name, and goavro's names of their branches of unions.
type recordPlan struct {
	name   string
	fields []fieldPlan
	index  map[string]int // of fields by name; without unmapped
	key    []int          // of the primary key's parts in the root's fields
	spread []int          // of fields that are records spread over the root
}

// fieldPlan is a field of a record.
type fieldPlan struct {
	name     string // as the API calls it
	column   string // as the schema calls it: another name only in a flat layout
	typ      *typePlan
	nullable bool
}

// typePlan is the type of a field (without null), of an element or of a value.
type typePlan struct {
	form   form
	branch string      // what goavro calls the type in a union
	record *recordPlan // formRecord
	items  *typePlan   // formArray, formMap
}

// form is what a JSON value must be to fit.
type form uint8

const (
	formString form = iota
	formBoolean
	formLong
	formTimestamp
	formJSONArray  // the JSON text of an array
	formJSONObject // the JSON text of an object
	formRecord     // this and what follows are containers
	formSpread     // a record whose fields are fields of the root, in a flat layout
	formArray
	formMap
)

// newPlan checks that the schema is one that Encode can fill: a record whose
// fields can be null, but for strings, its key, and whose last one is unmapped.
func newPlan(root *schemaType) (*recordPlan, error) {
	if root.kind != kindRecord {
		return nil, fmt.Errorf("top level is a %s, not a record", root.word)
	}
	r, err := planRecord(root, make(map[string]*recordPlan))
	if err != nil {
		return nil, err
	}
	if i, ok := r.index[unmappedField]; !ok || i != len(r.fields)-1 || r.fields[i].typ.form != formJSONObject || !r.fields[i].nullable {
		return nil, fmt.Errorf("the last field of %s is not %s, the JSON text of an object or null", r.name, unmappedField)
	}
	// A member of that name that the API sends is unknown like any other.
	delete(r.index, unmappedField)
	for i := range r.fields {
		if f := &r.fields[i]; f.nullable {
			continue
		} else if f.typ.form != formString {
			return nil, fmt.Errorf("field %q can be neither null nor the key of %s", f.name, r.name)
		}
		r.key = append(r.key, i)
	}
	if len(r.key) == 0 {
		return nil, fmt.Errorf("record %s has no key", r.name)
	}
	return r, nil
}

// add appends a field that stands at place, a JSON Pointer without its first
// slash: below records that are spread over the root, where there is more than
// one name.
func (p *recordPlan) add(place string, f fieldPlan) {
	first, rest, deeper := strings.Cut(place, "/")
	if !deeper {
		f.name = first
		p.index[first] = len(p.fields)
		p.fields = append(p.fields, f)
		return
	}
	i, ok := p.index[first]
	if !ok {
		inner := &recordPlan{name: p.name + "/" + first, index: make(map[string]int)}
		i = len(p.fields)
		p.index[first] = i
		p.spread = append(p.spread, i)
		p.fields = append(p.fields, fieldPlan{name: first, typ: &typePlan{form: formSpread, record: inner}, nullable: true})
	}
	p.fields[i].typ.record.add(rest, f)
}

// planRecord plans a record and what is in it. Known holds the records that were
// met before: the first is the root.
func planRecord(t *schemaType, known map[string]*recordPlan) (*recordPlan, error) {
	if r, ok := known[t.name]; ok {
		if r == nil {
			return nil, fmt.Errorf("record %s contains itself", t.name)
		}
		return r, nil
	}
	if len(t.fields) == 0 {
		return nil, fmt.Errorf("record %s has no fields", t.name)
	}
	top := len(known) == 0
	r := &recordPlan{name: t.name, index: make(map[string]int)}
	known[t.name] = nil // until it is complete
	for _, f := range t.fields {
		inner, nullable := f.typ.nullable()
		ft, err := planField(inner, f.json, known)
		if err != nil {
			return nil, fmt.Errorf("field %q of %s: %w", f.name, t.name, err)
		}
		if !nullable && !top {
			return nil, fmt.Errorf("field %q of %s cannot be null", f.name, t.name)
		}
		place := f.name
		if f.pointer != "" {
			place = strings.TrimPrefix(f.pointer, "/")
		}
		r.add(place, fieldPlan{column: f.name, typ: ft, nullable: nullable})
	}
	known[t.name] = r
	return r, nil
}

// planField plans the type of a field, which may hold JSON text.
func planField(t *schemaType, json string, known map[string]*recordPlan) (*typePlan, error) {
	switch {
	case json == "" || t.kind != kindString:
		return planType(t, known)
	case json == jsonArray:
		return &typePlan{form: formJSONArray, branch: "string"}, nil
	case json == jsonObject:
		return &typePlan{form: formJSONObject, branch: "string"}, nil
	default:
		return nil, fmt.Errorf("no JSON value is an %s", json)
	}
}

func planType(t *schemaType, known map[string]*recordPlan) (*typePlan, error) {
	switch {
	case t.kind == kindString && t.logical == "":
		return &typePlan{form: formString, branch: "string"}, nil
	case t.kind == kindBoolean:
		return &typePlan{form: formBoolean, branch: "boolean"}, nil
	case t.isTimestamp():
		return &typePlan{form: formTimestamp, branch: "long.timestamp-millis"}, nil
	case t.kind == kindLong && t.logical == "":
		return &typePlan{form: formLong, branch: "long"}, nil
	case t.kind == kindRecord:
		r, err := planRecord(t, known)
		if err != nil {
			return nil, err
		}
		return &typePlan{form: formRecord, branch: t.name, record: r}, nil
	case t.kind == kindArray, t.kind == kindMap:
		items, err := planType(t.items, known)
		if err != nil {
			return nil, err
		}
		f := formArray
		if t.kind == kindMap {
			f = formMap
		}
		return &typePlan{form: f, branch: t.word, items: items}, nil
	default:
		return nil, fmt.Errorf("no JSON value is converted to %s %s", t.word, t.logical)
	}
}
