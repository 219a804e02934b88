// Package extract reads the Pylon customer-support API: the 15 streams that it
// offers, page by page, as raw JSON. It knows nothing of Kafka or Avro.
//
// Read Stream first: everything that tells one stream from another is data, in
// the one list that Streams returns. A Client then reads streams in three ways:
//
//   - Client.Refresh reads a whole list, across all its parents;
//   - Issues reads what changed since a cursor, in windows of the past and then
//     in live searches, and Sweep lists every issue there is, to find those that
//     are gone;
//   - Client.Children reads the messages or threads of one issue.
//
// What callers can rely on:
//
//   - A page is whole or read again. An answer that is cut off, malformed, of a
//     proxy, or promises data and holds none never passes for an empty one.
//   - A list is complete if and only if it was read to its end without an error.
//   - Whatever passes (429, 5xx, timeouts, broken connections) is tried again for
//     ever, with capped and jittered backoff, and can be seen in log and metrics.
//     What does not pass is an *APIError; retryable draws the line.
//   - No endpoint is asked more often than its limit in any 60 seconds, and
//     nearly that often if there is enough to ask. Background requests let
//     Foreground ones pass.
//   - Records are what the API sent: numbers keep their digits, unknown members
//     stay, and their Hash is the same in every process and version.
//   - Neither the token nor the query of a URL is in an error, log or metric.
//
// Nothing in this package sends anything but GET and POST …/search.
package extract
