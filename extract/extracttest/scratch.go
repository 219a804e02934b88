package extracttest

import (
	"strings"
	"time"
)

// scratch holds the short texts of one object, so that making an issue takes a
// few allocations instead of dozens.
type scratch struct {
	text   strings.Builder
	stamps [12]string // that are pointed at
	used   int
}

func newScratch() *scratch {
	const most = 512 // bytes; more is no harm
	s := new(scratch)
	s.text.Grow(most)
	return s
}

// keep returns b as a string.
func (s *scratch) keep(b []byte) string {
	from := s.text.Len()
	s.text.Write(b)
	return s.text.String()[from:]
}

func (s *scratch) id(id uuid) string {
	text := id.text()
	return s.keep(text[:])
}

// stamp is the function stamp.
func (s *scratch) stamp(ms int64) string {
	var text [len(time.RFC3339)]byte
	return s.keep(time.UnixMilli(ms).UTC().AppendFormat(text[:0], time.RFC3339))
}

// stampOrNil is the function stampOrNil.
func (s *scratch) stampOrNil(ms int64) *string {
	if ms == 0 {
		return nil
	}
	if s.used == len(s.stamps) {
		return new(s.stamp(ms))
	}
	p := &s.stamps[s.used]
	s.used++
	*p = s.stamp(ms)
	return p
}
