package view

import (
	"bytes"
	"encoding/binary"
)

// indexBits is how much of a key an index entry holds; the other 12 of its 32
// bits are the beginning of the parent's tag. At 3 million entries a key shares
// its bits with two others, and 700 entries share the beginning of a tag.
const indexBits = 20

// parents finds the parents of a key in the entries of a view by parent. Its
// entries are hints, and what they point to is looked at: the beginning of a key
// and of a tag.
type parents struct{ hints table }

func newParents() parents { return parents{newTable(4)} }

// hint is the index entry of a key whose entry begins with tag.
func hint(packed id, tag []byte) [4]byte {
	var h [4]byte
	scrambled := packed.scramble()
	key := binary.BigEndian.Uint32(scrambled[:])
	const shift = 32 - indexBits
	binary.BigEndian.PutUint32(h[:], key>>shift<<shift|binary.BigEndian.Uint32(tag)>>indexBits)
	return h
}

func (x *parents) add(packed id, tag []byte) {
	h := hint(packed, tag)
	x.hints.insert(h[:])
}

// remove takes away one hint for the key below the tag; any of equal hints will
// do.
func (x *parents) remove(packed id, tag []byte) {
	h := hint(packed, tag)
	if p, ok := x.hints.find(h[:]); ok {
		x.hints.removeAt(p)
	}
}

func (x *parents) has(entries *table, packed id) bool { return len(x.tags(entries, packed)) > 0 }

// tags returns the tags of all parents of a key.
func (x *parents) tags(entries *table, packed id) [][tagBytes]byte {
	const shift = 32 - indexBits
	low := hint(packed, make([]byte, 4))
	place := binary.BigEndian.Uint32(low[:])
	var found [][tagBytes]byte
	last := uint32(1 << 31) // no beginning of a tag
	for p := x.hints.search(low[:]); ; p = x.hints.next(p) {
		stored := x.hints.at(p)
		if stored == nil {
			return found
		}
		h := placeOf(low[0], stored)
		if h>>shift != place>>shift {
			return found
		}
		if begin := h & (1<<shift - 1); begin != last {
			last = begin
			found = tagsBelow(found, entries, begin, packed)
		}
	}
}

// tagsBelow appends the tags with this beginning below which the key stands.
func tagsBelow(found [][tagBytes]byte, entries *table, begin uint32, packed id) [][tagBytes]byte {
	const keyAt = tagBytes - 1 // in a stored entry
	first, end := uint64(begin)<<indexBits, uint64(begin+1)<<indexBits
	for first < end { // shard by shard, or the part of one
		var from [4]byte
		binary.BigEndian.PutUint32(from[:], uint32(first))
		shard := entries.shardOf(uint32(first))
		for p := entries.search(from[:]); ; p = entries.next(p) {
			stored := entries.at(p)
			if stored == nil || uint64(placeOf(from[0], stored)) >= end {
				break
			}
			if bytes.Equal(stored[keyAt:keyAt+keyBytes], packed[:]) {
				found = append(found, [tagBytes]byte(append([]byte{from[0]}, stored[:keyAt]...)))
			}
		}
		first = entries.end(shard)
	}
	return found
}

// placeOf returns the first bits of an entry, whose first byte is not stored.
func placeOf(first byte, stored []byte) uint32 {
	return uint32(first)<<24 | uint32(stored[0])<<16 | uint32(stored[1])<<8 | uint32(stored[2])
}
