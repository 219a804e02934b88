package avro

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

// merge gives back what the API sent from the JSON of a record: JSON text
// becomes the value that it is of, columns of a flat layout go to their places,
// and so does what is in unmapped.
func merge(root *schemaType, text []byte) ([]byte, error) {
	t, err := parseTree(text)
	if err != nil {
		return nil, err
	}
	var unmapped []member
	if kept := t.remove(unmappedField); kept != nil && !kept.isNull() {
		if unmapped, err = kept.members(); err != nil {
			return nil, fmt.Errorf("%s: %w", unmappedField, err)
		}
	}
	if err := t.unfold(root); err != nil {
		return nil, err
	}
	m := merger{root: t, records: make(map[string]bool)}
	if err := m.gather(root); err != nil {
		return nil, err
	}
	for _, e := range unmapped {
		if err := m.put(jsontext.Pointer(e.name), e.value); err != nil {
			return nil, fmt.Errorf("%s %s: %w", unmappedField, e.name, err)
		}
	}
	return m.root.append(nil), nil
}

// member is a name and a value of an object.
type member struct {
	name  string
	value *tree
}

// members reads the members of the object whose JSON text is the JSON string t.
func (t *tree) members() ([]member, error) {
	text, err := t.unquote()
	if err != nil {
		return nil, err
	}
	dec := jsontext.NewDecoder(bytes.NewReader(text), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	if tok, err := dec.ReadToken(); err != nil || tok.Kind() != '{' {
		return nil, errors.New("not the JSON text of an object")
	}
	var all []member
	for dec.PeekKind() != '}' {
		name, err := dec.ReadToken()
		if err != nil {
			return nil, fmt.Errorf("not a JSON text: %w", err)
		}
		// The name lives in the decoder's buffer.
		e := member{name: name.String()}
		value, err := dec.ReadValue()
		if err != nil {
			return nil, fmt.Errorf("not a JSON text: %w", err)
		}
		e.value = &tree{text: bytes.Clone(value)}
		all = append(all, e)
	}
	return all, nil
}

// unquote is the text of the JSON string t.
func (t *tree) unquote() ([]byte, error) {
	text, err := jsontext.AppendUnquote(nil, t.text)
	if err != nil || !jsontext.Value(text).IsValid(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)) {
		return nil, errors.New("not a JSON text")
	}
	return text, nil
}

// isNull reports whether t is null.
func (t *tree) isNull() bool { return string(t.text) == "null" }

// unfold puts the value in the place of JSON text, in all of a value of type s.
func (t *tree) unfold(s *schemaType) error {
	s, _ = s.nullable()
	for _, f := range s.fields {
		kid := t.kid(f.name)
		if kid == nil {
			continue
		}
		if f.json == "" || kid.kind != 0 || kid.isNull() {
			if err := kid.unfold(f.typ); err != nil {
				return err
			}
			continue
		}
		text, err := kid.unquote()
		if err != nil {
			return fmt.Errorf("%s: %w", f.name, err)
		}
		t.set(f.name, &tree{text: text})
	}
	if s.items != nil {
		for _, kid := range t.kids {
			if err := kid.unfold(s.items); err != nil {
				return err
			}
		}
	}
	return nil
}

// merger puts values in their places.
type merger struct {
	root    *tree
	records map[string]bool // places of the records that were spread over the root
}

// gather puts the columns of a flat layout in their places. A column that is
// null leaves nothing.
func (m *merger) gather(s *schemaType) error {
	for _, f := range s.fields {
		if f.pointer == "" {
			continue
		}
		place := jsontext.Pointer(f.pointer)
		for p := place.Parent(); p != "" && !m.records[string(p)]; p = p.Parent() {
			m.records[string(p)] = true
		}
		kid := m.root.remove(f.name)
		if kid == nil || kid.isNull() {
			continue
		}
		if err := m.put(place, kid); err != nil {
			return fmt.Errorf("%s: %w", f.name, err)
		}
	}
	return nil
}

// put sets the value at a place whose parent is there, or is a record that was
// spread.
func (m *merger) put(pointer jsontext.Pointer, value *tree) error {
	if pointer == "" || !pointer.IsValid() {
		return errors.New("not a JSON Pointer to a member")
	}
	parent := m.root
	var place jsontext.Pointer
	for name := range pointer.Parent().Tokens() {
		place = place.AppendToken(name)
		kid := parent.kid(name)
		if (kid == nil || kid.isNull()) && m.records[string(place)] {
			kid = &tree{kind: '{'}
			parent.set(name, kid)
		}
		if parent = kid; parent == nil {
			return fmt.Errorf("nothing is at %s", pointer.Parent())
		}
	}
	name := pointer.LastToken()
	if parent.kind == '{' {
		parent.set(name, value)
		return nil
	}
	i, err := strconv.Atoi(name)
	if err != nil || parent.kind != '[' || i < 0 || i >= len(parent.kids) {
		return fmt.Errorf("%s is not an object", pointer.Parent())
	}
	parent.kids[i] = value
	return nil
}
