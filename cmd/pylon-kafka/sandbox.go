package main

import (
	"github.com/spf13/cobra"

	"pylon-kafka/cmd/pylon-kafka/internal/sandbox"
	"pylon-kafka/cmd/pylon-kafka/internal/settings"
	"pylon-kafka/cmd/pylon-kafka/internal/terminal"
	"pylon-kafka/extract/extracttest"
)

func newSandboxCommand(a *app) *cobra.Command {
	var o sandbox.Options
	cmd := &cobra.Command{
		Use:   "sandbox",
		Short: "Serve a sandbox of the Pylon API on a port",
		Long: `Serves a Pylon workspace that is made up from a seed: pages, filters, rate limits
and errors as the real API has them. It prints the settings to paste for a
pylon-kafka that reads it, and requests that change something in it. What is
changed is lost when it ends.

--fault lets it fail as real ones were seen to fail, from its start until it ends
or the fault is taken back (DELETE /_sandbox/fail):

` + sandbox.FaultHelp(),
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			process := settings.Process{}
			ctx, log := cmd.Context(), process.Logger(a.stderr, terminal.IsTerminal(a.stderr))
			return untilStopped(ctx, sandbox.Serve(ctx, o, a.stdout, log))
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&o.Addr, "addr", "127.0.0.1:8090", "address to listen on; port 0 takes a free one")
	flags.IntVar(&o.API.Issues, "issues", 1000, "number of issues")
	flags.Int64Var(&o.API.Seed, "seed", 1, "what the workspace is made up from")
	flags.IntVar(&o.API.IssueBytes, "issue-bytes", 2400, "mean size of an issue; of a real workspace it was 7200")
	flags.StringArrayVar(&o.Faults, "fault", nil, "a `NAME` or NAME=ARGUMENT of those above; may be given more than once")
	flags.TextVar(&o.API.LimitWindow, "limiter", extracttest.LimitSliding, "how requests are counted, a `KIND`: sliding or aligned minutes, or a bucket as the live API seems to have")
	flags.BoolVar(&o.NoLimits, "no-limits", false, "no rate limits, instead of the documented ones")
	flags.DurationVar(&o.API.Latency, "latency", 0, "added to every answer, e.g. 200ms")
	flags.DurationVar(&o.API.SearchLag, "search-lag", 0, "how long after a change the issue search shows it")
	flags.StringVar(&o.API.Token, "token", "", "the only token to accept; any, if left out")
	flags.DurationVar(&o.Mutate, "mutate", 0, "change something by chance this often, e.g. 5s; never, if left out")
	return cmd
}
