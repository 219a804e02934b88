package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"pylon-kafka/cmd/pylon-kafka/internal/cli"
	"pylon-kafka/cmd/pylon-kafka/internal/settings"
	"pylon-kafka/cmd/pylon-kafka/internal/terminal"
	"pylon-kafka/extract"
	"pylon-kafka/producer/preflight"
	"pylon-kafka/producer/registry"
)

func newCheckCommand(a *app) *cobra.Command {
	var o *cli.Output
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Preflight: token, Kafka, rights, registry; changes nothing",
		Long: `Checks what run and sync need, a line a check, and changes nothing: the settings,
the token and the endpoints that it may ask, the brokers, the topics and every
right that Kafka's ACLs must give, and the schema registry. Where a command or a
setting would mend what failed, it is printed below the table.

It ends within ten seconds, with 1 if a check failed, and with 3 if Pylon refused
the token.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := settings.Load[settings.Config](cmd.Context(), a.env)
			if err != nil {
				return err
			}
			checks, err := runChecks(cmd.Context(), &cfg)
			switch {
			case err != nil:
				return err
			case cmd.Context().Err() != nil: // they would say that what was not asked to the end has failed
				return cmd.Context().Err()
			}
			return errors.Join(writeChecks(a.screen(o), checks, o.JSON), failedChecks(checks))
		},
	}
	o = cli.OutputFlags(cmd)
	return cmd
}

// runChecks checks everything that cfg names.
func runChecks(ctx context.Context, cfg *settings.Config) ([]preflight.Check, error) {
	client, err := extract.NewClient(cfg.Extract, extract.Options{})
	if err != nil {
		return nil, err
	}
	reg, err := registry.New(cfg.Producer.Registry)
	if err != nil {
		return nil, err
	}
	var streams []string
	for _, s := range cfg.Extract.ChosenStreams() {
		streams = append(streams, s.Name)
	}
	schemas, err := cfg.Producer.Schemas(streams)
	if err != nil {
		return nil, err
	}
	read := preflight.Check{Name: "settings", State: preflight.OK, Detail: "every one fits"}
	return append([]preflight.Check{read}, preflight.Run(ctx, preflight.Options{
		Kafka: &cfg.Producer.Kafka, Connector: cfg.Producer.Connector, Extract: cfg.Extract, Pylon: client,
		Registry: reg, Schemas: schemas, Layout: cfg.Producer.Layout(),
		AvroKeys: cfg.Producer.KeyFormat == "avro",
	})...), nil
}

// checkError is that some checks failed. Its text only counts, since the reasons
// are in the table; they can be asked for with errors.Is.
type checkError struct {
	of   int
	errs []error
}

func (e *checkError) Error() string   { return fmt.Sprintf("%d of %d checks failed", len(e.errs), e.of) }
func (e *checkError) Unwrap() []error { return e.errs }

// failedChecks returns nil if nothing failed.
func failedChecks(checks []preflight.Check) error {
	var errs []error
	for _, c := range checks {
		if c.State == preflight.Failed {
			errs = append(errs, fmt.Errorf("%s: %w", c.Name, c.Err))
		}
	}
	if len(errs) == 0 {
		return nil
	}
	return &checkError{of: len(checks), errs: errs}
}

func writeChecks(s terminal.Screen, checks []preflight.Check, asJSON bool) error {
	if asJSON {
		return terminal.PrintJSON(s.W, checks)
	}
	t := terminal.NewTable(terminal.Column{Title: "CHECK"}, terminal.Column{Title: "RESULT"}, terminal.Column{Title: "DETAIL", Note: true})
	for _, c := range checks {
		t.Add(c.Name, string(c.State), c.Detail)
	}
	if err := t.Write(s); err != nil {
		return err
	}
	writeFixes(s.W, checks)
	return nil
}

// writeFixes prints what would mend the checks, each line once: one command may
// mend many topics.
func writeFixes(w io.Writer, checks []preflight.Check) {
	printed := make(map[string]bool)
	for _, c := range checks {
		var lines []string
		for line := range strings.Lines(c.Fix) {
			if line = strings.TrimSpace(line); !printed[line] {
				printed[line] = true
				lines = append(lines, "  "+line)
			}
		}
		if len(lines) > 0 {
			fmt.Fprintf(w, "\n%s:\n%s\n", c.Name, strings.Join(lines, "\n"))
		}
	}
}
