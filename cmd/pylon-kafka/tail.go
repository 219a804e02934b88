package main

import (
	"context"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"pylon-kafka/cmd/pylon-kafka/internal/cli"
	"pylon-kafka/cmd/pylon-kafka/internal/settings"
	"pylon-kafka/cmd/pylon-kafka/internal/tail"
	"pylon-kafka/cmd/pylon-kafka/internal/terminal"
)

// tailFlags are the flags of tail that are not options as they stand.
type tailFlags struct {
	tail.Options
	since  string
	offset int64
	json   bool // for scripts that ask every command for it
}

func newTailCommand(a *app) *cobra.Command {
	var o tailFlags
	cmd := &cobra.Command{
		Use:   "tail STREAM...",
		Short: "Read topics and print each record as one line of JSON",
		Long: `Reads the topics of streams (or offsets, deadletter, schemas), committed records
only and without a consumer group, decodes either framing of Avro in any layout,
and prints one line of JSON a record:

  {"key":"…","partition":0,"offset":7,"timestamp":"…","headers":{…},"value":{…}}

It prints nothing but JSON, with --json as without. A key in Avro is printed as the plain one. The value of a tombstone is null. With --value the line is the value alone. A
record that cannot be decoded has an "error" and its bytes as "raw" (base64).

Where it begins and ends:
  tail STREAM                        what is published from now on, until Ctrl-C
  tail STREAM -n N                   the last N records, then ends
  tail STREAM --from-beginning       everything and what follows, until Ctrl-C
  tail STREAM --from-beginning -n N  the first N records, then ends
  tail STREAM --since 1h             what was published since then
  tail STREAM --offset 4711          from that offset on; -20: the last 20
With --exit it also ends where the topic ended when it began. A key that is not
there ends it with 1; where it goes on until Ctrl-C it says so once, and waits for
the key. Of several streams, each line names its topic.

It needs the KAFKA_ and SCHEMA_REGISTRY_ settings only.`,
		Example: `  pylon-kafka tail issues -n 1 --value | jq .
  pylon-kafka tail issues --json --from-beginning | your-program
  pylon-kafka tail issue_messages --from-beginning --exit --key 1b0a2c1b-...`,
		Args:              cobra.MatchAll(cobra.MinimumNArgs(1), topicName),
		ValidArgsFunction: cli.CompleteStreams(tail.OwnTopics()...),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !cmd.Flags().Changed("lines") {
				o.Limit = -1
			}
			o.OnlyKey = cmd.Flags().Changed("key")
			if cmd.Flags().Changed("offset") {
				o.Offset = &o.offset
			}
			return a.tail(cmd.Context(), args, o)
		},
	}
	flags := cmd.Flags()
	flags.BoolVar(&o.FromBeginning, "from-beginning", false, "begin with the oldest record")
	flags.StringVar(&o.since, "since", "", "begin with what was published then: a `time` (2024-01-31T00:00:00Z) or how long ago (90m)")
	flags.Int64Var(&o.offset, "offset", 0, "begin at this offset of each partition; negative: before its end")
	cmd.MarkFlagsMutuallyExclusive("from-beginning", "since", "offset")
	flags.Int64VarP(&o.Limit, "lines", "n", 0, "end after so many records")
	flags.BoolVarP(&o.Exit, "exit", "e", false, "end at the end of the topic instead of waiting for more")
	flags.StringVar(&o.Key, "key", "", "only records with this key")
	flags.BoolVar(&o.json, "json", true, "print JSON, as it does anyway")
	flags.BoolVar(&o.Headers, "headers", true, "print the headers")
	flags.BoolVar(&o.Value, "value", false, "print the value alone")
	flags.BoolVar(&o.Merge, "merge", false, "put the fields of unmapped back in their places")
	return cmd
}

// tail prints a topic's records until what o asks for is done or ctx ends.
func (a *app) tail(ctx context.Context, streams []string, o tailFlags) error {
	if o.Limit < -1 || o.Limit == 0 {
		return cli.Usagef("-n must be 1 or more")
	}
	if !o.json {
		return cli.Usagef("--json=false: tail prints nothing but JSON")
	}
	since, err := sinceWhen(o.since, time.Now())
	if err != nil {
		return err
	}
	o.Since = since
	cfg, err := settings.Load[settings.Cluster](ctx, a.env)
	if err != nil {
		return err
	}
	process := settings.Process{}
	o.Log = process.Logger(a.stderr, terminal.IsTerminal(a.stderr))
	return untilStopped(ctx, tail.Run(ctx, &cfg.Producer, streams, o.Options, a.stdout))
}

// sinceWhen reads --since: a time, or how long before now.
func sinceWhen(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if ago, err := time.ParseDuration(text); err == nil && ago >= 0 {
		return now.Add(-ago), nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}, cli.Usagef("--since %s: want a time such as 2024-01-31T00:00:00Z, or how long ago, such as 90m", text)
	}
	return t, nil
}

// topicName accepts streams and the topics of our own.
func topicName(cmd *cobra.Command, args []string) error {
	return cli.StreamArgs(cmd, slices.DeleteFunc(slices.Clone(args), func(name string) bool {
		return slices.Contains(tail.OwnTopics(), name)
	}))
}
