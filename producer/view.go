package producer

import (
	"encoding/binary"
	"encoding/hex"
	"iter"
	"math/bits"
	"slices"

	"github.com/cespare/xxhash/v2"
)

// view is what the consumers of one topic already have: for every key the
// content hash of its last committed record. It is rebuilt from the topic when
// a task starts and afterwards changed by what was committed, so the topic
// stays the only truth.
//
// It has two shapes. In a flat view an entry is found by its key, and carries a
// mark of two bytes. In a grouped view (the children of issues) an entry is
// found by its parent, so that all children of one issue are found together.
//
// An entry takes 28 bytes and no pointer: 16 for the key, 5 for the content
// hash, 7 for the mark or the parent's hash. Entries stand in shards of open
// addressing that grow by a sixteenth at a load of 0.94, so the view costs less
// than 32 bytes an object at any size, and the collector never walks it. The
// hashes are cut: that a change goes unseen has a chance of one in 10^12, that
// any two of a million issues are taken for one of one in 10^5.
//
// A view is not safe for concurrent use.
type view struct {
	grouped bool
	shards  [viewShards]shard
	// names holds the keys that are no UUIDs; such a key's 16 bytes are its
	// hash. All of Pylon's large streams have UUIDs.
	names map[[16]byte]string
	n     int
}

const (
	viewShards  = 256
	entryBytes  = 28
	hashMask    = 1<<40 - 1
	tagMask     = 1<<56 - 1
	maxLoad     = 94 // percent
	growthShift = 4  // grow by 1/16
)

// entry is unpacked from a shard's slot.
type entry struct {
	key  [16]byte
	hash uint64 // 40 bits
	tag  uint64 // 56 bits: the parent's hash, or the mark
}

// shard is a table of open addressing with linear probing in which entries
// stand in the order of their places, and so of their home slots: a search ends
// at the first entry whose home is behind, and a larger table is filled in one
// pass. A free slot is all zeros, so a key of zeros is not a key; newKey sees to
// that.
type shard struct {
	slots []byte // len is a multiple of entryBytes
	n     int
}

func newView(grouped bool) *view {
	return &view{grouped: grouped, names: make(map[[16]byte]string)}
}

// len returns the number of objects.
func (v *view) len() int { return v.n }

// hash returns the content hash of key below parent ("" in a flat view), cut
// to 40 bits.
func (v *view) hash(parent, key string) (uint64, bool) {
	e, _, ok := v.find(parent, key)
	return e.hash, ok
}

// setMark changes the mark of a key of a flat view, if the key is there.
func (v *view) setMark(key string, mark uint16) {
	if e, at, ok := v.find("", key); ok {
		e.tag = uint64(mark)
		at.shard.put(at.slot, e)
	}
}

// set notes that key below parent now has this content. In a flat view mark
// becomes its mark.
func (v *view) set(parent, key string, hash uint64, mark uint16) {
	e, at, ok := v.find(parent, key)
	e.hash = hash & hashMask
	if !v.grouped {
		e.tag = uint64(mark)
	}
	if ok {
		at.shard.put(at.slot, e)
		return
	}
	if _, isUUID := parseUUID(key); !isUUID {
		v.names[e.key] = key
	}
	if (at.shard.n+1)*100 > at.shard.cap()*maxLoad {
		at.shard.grow(v)
	}
	at.shard.insert(v, e)
	v.n++
}

// remove notes that key below parent is gone.
func (v *view) remove(parent, key string) {
	e, at, ok := v.find(parent, key)
	if !ok {
		return
	}
	at.shard.removeAt(v, at.slot)
	v.n--
	if !v.grouped { // in a grouped view another parent may have a key of the same name
		delete(v.names, e.key)
	}
}

// removeEverywhere notes that key of a grouped view is gone, whatever its
// parent. It reads the whole view: for the rare record that does not say.
func (v *view) removeEverywhere(key string) {
	id := newKey(key)
	for i := range v.shards {
		s := &v.shards[i]
		for slot := 0; slot < s.cap(); {
			if e := s.at(slot); e.key == id {
				s.removeAt(v, slot)
				v.n--
				continue
			}
			slot++
		}
	}
	delete(v.names, id)
}

// children returns the keys below parent of a grouped view.
func (v *view) children(parent string) []string {
	var keys []string
	tag := parentTag(parent)
	s := &v.shards[shardOf(tag)]
	if s.cap() == 0 {
		return nil
	}
	home := s.home(tag)
	for dist, slot := 0, home; dist < s.cap(); dist, slot = dist+1, s.next(slot) {
		e := s.at(slot)
		if e.free() || s.distance(v.place(e), slot) < dist {
			break
		}
		if e.tag == tag {
			keys = append(keys, v.name(e.key))
		}
	}
	return keys
}

