package extract

import (
	"bytes"
	"math/bits"
	"slices"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/cespare/xxhash/v2"
)

// The content hash of a record is a promise: topics hold it in a header, and a
// hash that came out differently in a later version would publish every object
// once more. It is 64 bits over the JSON as a value, so that neither the order
// of members nor the way in which a string is escaped matters:
//
//   - a string by its text, escapes decoded, without the query strings of
//     signed URLs in it, which are new on every read;
//   - a number by its digits: 1.0 and 1 differ, as they do for a consumer;
//   - an array by its elements in their order;
//   - an object by its members in any order. Each member's hash goes through a
//     full mixing step before the sum, so that members cannot cancel out or
//     exchange their values unnoticed.
//
// The stream's Clocks are left out, at the top level only.
const (
	seedString = 0x9e3779b97f4a7c15
	seedNumber = 0xc2b2ae3d27d4eb4f
	seedArray  = 0x165667b19e3779f9
	seedObject = 0x27d4eb2f165667c5
	hashTrue   = 0x85ebca77c2b2ae63
	hashFalse  = 0xd6e8feb86659fd93
	hashNull   = 0xa0761d6478bd642f
	multiplier = 0xe7037ed1a0b428db
)

// digest is what one pass over a record finds.
type digest struct {
	hash      uint64
	key       string // value of the stream's Key, if it is a string
	createdAt string
	updatedAt string
	hasParent bool // the stream's ParentField is there
}

// digester reads records in one pass without building anything. It takes JSON
// that was checked before and panics on anything else. It is not safe for
// concurrent use.
type digester struct {
	json    []byte
	pos     int
	decoded []byte // text of the last string that had escapes
	cut     []byte // text of the last string that lost something
}

// digest reads one JSON object. extra is the hash of a member that will be
// added to it if it lacks the stream's ParentField, see memberHash.
func (d *digester) digest(object []byte, s *Stream, extra uint64) digest {
	d.json, d.pos = object, 0
	var out digest
	var sum, count uint64
	d.skip('{')
	for d.peek() != '}' {
		name := d.text()
		nameHash := xxhash.Sum64(name)
		// The name lives in a buffer that the value may use again.
		var found *string
		clock := false
		switch string(name) {
		case s.Key:
			found = &out.key
		case "created_at":
			found = &out.createdAt
		case "updated_at":
			found = &out.updatedAt
		case s.ParentField:
			out.hasParent = true
		default:
			clock = slices.Contains(s.Clocks, string(name))
		}
		d.skip(':')
		var h uint64
		if found != nil && d.peek() == '"' {
			text := d.text()
			*found = string(text) // of duplicates the last one holds, as in most decoders
			h = d.hashText(text)
		} else {
			h = d.value()
		}
		if !clock {
			sum += mix(nameHash*multiplier + h)
			count++
		}
		if d.peek() == ',' {
			d.pos++
		}
	}
	if s.ParentField != "" && !out.hasParent {
		sum += extra
		count++
	}
	out.hash = objectHash(sum, count)
	return out
}

// memberHash is the part of a member with a string value in its object's sum.
func memberHash(name, value string) uint64 {
	return mix(xxhash.Sum64String(name)*multiplier + mix(xxhash.Sum64String(value)+seedString))
}

func objectHash(sum, count uint64) uint64 { return mix(sum ^ (seedObject + count*multiplier)) }

// value reads one value and returns its hash.
func (d *digester) value() uint64 {
	switch d.peek() {
	case '{':
		return d.object()
	case '[':
		d.pos++
		h, count := uint64(seedArray), uint64(0)
		for d.peek() != ']' {
			h = mix(bits.RotateLeft64(h, 23)*multiplier + d.value())
			count++
			if d.peek() == ',' {
				d.pos++
			}
		}
		d.pos++
		return mix(h + count)
	case '"':
		return d.hashText(d.text())
	case 't':
		d.pos += len("true")
		return hashTrue
	case 'f':
		d.pos += len("false")
		return hashFalse
	case 'n':
		d.pos += len("null")
		return hashNull
	default:
		start := d.pos
		for d.pos < len(d.json) && isNumber(d.json[d.pos]) {
			d.pos++
		}
		if d.pos == start {
			panic("extract: digest of something that is not JSON")
		}
		return mix(xxhash.Sum64(d.json[start:d.pos]) + seedNumber)
	}
}

func (d *digester) object() uint64 {
	var sum, count uint64
	d.skip('{')
	for d.peek() != '}' {
		nameHash := xxhash.Sum64(d.text())
		d.skip(':')
		sum += mix(nameHash*multiplier + d.value())
		count++
		if d.peek() == ',' {
			d.pos++
		}
	}
	d.pos++
	return objectHash(sum, count)
}

func (d *digester) hashText(text []byte) uint64 {
	return mix(xxhash.Sum64(d.unsigned(text)) + seedString)
}

// peek returns the next byte that is not white space, without taking it.
func (d *digester) peek() byte {
	for {
		switch c := d.json[d.pos]; c {
		case ' ', '\t', '\n', '\r':
			d.pos++
		default:
			return c
		}
	}
}

func (d *digester) skip(c byte) {
	if d.peek() != c {
		panic("extract: digest of something that is not JSON")
	}
	d.pos++
}

func isNumber(c byte) bool {
	return c >= '0' && c <= '9' || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E'
}

