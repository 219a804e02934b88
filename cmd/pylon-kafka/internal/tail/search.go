package tail

import "sync/atomic"

// search tells of a key that is followed that it is in none of the topics, once
// each of them is read to where it ended at the start. It is safe for concurrent
// use.
type search struct {
	options *Options
	streams []string
	out     *printer
	left    atomic.Int64 // topics that are not read so far
}

func newSearch(o *Options, streams []string, out *printer) *search {
	s := &search{options: o, streams: streams, out: out}
	s.left.Store(int64(len(streams)))
	return s
}

// follow returns a function that is told how far one topic is read and flushes
// what is printed.
func (s *search) follow(r *Reader) func(next map[int32]int64) error {
	ended := false
	return func(next map[int32]int64) error {
		if !ended && r.ended(next) {
			ended = true
			s.ended()
		}
		return s.out.flush()
	}
}

// ended notes that one more topic is read to its end. Where reading began there,
// nothing was searched.
func (s *search) ended() {
	o := s.options
	if s.left.Add(-1) == 0 && o.OnlyKey && o.begins() && s.out.count() == 0 {
		o.Log.Warn("no record with this key in what there is; waiting for one", "key", o.Key, "streams", s.streams)
	}
}
