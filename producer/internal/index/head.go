package index

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// version is that of everything in the index topic, and of the content hashes that
// entries hold. A head of another version is not used.
const version = 1

// ErrVersion is for what another version of the program has written.
var ErrVersion = errors.New("the index is of another version")

// Head says what an index consists of and what it knows.
type Head struct {
	Version    int    `json:"version"`
	TopicID    string `json:"topic_id"`   // of the stream's topic
	Generation int64  `json:"generation"` // of the chunks and deltas; later ones are larger
	Chunks     int    `json:"chunks"`
	Deltas     int    `json:"deltas"`
	From       int64  `json:"from"`    // offset of the first chunk
	Objects    int    `json:"objects"` // in chunks and deltas

	Partitions map[int32]Span       `json:"partitions"`        // of the stream's topic
	KeyHeader  []byte               `json:"key_header"`        // what stands before the Avro of a key; empty for plain keys
	Anew       map[int32]int64      `json:"anew,omitempty"`    // what stands before these offsets counts as another content
	Framing    []Framing            `json:"framing,omitempty"` // of the topic's values
	Deleted    map[string]time.Time `json:"deleted,omitempty"` // tombstones of late, by key
}

// Span is what is known of a partition: the records from Start up to Covered.
type Span struct {
	Start   int64 `json:"start"`
	Covered int64 `json:"covered"`
}

// Framing is a header that values of the topic have, with a record that has it.
type Framing struct {
	Format      int    `json:"format"`
	Fingerprint uint64 `json:"fingerprint,omitempty,string"`
	ID          int    `json:"id,omitempty"`
	Partition   int32  `json:"partition"`
	Offset      int64  `json:"offset"`
}

// Encode returns the head as the value of a record.
func (h *Head) Encode() ([]byte, error) {
	h.Version = version
	return json.Marshal(h)
}

// ParseHead reads the value of a record.
func ParseHead(value []byte) (*Head, error) {
	var h Head
	if err := json.Unmarshal(value, &h); err != nil {
		return nil, fmt.Errorf("the head of the index cannot be read: %w", err)
	}
	if h.Version != version {
		return nil, fmt.Errorf("%w: %d, this is %d", ErrVersion, h.Version, version)
	}
	return &h, nil
}

// Keys are the keys of one stream's records.
type Keys struct{ prefix string }

// KeysOf returns the keys of a stream of a connector.
func KeysOf(connector, stream string) Keys { return Keys{connector + "/" + stream + "/"} }

// Own reports whether a key is one of these.
func (k Keys) Own(key []byte) bool { return strings.HasPrefix(string(key), k.prefix) }

// Head is the key of the head.
func (k Keys) Head() string { return k.prefix + "head" }

// Chunk is the key of a chunk of the base.
func (k Keys) Chunk(number int) string { return k.prefix + "base/" + strconv.Itoa(number) }

// Delta is the key of a delta.
func (k Keys) Delta(number int) string { return k.prefix + "delta/" + strconv.Itoa(number) }
