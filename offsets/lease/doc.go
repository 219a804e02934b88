// Package lease tells which replica owns which partitions of the offsets topic,
// and with them the streams whose cursors they hold. Read [Member] first.
//
// Each replica is a member of one Kafka consumer group that subscribes to the
// offsets topic and fetches nothing from it: the group's coordinator notices who
// has ended, and the members' cooperative-sticky assignor (KIP-429) shares the
// partitions out. Nothing here elects or assigns. Membership is dynamic (no instance id, KIP-345), so
// that a replica which leaves is missed at once and not after the session timeout.
//
// # Why nothing is lost or repeated
//
// A lease says who should work a stream, never who may write: that is decided by
// the stream's transactional id. Opening a stream takes the id, which fences the
// owner before, ends its open transaction, and only then is the cursor read; and
// every record is written in a transaction together with the cursor behind it. So
// whatever the order of events, a record counts with its cursor or not at all, and
// the next owner goes on behind the last that counts:
//
//   - Assigned before the old owner has stopped (it took longer than it may, or
//     was thought dead): the new owner's opening ends the old one's transaction.
//     Either the old commit came first, and the new owner reads its cursor; or it
//     comes later, and is refused.
//   - Lost while a transaction is being committed: the commit reaches the
//     transaction's coordinator before the next owner's opening, and counts, or
//     after it, and is refused. Cancelling the wait for the answer changes nothing.
//   - Two believe that they own (one was cut off from the group's coordinator, or
//     stood still for longer than the session): the one that opened last can
//     write. The other is fenced at its next write, asks [Member.Holds] and stops,
//     since the coordinator no longer knows it.
//   - Fenced, and Holds says yes: the transaction outlived its timeout, or another
//     program uses the same transactional ids. The owner opens the stream anew.
//
// A replica that does not hear the coordinator for the session timeout gives up
// what it holds by itself, so that it says that it is out, and does not go on
// against the next owner until it is fenced. Where the coordinator did not notice
// the silence, the next round of the group gives back what was held.
//
// Without the lease, all of this would hold as well, and the streams would go
// back and forth between replicas: the lease is for peace, the fence for truth.
//
// # Who may be in the group
//
// The group is for the replicas of one deployment. Members agree on an assignor by
// name, and ours has the offsets topic in its name, so that the broker refuses a
// member that does not belong: another program, or a deployment with another
// offsets topic. [Join] looks before, too, and names whom it found ([ErrForeign]).
// What is left is a program that speaks the newer protocol (KIP-848): a broker of
// Kafka 4 lets it in beside us unless its group.consumer.migration.policy is
// disabled. It takes partitions whose streams then stand still; [Member.Err] names it.
package lease
