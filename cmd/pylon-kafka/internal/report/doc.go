// Package report words what a pipeline says of its streams, for the status page
// and the terminal: the same stream is called the same in both. Nothing in it
// keeps state.
package report
