package view

import (
	"encoding/binary"
	"math/bits"
	"strings"

	"github.com/cespare/xxhash/v2"
	"github.com/google/uuid"
)

// id is a key packed into 16 bytes.
type id [16]byte

// packUUID packs a key that is a UUID in just the form that [id.uuid] gives
// back, so that every key survives the way there and back.
func packUUID(key string) (id, bool) {
	if len(key) != 36 || strings.ContainsAny(key, "ABCDEF") {
		return id{}, false
	}
	u, err := uuid.Parse(key)
	return id(u), err == nil
}

// pack packs any key; text says that the key cannot be had back from the id.
func pack(key string) (packed id, text bool) {
	if packed, ok := packUUID(key); ok {
		return packed, false
	}
	binary.LittleEndian.PutUint64(packed[:], xxhash.Sum64String(key))
	binary.LittleEndian.PutUint64(packed[8:], xxhash.Sum64String("2"+key))
	return packed, true
}

func (i id) uuid() string { return uuid.UUID(i).String() }

// The odd constants of splitmix64; any that spread bits would do.
const (
	mixOne = 0xbf58476d1ce4e5b9
	mixTwo = 0x94d049bb133111eb
)

// scramble spreads ids over their range, so that every shard gets its share
// though UUIDs need not be random (version 7 begins with the time).
// unscramble gives the id back.
func (i id) scramble() id {
	high, low := binary.BigEndian.Uint64(i[:]), binary.BigEndian.Uint64(i[8:])
	low ^= mix(high, mixOne)
	high ^= mix(low, mixTwo)
	binary.BigEndian.PutUint64(i[:], high)
	binary.BigEndian.PutUint64(i[8:], low)
	return i
}

func (i id) unscramble() id {
	high, low := binary.BigEndian.Uint64(i[:]), binary.BigEndian.Uint64(i[8:])
	high ^= mix(low, mixTwo)
	low ^= mix(high, mixOne)
	binary.BigEndian.PutUint64(i[:], high)
	binary.BigEndian.PutUint64(i[8:], low)
	return i
}

func mix(x, odd uint64) uint64 {
	x *= odd
	return (x ^ bits.RotateLeft64(x, 32)) * odd
}
