// Package producer copies Pylon's streams into Kafka, exactly once.
//
// It owns the loop and the transaction. One [Pipeline] holds a task for each
// chosen stream; a task takes over its transactional id, which fences any
// predecessor, reads its cursor and what its topic already holds, and then
// repeats: fetch a page, encode what of it is new or changed, publish that and
// the cursor that follows in one Kafka transaction, wait. Read task.go first
// (run, copy, open), then publish.go.
//
// What it guarantees to a consumer with isolation.level=read_committed:
//
//   - every version of an object that was read is seen once, in order by key,
//     whatever crashes in between: records and cursor are committed together;
//   - a tombstone is published for an object that is gone, and only after a
//     complete and successful read that did not hold it;
//   - an object that cannot be encoded is in the dead-letter topic, with its raw
//     JSON, in the same transaction.
//
// One rule makes the rest simple: read generously, publish what differs. A task
// keeps a view of what consumers have (view.go), rebuilt from the topic at every
// start and changed only by what was committed. So reading something twice is
// harmless, and reading too little is the only mistake.
//
// Sources read: refresh.go for the streams that are lists, issues.go for issues,
// children.go and lanes.go for messages and threads, which are driven by the
// issues topic.
//
// How to reach Pylon is package extract's, how a record becomes Avro package
// avro's, and where cursors are kept package offsets'.
package producer
