package avro

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

const (
	// maxKeptText and maxKeptNodes bound what an idle scratch holds on to.
	maxKeptText  = 256 << 10
	maxKeptNodes = 1024
)

// errDuplicate ends a conversion that met the same member twice.
var errDuplicate = errors.New("duplicate member")

// scratch is what one conversion works with, reused by the next: see node.
type scratch struct {
	in    bytes.Buffer
	dec   *jsontext.Decoder
	text  []byte // a copy of the record; strings without escapes are parts of it
	plain []byte // strings with escapes, unescaped, one after the other
	root  *node
	nodes int // how many there are below root
	lost  []entry
	kept  []byte // the field unmapped: the JSON text of lost
}

func newScratch(p *recordPlan) *scratch {
	s := &scratch{root: newNode(p)}
	s.dec = jsontext.NewDecoder(&s.in)
	return s
}

// reusable reports whether the scratch may be kept: one that has grown with a
// large record may not.
func (s *scratch) reusable() bool {
	return cap(s.text)+cap(s.plain)+cap(s.kept) <= maxKeptText && s.nodes <= maxKeptNodes
}

// convert returns the native form of record for goavro, valid until the next
// conversion.
func (s *scratch) convert(record []byte) (map[string]any, error) {
	if !utf8.Valid(record) {
		record = replaceInvalid(record)
	}
	m, err := s.convertText(record)
	if !errors.Is(err, errDuplicate) {
		return m, err
	}
	// Rare enough to pay for it only then: read the record into a tree, where
	// the last member of a name wins, and begin again.
	t, err := parseTree(record)
	if err != nil {
		return nil, err
	}
	return s.convertText(t.append(nil))
}

// replaceInvalid makes each byte that is not UTF-8 a U+FFFD.
func replaceInvalid(text []byte) []byte {
	out := make([]byte, 0, len(text)+len(text)/8)
	for len(text) > 0 {
		r, n := utf8.DecodeRune(text)
		out = utf8.AppendRune(out, r)
		text = text[n:]
	}
	return out
}

