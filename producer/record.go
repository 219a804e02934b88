package producer

import (
	"encoding/binary"
	"encoding/hex"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"pylon-kafka/avro"
	"pylon-kafka/extract"
)

// The values of the header origin.
const (
	originBackfill = extract.OriginBackfill
	originPoll     = extract.OriginPoll
	originRefresh  = "refresh"
	originSweep    = "sweep"
)

// The headers of a record.
const (
	headerConnector   = "connector"
	headerHash        = "hash"
	headerParent      = "parent"
	headerCreatedAt   = "created_at"
	headerUpdatedAt   = "updated_at"
	headerOrigin      = "origin"
	headerExtractedAt = "extracted_at"
	headerMoved       = "moved" // of a tombstone: to which partition the object was moved
)

// headers are what we read of a record of ours.
type headers struct {
	connector  string // whose record it is; empty where another program wrote it
	hashed     bool   // hash is there
	hash       uint64
	parent     string // of a child
	origin     string
	moved      bool // a tombstone of an object that stands in another partition now
	createdDay uint16
}

func readHeaders(rec *kgo.Record) headers {
	var h headers
	for _, header := range rec.Headers {
		switch header.Key {
		case headerConnector:
			h.connector = string(header.Value)
		case headerHash:
			h.hash, h.hashed = parseHash(header.Value)
		case headerParent:
			h.parent = string(header.Value)
		case headerOrigin:
			h.origin = string(header.Value)
		case headerMoved:
			h.moved = true
		case headerCreatedAt:
			h.createdDay = createdDay(string(header.Value))
		}
	}
	return h
}

// recordSize is at least what a record takes uncompressed.
func recordSize(rec *kgo.Record) int {
	const overhead = 64 // lengths, offsets, the batch's header shared by all
	n := overhead + len(rec.Key) + len(rec.Value)
	for _, h := range rec.Headers {
		n += len(h.Key) + len(h.Value) + 8
	}
	return n
}

// hashText is the header hash: 16 hex digits, the most significant first.
func hashText(hash uint64) string {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], hash)
	return hex.EncodeToString(b[:])
}

// parseHash reads the header hash; ok is false where it is not ours.
func parseHash(text []byte) (hash uint64, ok bool) {
	var b [8]byte
	if len(text) != 16 {
		return 0, false
	}
	if _, err := hex.Decode(b[:], text); err != nil {
		return 0, false
	}
	return binary.BigEndian.Uint64(b[:]), true
}

// createdDay is the mark of an issue in the view: the day on which it was
// created, as [dayOf] counts; 0 where it is not known. Reconcile asks for it.
func createdDay(createdAt string) uint16 {
	at, err := time.Parse(time.RFC3339, createdAt)
	if err != nil {
		return 0
	}
	return dayOf(at)
}

// dayOf counts days from 1 January 2000, which is 1; 0 is outside what fits.
func dayOf(at time.Time) uint16 {
	const most = 1<<16 - 2
	days := at.Unix()/86400 - time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC).Unix()/86400
	if days < 0 || days > most {
		return 0
	}
	return uint16(days) + 1
}

// framing is which headers the records of a topic have, each with a record that
// has it.
type framing map[avro.Header]place

// see notes the header of data, which is a record's value or key.
func (f framing) see(data []byte, rec *kgo.Record) {
	header, _, err := avro.ParseHeader(data)
	if err != nil {
		header = avro.Header{}
	}
	if _, ok := f[header]; !ok {
		f[header] = place{rec.Partition, rec.Offset}
	}
}

// prepared is what a record of a page becomes while the page is decoded: Avro,
// so that raw JSON lives for one record and not for a page. A record that
// consumers have is not prepared.
type prepared struct {
	value    []byte   // with the wire header
	unmapped []string // pointers of what travels in unmapped
	err      error    // why it cannot be encoded
	raw      []byte   // the JSON, only of what may become a dead letter
}
