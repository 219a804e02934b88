package avro

import (
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

// merge puts the entries of the member unmapped of a JSON object in their
// places and drops the member.
func merge(text []byte) ([]byte, error) {
	root, err := parseTree(text)
	if err != nil {
		return nil, err
	}
	unmapped := root.remove(unmappedField)
	if unmapped == nil {
		return text, nil
	}
	for i, pointer := range unmapped.names {
		value, err := unmapped.kids[i].textValue()
		if err != nil {
			return nil, fmt.Errorf("unmapped %s: %w", pointer, err)
		}
		if err := root.put(jsontext.Pointer(pointer), value); err != nil {
			return nil, fmt.Errorf("unmapped %s: %w", pointer, err)
		}
	}
	return root.append(nil), nil
}

// remove takes a member out of an object.
func (t *tree) remove(name string) *tree {
	i, ok := t.index[name]
	if !ok {
		return nil
	}
	kid := t.kids[i]
	t.names = slices.Delete(t.names, i, i+1)
	t.kids = slices.Delete(t.kids, i, i+1)
	t.index = make(map[string]int, len(t.names))
	for i, n := range t.names {
		t.index[n] = i
	}
	return kid
}

// textValue is the JSON value whose text is the JSON string t.
func (t *tree) textValue() (*tree, error) {
	text, err := jsontext.AppendUnquote(nil, t.text)
	if err != nil {
		return nil, err
	}
	if !jsontext.Value(text).IsValid(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)) {
		return nil, errors.New("not a JSON text")
	}
	return &tree{text: text}, nil
}

// put sets the value at a place whose parent is there.
func (t *tree) put(pointer jsontext.Pointer, value *tree) error {
	if pointer == "" || !pointer.IsValid() {
		return errors.New("not a JSON Pointer to a member")
	}
	parent := t
	for name := range pointer.Parent().Tokens() {
		if parent = parent.kid(name); parent == nil {
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

// kid is the member or element of a name, or nil.
func (t *tree) kid(name string) *tree {
	if t.kind == '[' {
		i, err := strconv.Atoi(name)
		if err != nil || i < 0 || i >= len(t.kids) {
			return nil
		}
		return t.kids[i]
	}
	if i, ok := t.index[name]; ok {
		return t.kids[i]
	}
	return nil
}
