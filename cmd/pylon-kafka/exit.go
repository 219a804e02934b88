package main

import (
	"errors"

	"pylon-kafka/cmd/pylon-kafka/internal/demo"
	"pylon-kafka/cmd/pylon-kafka/internal/settings"
	"pylon-kafka/extract"
	"pylon-kafka/producer"
)

// The exit codes that scripts may rely on.
const (
	exitDone         = 0
	exitFailed       = 1
	exitUsage        = 2
	exitUnauthorized = 3
	exitFenced       = 4
)

// usageError marks what the caller of the program got wrong: arguments or
// flags. Nothing outside of the process was touched when it is returned.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

// exitCode says with which code the process ends for what run returned. Being
// fenced and being refused outrank the other errors of a joined one, since a
// restart mends neither.
func exitCode(err error) int {
	var (
		usage    *usageError
		problems settings.Problems
		size     *demo.SizeError
	)
	switch {
	case err == nil:
		return exitDone
	case errors.As(err, &usage), errors.As(err, &problems), errors.As(err, &size):
		return exitUsage
	case errors.Is(err, extract.ErrUnauthorized):
		return exitUnauthorized
	case errors.Is(err, producer.ErrFenced):
		return exitFenced
	default:
		return exitFailed
	}
}
