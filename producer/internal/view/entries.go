package view

import "iter"

// Entry is how a view holds an object, for another view of the same shape to take.
type Entry struct {
	Bytes []byte // as many as [Shape.Width] says
	Name  string // the key, where it cannot be had from the bytes
	Named bool   // it has a Name: the key is no UUID
}

// Width returns the length of an entry of a view of this shape.
func (s Shape) Width() int {
	if s == ByParent {
		return byParentBytes
	}
	return flatBytes
}

// Unmark takes the mark out of an entry of a flat view.
func (e Entry) Unmark() { clear(e.Bytes[len(e.Bytes)-markBytes:]) }

// Shape returns the shape of the view.
func (v *View) Shape() Shape { return v.shape }

// Entry returns the entry of key below parent with this content; its bytes are
// appended to a slice. It is not put into the view.
func (v *View) Entry(to []byte, parent, key string, hash uint64, mark uint16) Entry {
	packed, text := pack(key)
	e := Entry{Bytes: v.entry(to, parent, packed, hash, mark), Named: text}
	if text {
		e.Name = key
	}
	return e
}

// entry appends the bytes of an entry.
func (v *View) entry(to []byte, parent string, packed id, hash uint64, mark uint16) []byte {
	to = appendHash(v.prefix(to, parent, packed), hash)
	if v.shape == Flat {
		to = appendMark(to, mark)
	}
	return to
}

// Entries returns every entry, in an order that suits [View.Put]. It reads a shard
// at a time, as [View.Marked] does; the loop may call methods of the view, and must
// not keep the bytes.
func (v *View) Entries() iter.Seq[Entry] {
	return func(yield func(Entry) bool) {
		width := v.shape.Width()
		var all []byte
		var entries []Entry
		for place := uint64(0); place < 1<<32; {
			all, entries, place = v.entriesShard(all[:0], entries[:0], uint32(place))
			for i, e := range entries {
				e.Bytes = all[i*width : (i+1)*width]
				if !yield(e) {
					return
				}
			}
		}
	}
}

// entriesShard appends the entries of the shard at place, their bytes apart, and
// returns the place where the next shard begins.
func (v *View) entriesShard(all []byte, entries []Entry, place uint32) ([]byte, []Entry, uint64) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	shard := v.entries.shardOf(place)
	for stored := range v.entries.shard(shard) {
		var e Entry
		if len(v.names) > 0 {
			e.Name, e.Named = v.names[v.keyOf(stored)]
		}
		all, entries = append(all, stored...), append(entries, e)
	}
	return all, entries, v.entries.end(shard)
}

// keyOf returns the key of an entry, packed.
func (v *View) keyOf(entry []byte) id {
	if v.shape == ByParent {
		return id(entry[tagBytes:])
	}
	return id(entry).unscramble()
}

// Put is [View.Set] with an entry.
func (v *View) Put(e Entry) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.put(e.Bytes, v.keyOf(e.Bytes), e.Name, e.Named)
}

// put notes an entry. The caller holds the lock.
func (v *View) put(entry []byte, packed id, name string, named bool) {
	p, ok := v.entries.find(entry[:v.prefixBytes()])
	if ok {
		copy(v.entries.at(p), entry[1:])
		return
	}
	v.entries.insert(entry)
	if v.shape == ByParent {
		v.index.add(packed, entry)
	}
	if named {
		v.names[packed] = name
	}
}

// Drop is [View.Remove] with an entry, of which only what names the object counts.
func (v *View) Drop(e Entry) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.drop(e.Bytes[:v.prefixBytes()], v.keyOf(e.Bytes))
}

// drop takes away the entry that begins with want. The caller holds the lock.
func (v *View) drop(want []byte, packed id) {
	p, ok := v.entries.find(want)
	if !ok {
		return
	}
	v.entries.removeAt(p)
	if v.shape == ByParent {
		v.index.remove(packed, want)
	}
	if _, named := v.names[packed]; named && (v.shape == Flat || !v.index.has(&v.entries, packed)) {
		delete(v.names, packed)
	}
}

// prefixBytes is how much of an entry names the object.
func (v *View) prefixBytes() int {
	if v.shape == ByParent {
		return tagBytes + keyBytes
	}
	return keyBytes
}
