package main

import (
	"context"
	"errors"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"pylon-kafka/cmd/pylon-kafka/internal/cli"
	"pylon-kafka/cmd/pylon-kafka/internal/settings"
	"pylon-kafka/cmd/pylon-kafka/internal/terminal"
)

// run executes one invocation of the program and returns what exitCode turns
// into an exit code. It ends soon after ctx does, with a nil error if it is a
// command that goes on until then and that was all that happened, and otherwise
// with an [interruptedError]. It is safe for concurrent use: it holds no state
// outside of its arguments.
func run(ctx context.Context, args []string, env settings.Environment, stdout, stderr io.Writer) error {
	a := &app{env: env, stdout: stdout, stderr: stderr}
	root, started := newRootCommand(a) //nolint:contextcheck // Commands get their context when they are executed.
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)

	cmd, err := root.ExecuteContextC(ctx)
	var usage *cli.UsageError
	switch {
	case err == nil:
		return nil
	case !*started, errors.As(err, &usage):
		// Either cobra itself refused (an unknown command, a flag, the arguments), or the command did.
		return cli.Usagef("%w\nTry: %s --help", err, cmd.CommandPath())
	case stopped(ctx, err):
		return interruptedCommand(ctx, cmd.CommandPath(), err)
	default:
		return err
	}
}

// newRootCommand makes the command tree. started becomes true as soon as a
// subcommand's own work begins, which tells its errors from those of usage.
func newRootCommand(a *app) (root *cobra.Command, started *bool) {
	started = new(bool)
	root = &cobra.Command{
		Use:           "pylon-kafka",
		Short:         "Copies the streams of the Pylon API into Kafka, exactly once",
		Long:          rootLong,
		Version:       buildInfo().String(),
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.SetVersionTemplate("pylon-kafka {{.Version}}\n")
	root.AddCommand(
		newRunCommand(a),
		newSyncCommand(a),
		newCheckCommand(a),
		newDemoCommand(a),
		newSandboxCommand(a),
		newTailCommand(a),
		newRereadCommand(a),
		newPublishAnewCommand(a),
		newOffsetsCommand(a),
		newStreamsCommand(a),
		newSchemasCommand(a),
		newConfigCommand(a),
		newVersionCommand(a),
		newManCommand(a),
	)
	root.SetUsageTemplate(strings.ReplaceAll(root.UsageTemplate(), ".FlagUsages ", ".FlagUsagesWrapped 80 "))
	finish(root, started)
	return root, started
}

// finish does what all commands need to cmd and those below it.
func finish(cmd *cobra.Command, started *bool) {
	cmd.Long = terminal.Fill(cmd.Long, 80)
	if work := cmd.RunE; work != nil {
		cmd.RunE = func(cmd *cobra.Command, args []string) error {
			*started = true // nothing that cobra checks comes after this
			return work(cmd, args)
		}
	}
	for _, below := range cmd.Commands() {
		finish(below, started)
	}
}

const rootLong = `pylon-kafka reads the streams of the Pylon customer-support API and publishes
each to its own Kafka topic as Avro. Records and cursor are committed in one
transaction, so that a read_committed consumer sees every version of every
object once, whatever crashes in between.

Settings come from the environment; "pylon-kafka config" lists them. Nothing at
hand? "pylon-kafka demo" needs no Pylon, no Kafka and no settings.

Exit codes: 0 done, or stopped on request; 1 failed; 2 bad usage or settings;
3 Pylon refused the token; 4 another instance took over; 130 or 143: SIGINT or
SIGTERM interrupted it before it was done, which run, tail, sandbox and
demo --keep never are.`
