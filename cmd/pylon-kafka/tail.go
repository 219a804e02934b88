package main

import (
	"context"
	"errors"
	"slices"

	"github.com/spf13/cobra"

	"pylon-kafka/cmd/pylon-kafka/internal/settings"
	"pylon-kafka/cmd/pylon-kafka/internal/tail"
	"pylon-kafka/producer"
)

// tailConfig is what tail needs: the cluster and the schema registry, no token.
type tailConfig struct {
	Producer producer.Config
}

// Validate reports every setting that cannot work, joined.
func (c *tailConfig) Validate() error { return c.Producer.Validate() }

func newTailCommand(a *app) *cobra.Command {
	var o tail.Options
	cmd := &cobra.Command{
		Use:   "tail STREAM",
		Short: "Read a stream's topic and print each record as one line of JSON",
		Long: `Reads the topic of a stream (or offsets, deadletter, schemas), committed records
only and without a consumer group, decodes either framing of Avro, and prints one
line of JSON a record:

  {"key":"…","partition":0,"offset":7,"timestamp":"…","headers":{…},"value":{…}}

The value of a tombstone is null. With --value the line is the value alone. A
record that cannot be decoded has an "error" and its bytes as "raw" (base64).

Where it begins and ends:
  tail STREAM                        what is published from now on, until Ctrl-C
  tail STREAM -n N                   the last N records, then ends
  tail STREAM --from-beginning       everything and what follows, until Ctrl-C
  tail STREAM --from-beginning -n N  the first N records, then ends
With --exit it also ends where the topic ended when it began.

It needs the KAFKA_ and SCHEMA_REGISTRY_ settings only.`,
		Example: `  pylon-kafka tail issues -n 1 --value | jq .
  pylon-kafka tail issue_messages --from-beginning --exit --key 1b0a2c1b-...`,
		Args:              cobra.MatchAll(cobra.ExactArgs(1), topicName),
		ValidArgsFunction: completeTopics,
		RunE: func(cmd *cobra.Command, args []string) error {
			if !cmd.Flags().Changed("lines") {
				o.Limit = -1
			}
			o.OnlyKey = cmd.Flags().Changed("key")
			return a.tail(cmd.Context(), args[0], o)
		},
	}
	flags := cmd.Flags()
	flags.BoolVar(&o.FromBeginning, "from-beginning", false, "begin with the oldest record")
	flags.Int64VarP(&o.Limit, "lines", "n", 0, "end after so many records")
	flags.BoolVarP(&o.Exit, "exit", "e", false, "end at the end of the topic instead of waiting for more")
	flags.StringVar(&o.Key, "key", "", "only records with this key")
	flags.BoolVar(&o.Headers, "headers", true, "print the headers")
	flags.BoolVar(&o.Value, "value", false, "print the value alone")
	flags.BoolVar(&o.Merge, "merge", false, "put the fields under `unmapped` back in their places")
	return cmd
}

// tail prints a topic's records until what o asks for is done or ctx ends.
func (a *app) tail(ctx context.Context, stream string, o tail.Options) error {
	if o.Limit < -1 || o.Limit == 0 {
		return &usageError{errors.New("-n must be 1 or more")}
	}
	cfg, err := settings.Load[tailConfig](ctx, a.env)
	if err != nil {
		return err
	}
	return tail.Run(ctx, &cfg.Producer, stream, o, a.stdout)
}

// topicName accepts streams and the topics of our own.
func topicName(cmd *cobra.Command, args []string) error {
	if slices.Contains(tail.OwnTopics(), args[0]) {
		return nil
	}
	return streamNames(cmd, args)
}

func completeTopics(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return append(allStreamNames(), tail.OwnTopics()...), cobra.ShellCompDirectiveNoFileComp
}
