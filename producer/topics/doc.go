// Package topics makes and looks at the topics that we write to.
//
// A [Spec] says what a topic must be like; [Ensure] creates those that are
// missing and says of each what it is like and, in [Topic.Warnings], what of it
// loses data or refuses records. [Describe] does the same without creating, for
// a second look while the service runs: whatever is read once when a stream is
// opened can be changed by anybody at any time.
//
// An existing topic is taken as it is, apart from one that must be compacted. A
// cluster may refuse what we ask for (managed ones limit the size of messages,
// the retention, the replication factor): then the topic is asked for with less,
// in the one respect that does, and the topic's warnings say what that means.
//
// Errors are an [*Error] a topic, joined. [Final] says whether trying again is
// of no use until somebody does something.
//
// Read [Spec] first.
package topics
