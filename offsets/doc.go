// Package offsets keeps the cursors of all streams in one compacted Kafka
// topic, the offsets topic.
//
// The name is Kafka Connect's: it means the topic, not a position in one. What
// is kept for a stream is its cursor, an opaque JSON value that only the code
// which reads the stream understands.
//
// A record's key is "<connector>/<stream>" in UTF-8, e.g. "pylon/issues"; the
// connector's name lets several deployments share one topic. Its value is an
// [Entry] as JSON, readable with any Kafka tool. A tombstone (a record without
// a value) resets the stream.
//
// The service's cursors are not written here. [Store.Record] makes the record that
// the producer adds to the transaction which carries the stream's data, so that
// data and cursor are committed together or not at all. [Store.Load] reads a
// cursor back. Call it only after the stream's transactional id has been taken
// over (kgo's Client.ProducerID): from then on no predecessor can commit, and
// what Load sees is final.
//
// The topic may have any number of partitions. A key's partition is that of
// Kafka's default partitioner ([Partition]), so that a record written with any
// Kafka tool lands beside ours. Where partitions were added, a key may have records
// in several: the newest counts, and [Found] tells of the others.
//
// A person changes cursors in three steps: [Store.Read], a plan ([Contents.Set],
// [Contents.Reset], [Contents.Import]; [Change.String] shows before and after), and
// [Store.Apply], or [Store.Force] beside an instance that works. [Encode] and
// [Decode] are for a file of cursors. Which instances are at work tells
// [pylon-kafka/offsets/lease.Members].
//
// Topics are read by the package [pylon-kafka/offsets/topic].
//
// Read [Store] first.
package offsets
