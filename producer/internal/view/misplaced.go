package view

import (
	"encoding/binary"
	"iter"
	"slices"
	"sync"
)

// Misplaced holds the partitions in which a key has a record though Kafka's
// partitioner would put it elsewhere today: somebody has added partitions to the
// topic. Such a record is deleted by a tombstone in its own partition, since
// compaction sees only one partition at a time. The zero value is empty and ready
// for use; its methods are safe for concurrent use. It costs about 20 bytes for
// each such record, and nothing where there are none.
type Misplaced struct {
	mu    sync.RWMutex
	set   table
	names map[id]string // the keys that are no UUIDs
}

// Add notes that key has a record in partition.
func (m *Misplaced) Add(key string, partition int32) {
	packed, text := pack(key)
	e := misplacedEntry(packed, partition)
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.names == nil {
		m.set, m.names = newTable(len(e)), make(map[id]string)
	}
	if _, ok := m.set.find(e); ok {
		return
	}
	m.set.insert(e)
	if text {
		m.names[packed] = key
	}
}

// Remove notes that key has no record in partition any more.
func (m *Misplaced) Remove(key string, partition int32) {
	packed, _ := pack(key)
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.names == nil {
		return
	}
	if p, ok := m.set.find(misplacedEntry(packed, partition)); ok {
		m.set.removeAt(p)
	}
	if len(m.of(packed)) == 0 {
		delete(m.names, packed)
	}
}

// Len returns the number of records that are misplaced.
func (m *Misplaced) Len() int {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.set.n
}

// Partitions returns the partitions in which key is misplaced, in their order.
func (m *Misplaced) Partitions(key string) []int32 {
	packed, _ := pack(key)
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.of(packed)
}

// All returns every key with a partition in which it is misplaced, in no order
// that means anything. What is added or removed while the loop runs may be there
// or not.
func (m *Misplaced) All() iter.Seq2[string, int32] {
	return func(yield func(string, int32) bool) {
		for place := uint64(0); place < 1<<32; {
			var keys []string
			var partitions []int32
			keys, partitions, place = m.shardAt(uint32(place))
			for i, key := range keys {
				if !yield(key, partitions[i]) {
					return
				}
			}
		}
	}
}

// shardAt returns what the shard at place holds, and where the next one begins.
func (m *Misplaced) shardAt(place uint32) (keys []string, partitions []int32, next uint64) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if m.names == nil {
		return nil, nil, 1 << 32
	}
	shard := m.set.shardOf(place)
	for e := range m.set.shard(shard) {
		packed := id(e).unscramble()
		name, ok := m.names[packed]
		if !ok {
			name = packed.uuid()
		}
		keys = append(keys, name)
		partitions = append(partitions, int32(binary.BigEndian.Uint32(e[keyBytes:])))
	}
	return keys, partitions, m.set.end(shard)
}

func (m *Misplaced) of(packed id) []int32 {
	if m.names == nil {
		return nil
	}
	scrambled := packed.scramble()
	var partitions []int32
	for p := m.set.search(scrambled[:]); ; p = m.set.next(p) {
		stored := m.set.at(p)
		if stored == nil || !slices.Equal(stored[:keyBytes-1], scrambled[1:]) {
			return partitions
		}
		partitions = append(partitions, int32(binary.BigEndian.Uint32(stored[keyBytes-1:])))
	}
}

// misplacedEntry is the entry of a key in a partition.
func misplacedEntry(packed id, partition int32) []byte {
	packed = packed.scramble()
	return binary.BigEndian.AppendUint32(packed[:], uint32(partition))
}
