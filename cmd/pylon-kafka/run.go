package main

import (
	"context"

	"github.com/spf13/cobra"

	"pylon-kafka/cmd/pylon-kafka/internal/terminal"
)

func newRunCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "run",
		Short: "The service: publish all chosen streams until SIGTERM or SIGINT",
		Long: `Publishes every chosen stream, first what there is and then what changes, until
SIGTERM or SIGINT. The transactions under way end first; a second signal kills.

HTTP_ADDR (default :8080) serves a status page at /, /healthz, /readyz, /metrics
and /api/streams.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx := cmd.Context()
			cfg, err := a.loadService(ctx, a.env)
			if err != nil {
				return err
			}
			log := cfg.Process.Logger(a.stderr, terminal.IsTerminal(a.stderr))
			s, err := newService(ctx, cfg, cfg.Process.HTTPAddr, log)
			if err != nil {
				return a.last(log, err)
			}
			b := buildInfo()
			log.Info("starting", "version", b.Version, "commit", b.Commit)
			if err := untilStopped(ctx, s.do(ctx, s.pipeline.Run)); err != nil {
				return a.last(log, err)
			}
			log.Info("stopped", "signal", context.Cause(ctx))
			return nil
		},
	}
}
