package producer

import (
	"bytes"
	"sync"

	"pylon-kafka/extract"
)

// prepare is given to the client, which calls it for each record with a key, as
// soon as it is read. It may be called by several goroutines.
func (s *session) prepare(always bool) func(*extract.Record) {
	large := s.topic.MaxBytes / 2
	// A value is encoded where there is room, and kept in as much as it takes: it may
	// wait for a while, and many with it.
	rooms := sync.Pool{New: func() any { return new([]byte) }}
	return func(r *extract.Record) {
		if !always && s.known.has(r) {
			return
		}
		p := &prepared{}
		room, _ := rooms.Get().(*[]byte)
		value, unmapped, err := s.codec.Encode(append((*room)[:0], s.format.header...), r.JSON)
		if p.unmapped, p.err = unmapped, err; err == nil {
			p.value = bytes.Clone(value)
			*room = value
		}
		rooms.Put(room)
		if p.err != nil || len(p.value) > large {
			p.raw = bytes.Clone(r.JSON)
		}
		r.Prepared = p
	}
}
