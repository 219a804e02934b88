// Package producer copies Pylon's streams into Kafka, exactly once.
//
// Read [Pipeline] first: [Pipeline.Run] is the service, [Pipeline.Sync] one pass,
// and [Pipeline.Status] what it shows meanwhile.
//
// # What a consumer may rely on
//
// A consumer with isolation.level=read_committed
//
//   - sees every version of an object that was read once, in order by key, whatever
//     crashes in between: records and the cursor that follows them are committed in
//     one Kafka transaction;
//   - sees a tombstone for an object that is deleted, and only after a complete and
//     successful read that did not hold it;
//   - finds an object that cannot be published in the dead-letter topic, with its
//     JSON, in the same transaction.
//
// One rule makes the rest simple: read generously, publish what differs. A session
// keeps a view of what consumers have, rebuilt from the topic when the stream is
// opened and changed only by what was committed. So reading something twice is
// harmless, and reading too little is the only mistake.
//
// # How it is made
//
// Data goes one way. Each file uses only those above it in this list:
//
//   - status.go, state.go, metrics.go: what is shown of a stream, in one place
//   - outage.go, passlog.go, trace.go: what the log and traces tell of it
//   - record.go, document.go, keys.go: what stands in a record, and in the offsets topic
//   - batch.go, known.go: what readers emit, and what consumers have
//   - memory.go, quarrel.go, safeguard.go, rules.go: what of a batch is published
//   - wire.go, rebuild.go, session.go, publish.go: a stream that is open, from the
//     taking over of its transactional id to the closing of its client
//   - committer.go, watch.go: the one writer of a stream
//   - refreshreader.go, pollreader.go, reconcilereader.go, lane.go: the ways to read;
//     none of them knows Kafka's side or the view
//   - task.go, replica.go, pipeline.go: which streams are open here, again and again
//
// README.md says why it is made so.
//
// # Replicas
//
// Replicas of one deployment share the streams by the leases of package
// offsets/lease: replica.go opens and stops streams as leases come and go, fence.go
// says what being fenced means, handover.go tells of hand-overs and whose a stream
// is, syncgroup.go is the part of a sync.
//
// A hand-over costs what opening a stream costs, and of that nearly all is
// rebuilding the view from the stream's topic: some 20 µs of CPU time an object
// (TestRebuildSize, README.md), so that a stream of a million objects is with
// nobody for that much longer. Nothing is kept warm: the topic is the only truth,
// and reading it cannot be wrong. For streams that are too large for that the
// choice is a small compacted index topic, written in the same
// transactions (key, parent, hash: some 60 bytes an object), and not standbys
// that follow the streams: an index is read by whoever gets the stream, survives a
// restart of everything, and costs one more record in a transaction that is there
// anyhow; a standby costs the memory of a view and the reading of the whole topic
// in each replica that might get the stream, all the time, and does nothing for the
// first replica that comes up. The index is never trusted beyond the offset up to
// which its own records say that it goes: behind that, and where the topic was
// deleted, the topic is read.
//
// How to reach Pylon is package extract's, how a record becomes Avro package
// avro's, where cursors are kept package offsets'; the settings of the cluster are
// producer/connect's, topics producer/topics', the schema registry
// producer/registry's, and what run needs is checked by producer/preflight.
package producer
