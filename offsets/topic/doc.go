// Package topic reads Kafka topics without a consumer group: cursors, what a
// stream's topic holds, the queue of issues, and what a person wants to see are
// all read here, so that there is one answer to "where does the topic end".
//
// [Find] says what a topic is like now: its id, its partitions, and three ends of
// each ([Ends]): where it starts, the last stable offset, and where it is written
// up to. [Read] calls a function for every committed record of a range and
// returns. [Open] makes a [Reader], which goes on for as long as it is asked.
//
// Which end to choose. Records at or behind the last stable offset ([Stable]) may
// still be aborted. One open transaction, whoever's it is, holds it back, and it
// trails a commit that was already answered by a moment, since the markers are
// written afterwards (KIP-98, "EndTxnRequest"). So whoever must see what another producer has committed
// reads up to what is [Written] and waits for the transactions that are open
// there to end, which takes no longer than their timeout. Stable is for those who
// would rather not wait.
//
// Transaction markers (control records, KIP-98) take up offsets as records do, and the last offset before
// an end usually is one. So they are asked for and counted, and not shown; to wait
// for a record at the end would be to wait for ever.
//
// What goes wrong is told within a bounded time and by a value: [ErrAbsent],
// [ErrRecreated], [ErrPartitionsAdded], [ErrNoLeader], [ErrOutOfRange],
// [ErrStalled]. Every error names the topic, and the partition where it is about
// one ([PartitionError]).
//
// Read [Find] first.
package topic
