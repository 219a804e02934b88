package avro

import "fmt"

// unmappedField is the field that takes what fits no other.
const unmappedField = "unmapped"

// recordPlan is what the conversion needs to know of a record: its fields by
// name, and goavro's names of their branches of unions.
type recordPlan struct {
	name   string
	fields []fieldPlan
	index  map[string]int // of fields by name; without unmapped
	key    int            // of the primary key in the root's fields; -1 in other records
}

// keyName is the name of the root's key.
func (p *recordPlan) keyName() string { return p.fields[p.key].name }

// fieldPlan is a field of a record.
type fieldPlan struct {
	name     string
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
	formRecord // this and what follows are containers
	formArray
	formMap
)

// newPlan checks that the schema is one that Encode can fill: a record with
// exactly one field that cannot be null, a string, its key, and unmapped.
func newPlan(root *schemaType) (*recordPlan, error) {
	if root.kind != kindRecord {
		return nil, fmt.Errorf("top level is a %s, not a record", root.word)
	}
	r, err := planRecord(root, make(map[string]*recordPlan))
	if err != nil {
		return nil, err
	}
	if i, ok := r.index[unmappedField]; !ok || i != len(r.fields)-1 || !isStringMap(r.fields[i].typ) || r.fields[i].nullable {
		return nil, fmt.Errorf("the last field of %s is not %s, a map of strings", r.name, unmappedField)
	}
	// A member of that name that the API sends is unknown like any other.
	delete(r.index, unmappedField)
	for name, i := range r.index {
		if r.fields[i].nullable {
			continue
		}
		if r.key >= 0 || r.fields[i].typ.form != formString {
			return nil, fmt.Errorf("field %q can be neither null nor the key of %s", name, r.name)
		}
		r.key = i
	}
	if r.key < 0 {
		return nil, fmt.Errorf("record %s has no key", r.name)
	}
	return r, nil
}

func isStringMap(t *typePlan) bool { return t.form == formMap && t.items.form == formString }

// planRecord plans a record and what is in it. Known holds the records that were
// met before: the first is the root.
func planRecord(t *schemaType, known map[string]*recordPlan) (*recordPlan, error) {
	if r, ok := known[t.name]; ok {
		return r, nil
	}
	if len(t.fields) == 0 {
		return nil, fmt.Errorf("record %s has no fields", t.name)
	}
	top := len(known) == 0
	r := &recordPlan{name: t.name, index: make(map[string]int), key: -1}
	known[t.name] = r
	for i, f := range t.fields {
		inner, nullable := f.typ.nullable()
		ft, err := planType(inner, known)
		if err != nil {
			return nil, fmt.Errorf("field %q of %s: %w", f.name, t.name, err)
		}
		if !nullable && !top {
			return nil, fmt.Errorf("field %q of %s cannot be null", f.name, t.name)
		}
		r.fields = append(r.fields, fieldPlan{name: f.name, typ: ft, nullable: nullable})
		r.index[f.name] = i
	}
	return r, nil
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
