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

// Is makes a signal an end of the context, since net/http returns the cause where
// others return the context's own error.
func (e signalError) Is(target error) bool { return target == context.Canceled }

// stopped reports whether err is that ctx ended before the work was done.
func stopped(ctx context.Context, err error) bool {
	return ctx.Err() != nil && errors.Is(err, context.Canceled)
}

// untilStopped is what a command returns that goes on until it is told to stop:
// then it has done its work.
func untilStopped(ctx context.Context, err error) error {
	if stopped(ctx, err) {
		return nil
	}
	return err
}

// interruptedError is that a command was stopped before it was done.
type interruptedError struct {
	text  string // how far it came, and what to do
	cause error  // why its context ended
	err   error  // what it returned; nil: nothing that is of use
}

// interruptedPass makes an interruptedError of a pass whose context ended.
func interruptedPass(ctx context.Context, streams []producer.Status) *interruptedError {
	done := 0
	for _, s := range streams {
		if s.State == producer.Done {
			done++
		}
	}
	return &interruptedError{
		text: fmt.Sprintf("%d of %d streams are done. What was read is committed; run sync again, and it goes on from there",
			done, len(streams)),
		cause: context.Cause(ctx),
	}
}

// interruptedCommand makes an interruptedError of what a command returned whose
// context ended.
func interruptedCommand(ctx context.Context, command string, err error) *interruptedError {
	e := &interruptedError{text: command + " is not done; it may be run again", cause: context.Cause(ctx), err: err}
	if text := err.Error(); text != context.Canceled.Error() && text != e.cause.Error() {
		e.text += ": " + text
	}
	return e
}

func (e *interruptedError) Error() string { return "interrupted: " + e.text }
func (e *interruptedError) Unwrap() error { return e.err }

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
		cut      *interruptedError
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
	case errors.As(err, &cut):
		return cut.code()
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
// does for every other command, unless LOG_FORMAT asks for a log there.
func (a *app) last(log *slog.Logger, err error) error {
	format, _ := a.env.Lookup("LOG_FORMAT")
	if err == nil || format == "" && terminal.IsTerminal(a.stderr) {
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
