package main

import (
	"context"
	"errors"
	"maps"
	"strings"

	"github.com/spf13/cobra"

	"pylon-kafka/cmd/pylon-kafka/internal/cli"
	"pylon-kafka/cmd/pylon-kafka/internal/settings"
	"pylon-kafka/cmd/pylon-kafka/internal/terminal"
	"pylon-kafka/producer"
)

func newRereadCommand(a *app) *cobra.Command {
	var o *cli.Output
	cmd := &cobra.Command{
		Use:   "reread ISSUE...",
		Short: "Read issues and their children now",
		Long: `Reads the named issues and their messages and threads now, whatever a poll would
find, and publishes what differs from what the topics hold. An issue is named by
its id or its number; one that was deleted, by its id, and it and its children get
their tombstones. Of the streams that PYLON_STREAMS names only these are worked.

It refuses to begin while another instance works the streams, and names it.`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, issues []string) error {
			return a.reread(cmd.Context(), issues, o)
		},
	}
	o = cli.OutputFlags(cmd)
	return cmd
}

// reread reads issues again and prints what that did, also when it failed in part.
func (a *app) reread(ctx context.Context, issues []string, o *cli.Output) error {
	cfg, err := a.loadService(ctx, a.env)
	if err != nil {
		return err
	}
	var streams []string
	for _, s := range cfg.Extract.ChosenStreams() {
		if producer.ReadsIssues(s) {
			streams = append(streams, s.Name)
		}
	}
	if len(streams) == 0 {
		return cli.Usagef("reread: PYLON_STREAMS names neither issues nor a stream of their children")
	}
	env := maps.Clone(a.env)
	env["PYLON_STREAMS"] = strings.Join(streams, ",")
	if cfg, err = settings.Load[settings.Config](ctx, env); err != nil {
		return err
	}
	s, err := newService(ctx, cfg, "", cfg.Process.Logger(a.stderr, terminal.IsTerminal(a.stderr)))
	if err != nil {
		return err
	}
	err = s.do(ctx, func(ctx context.Context) error { return s.pipeline.Reread(ctx, issues) })
	return errors.Join(err, a.printPass(s.pipeline.Status(), o))
}
