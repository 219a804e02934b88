package avro

import "slices"

// entry is one value that goes to unmapped.
type entry struct {
	pointer string
	text    []byte
}

// pointers lists what went to unmapped.
func (s *scratch) pointers() []string {
	if len(s.lost) == 0 {
		return nil
	}
	out := make([]string, len(s.lost))
	for i := range s.lost {
		out[i] = s.lost[i].pointer
	}
	return out
}

// lose sends the value that was just read to unmapped.
func (s *scratch) lose(text []byte) {
	s.lost = append(s.lost, entry{pointer: string(s.dec.StackPointer()), text: text})
}

// isLost reports whether, since mark, something at the place of the value that
// was just read went to unmapped.
func (s *scratch) isLost(mark int) bool {
	return len(s.lost) > mark && slices.ContainsFunc(s.lost[mark:], func(e entry) bool {
		return e.pointer == string(s.dec.StackPointer())
	})
}

// keep fills the field unmapped.
func (s *scratch) keep() error {
	if len(s.lost) == 0 {
		return nil
	}
	if s.hasSamePlaces() {
		return errDuplicate
	}
	s.kept = append(s.kept[:0], '{')
	for i, e := range s.lost {
		if i > 0 {
			s.kept = append(s.kept, ',')
		}
		s.kept = append(appendQuoted(s.kept, e.pointer), ':')
		s.kept = append(s.kept, e.text...)
	}
	s.kept = append(s.kept, '}')
	s.root.set(len(s.root.plan.fields)-1, s.kept)
	return nil
}

// hasSamePlaces reports whether two values of one place are lost.
func (s *scratch) hasSamePlaces() bool {
	const few = 16
	if len(s.lost) <= few {
		for i := range s.lost {
			for j := range i {
				if s.lost[i].pointer == s.lost[j].pointer {
					return true
				}
			}
		}
		return false
	}
	places := make(map[string]struct{}, len(s.lost))
	for i := range s.lost {
		places[s.lost[i].pointer] = struct{}{}
	}
	return len(places) < len(s.lost)
}
