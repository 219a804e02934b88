package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"syscall"

	"pylon-kafka/cmd/pylon-kafka/internal/cli"
	"pylon-kafka/cmd/pylon-kafka/internal/settings"
	"pylon-kafka/cmd/pylon-kafka/internal/terminal"
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
	exitInterrupted  = 128 // and the number of the signal, as a shell has it
)

// signalError is the cause of a context that a signal has ended.
type signalError struct{ signal os.Signal }

func (e signalError) Error() string { return "stopped by " + e.signal.String() }

// interruptedError is that a pass was stopped before it was done.
type interruptedError struct {
	done, all int // streams
	cause     error
}

// interrupted makes an interruptedError for a pass whose context ended.
func interrupted(ctx context.Context, streams []producer.Status) *interruptedError {
	e := &interruptedError{all: len(streams), cause: context.Cause(ctx)}
	for _, s := range streams {
		if s.State == producer.Done {
			e.done++
		}
	}
	return e
}

func (e *interruptedError) Error() string {
	return fmt.Sprintf("interrupted: %d of %d streams are done. What was read is committed; run sync again, and it goes on from there", e.done, e.all)
}

// code is the exit code: that of SIGINT where no signal is known.
func (e *interruptedError) code() int {
	var cause signalError
	if errors.As(e.cause, &cause) {
		if s, ok := cause.signal.(syscall.Signal); ok {
			return exitInterrupted + int(s)
		}
	}
	return exitInterrupted + int(syscall.SIGINT)
}

// exitCode says with which code the process ends for what run returned. Being
// fenced and being refused outrank the other errors of a joined one, since a
// restart mends neither.
func exitCode(err error) int {
	var (
		usage    *cli.UsageError
		problems settings.Problems
		stopped  *interruptedError
	)
	switch {
	case err == nil:
		return exitDone
	case errors.As(err, &usage), errors.As(err, &problems):
		return exitUsage
	case errors.Is(err, extract.ErrUnauthorized):
		return exitUnauthorized
	case errors.Is(err, producer.ErrTakenOver):
		return exitFenced
	case errors.As(err, &stopped):
		return stopped.code()
	default:
		return exitFailed
	}
}

// loggedError is an error that the log has as its last record.
type loggedError struct{ error }

func (e loggedError) Unwrap() error { return e.error }

func isLogged(err error) bool {
	var logged loggedError
	return errors.As(err, &logged)
}

// last makes the error with which run or sync ends the last record of the log, so
// that whatever collects the log has it too. On a terminal main prints it, as it
// does for every other command.
func (a *app) last(log *slog.Logger, err error) error {
	if err == nil || terminal.IsTerminal(a.stderr) {
		return err
	}
	log.Error("ended", "error", err, "exit_code", exitCode(err))
	return loggedError{err}
}

// loadService reads the settings of run or sync from env. What is wrong with them
// is the last record of the log, too.
func (a *app) loadService(ctx context.Context, env settings.Environment) (settings.Config, error) {
	cfg, err := settings.Load[settings.Config](ctx, env)
	return cfg, a.last(cfg.Process.Logger(a.stderr, false), err)
}