// elsewhere returns those of keys that a grouped view holds below another
// parent than the one given. It reads the whole view.
func (v *view) elsewhere(parent string, keys []string) []string {
	wanted := make(map[[16]byte]string, len(keys))
	for _, k := range keys {
		wanted[newKey(k)] = k
	}
	tag := parentTag(parent)
	var found []string
	for e := range v.all() {
		if k, ok := wanted[e.key]; ok && e.tag != tag {
			found = append(found, k)
			delete(wanted, e.key)
		}
	}
	return found
}

// marked returns the keys of a flat view whose mark is accepted.
func (v *view) marked(accept func(mark uint16) bool) []string {
	var keys []string
	for e := range v.all() {
		if accept(uint16(e.tag)) {
			keys = append(keys, v.name(e.key))
		}
	}
	slices.Sort(keys)
	return keys
}

func (v *view) all() iter.Seq[entry] {
	return func(yield func(entry) bool) {
		for i := range v.shards {
			s := &v.shards[i]
			for slot := range s.cap() {
				if e := s.at(slot); !e.free() && !yield(e) {
					return
				}
			}
		}
	}
}

// place is what an entry's shard and home slot follow from.
func (v *view) place(e entry) uint64 {
	if v.grouped {
		return e.tag
	}
	return keyPlace(e.key)
}

// position is a slot of a shard.
type position struct {
	shard *shard
	slot  int
}

// find returns the entry of key below parent and where it stands; if there is
// none, an entry to fill in and its shard.
func (v *view) find(parent, key string) (entry, position, bool) {
	e := entry{key: newKey(key)}
	if v.grouped {
		e.tag = parentTag(parent)
	}
	place := v.place(e)
	s := &v.shards[shardOf(place)]
	if s.cap() == 0 {
		return e, position{shard: s}, false
	}
	for dist, slot := 0, s.home(place); dist < s.cap(); dist, slot = dist+1, s.next(slot) {
		have := s.at(slot)
		if have.free() || s.distance(v.place(have), slot) < dist {
			break
		}
		if have.key == e.key && (!v.grouped || have.tag == e.tag) {
			return have, position{s, slot}, true
		}
	}
	return e, position{shard: s}, false
}

// name turns an entry's key back into text.
func (v *view) name(key [16]byte) string {
	if name, ok := v.names[key]; ok {
		return name
	}
	return formatUUID(key)
}

func (e entry) free() bool { return e.key == [16]byte{} }

func (s *shard) cap() int { return len(s.slots) / entryBytes }

func (s *shard) next(slot int) int {
	if slot++; slot == s.cap() {
		return 0
	}
	return slot
}

// home maps the bits of place that did not choose the shard onto the slots.
func (s *shard) home(place uint64) int {
	hi, _ := bits.Mul64(place<<16, uint64(s.cap()))
	return int(hi)
}

// distance is how far slot is behind the home of place.
func (s *shard) distance(place uint64, slot int) int {
	d := slot - s.home(place)
	if d < 0 {
		d += s.cap()
	}
	return d
}

func (s *shard) at(slot int) entry {
	b := s.slots[slot*entryBytes : slot*entryBytes+entryBytes]
	low, high := binary.LittleEndian.Uint64(b[16:]), binary.LittleEndian.Uint32(b[24:])
	return entry{key: [16]byte(b), hash: low & hashMask, tag: low>>40 | uint64(high)<<24}
}

func (s *shard) put(slot int, e entry) {
	b := s.slots[slot*entryBytes : slot*entryBytes+entryBytes]
	copy(b, e.key[:])
	binary.LittleEndian.PutUint64(b[16:], e.hash|e.tag<<40)
	binary.LittleEndian.PutUint32(b[24:], uint32(e.tag>>24))
}

func (s *shard) isFree(slot int) bool {
	b := s.slots[slot*entryBytes : slot*entryBytes+16]
	return binary.LittleEndian.Uint64(b)|binary.LittleEndian.Uint64(b[8:]) == 0
}

