package view

import (
	"encoding/binary"
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
	mu  sync.RWMutex
	set table // made with the first record
}

// Add notes that key has a record in partition.
func (m *Misplaced) Add(key string, partition int32) {
	packed, _ := pack(key)
	e := misplacedEntry(packed, partition)
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.set.shards == nil {
		m.set = newTable(len(e))
	}
	if _, ok := m.set.find(e); ok {
		return
	}
	m.set.insert(e)
}

// Remove notes that key has no record in partition any more.
func (m *Misplaced) Remove(key string, partition int32) {
	packed, _ := pack(key)
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.set.shards == nil {
		return
	}
	if p, ok := m.set.find(misplacedEntry(packed, partition)); ok {
		m.set.removeAt(p)
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
	if m.set.shards == nil {
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
