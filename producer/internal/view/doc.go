// Package view holds in memory what the consumers of one topic already have:
// for every key the content hash of its last committed record. A session
// rebuilds it from the topic when it opens, and changes it by what it has
// committed, so that the topic stays the only truth.
//
// A [View] has one of two shapes. In a [Flat] view an entry is found by its key
// and carries a mark of two bytes. In a view [ByParent] (the children of issues)
// an entry is found by its parent and its key, so that all children of one issue
// stand together, and a small index finds the other parents of a key.
//
// How it is stored: entries of one width, without pointers, sorted in shards of 6
// to 12 kB (table.go). The first bits of an entry choose its shard, and the first
// byte is not stored, since the shard says it. A flat entry takes 22 bytes: 15 of
// the key, 5 of the content hash, 2 of the mark. An entry by parent takes 27: 6 of
// the parent's hash, 16 of the key, 5 of the content hash; its place in the index
// 3 more. What Go's allocator and the room for growth add was measured at 3
// million objects by BenchmarkView: 23.7 bytes an object in all for a flat view,
// 31.5 for one by parent with three children each.
//
// The hashes are cut. That a change goes unseen has a chance of one in 10^12;
// that any two of a million issues are taken for one, of one in 10^5.
//
// Keys that are UUIDs in their usual form (lower case, with hyphens) are packed in
// 16 bytes; any other key is stored by a hash of 16 bytes, and as text beside it.
// All large streams of Pylon have UUIDs.
//
// [Misplaced] notes keys whose record stands in a partition to which it would not
// go today, because partitions were added to the topic since.
package view