// insert adds an entry that is not there yet, into a table with a free slot, in
// the order of places; what follows moves one on.
func (s *shard) insert(v *view, e entry) {
	place := v.place(e)
	slot := s.home(place)
	for dist := 0; !s.isFree(slot); dist, slot = dist+1, s.next(slot) {
		have := v.place(s.at(slot))
		if d := s.distance(have, slot); d < dist || d == dist && have > place {
			break
		}
	}
	free := slot
	for !s.isFree(free) {
		free = s.next(free)
	}
	if free < slot { // around the end
		s.move(1, 0, free)
		s.move(0, s.cap()-1, 1)
		free = s.cap() - 1
	}
	s.move(slot+1, slot, free-slot)
	s.put(slot, e)
	s.n++
}

// removeAt frees a slot and moves what follows it, up to the first entry at its
// home, one back.
func (s *shard) removeAt(v *view, slot int) {
	end := s.next(slot)
	for !s.isFree(end) && s.distance(v.place(s.at(end)), end) > 0 {
		end = s.next(end)
	}
	if end <= slot { // around the end
		s.move(slot, slot+1, s.cap()-1-slot)
		slot = s.cap() - 1
		if end > 0 {
			s.move(slot, 0, 1)
			s.move(0, 1, end-1)
			slot = end - 1
		}
	} else {
		s.move(slot, slot+1, end-1-slot)
		slot = end - 1
	}
	clear(s.slots[slot*entryBytes : (slot+1)*entryBytes])
	s.n--
}

// move copies n slots; they may overlap.
func (s *shard) move(to, from, n int) {
	copy(s.slots[to*entryBytes:], s.slots[from*entryBytes:(from+n)*entryBytes])
}

// grow makes the table larger.
func (s *shard) grow(v *view) {
	old := *s
	size := max(8, old.cap()+old.cap()>>growthShift+1)
	*s = shard{slots: make([]byte, size*entryBytes)}
	// What went around the end comes last in the order of places.
	first := 0
	for first < old.cap() && !old.isFree(first) && old.distance(v.place(old.at(first)), first) > first {
		first++
	}
	next := 0 // slots from here on are free
	for i := range old.cap() {
		slot := first + i
		if slot >= old.cap() {
			slot -= old.cap()
		}
		if old.isFree(slot) {
			continue
		}
		e := old.at(slot)
		at := max(next, s.home(v.place(e)))
		if at == size { // around the end here too
			s.insert(v, e)
			continue
		}
		s.put(at, e)
		s.n++
		next = at + 1
	}
}

func shardOf(place uint64) uint64 { return place >> 48 & (viewShards - 1) }

// keyPlace spreads keys that are not random (a UUID need not be) over 56 bits.
func keyPlace(key [16]byte) uint64 {
	const odd = 0x9e3779b97f4a7c15
	x := (binary.LittleEndian.Uint64(key[:8]) ^ bits.RotateLeft64(binary.LittleEndian.Uint64(key[8:]), 32)) * odd
	return (x ^ x>>29) * odd >> 8
}

func parentTag(parent string) uint64 { return xxhash.Sum64String(parent) & tagMask }

// newKey packs a key: a UUID in its usual form as it is, another key hashed.
func newKey(key string) [16]byte {
	if id, ok := parseUUID(key); ok {
		return id
	}
	var id [16]byte
	binary.LittleEndian.PutUint64(id[:], xxhash.Sum64String(key))
	binary.LittleEndian.PutUint64(id[8:], xxhash.Sum64String("2"+key))
	return id
}

// parseUUID accepts just the form that formatUUID gives back (lower case, with
// hyphens) and not the UUID of zeros, so that every key survives the way.
func parseUUID(key string) (id [16]byte, ok bool) {
	if len(key) != 36 || key[8] != '-' || key[13] != '-' || key[18] != '-' || key[23] != '-' {
		return id, false
	}
	at := 0
	for i := 0; i < 36; i += 2 {
		if key[i] == '-' {
			i++
		}
		hi, lo := nibble(key[i]), nibble(key[i+1])
		if hi > 15 || lo > 15 {
			return id, false
		}
		id[at] = hi<<4 | lo
		at++
	}
	return id, id != [16]byte{}
}

func nibble(c byte) byte {
	switch {
	case c >= '0' && c <= '9':
		return c - '0'
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10
	default:
		return 255
	}
}

func formatUUID(id [16]byte) string {
	var b [36]byte
	hex.Encode(b[:], id[:4])
	hex.Encode(b[9:], id[4:6])
	hex.Encode(b[14:], id[6:8])
	hex.Encode(b[19:], id[8:10])
	hex.Encode(b[24:], id[10:])
	b[8], b[13], b[18], b[23] = '-', '-', '-', '-'
	return string(b[:])
}
