// Package steer changes where the streams go on: it is behind the commands
// `offsets` and `publish-anew`. It plans a change by what the offsets topic holds,
// shows it, and makes it in a transaction under the stream's own transactional id,
// so that nobody writes in between.
//
// An instance that works the stream meanwhile would be fenced by that. So a change
// is refused while the consumer group of the replicas has members, and names them;
// with Force it is made all the same, by a plan of what the topic holds once the
// instance is fenced. A replica of `run` that is fenced while it
// holds the stream's lease opens the stream anew and goes on from the new cursor; a
// `sync` ends.
//
// Read [Cursors] first.
package steer
