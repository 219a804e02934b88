// Package extract reads the Pylon customer-support API: the streams that it
// offers, page by page, as raw JSON. It knows nothing of Kafka or Avro.
//
// Read [Stream] first: everything that tells one stream from another is data, in
// the one list that [Streams] returns. A [Client] then reads streams in three ways:
//
//   - [Client.Refresh] reads a whole list, across all its parents;
//   - [Issues] reads what changed since a cursor, in windows of the past and then
//     in live searches, and [Reconcile] lists every issue there is, to find those
//     that were deleted or missed;
//   - [Client.Children] reads the messages or threads of one issue.
//
// Each takes an [Ask], which says how urgent it is, how long to try what may pass,
// who is told of trouble, and who is given each record while its page is decoded.
//
// What callers can rely on:
//
//   - A page is whole or read again. An answer that is cut off, malformed, of a
//     proxy, or promises data and holds none never passes for an empty one.
//   - A list is complete if and only if it was read to its end without an error;
//     [Page.Doubtful] and [Page.Unread] say where that is still no proof that what was
//     not seen was deleted.
//   - Whatever passes (429, 5xx, timeouts, broken connections) is tried again for
//     as long as [Ask.Patience] says, with capped and jittered backoff, and can be
//     seen by [Ask.Trouble], in log and metrics. What does not pass is an *APIError or
//     [ErrImpossible]; retryable draws the line. One call has one patience, whatever
//     layer meets the trouble.
//   - No endpoint is asked more often than its limit in any 60 seconds, and
//     nearly that often if there is enough to ask. Background requests let
//     Foreground ones pass.
//   - Memory: with [Ask.Prepare] the raw JSON of one record at a time, and pages of at
//     most 16 MiB of JSON where the API lets us ask for fewer objects.
//   - Records are what the API sent: numbers keep their digits, unknown members
//     stay, and their Hash is the same in every process and version.
//   - Neither the token nor the query of a URL is in an error, log or metric.
//
// Nothing in this package sends anything but GET and POST …/search. Why it is as
// it is, is told in README.md.
//
// Facts about the API are from https://docs.usepylon.com/pylon-docs/developer/api
// (conventions, rate-limits, errors), from the OpenAPI document at
// https://static.usepylon.com/openapi.json, and from recorded answers.
package extract
