//go:build !unix

package demo

// lockFile does nothing where there are no file locks of Unix: two demos on one
// folder are then the user's to avoid.
func lockFile(string) (unlock func(), err error) { return func() {}, nil }
