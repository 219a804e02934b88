package view

import (
	"bytes"
	"encoding/binary"
	"iter"
	"slices"
)

const (
	minBits    = 8        // the first byte of an entry is not stored: its shard says it
	maxBits    = 20       // an index entry begins with so many bits of a key, which must stay in one shard
	shardBytes = 12 << 10 // of a shard, on average, before all shards are split
)

// table is a sorted multiset of entries, which are byte strings of one width, at
// least four. The first bits of an entry choose its shard; entries should be
// spread evenly over them. A shard holds its entries in order and without their
// first byte.
type table struct {
	width  int // of a stored entry: one less than that of the entry
	bits   int
	shards [][]byte
	n      int
}

func newTable(width int) table {
	return table{width: width - 1, bits: minBits, shards: make([][]byte, 1<<minBits)}
}

// position is where an entry stands, or would stand.
type position struct{ shard, at int } // at in bytes

// search returns the position of the first entry of e's shard that is not less
// than e, which may be shorter than an entry.
func (t *table) search(e []byte) position {
	p := position{shard: t.shardOf(binary.BigEndian.Uint32(e))}
	s, want := t.shards[p.shard], e[1:]
	low, high := 0, len(s)/t.width
	for low < high {
		mid := int(uint(low+high) / 2)
		at := mid * t.width
		if bytes.Compare(s[at:at+len(want)], want) < 0 {
			low = mid + 1
		} else {
			high = mid
		}
	}
	p.at = low * t.width
	return p
}

// find returns the position of the first entry that begins with prefix.
func (t *table) find(prefix []byte) (position, bool) {
	p := t.search(prefix)
	stored := t.at(p)
	return p, stored != nil && bytes.HasPrefix(stored, prefix[1:])
}

// at returns the stored entry at p, without its first byte: nil behind the last
// of the shard. It may be written to as long as the order stays.
func (t *table) at(p position) []byte {
	s := t.shards[p.shard]
	if p.at >= len(s) {
		return nil
	}
	return s[p.at : p.at+t.width : p.at+t.width]
}

// next returns the position after p in the same shard.
func (t *table) next(p position) position { return position{p.shard, p.at + t.width} }

func (t *table) shardOf(place uint32) int { return int(place >> (32 - t.bits)) }

// end returns the place where the shard after this one begins.
func (t *table) end(shard int) uint64 { return uint64(shard+1) << (32 - t.bits) }

// shard returns the entries of a shard, whole; the slice is used again.
func (t *table) shard(shard int) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		e := make([]byte, t.width+1)
		e[0] = byte(shard >> (t.bits - minBits))
		for p := (position{shard: shard}); ; p = t.next(p) {
			stored := t.at(p)
			if stored == nil {
				return
			}
			copy(e[1:], stored)
			if !yield(e) {
				return
			}
		}
	}
}

// insert adds e.
func (t *table) insert(e []byte) {
	if t.n*t.width >= shardBytes<<t.bits && t.bits < maxBits {
		t.split()
	}
	p := t.search(e)
	s := t.shards[p.shard]
	if len(s)+t.width > cap(s) {
		s = grow(s, t.width)
	}
	s = s[:len(s)+t.width]
	copy(s[p.at+t.width:], s[p.at:])
	copy(s[p.at:], e[1:])
	t.shards[p.shard] = s
	t.n++
}

// removeAt removes the entry at p; the next one then stands there.
func (t *table) removeAt(p position) {
	s := t.shards[p.shard]
	s = append(s[:p.at], s[p.at+t.width:]...)
	if len(s) < cap(s)/2 { // what a pass has deleted gives its memory back
		s = grow(s, 0)
	}
	t.shards[p.shard] = s
	t.n--
}

// split cuts every shard in two.
func (t *table) split() {
	t.bits++
	old := t.shards
	t.shards = make([][]byte, 2*len(old))
	upper := make([]byte, t.width+1)
	for i, s := range old {
		binary.BigEndian.PutUint32(upper, uint32(2*i+1)<<(32-t.bits))
		t.shards[2*i+1] = s
		cut := t.search(upper).at
		t.shards[2*i], t.shards[2*i+1] = grow(s[:cut], 0), grow(s[cut:], 0)
		old[i] = nil
	}
}

// grow returns a copy of s with room for more bytes, and for as many besides as
// the allocator gives for nothing.
func grow(s []byte, more int) []byte {
	if len(s)+more == 0 {
		return nil
	}
	return append(slices.Grow([]byte(nil), len(s)+more), s...)
}
