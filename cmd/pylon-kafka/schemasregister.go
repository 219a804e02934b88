package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"pylon-kafka/cmd/pylon-kafka/internal/settings"
	"pylon-kafka/cmd/pylon-kafka/internal/terminal"
	"pylon-kafka/extract"
	"pylon-kafka/producer/registry"
)

// registration is one schema as `schemas register` prints it.
type registration struct {
	Subject string `json:"subject"`
	Record  string `json:"record"`
	Before  string `json:"before"` // how the schema stood to the subject
	ID      int    `json:"id"`     // 0: not registered
	Error   string `json:"error,omitempty"`
}

// incompatible is what stands before a schema that the registry does not take.
const incompatible = "incompatible"

func newSchemasRegisterCommand(a *app) *cobra.Command {
	var o *output
	dry := false
	cmd := &cobra.Command{
		Use:   "register [STREAM...]",
		Short: "Register the schemas in the schema registry",
		Long: `Registers the schemas of the named streams, or of those of PYLON_STREAMS, under their
subjects, one after the other: for a pipeline, where the service itself may not
(SCHEMA_REGISTRY_AUTO_REGISTER=false). A schema that is there keeps its id. One that
the registry refuses is named with the reason; the others are registered all the
same, and it ends with 1.

It needs the SCHEMA_REGISTRY_ settings, and where they differ from the defaults
KAFKA_TOPIC_PREFIX, VALUE_LAYOUT, FLAT_ARRAYS and KAFKA_KEY_FORMAT.`,
		Args:              streamNames,
		ValidArgsFunction: completeStreams,
		RunE: func(cmd *cobra.Command, streams []string) error {
			return a.registerSchemas(cmd.Context(), streams, dry, o)
		},
	}
	o = outputFlags(cmd)
	cmd.Flags().BoolVar(&dry, "dry-run", false, "say how the schemas stand to their subjects, and register none")
	return cmd
}

// registerSchemas registers schemas and prints what came of each.
func (a *app) registerSchemas(ctx context.Context, streams []string, dry bool, o *output) error {
	cfg, err := settings.Load[schemasConfig](ctx, a.env)
	if err != nil {
		return err
	}
	if cfg.Producer.Registry.URL == "" {
		return &usageError{errors.New("SCHEMA_REGISTRY_URL is not set: name the schema registry")}
	}
	if streams, err = a.inOrder(streams); err != nil {
		return err
	}
	schemas, err := cfg.Producer.Schemas(streams)
	if err != nil {
		return err
	}
	reg, err := registry.New(cfg.Producer.Registry)
	if err != nil {
		return err
	}
	done := make([]registration, len(schemas))
	var errs []error
	for i, schema := range schemas {
		var err error
		if done[i], err = registerSchema(ctx, reg, schema, dry); err != nil {
			done[i].Error = err.Error()
			errs = append(errs, err)
		}
		if err != nil && done[i].Before != incompatible && registry.Retryable(err) {
			return fmt.Errorf("schema registry %s: %w", reg.URL(), err) // it does not answer; nor would it for the next
		}
	}
	return errors.Join(append(errs, a.printRegistrations(done, o))...)
}

// registerSchema registers one schema, unless dry says not to.
func registerSchema(ctx context.Context, reg *registry.Registry, schema registry.Schema, dry bool) (registration, error) {
	r := registration{Subject: reg.Subject(schema), Record: schema.Record}
	now, err := reg.Compare(ctx, schema)
	if err != nil {
		return r, err
	}
	r.ID = now.ID
	r.Before = map[registry.State]string{
		registry.Missing: "no subject", registry.Equal: "there", registry.Compatible: "compatible", registry.Differs: incompatible,
	}[now.State]
	switch {
	case now.State == registry.Differs && dry:
		return r, fmt.Errorf("subject %s would refuse the schema of %s: %s", r.Subject, r.Record, now.Reason)
	case now.State == registry.Equal || dry:
		return r, nil
	}
	r.ID, err = reg.Register(ctx, schema)
	return r, err
}

func (a *app) printRegistrations(done []registration, o *output) error {
	if o.json {
		return terminal.PrintJSON(a.stdout, done)
	}
	t := terminal.NewTable(terminal.Column{Title: "SUBJECT", Cut: true}, terminal.Column{Title: "RECORD", Cut: true},
		terminal.Column{Title: "BEFORE"}, terminal.Column{Title: "ID", Right: true})
	for _, r := range done {
		id := "-"
		if r.ID > 0 {
			id = strconv.Itoa(r.ID)
		}
		t.Add(r.Subject, r.Record, r.Before, id)
	}
	return t.Write(a.screen(o))
}

// inOrder returns the named streams in the order of all, those of PYLON_STREAMS
// where none is named.
func (a *app) inOrder(named []string) ([]string, error) {
	if text, _ := a.env.Lookup("PYLON_STREAMS"); len(named) == 0 && text != "" {
		for name := range strings.SplitSeq(text, ",") {
			named = append(named, strings.TrimSpace(name))
		}
		if err := streamNames(nil, named); err != nil {
			return nil, &usageError{fmt.Errorf("PYLON_STREAMS: %w", err)}
		}
	}
	chosen := extract.Config{Streams: named}
	var names []string
	for _, s := range chosen.ChosenStreams() {
		names = append(names, s.Name)
	}
	return names, nil
}
