package avro

import (
	"fmt"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

// rabinEmpty is the fingerprint of no bytes and the polynomial of CRC-64-AVRO.
const rabinEmpty uint64 = 0xc15d213aa4d7a795

// rabin is CRC-64-AVRO, bit by bit: it runs once for each schema.
func rabin(text []byte) uint64 {
	fp := rabinEmpty
	for _, b := range text {
		fp ^= uint64(b)
		for range 8 {
			fp = fp>>1 ^ rabinEmpty&-(fp&1)
		}
	}
	return fp
}

// FingerprintOf returns CRC-64-AVRO of any schema, as [Codec.Fingerprint]. The
// error means that text is no Avro schema.
func FingerprintOf(schema string) (uint64, error) {
	root, err := parseSchema(schema)
	if err != nil {
		return 0, err
	}
	return rabin(appendCanonical(nil, root, make(map[string]bool))), nil
}

// appendCanonical appends the Parsing Canonical Form of the specification.
// Defined holds the names that were written in full before: a named type is
// spelled out once and then referred to.
func appendCanonical(dst []byte, t *schemaType, defined map[string]bool) []byte {
	switch t.kind {
	case kindUnion:
		dst = append(dst, '[')
		for i, b := range t.branches {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = appendCanonical(dst, b, defined)
		}
		return append(dst, ']')
	case kindArray:
		dst = append(dst, `{"type":"array","items":`...)
		return append(appendCanonical(dst, t.items, defined), '}')
	case kindMap:
		dst = append(dst, `{"type":"map","values":`...)
		return append(appendCanonical(dst, t.items, defined), '}')
	case kindRecord, kindEnum, kindFixed:
		return appendCanonicalNamed(dst, t, defined)
	default:
		return appendQuoted(dst, t.word)
	}
}

func appendCanonicalNamed(dst []byte, t *schemaType, defined map[string]bool) []byte {
	if defined[t.name] {
		return appendQuoted(dst, t.name)
	}
	defined[t.name] = true
	dst = appendQuoted(append(dst, `{"name":`...), t.name)
	dst = appendQuoted(append(dst, `,"type":`...), t.word)
	switch t.kind {
	case kindEnum:
		dst = append(dst, `,"symbols":[`...)
		for i, s := range t.symbols {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = appendQuoted(dst, s)
		}
		dst = append(dst, ']')
	case kindFixed:
		dst = strconv.AppendInt(append(dst, `,"size":`...), int64(t.size), 10)
	default:
		dst = append(dst, `,"fields":[`...)
		for i, f := range t.fields {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = appendQuoted(append(dst, `{"name":`...), f.name)
			dst = append(dst, `,"type":`...)
			dst = append(appendCanonical(dst, f.typ, defined), '}')
		}
		dst = append(dst, ']')
	}
	return append(dst, '}')
}

// appendQuoted appends s as a JSON string. Bytes that are not UTF-8 become
// U+FFFD.
func appendQuoted(dst []byte, s string) []byte {
	// The error only tells that bytes were replaced.
	dst, _ = jsontext.AppendQuote(dst, s)
	return dst
}

// FingerprintText writes a fingerprint as the keys of the schemas topic have it:
// 16 hex digits, the most significant first.
func FingerprintText(fingerprint uint64) string { return fmt.Sprintf("%016x", fingerprint) }
