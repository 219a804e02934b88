package producer

import (
	"bytes"

	"pylon-kafka/extract"
)

// prepare is given to the client, which calls it for each record with a key, as
// soon as it is read. It may be called by several goroutines.
func (s *session) prepare(always bool) func(*extract.Record) {
	large := s.topic.MaxBytes / 2
	return func(r *extract.Record) {
		if !always && s.known.has(r) {
			return
		}
		p := &prepared{}
		buf := make([]byte, 0, len(s.format.header)+len(r.JSON))
		p.value, p.unmapped, p.err = s.codec.Encode(append(buf, s.format.header...), r.JSON)
		if p.err != nil || len(p.value) > large {
			p.raw = bytes.Clone(r.JSON)
		}
		if waste := cap(p.value) - len(p.value); p.err == nil && waste > len(p.value)/4 {
			p.value = bytes.Clone(p.value) // it may wait for a while, and many with it
		}
		r.Prepared = p
	}
}
