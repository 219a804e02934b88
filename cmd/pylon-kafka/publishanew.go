package main

import (
	"pylon-kafka/cmd/pylon-kafka/internal/cli"

	"github.com/spf13/cobra"
)

func newPublishAnewCommand(a *app) *cobra.Command {
	var o *changeFlags
	cmd := &cobra.Command{
		Use:   "publish-anew STREAM...",
		Short: "Have everything published once more that a topic should hold",
		Long: `Has the next pass of each named stream publish everything once more that its topic
should hold, without deleting the topic: for a topic that lost records, or whose
records a consumer cannot read together with those that are written now (another
schema registry, another layout, another form of keys). What Pylon has no more
still gets its tombstones.

It changes the stream's cursor, as "offsets" does, and needs the KAFKA_ settings
and CONNECTOR_NAME only. Run it, then sync, or start run again. Consumers see every
object once more; records from before stay until the topic is compacted.`,
		Args:              cli.AtLeastOneStream,
		ValidArgsFunction: cli.CompleteStreams(),
		RunE: func(cmd *cobra.Command, streams []string) error {
			cursors, err := a.cursors(cmd.Context())
			if err != nil {
				return err
			}
			return a.changeCursors(cmd.Context(), cursors, o, cursors.Anew(streams...))
		},
	}
	o = newChangeFlags(cmd)
	return cmd
}
