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
// Data goes one way: from a reader by the committer into a transaction. The files
// in the order in which they are best read; what belongs together is in one group:
//
//   - errors.go, retry.go, config.go: what stays refused, and what is tried again
//   - status.go, document.go, cursor.go, record.go, keys.go, partition.go, known.go,
//     otherkeys.go: what is shown of a stream, what stands in the offsets topic and in
//     a record, where a key belongs, what consumers have
//   - schemastopic.go, sharedtopics.go, topickeeper.go, streammemory.go,
//     transactiontime.go, index.go, session.go, prepare.go, draft.go, safeguard.go,
//     baseline.go, quarrel.go, memory.go, rules.go, passparents.go: a stream that is
//     open, and what of a batch is published in a transaction
//   - batch.go, state.go, metrics.go, minutes.go, outage.go, passlog.go, trace.go,
//     part.go: what readers emit, and what status, metrics, log and traces tell of it
//   - publish.go, indexbase.go, schemas.go, registrar.go, wire.go, rebuild.go,
//     recall.go, others.go, open.go, committer.go, watch.go, registrywatch.go: from the
//     taking over of a transactional id to the one writer of a stream, and what is
//     looked at meanwhile
//   - refreshreader.go, doubts.go, pollreader.go, reconcilereader.go, and lane.go with
//     claims.go, queue.go, lanememory.go, lanefetch.go, laneahead.go, lanedoubt.go,
//     parked.go, lanework.go: the ways to read
//   - task.go, taskissues.go, taskchildren.go: one stream, session after session
//   - pipeline.go, registryfirst.go, then group.go, fence.go, handover.go, replica.go,
//     sync.go, syncgroup.go, reread.go: which streams are open here
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
// A hand-over costs what opening a stream costs, and of that nearly all is to learn
// what its topic holds: some 14 µs of CPU time an object (TestRebuildSize,
// README.md), so that a stream of a million objects would be with nobody for that
// much longer. So of a topic with 10,000 objects or more an index is kept in the
// index topic, some 30 bytes an object (index.go, indexbase.go; package
// internal/index says what stands there): a base, written in a transaction of its
// own, and deltas, which go along with the transactions of the stream. Whoever opens
// the stream reads the index and then only what the index does not know (recall.go).
//
// The topic stays the truth. The index is never trusted beyond the offsets up to
// which it says that it goes, and it says so only of offsets between which nobody
// else has written. Where the topic was deleted, begins later, ends earlier, or
// holds what is not ours, the index is not used, and the topic is read.
//
// How to reach Pylon is package extract's, how a record becomes Avro package
// avro's, where cursors are kept package offsets'; the settings of the cluster are
// producer/connect's, topics producer/topics', the schema registry
// producer/registry's, and what run needs is checked by producer/preflight.
package producer
