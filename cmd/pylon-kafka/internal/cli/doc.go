// Package cli is what several commands have alike of their command lines: errors
// of usage, names of streams as arguments, and flags that choose a form of output.
// Nothing in it holds state of its own: it is safe for concurrent use.
package cli
