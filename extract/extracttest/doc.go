// Package extracttest is a sandbox of the Pylon API: a server over real HTTP that
// answers like https://api.usepylon.com, for the tests of every package, for
// pylon-kafka sandbox and for pylon-kafka demo. It is not a mock: it has its own
// data, paginates, filters, counts requests against the documented limits, and
// fails on request. Read [Options] first, then [API]; [Fault] and [API.FailByName]
// are how a test lets it fail; [UnusedAddress] is where nobody answers.
//
// Everything is decided by [Options.Seed]. Issues, messages and threads are
// computed when somebody asks, from the seed and an index that their ids carry,
// so that a million of them take no memory; only what was changed since the start
// is held. The same seed, Start and Now make the same objects.
//
// The data changes by methods such as [API.UpdateIssue], by [API.Mutate], and by
// the real API's own verbs (PATCH, DELETE, …). Every change makes a version that
// differs from all others of its object, and [API.History] tells them all. What
// exists now is told by [API.Objects]. Whoever compares what was read with that
// compares what [Normalize] makes of both, since counters of time and signatures
// of URLs differ from answer to answer.
//
// Where it is not documented how the real API behaves, an option chooses:
// inclusive or exclusive bounds, sliding or aligned minutes or a bucket of tokens,
// how long the search index lags, whether a message moves its issue's updated_at.
// GET /issues and the lists are answered newest first. Objects and headers have
// the shape of the live answers that were published in October 2026.
//
// All methods of [API] are safe for concurrent use. Nothing here is made for the open
// internet: below /_sandbox/ anybody may change the data.
package extracttest
