// Package report words what a pipeline says of its streams, for the status page,
// /api/streams and the terminal.
package report
