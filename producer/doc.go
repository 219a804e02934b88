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
// Data goes one way, and so do the files: each group uses only those above it.
//
//   - errors.go, retry.go, config.go: what stays refused, and what is tried again
//   - status.go, document.go, record.go, keys.go, known.go: what is shown of a stream,
//     what stands in the offsets topic and in a record, what consumers have
//   - session.go, draft.go, safeguard.go, quarrel.go, memory.go, rules.go: a stream
//     that is open, and what of a batch is published in a transaction
//   - batch.go, state.go, metrics.go, outage.go, passlog.go, trace.go, part.go: what
//     readers emit, and what status, metrics, log and traces tell of it
//   - publish.go, wire.go, rebuild.go, open.go, committer.go, watch.go: from the taking
//     over of a transactional id to the one writer of a stream
//   - refreshreader.go, pollreader.go, reconcilereader.go, and lane.go with lanefetch.go,
//     parked.go, lanework.go: the ways to read; none of them knows Kafka's side or the view
//   - task.go, taskissues.go, taskchildren.go: one stream, session after session
//   - pipeline.go, then handover.go, replica.go, sync.go, reread.go: which streams are
//     open here
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