// text reads one string and returns it decoded. The bytes hold until the next call.
func (d *digester) text() []byte {
	d.skip('"')
	rest := d.json[d.pos:]
	end := bytes.IndexByte(rest, '"')
	escape := bytes.IndexByte(rest[:end], '\\')
	if escape < 0 {
		d.pos += end + 1
		return rest[:end]
	}
	out := d.decoded[:0]
	for {
		// rest begins in the string, and rest[escape] is a backslash of it.
		var n int
		out, n = appendEscape(append(out, rest[:escape]...), rest[escape:])
		rest = rest[escape+n:]
		// Look for the end again only if what was found was an escaped quote: a body may hold a million escapes.
		if end -= escape + n; end < 0 {
			end = bytes.IndexByte(rest, '"')
		}
		if escape = bytes.IndexByte(rest[:end], '\\'); escape < 0 {
			break
		}
	}
	out = append(out, rest[:end]...)
	d.decoded = out
	d.pos = len(d.json) - len(rest) + end + 1
	return out
}

// appendEscape appends what the escape sequence at the start of s stands for
// and returns its length.
func appendEscape(out, s []byte) ([]byte, int) {
	switch c := s[1]; c {
	case 'b':
		return append(out, '\b'), 2
	case 'f':
		return append(out, '\f'), 2
	case 'n':
		return append(out, '\n'), 2
	case 'r':
		return append(out, '\r'), 2
	case 't':
		return append(out, '\t'), 2
	case 'u':
		r := hex4(s[2:])
		if !utf16.IsSurrogate(r) {
			return utf8.AppendRune(out, r), 6
		}
		if len(s) >= 12 && s[6] == '\\' && s[7] == 'u' {
			if pair := utf16.DecodeRune(r, hex4(s[8:])); pair != utf8.RuneError {
				return utf8.AppendRune(out, pair), 12
			}
		}
		// Half a character: consumers get the replacement character for it.
		return utf8.AppendRune(out, utf8.RuneError), 6
	default:
		return append(out, c), 2
	}
}

func hex4(s []byte) rune {
	var r rune
	for _, c := range s[:4] {
		switch {
		case c >= 'a':
			c -= 'a' - 10
		case c >= 'A':
			c -= 'A' - 10
		default:
			c -= '0'
		}
		r = r<<4 | rune(c)
	}
	return r
}

// unsigned returns text without the query strings of signed URLs. The API signs
// the URLs of files, and those within the HTML of bodies, anew on each read.
func (d *digester) unsigned(text []byte) []byte {
	next := bytes.IndexByte(text, '?')
	if next < 0 {
		return text
	}
	out, kept := d.cut[:0], 0 // text[:kept] is dealt with
	whole := isURL(text)      // then what else would end a URL, such as a space, is part of it
	looked, inURL := 0, whole // text[:looked] ends within what began as a URL
	for pos := next; next >= 0; pos += next {
		end := pos + 1
		for end < len(text) && !endsQuery(text[end]) {
			end++
		}
		if isSigned(text[pos+1 : end]) {
			for ; looked < pos && !whole; looked++ {
				c := text[looked]
				inURL = !endsURL(c) && (inURL || c == '/' && looked > 0 && text[looked-1] == '/')
			}
			if inURL {
				out = append(out, text[kept:pos]...)
				kept = end
			}
		}
		pos = end
		next = bytes.IndexByte(text[pos:], '?')
	}
	if kept == 0 {
		return text
	}
	out = append(out, text[kept:]...)
	d.cut = out
	return out
}

// isURL reports whether text as a whole is meant as a URL. File names in it may
// hold spaces and more.
func isURL(text []byte) bool {
	return (bytes.HasPrefix(text, []byte("https://")) || bytes.HasPrefix(text, []byte("http://"))) && !bytes.ContainsAny(text, "<>\n")
}

// endsURL reports whether no URL goes on with c.
func endsURL(c byte) bool {
	switch c {
	case '"', '\'', '<', '>', '`', '\\':
		return true
	}
	return c <= ' '
}

func endsQuery(c byte) bool { return c == '#' || endsURL(c) }

// isSigned reports whether a query string has a parameter that comes with a
// signature: of CloudFront, S3, Google Cloud Storage or Azure. Within HTML its
// ampersands are written &amp;, which splitting at semicolons too takes care of.
func isSigned(query []byte) bool {
	for len(query) > 0 {
		end := bytes.IndexAny(query, "&;")
		param := query
		if end < 0 {
			query = nil
		} else {
			param, query = query[:end], query[end+1:]
		}
		name, _, ok := bytes.Cut(param, []byte("="))
		if !ok {
			continue
		}
		switch string(name) {
		case "Signature", "X-Amz-Signature", "X-Goog-Signature", "Key-Pair-Id", "X-Amz-Security-Token", "sig":
			return true
		}
	}
	return false
}

// mix spreads every bit of h over all bits of the result, one to one.
func mix(h uint64) uint64 {
	h ^= h >> 30
	h *= 0xbf58476d1ce4e5b9
	h ^= h >> 27
	h *= 0x94d049bb133111eb
	return h ^ h>>31
}

// appendSpliced appends a JSON object with a first member in front.
func appendSpliced(dst, object []byte, member string) []byte {
	rest := bytes.TrimLeft(object[1:], " \t\r\n")
	dst = append(append(dst, '{'), member...)
	if rest[0] != '}' {
		dst = append(dst, ',')
	}
	return append(dst, rest...)
}
