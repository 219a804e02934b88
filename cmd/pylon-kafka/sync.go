package main

import (
	"context"
	"errors"
	"maps"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"pylon-kafka/cmd/pylon-kafka/internal/cli"
	"pylon-kafka/cmd/pylon-kafka/internal/settings"
	"pylon-kafka/cmd/pylon-kafka/internal/terminal"
	"pylon-kafka/producer"
)

func newSyncCommand(a *app) *cobra.Command {
	var o *cli.Output
	cmd := &cobra.Command{
		Use:   "sync [STREAM...]",
		Short: "One pass over the chosen streams, then end",
		Long: `One pass over the named streams, or over those of PYLON_STREAMS, for a CronJob, a
backfill by hand or a test. It ends when each full-refresh stream had one pass,
issues are read up to the moment at which sync began, and messages and threads of
every issue published until then are read.

A stream that fails does not stop the others; the pass then ends with 1. One that
SIGINT or SIGTERM interrupts ends with 130 or 143; what it has read is committed.
The status page and the metrics are served only where HTTP_ADDR is set.`,
		Args:              cli.StreamArgs,
		ValidArgsFunction: cli.CompleteStreams(),
		RunE: func(cmd *cobra.Command, streams []string) error {
			return a.sync(cmd.Context(), streams, o)
		},
	}
	o = cli.OutputFlags(cmd)
	return cmd
}

// sync does one pass and prints what it did, also when it failed in part.
func (a *app) sync(ctx context.Context, streams []string, o *cli.Output) error {
	env := a.env
	if len(streams) > 0 {
		env = maps.Clone(env)
		env["PYLON_STREAMS"] = strings.Join(streams, ",")
	}
	cfg, err := a.loadService(ctx, env)
	if err != nil {
		return err
	}
	bars := terminal.NewProgress(a.stderr)
	log := cfg.Process.Logger(bars, terminal.IsTerminal(a.stderr))
	s, err := newService(ctx, cfg, env[settings.HTTPAddrName], log)
	if err != nil {
		return a.last(log, err)
	}
	err = s.do(ctx, func(ctx context.Context) error {
		telling, stop := context.WithCancel(ctx)
		var group errgroup.Group
		group.Go(func() error {
			s.tellWaiting(telling)
			return nil
		})
		err := bars.Follow(ctx, s.pipeline.Status, s.pipeline.Sync)
		stop()
		return errors.Join(err, group.Wait())
	})
	statuses := s.pipeline.Status()
	if stopped(ctx, err) {
		err = interruptedPass(ctx, statuses)
	}
	return a.last(log, errors.Join(err, a.printPass(statuses, o)))
}

// printPass prints what a pass did, a row a stream.
func (a *app) printPass(streams []producer.Status, o *cli.Output) error {
	if o.JSON {
		return terminal.PrintJSON(a.stdout, streams)
	}
	return terminal.WritePass(a.screen(o), streams)
}
