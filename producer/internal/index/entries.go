package index

import (
	"encoding/binary"
	"errors"
	"iter"

	"pylon-kafka/producer/internal/view"
)

// errTruncated is for bytes that end within an entry.
var errTruncated = errors.New("the entries of the index are damaged")

// Each entry begins with a byte of these.
const (
	removed = 1 << iota // the object is gone; else it is there
	named               // the key follows, as text after its length
)

// Append appends an entry: gone says that its object is not there any more.
func Append(to []byte, e view.Entry, gone bool) []byte {
	var flags byte
	if gone {
		flags |= removed
	}
	if e.Named {
		flags |= named
	}
	to = append(append(to, flags), e.Bytes...)
	if e.Named {
		to = binary.AppendUvarint(to, uint64(len(e.Name)))
		to = append(to, e.Name...)
	}
	return to
}

// change is an entry as Append has it.
type change struct {
	view.Entry
	gone bool
}

// changes reads what Append has appended, entries of this width each. It ends with
// an error where the bytes are no entries. The bytes of an entry are those of the
// body.
func changes(body []byte, width int) iter.Seq2[change, error] {
	return func(yield func(change, error) bool) {
		for len(body) > 0 {
			c, rest, err := next(body, width)
			if !yield(c, err) || err != nil {
				return
			}
			body = rest
		}
	}
}

func next(body []byte, width int) (change, []byte, error) {
	flags := body[0]
	if body = body[1:]; flags > removed|named || len(body) < width {
		return change{}, nil, errTruncated
	}
	c := change{gone: flags&removed != 0}
	c.Bytes, body = body[:width], body[width:]
	if flags&named == 0 {
		return c, body, nil
	}
	n, read := binary.Uvarint(body)
	if read <= 0 || n > uint64(len(body)-read) {
		return change{}, nil, errTruncated
	}
	c.Named, c.Name = true, string(body[read:read+int(n)])
	return c, body[read+int(n):], nil
}

// Block is the value of a chunk or a delta.
type Block struct {
	Generation int64
	Number     int
	Delta      bool
	Body       []byte // what [Append] has appended
}

// Encode appends the block as the value of a record.
func (b *Block) Encode(to []byte) []byte {
	to = append(to, version)
	to = binary.AppendVarint(to, b.Generation)
	to = binary.AppendUvarint(to, uint64(b.Number))
	kind := byte(0)
	if b.Delta {
		kind = 1
	}
	return append(append(to, kind), b.Body...)
}

// parseBlock reads the value of a record; the body is part of the value.
func parseBlock(value []byte) (Block, error) {
	if len(value) == 0 || value[0] != version {
		return Block{}, ErrVersion
	}
	value = value[1:]
	generation, n := binary.Varint(value)
	if n <= 0 {
		return Block{}, errTruncated
	}
	value = value[n:]
	number, n := binary.Uvarint(value)
	if n <= 0 || number > 1<<31 || len(value) == n || value[n] > 1 {
		return Block{}, errTruncated
	}
	return Block{Generation: generation, Number: int(number), Delta: value[n] == 1, Body: value[n+1:]}, nil
}
