// Package sandbox serves a made-up workspace of the Pylon API on a port, for a
// person: it prints what to paste, changes something now and then, and fails as it
// is told. The API itself is extract/extracttest's.
package sandbox
