package avro

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

// tree is a JSON text taken apart: for the two rare cases that the one-pass
// conversion leaves out, objects with a name twice and merging unmapped.
type tree struct {
	kind  jsontext.Kind  // '{', '[', or 0 for text
	text  []byte         // the JSON text of what is neither
	names []string       // of the members
	kids  []*tree        // members or elements
	index map[string]int // of the members
}

// parseTree reads one JSON value. The last member of a name wins. The tree
// holds parts of text.
func parseTree(text []byte) (*tree, error) {
	dec := jsontext.NewDecoder(bytes.NewBuffer(text), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	t, err := readTree(dec)
	if err != nil {
		return nil, err
	}
	if _, err := dec.ReadToken(); !errors.Is(err, io.EOF) {
		return nil, errors.New("text goes on after the value")
	}
	return t, nil
}

func readTree(dec *jsontext.Decoder) (*tree, error) {
	switch k := dec.PeekKind(); k {
	case '{', '[':
		t := &tree{kind: k}
		if _, err := dec.ReadToken(); err != nil {
			return nil, err
		}
		for end := dec.PeekKind(); end != '}' && end != ']'; end = dec.PeekKind() {
			var name string
			if k == '{' {
				tok, err := dec.ReadToken()
				if err != nil {
					return nil, err
				}
				name = tok.String()
			}
			kid, err := readTree(dec)
			if err != nil {
				return nil, err
			}
			if k == '{' {
				t.set(name, kid)
			} else {
				t.kids = append(t.kids, kid)
			}
		}
		_, err := dec.ReadToken()
		return t, err
	default:
		v, err := dec.ReadValue()
		return &tree{text: bytes.Clone(v)}, err
	}
}

// set gives the object a member, instead of one that has the name.
func (t *tree) set(name string, kid *tree) {
	if i, ok := t.index[name]; ok {
		t.kids[i] = kid
		return
	}
	if t.index == nil {
		t.index = make(map[string]int)
	}
	t.index[name] = len(t.names)
	t.names = append(t.names, name)
	t.kids = append(t.kids, kid)
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

// append appends the JSON text.
func (t *tree) append(dst []byte) []byte {
	switch t.kind {
	case '{':
		dst = append(dst, '{')
		for i, kid := range t.kids {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = append(appendQuoted(dst, t.names[i]), ':')
			dst = kid.append(dst)
		}
		return append(dst, '}')
	case '[':
		dst = append(dst, '[')
		for i, kid := range t.kids {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = kid.append(dst)
		}
		return append(dst, ']')
	default:
		return append(dst, t.text...)
	}
}
