package avro

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// Format is a wire format: what stands before the Avro binary.
type Format int

const (
	// FormatConfluent is a zero byte and the id of the schema in a registry:
	// https://docs.confluent.io/platform/current/schema-registry/fundamentals/serdes-develop/index.html#wire-format.
	FormatConfluent Format = iota + 1
	// FormatSingleObject is Avro's single-object encoding: C3 01 and the
	// fingerprint of the schema:
	// https://avro.apache.org/docs/1.12.0/specification/#single-object-encoding.
	FormatSingleObject
)

// String names the format.
func (f Format) String() string {
	switch f {
	case FormatConfluent:
		return "confluent"
	case FormatSingleObject:
		return "single-object"
	default:
		return fmt.Sprintf("Format(%d)", int(f))
	}
}

// errNoHeader says that a value begins with no header that we know: it was not
// written by this program.
var errNoHeader = errors.New("no Avro header")

const (
	confluentHeader    = 5
	singleObjectHeader = 10
)

// Header says by which schema the binary after it is written. It holds the ID
// of a Confluent header or the Fingerprint of a single-object header.
type Header struct {
	Format      Format
	Fingerprint uint64
	ID          int
}

// AppendSingleObject appends the header of Avro's single-object encoding. The
// fingerprint's least significant byte comes first, as the standard says.
func AppendSingleObject(dst []byte, fingerprint uint64) []byte {
	return binary.LittleEndian.AppendUint64(append(dst, 0xc3, 0x01), fingerprint)
}

// AppendConfluent appends the header of the Confluent wire format. A registry
// gives ids from 1 to 2^31-1; the id is not checked.
func AppendConfluent(dst []byte, id int) []byte {
	return binary.BigEndian.AppendUint32(append(dst, 0), uint32(id))
}

// ParseHeader splits a value into its header and the Avro binary, which is part
// of value. It is an error if value begins with neither header or is shorter than
// one.
func ParseHeader(value []byte) (Header, []byte, error) {
	switch {
	case len(value) >= confluentHeader && value[0] == 0:
		id := binary.BigEndian.Uint32(value[1:])
		if id > math.MaxInt32 {
			return Header{}, nil, fmt.Errorf("%w: schema id %d is too large", errNoHeader, id)
		}
		return Header{Format: FormatConfluent, ID: int(id)}, value[confluentHeader:], nil
	case len(value) >= singleObjectHeader && value[0] == 0xc3 && value[1] == 0x01:
		fp := binary.LittleEndian.Uint64(value[2:])
		return Header{Format: FormatSingleObject, Fingerprint: fp}, value[singleObjectHeader:], nil
	default:
		return Header{}, nil, fmt.Errorf("%w: %d bytes that begin with % x", errNoHeader, len(value), value[:min(len(value), 2)])
	}
}
