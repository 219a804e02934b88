package main

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"pylon-kafka/cmd/pylon-kafka/internal/terminal"
	"pylon-kafka/producer/steer"
)

// changeFlags are the flags of the commands that change cursors.
type changeFlags struct {
	*output
	steer.Mode
}

func newChangeFlags(cmd *cobra.Command) *changeFlags {
	o := &changeFlags{output: outputFlags(cmd)}
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
		if o.json {
			continue
		}
		if _, err := fmt.Fprintln(a.stdout, c.String()); err != nil {
			return err
		}
	}
	if o.json {
		return terminal.PrintJSON(a.stdout, reports)
	}
	text := fmt.Sprintf("Done: %d of %d.", result.Done, len(result.Changes))
	if o.DryRun {
		text = "Nothing was changed: --dry-run."
	}
	_, err := fmt.Fprintln(a.stderr, text)
	return err
}
