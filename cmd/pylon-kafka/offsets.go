package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"pylon-kafka/cmd/pylon-kafka/internal/cli"
	"pylon-kafka/cmd/pylon-kafka/internal/report"
	"pylon-kafka/cmd/pylon-kafka/internal/settings"
	"pylon-kafka/cmd/pylon-kafka/internal/terminal"
	"pylon-kafka/offsets"
	"pylon-kafka/producer/steer"
)

func newOffsetsCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "offsets",
		Short: "Show and change where the streams go on",
		Long: `Shows and changes the cursors of the streams in the offsets topic. A change is
shown as before and after; --dry-run only shows it. It is made in a transaction
under the stream's own transactional id, and refused while the group of the
replicas (KAFKA_GROUP_ID) has members, which it names.

--force changes it all the same. Who works the stream is fenced by that: a replica
of run opens it anew and goes on from the new cursor, a sync ends with 4.

What a topic holds is compared with what is read: to read once more publishes only
what differs. "publish-anew" publishes everything. They need the KAFKA_ settings
and CONNECTOR_NAME only.`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return cli.Usagef("offsets needs to know what: list, set, reset, export or import")
		},
	}
	cmd.AddCommand(newOffsetsListCommand(a), newOffsetsSetCommand(a), newOffsetsResetCommand(a), newOffsetsExportCommand(a), newOffsetsImportCommand(a))
	return cmd
}

// cursors reads the settings that steering needs.
func (a *app) cursors(ctx context.Context) (*steer.Cursors, error) {
	cfg, err := settings.Load[settings.Cluster](ctx, a.env)
	if err != nil {
		return nil, err
	}
	return steer.New(&cfg.Producer)
}

func newOffsetsListCommand(a *app) *cobra.Command {
	var o *cli.Output
	cmd := &cobra.Command{
		Use:               "list [STREAM...]",
		Short:             "List the cursors",
		Args:              cli.StreamArgs,
		ValidArgsFunction: cli.CompleteStreams(),
		RunE: func(cmd *cobra.Command, streams []string) error {
			return a.listOffsets(cmd.Context(), streams, o)
		},
	}
	o = cli.OutputFlags(cmd)
	return cmd
}

// cursorReport is the cursor of one stream as `offsets list -o json` prints it.
type cursorReport struct {
	Stream    string          `json:"stream"`
	Cursor    json.RawMessage `json:"cursor"` // null: it begins anew
	Records   int64           `json:"records"`
	UpdatedAt time.Time       `json:"updated_at,omitzero"`
	Error     string          `json:"error,omitempty"` // why it cannot be read
}

func (a *app) listOffsets(ctx context.Context, streams []string, o *cli.Output) error {
	cursors, err := a.cursors(ctx)
	if err != nil {
		return err
	}
	now, err := cursors.Read(ctx)
	if err != nil {
		return err
	}
	if len(streams) == 0 {
		streams = cli.Streams()
	}
	reports := make([]cursorReport, 0, len(streams))
	t := terminal.NewTable(terminal.Column{Title: "STREAM"}, terminal.Column{Title: "WRITTEN"},
		terminal.Column{Title: "RECORDS", Right: true}, terminal.Column{Title: "CURSOR", Cut: true})
	for _, stream := range streams {
		found := now.Streams[stream]
		r := cursorReport{Stream: stream, Cursor: found.Entry.Cursor, Records: found.Entry.Records, UpdatedAt: found.Entry.UpdatedAt}
		written, text := "-", "none: it begins anew"
		switch {
		case found.Err != nil && !errors.Is(found.Err, offsets.ErrNoCursor):
			r.Error, text = found.Err.Error(), found.Err.Error()
		case r.Cursor != nil:
			written, text = r.UpdatedAt.UTC().Format(time.RFC3339), string(r.Cursor)
		}
		reports = append(reports, r)
		t.Add(stream, written, report.Count(r.Records), text)
	}
	if o.JSON {
		return terminal.PrintJSON(a.stdout, reports)
	}
	return t.Write(a.screen(o))
}

func newOffsetsExportCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:               "export [STREAM...]",
		Short:             "Print the cursors as lines of JSON",
		Long:              `Prints the cursors that there are, of all streams or of those that are named, a line of JSON each, as "offsets import" reads them.`,
		Args:              cli.StreamArgs,
		ValidArgsFunction: cli.CompleteStreams(),
		RunE: func(cmd *cobra.Command, streams []string) error {
			cursors, err := a.cursors(cmd.Context())
			if err != nil {
				return err
			}
			now, err := cursors.Read(cmd.Context())
			if err != nil {
				return err
			}
			entries := make(map[string]offsets.Entry)
			for stream, found := range now.Streams {
				switch {
				case len(streams) > 0 && !slices.Contains(streams, stream), errors.Is(found.Err, offsets.ErrNoCursor):
				case found.Err != nil:
					return found.Err
				default:
					entries[stream] = found.Entry
				}
			}
			return offsets.Encode(a.stdout, entries)
		},
	}
}

func newOffsetsImportCommand(a *app) *cobra.Command {
	var o *changeFlags
	cmd := &cobra.Command{
		Use:   "import FILE",
		Short: `Put cursors in place that "offsets export" has printed`,
		Long: `Reads lines of JSON from a file, or from standard input where it is -, and puts the
cursors in place. Streams that are not among them keep what they have. A line that
is no cursor of a stream is an error, and then nothing is changed.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			entries, err := readCursors(cmd.InOrStdin(), args[0])
			if err != nil {
				return &cli.UsageError{Err: err}
			}
			return a.change(cmd.Context(), o, steer.Import(entries))
		},
	}
	o = newChangeFlags(cmd)
	return cmd
}

// readCursors reads what export has printed from a file, or from stdin for "-".
func readCursors(stdin io.Reader, name string) (map[string]offsets.Entry, error) {
	in := stdin
	if name != "-" {
		file, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer func() { _ = file.Close() }() // it was only read
		in = file
	}
	entries, err := offsets.Decode(in, cli.Streams())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return entries, nil
}

func newOffsetsResetCommand(a *app) *cobra.Command {
	var o *changeFlags
	all := false
	cmd := &cobra.Command{
		Use:   "reset STREAM...",
		Short: "Forget the cursors of streams, so that they begin anew",
		Long: `Forgets the cursors of the named streams, or of all with --all: everything is read
once more from PYLON_START_DATE on, and compared with what the topic holds. Only
what differs is published; "publish-anew" publishes everything.`,
		Args:              cli.StreamArgs,
		ValidArgsFunction: cli.CompleteStreams(),
		RunE: func(cmd *cobra.Command, streams []string) error {
			if all == (len(streams) > 0) {
				return cli.Usagef("offsets reset: name the streams, or give --all")
			}
			if all {
				streams = cli.Streams()
			}
			return a.change(cmd.Context(), o, steer.Reset(streams...))
		},
	}
	o = newChangeFlags(cmd)
	cmd.Flags().BoolVar(&all, "all", false, "every stream")
	return cmd
}

func newOffsetsSetCommand(a *app) *cobra.Command {
	var o *changeFlags
	var from, cursor string
	cmd := &cobra.Command{
		Use:   "set STREAM",
		Short: "Give a stream another cursor",
		Long: `With --from: issues go on with what was updated since then, in UTC; what the cursor
says beside stays. With --cursor: the stream gets this cursor, the JSON of "cursor"
as "offsets list -o json" prints it.`,
		Example:           `  pylon-kafka offsets set issues --from 2025-01-01T00:00:00Z --dry-run`,
		Args:              cobra.MatchAll(cobra.ExactArgs(1), cli.StreamArgs),
		ValidArgsFunction: cli.CompleteStreams(),
		RunE: func(cmd *cobra.Command, args []string) error {
			if cursor != "" {
				return a.change(cmd.Context(), o, steer.Set(args[0], json.RawMessage(cursor)))
			}
			at, err := a.fromTime(from)
			if err != nil {
				return err
			}
			return a.change(cmd.Context(), o, steer.From(args[0], at))
		},
	}
	o = newChangeFlags(cmd)
	cmd.Flags().StringVar(&from, "from", "", "a `time` such as 2025-01-01T00:00:00Z")
	cmd.Flags().StringVar(&cursor, "cursor", "", "a cursor as `JSON`")
	cmd.MarkFlagsOneRequired("from", "cursor")
	cmd.MarkFlagsMutuallyExclusive("from", "cursor")
	return cmd
}

// fromTime reads --from, a time between PYLON_START_DATE, where it is set, and now.
func (a *app) fromTime(text string) (time.Time, error) {
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return at, cli.Usagef("--from %s: want a time such as 2025-01-01T00:00:00Z", text)
	}
	if at.After(time.Now()) {
		return at, cli.Usagef("--from %s is in the future", text)
	}
	begin, _ := a.env.Lookup("PYLON_START_DATE")
	if start, err := time.Parse(time.RFC3339, begin); err == nil && at.Before(start) {
		return at, cli.Usagef("--from %s is before PYLON_START_DATE (%s): issues that were updated before it are not read; set that too", text, begin)
	}
	return at, nil
}

// changeFlags are the flags of the commands that change cursors.
type changeFlags struct {
	*cli.Output
	steer.Mode
}

func newChangeFlags(cmd *cobra.Command) *changeFlags {
	o := &changeFlags{Output: cli.OutputFlags(cmd)}
	cmd.Flags().BoolVar(&o.DryRun, "dry-run", false, "show what would change, and change nothing")
	cmd.Flags().BoolVar(&o.Force, "force", false, "also while instances are live; they are fenced")
	return o
}

// changeReport is one change as -o json prints it.
type changeReport struct {
	Stream  string          `json:"stream"`
	Before  json.RawMessage `json:"before"` // null: no cursor, or one that cannot be read
	After   json.RawMessage `json:"after"`  // null: no cursor
	Changes bool            `json:"changes"`
	Done    bool            `json:"done"`
}

// change makes changes of cursors and prints them.
func (a *app) change(ctx context.Context, o *changeFlags, plan steer.Plan) error {
	cursors, err := a.cursors(ctx)
	if err != nil {
		return err
	}
	return a.changeCursors(ctx, cursors, o, plan)
}

func (a *app) changeCursors(ctx context.Context, cursors *steer.Cursors, o *changeFlags, plan steer.Plan) error {
	result, err := cursors.Change(ctx, o.Mode, plan)
	if len(result.Live) > 0 && (o.Force || o.DryRun) {
		_, _ = fmt.Fprintf(a.stderr, "The group has %s; what works a stream is fenced by a change.\n", steer.Names(result.Live))
	}
	if err != nil && result.Done == 0 {
		return err
	}
	if printed := a.printChanges(o, &result); printed != nil {
		return printed
	}
	return err
}

func (a *app) printChanges(o *changeFlags, result *steer.Result) error {
	reports := []changeReport{}
	for i, c := range result.Changes {
		r := changeReport{Stream: c.Stream, Before: c.Before.Entry.Cursor, Changes: c.Changes(), Done: i < result.Done}
		if c.After != nil {
			r.After = c.After.Cursor
		}
		reports = append(reports, r)
		if o.JSON {
			continue
		}
		if _, err := fmt.Fprintln(a.stdout, c.String()); err != nil {
			return err
		}
	}
	if o.JSON {
		return terminal.PrintJSON(a.stdout, reports)
	}
	text := fmt.Sprintf("Done: %d of %d.", result.Done, len(result.Changes))
	if o.DryRun {
		text = "Nothing was changed: --dry-run."
	}
	_, err := fmt.Fprintln(a.stderr, text)
	return err
}