func (s *scratch) convertText(record []byte) (map[string]any, error) {
	s.text = append(s.text[:0], record...)
	s.plain = s.plain[:0]
	s.in = *bytes.NewBuffer(s.text)
	// Invalid UTF-8 is now only what escapes of lone surrogates stand for.
	s.dec.Reset(&s.in, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	s.lost = s.lost[:0]
	if k := s.dec.PeekKind(); k != '{' && k != 0 {
		return nil, fmt.Errorf("record is not a JSON object but a %s", k)
	}
	if err := s.record(s.root); err != nil {
		return nil, err
	}
	if _, err := s.dec.ReadToken(); !errors.Is(err, io.EOF) {
		if err == nil {
			err = errors.New("text goes on after the object")
		}
		return nil, err
	}
	if name := s.root.missingKey(); name != "" {
		return nil, fmt.Errorf("key %q is missing, empty or not a string", name)
	}
	if err := s.keep(); err != nil {
		return nil, err
	}
	s.root.finish()
	return s.root.m, nil
}

// record reads an object into n, which the caller finishes.
func (s *scratch) record(n *node) error {
	if _, err := s.dec.ReadToken(); err != nil {
		return err
	}
	n.begin()
	for s.dec.PeekKind() != '}' {
		name, err := s.dec.ReadValue()
		if err != nil {
			return err
		}
		i, known := s.field(n, name)
		if !known {
			raw, err := s.dec.ReadValue()
			if err != nil {
				return err
			}
			s.lose(s.textOf(raw))
			continue
		}
		if n.state[i] != stateAbsent {
			return errDuplicate
		}
		n.state[i] = stateNull
		n.slots[i].used = 0
		f := &n.plan.fields[i]
		v, fits, err := s.value(f.typ, &n.slots[i], f.nullable)
		if err != nil {
			return err
		}
		if fits {
			n.set(i, v)
		}
	}
	_, err := s.dec.ReadToken()
	return err
}

// spread reads an object into n, whose fields are fields of the root. An object
// that leaves all of them null goes to unmapped, where it can be told from
// none.
func (s *scratch) spread(n *node) (fits bool, err error) {
	mark, before := len(s.lost), s.dec.InputOffset()
	if err := s.record(n); err != nil {
		return false, err
	}
	if n.holds() {
		return true, nil
	}
	if len(s.lost) == mark {
		text := s.text[before:s.dec.InputOffset()]
		s.lose(text[bytes.IndexByte(text, '{'):])
	}
	return false, nil
}

// field finds a field by the JSON text of its name.
func (s *scratch) field(n *node, name jsontext.Value) (int, bool) {
	if n.guess(name[1 : len(name)-1]) {
		return n.last, true
	}
	return n.lookup(s.name(name))
}

// unescape returns the characters of a JSON string with escapes, and whether
// they are Unicode text: an escaped lone surrogate is not, and becomes U+FFFD.
func (s *scratch) unescape(raw jsontext.Value) ([]byte, bool) {
	begin := len(s.plain)
	var err error
	s.plain, err = jsontext.AppendUnquote(s.plain, raw)
	return s.plain[begin:len(s.plain):len(s.plain)], err == nil
}

// textOf is the text that was just read as v, as a part of s.text.
func (s *scratch) textOf(v jsontext.Value) []byte {
	end := int(s.dec.InputOffset())
	return s.text[end-len(v) : end]
}

// value reads a value of type t. It fits, or it is put into unmapped, or it is
// a null that is the same as no value.
func (s *scratch) value(t *typePlan, keep *slot, nullable bool) (v any, fits bool, err error) {
	if t.form >= formRecord {
		switch k := s.dec.PeekKind(); {
		case t.form == formRecord && k == '{':
			n := s.next(keep, t.record)
			if err := s.record(n); err != nil {
				return nil, false, err
			}
			n.finish()
			return n.m, true, nil
		case t.form == formSpread && k == '{':
			fits, err := s.spread(keep.nodes[0])
			return nil, fits, err
		case t.form == formArray && k == '[':
			return s.array(t, keep)
		case t.form == formMap && k == '{':
			return s.mapping(t, keep)
		}
	}
	raw, err := s.dec.ReadValue()
	if err != nil {
		return nil, false, err
	}
	if nullable && raw[0] == 'n' {
		return nil, false, nil
	}
	if v, fits = s.scalar(t.form, raw); !fits {
		s.lose(s.textOf(raw))
	}
	return v, fits, nil
}

// next returns a record of the slot that is not in use.
func (s *scratch) next(keep *slot, p *recordPlan) *node {
	if keep.used == len(keep.nodes) {
		keep.nodes = append(keep.nodes, newNode(p))
		s.nodes++
	}
	keep.used++
	return keep.nodes[keep.used-1]
}

// scalar converts the text of a value if it fits.
func (s *scratch) scalar(f form, raw jsontext.Value) (any, bool) {
	switch k := raw[0]; {
	case f == formString && k == '"':
		return s.str(raw)
	case f == formTimestamp && k == '"':
		return timestamp(raw)
	case f == formLong && (k == '-' || '0' <= k && k <= '9'):
		return long(raw)
	case f == formBoolean && (k == 't' || k == 'f'):
		return k == 't', true
	case f == formJSONArray && k == '[', f == formJSONObject && k == '{':
		return s.textOf(raw), true
	default:
		return nil, false
	}
}

// str converts a JSON string to bytes, which goavro takes for a string as well.
// One with an escaped lone surrogate does not fit.
func (s *scratch) str(raw jsontext.Value) (any, bool) {
	if bytes.IndexByte(raw, '\\') < 0 {
		text := s.textOf(raw)
		return text[1 : len(text)-1], true
	}
	bare, ok := s.unescape(raw)
	if !ok {
		return nil, false
	}
	return bare, true
}

// long converts the text of a number. Only an integer that comes back as the
// same text fits.
func long(raw jsontext.Value) (any, bool) {
	v, err := strconv.ParseInt(string(raw), 10, 64)
	if err != nil || string(raw) == "-0" {
		return nil, false
	}
	return v, true
}

// timestamp converts a JSON string to milliseconds since 1970.
func timestamp(raw jsontext.Value) (any, bool) {
	text := raw[1 : len(raw)-1] // a date with escapes in it does not fit
	var t time.Time
	if !hasRFC3339Shape(text) || t.UnmarshalText(text) != nil {
		return nil, false
	}
	// Python has no other years, and RFC 3339 none beyond them.
	if y := t.UTC().Year(); y < 1 || y > 9999 || t.Nanosecond()%int(time.Millisecond) != 0 {
		return nil, false
	}
	return t.UnixMilli(), true
}

// hasRFC3339Shape rules out what package time takes for RFC 3339 and is not:
// hours of one digit, a comma before the fraction, offsets of a day or more
// (https://go.dev/issue/54580).
func hasRFC3339Shape(text []byte) bool {
	const seconds = len("2006-01-02T15:04:05")
	if len(text) <= seconds || text[seconds-len(":04:05")] != ':' || text[seconds] == ',' {
		return false
	}
	zone := text[max(seconds, len(text)-len("+07:00")):]
	return zone[len(zone)-1] == 'Z' || len(zone) == len("+07:00") && string(zone[1:3]) < "24" && string(zone[4:]) < "60"
}

// array reads an array. If one element does not fit, the whole array goes to
// unmapped, without what its elements sent there before.
func (s *scratch) array(t *typePlan, keep *slot) (any, bool, error) {
	if _, err := s.dec.ReadToken(); err != nil {
		return nil, false, err
	}
	begin, mark := int(s.dec.InputOffset())-1, len(s.lost)
	list, all := keep.list[:0], true
	for s.dec.PeekKind() != ']' {
		if !all {
			if err := s.dec.SkipValue(); err != nil {
				return nil, false, err
			}
			continue
		}
		v, fits, err := s.value(t.items, keep.inner(t.items), false)
		if err != nil {
			return nil, false, err
		}
		all = fits
		list = append(list, v)
	}
	if _, err := s.dec.ReadToken(); err != nil {
		return nil, false, err
	}
	keep.list = list
	if !all {
		s.lost = s.lost[:mark]
		s.lose(s.text[begin:s.dec.InputOffset()])
		return nil, false, nil
	}
	return list, true, nil
}

// mapping reads a map. A value that does not fit goes to unmapped alone.
func (s *scratch) mapping(t *typePlan, keep *slot) (any, bool, error) {
	if _, err := s.dec.ReadToken(); err != nil {
		return nil, false, err
	}
	if keep.m == nil {
		keep.m = make(map[string]any)
	}
	m, mark := keep.m, len(s.lost)
	clear(m)
	for i := 0; s.dec.PeekKind() != '}'; i++ {
		name, err := s.dec.ReadValue()
		if err != nil {
			return nil, false, err
		}
		key := keep.key(i, s.name(name))
		v, fits, err := s.value(t.items, keep.inner(t.items), false)
		if err != nil {
			return nil, false, err
		}
		if before := len(m); fits {
			if m[key] = v; len(m) == before || s.isLost(mark) {
				return nil, false, errDuplicate
			}
		} else if _, ok := m[key]; ok {
			return nil, false, errDuplicate
		}
	}
	if _, err := s.dec.ReadToken(); err != nil {
		return nil, false, err
	}
	return m, true, nil
}

// name is the name of the member that was just read.
func (s *scratch) name(raw jsontext.Value) []byte {
	if bytes.IndexByte(raw, '\\') >= 0 {
		bare, _ := s.unescape(raw)
		return bare
	}
	return raw[1 : len(raw)-1]
}
