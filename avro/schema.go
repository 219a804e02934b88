package avro

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// kind is an Avro type.
type kind uint8

const (
	kindNull kind = iota
	kindBoolean
	kindInt
	kindLong
	kindFloat
	kindDouble
	kindBytes
	kindString
	kindRecord
	kindEnum
	kindFixed
	kindArray
	kindMap
	kindUnion
)

// primitive gives the kind of a primitive type's name.
func primitive(name string) (kind, bool) {
	switch name {
	case "null":
		return kindNull, true
	case "boolean":
		return kindBoolean, true
	case "int":
		return kindInt, true
	case "long":
		return kindLong, true
	case "float":
		return kindFloat, true
	case "double":
		return kindDouble, true
	case "bytes":
		return kindBytes, true
	case "string":
		return kindString, true
	default:
		return 0, false
	}
}

// schemaType is one type of a parsed schema. Named types that refer to
// themselves make it a graph.
type schemaType struct {
	kind     kind
	word     string         // how the schema spells the type: "long", "record", …
	logical  string         // logicalType or ""
	name     string         // full name of a record, enum or fixed
	doc      string         // doc of a record
	fields   []*schemaField // of a record
	items    *schemaType    // of an array; values of a map
	branches []*schemaType  // of a union
	symbols  []string       // of an enum
	size     int            // of a fixed
}

// schemaField is one field of a record.
type schemaField struct {
	name    string
	doc     string
	typ     *schemaType
	json    string // jsonArray or jsonObject in a string field that holds the JSON text of one
	pointer string // in a flat record, the place in the object where it is not /name, as a JSON Pointer
}

// The attribute "json" of a field says what its text is. It and "pointer" are
// no attributes of Avro, whose readers ignore them.
const (
	jsonArray  = "array"
	jsonObject = "object"
)

// nullable returns the type T of ["null", T] and true, or t and false.
func (t *schemaType) nullable() (*schemaType, bool) {
	if t.kind == kindUnion && len(t.branches) == 2 && t.branches[0].kind == kindNull {
		return t.branches[1], true
	}
	return t, false
}

// nullableOf is ["null", t].
func nullableOf(t *schemaType) *schemaType {
	return &schemaType{kind: kindUnion, word: "union", branches: []*schemaType{{kind: kindNull, word: "null"}, t}}
}

// isContainer reports whether the type is a record, an array or a map.
func (t *schemaType) isContainer() bool {
	return t.kind == kindRecord || t.kind == kindArray || t.kind == kindMap
}

// isTimestamp reports whether the type is a timestamp-millis.
func (t *schemaType) isTimestamp() bool {
	return t.kind == kindLong && t.logical == "timestamp-millis"
}

// parseSchema reads the JSON text of a schema.
func parseSchema(text string) (*schemaType, error) {
	p := schemaParser{named: make(map[string]*schemaType)}
	t, err := p.parse([]byte(text), "")
	if err != nil {
		return nil, fmt.Errorf("parse schema: %w", err)
	}
	return t, nil
}

// schemaParser keeps the named types that it has seen.
type schemaParser struct {
	named map[string]*schemaType
}

// parse reads a type that stands where enclosing is the namespace.
func (p *schemaParser) parse(text []byte, enclosing string) (*schemaType, error) {
	text = []byte(strings.TrimSpace(string(text)))
	if len(text) == 0 {
		return nil, errors.New("a type is missing")
	}
	switch text[0] {
	case '"':
		var name string
		if err := json.Unmarshal(text, &name); err != nil {
			return nil, err
		}
		return p.byName(name, enclosing)
	case '[':
		return p.union(text, enclosing)
	default:
		return p.object(text, enclosing)
	}
}

func (p *schemaParser) byName(name, enclosing string) (*schemaType, error) {
	if k, ok := primitive(name); ok {
		return &schemaType{kind: k, word: name}, nil
	}
	full := fullName(name, enclosing)
	if t, ok := p.named[full]; ok {
		return t, nil
	}
	return nil, fmt.Errorf("unknown type %q", full)
}

