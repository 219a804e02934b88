// Package index says what stands in the index topic: of a stream whose topic holds
// much, all that a session would else learn from reading the whole topic, in some
// 30 bytes an object instead of kilobytes.
//
// It is a base and what has changed since. The base is the entries of a view,
// cut into chunks, which are written in one transaction. A delta is what some
// transactions have changed. A [Head] says which chunks and deltas belong together
// (their generation), and up to which offsets of the stream's topic they know it:
// what stands behind those is read from the topic. So an index that is old costs
// time and nothing else. One that does not fit the topic is not used.
//
// In the topic, heads stand in partition 0, which is read whole; chunks and deltas
// stand in another, and are read from the base's first on. Keys are used again by
// later generations, so that compaction leaves one.
//
// Nothing here is safe for concurrent use.
package index