func (p *schemaParser) union(text []byte, enclosing string) (*schemaType, error) {
	var branches []json.RawMessage
	if err := json.Unmarshal(text, &branches); err != nil {
		return nil, err
	}
	t := &schemaType{kind: kindUnion, word: "union"}
	for _, b := range branches {
		branch, err := p.parse(b, enclosing)
		if err != nil {
			return nil, err
		}
		if branch.kind == kindUnion {
			return nil, errors.New("a union stands directly in a union")
		}
		t.branches = append(t.branches, branch)
	}
	return t, nil
}

// schemaJSON is a type as a JSON object spells it.
type schemaJSON struct {
	Type        json.RawMessage `json:"type"`
	Name        string          `json:"name"`
	Namespace   *string         `json:"namespace"`
	Doc         string          `json:"doc"`
	LogicalType string          `json:"logicalType"`
	Fields      []struct {
		Name    string          `json:"name"`
		Doc     string          `json:"doc"`
		Type    json.RawMessage `json:"type"`
		JSON    string          `json:"json"`
		Pointer string          `json:"pointer"`
	} `json:"fields"`
	Items   json.RawMessage `json:"items"`
	Values  json.RawMessage `json:"values"`
	Symbols []string        `json:"symbols"`
	Size    int             `json:"size"`
}

func (p *schemaParser) object(text []byte, enclosing string) (*schemaType, error) {
	var s schemaJSON
	if err := json.Unmarshal(text, &s); err != nil {
		return nil, err
	}
	var word string
	if err := json.Unmarshal(s.Type, &word); err != nil {
		// {"type": {"type": …}} and {"type": […]} wrap another type.
		return p.parse(s.Type, enclosing)
	}
	switch word {
	case "array":
		return p.container(kindArray, word, s.Items, enclosing)
	case "map":
		return p.container(kindMap, word, s.Values, enclosing)
	case "record", "error", "enum", "fixed":
		return p.namedType(word, &s, enclosing)
	}
	t, err := p.byName(word, enclosing)
	if err != nil {
		return nil, err
	}
	if _, ok := primitive(word); ok {
		t.logical = s.LogicalType
	}
	return t, nil
}

func (p *schemaParser) container(k kind, word string, items json.RawMessage, enclosing string) (*schemaType, error) {
	t, err := p.parse(items, enclosing)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", word, err)
	}
	return &schemaType{kind: k, word: word, items: t}, nil
}

func (p *schemaParser) namedType(word string, s *schemaJSON, enclosing string) (*schemaType, error) {
	if s.Name == "" {
		return nil, fmt.Errorf("%s without a name", word)
	}
	if s.Namespace != nil {
		enclosing = *s.Namespace
	}
	t := &schemaType{word: word, name: fullName(s.Name, enclosing), doc: s.Doc}
	if _, ok := p.named[t.name]; ok {
		return nil, fmt.Errorf("%s is defined twice", t.name)
	}
	// The name is known before its fields are read: they may refer to it.
	p.named[t.name] = t
	enclosing = namespaceOf(t.name)
	switch word {
	case "enum":
		t.kind, t.symbols = kindEnum, s.Symbols
	case "fixed":
		if s.Size < 0 {
			return nil, fmt.Errorf("%s has size %d", t.name, s.Size)
		}
		t.kind, t.size, t.logical = kindFixed, s.Size, s.LogicalType
	default:
		t.kind = kindRecord
		for _, f := range s.Fields {
			ft, err := p.parse(f.Type, enclosing)
			if err != nil {
				return nil, fmt.Errorf("%s field %q: %w", t.name, f.Name, err)
			}
			t.fields = append(t.fields, &schemaField{name: f.Name, doc: f.Doc, typ: ft, json: f.JSON, pointer: f.Pointer})
		}
	}
	return t, nil
}

// fullName qualifies a name by the namespace it stands in.
func fullName(name, namespace string) string {
	if namespace == "" || strings.Contains(name, ".") {
		return name
	}
	return namespace + "." + name
}

// namespaceOf is the namespace in a full name.
func namespaceOf(full string) string {
	i := strings.LastIndexByte(full, '.')
	return full[:max(i, 0)]
}
