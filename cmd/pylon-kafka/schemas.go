package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"pylon-kafka/avro"
	"pylon-kafka/avro/ddl"
	"pylon-kafka/cmd/pylon-kafka/internal/cli"
	"pylon-kafka/cmd/pylon-kafka/internal/settings"
	"pylon-kafka/cmd/pylon-kafka/internal/terminal"
	"pylon-kafka/extract"
	"pylon-kafka/producer"
	"pylon-kafka/producer/registry"
)

// schemaReport is one schema as `schemas --json` prints it.
type schemaReport struct {
	Stream      string          `json:"stream"`
	Name        string          `json:"name"`
	Fingerprint string          `json:"fingerprint"` // 16 hex digits, as pylon.schemas is keyed
	Schema      json.RawMessage `json:"schema"`
}

// schemasConfig is what the schemas and the statements depend on. None of its
// settings has to be there.
type schemasConfig struct {
	Producer producer.Config
}

// Validate reports every setting that cannot work, joined. Without brokers the
// statements name localhost.
func (c *schemasConfig) Validate() error {
	if len(c.Producer.Kafka.Brokers) == 0 {
		c.Producer.Kafka.Brokers = []string{"localhost:9092"}
	}
	return c.Producer.Validate()
}

func newSchemasCommand(a *app) *cobra.Command {
	var o *cli.Output
	var format string
	cmd := &cobra.Command{
		Use:   "schemas [STREAM...]",
		Short: "List the Avro schemas, print one, or print the tables of a reader",
		Long: `Without a stream: the schemas with their fingerprints (CRC-64-AVRO of the parsing
canonical form), or with --json the schemas themselves. With a stream: its schema
as JSON, ready for a file; with --json its name and fingerprint around it.

With --format: the SQL that declares the topics of the streams, or of all of
them, as tables of Flink, Spark, ClickHouse, PostgreSQL or BigQuery. Paste it as
it is.

The settings decide: VALUE_LAYOUT and FLAT_ARRAYS the schemas; KAFKA_KEY_FORMAT,
KAFKA_TOPIC_PREFIX, KAFKA_BROKERS and SCHEMA_REGISTRY_URL the SQL.`,
		Example: `  pylon-kafka schemas --format flink issues accounts
  pylon-kafka schemas issues > issues.avsc`,
		Args:              cli.StreamArgs,
		ValidArgsFunction: cli.CompleteStreams(),
		RunE: func(cmd *cobra.Command, streams []string) error {
			byFormat := cmd.Flags().Changed("format")
			if err := schemasUsage(byFormat, format, streams); err != nil {
				return err
			}
			cfg, err := settings.Load[schemasConfig](cmd.Context(), a.env)
			if err != nil {
				return err
			}
			if byFormat {
				return ddl.Write(a.stdout, format, streams, ddlOptions(&cfg.Producer))
			}
			return a.printSchemas(o, streams, cfg.Producer.Layout())
		},
	}
	cmd.AddCommand(newSchemasRegisterCommand(a))
	o = cli.OutputFlags(cmd)
	cmd.Flags().StringVar(&format, "format", "", "print SQL for `TOOL`: "+strings.Join(ddl.Formats(), ", "))
	cmd.MarkFlagsMutuallyExclusive("format", "json")
	cmd.MarkFlagsMutuallyExclusive("format", "output")
	_ = cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(ddl.Formats(), cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// schemasUsage returns what is wrong with the command line.
func schemasUsage(byFormat bool, format string, streams []string) error {
	switch {
	case !byFormat && len(streams) > 1:
		return cli.Usagef("one schema at a time: name one stream, or none for all; several go with --format")
	case !byFormat || slices.Contains(ddl.Formats(), format):
		return nil
	}
	if meant := nearestFormat(format); meant != "" {
		return cli.Usagef("unknown format %q: did you mean %s?", format, meant)
	}
	return cli.Usagef("unknown format %q: want one of %s", format, strings.Join(ddl.Formats(), ", "))
}

// nearestFormat returns the format that name is most likely a slip for, or "".
func nearestFormat(name string) string {
	name = strings.ToLower(name)
	for _, format := range ddl.Formats() {
		if len(name) > 2 && (strings.HasPrefix(name, format) || strings.HasPrefix(format, name)) {
			return format // postgresql, flinksql, click
		}
	}
	return settings.Nearest(name, ddl.Formats())
}

// ddlOptions says what the topics are like by the settings. It holds no secret:
// the settings refuse a registry's URL with one.
func ddlOptions(cfg *producer.Config) ddl.Options {
	return ddl.Options{
		Layout:      cfg.Layout(),
		AvroKeys:    cfg.KeyFormat == "avro",
		TopicPrefix: cfg.Kafka.TopicPrefix,
		Brokers:     strings.Join(cfg.Kafka.Brokers, ","),
		RegistryURL: cfg.Registry.URL,
	}
}

// printSchemas prints the table of all schemas, or the schema of the one stream.
func (a *app) printSchemas(o *cli.Output, streams []string, layout avro.Layout) error {
	one := len(streams) == 1
	if !one {
		streams = cli.Streams()
	}
	reports, err := schemaReports(streams, layout)
	switch {
	case err != nil:
		return err
	case one && o.JSON:
		return terminal.PrintJSON(a.stdout, reports[0])
	case one:
		return terminal.PrintJSON(a.stdout, reports[0].Schema)
	case o.JSON:
		return terminal.PrintJSON(a.stdout, reports)
	}
	t := terminal.NewTable(terminal.Column{Title: "STREAM"}, terminal.Column{Title: "RECORD", Cut: true},
		terminal.Column{Title: "FINGERPRINT"}, terminal.Column{Title: "FIELDS", Right: true})
	for _, r := range reports {
		fields, err := countFields(r.Schema)
		if err != nil {
			return fmt.Errorf("schema of %s: %w", r.Stream, err)
		}
		t.Add(r.Stream, r.Name, r.Fingerprint, strconv.Itoa(fields))
	}
	return t.Write(a.screen(o))
}

// schemaReports loads the schemas of the streams in a layout.
func schemaReports(streams []string, layout avro.Layout) ([]schemaReport, error) {
	var reports []schemaReport
	for _, stream := range streams {
		codec, err := avro.NewCodec(stream, layout)
		if err != nil {
			return nil, fmt.Errorf("schema of %s: %w", stream, err)
		}
		reports = append(reports, schemaReport{
			Stream:      stream,
			Name:        codec.FullName(),
			Fingerprint: avro.FingerprintText(codec.Fingerprint()),
			Schema:      json.RawMessage(codec.Schema()),
		})
	}
	return reports, nil
}

// countFields counts the fields of a record schema at its top level.
func countFields(schema json.RawMessage) (int, error) {
	var record struct {
		Fields []json.RawMessage `json:"fields"`
	}
	err := json.Unmarshal(schema, &record)
	return len(record.Fields), err
}

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
	var o *cli.Output
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
		Args:              cli.StreamArgs,
		ValidArgsFunction: cli.CompleteStreams(),
		RunE: func(cmd *cobra.Command, streams []string) error {
			return a.registerSchemas(cmd.Context(), streams, dry, o)
		},
	}
	o = cli.OutputFlags(cmd)
	cmd.Flags().BoolVar(&dry, "dry-run", false, "say how the schemas stand to their subjects, and register none")
	return cmd
}

// registerSchemas registers schemas and prints what came of each.
func (a *app) registerSchemas(ctx context.Context, streams []string, dry bool, o *cli.Output) error {
	cfg, err := settings.Load[schemasConfig](ctx, a.env)
	if err != nil {
		return err
	}
	if cfg.Producer.Registry.URL == "" {
		return cli.Usagef("SCHEMA_REGISTRY_URL is not set: name the schema registry")
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
		return r, fmt.Errorf("subject %s would refuse the schema of %s: %s; either %s; or use another KAFKA_TOPIC_PREFIX",
			r.Subject, r.Record, now.Reason, reg.LetIn(r.Subject))
	case now.State == registry.Equal || dry:
		return r, nil
	}
	r.ID, err = reg.Register(ctx, schema)
	return r, err
}

func (a *app) printRegistrations(done []registration, o *cli.Output) error {
	if o.JSON {
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
		if err := cli.StreamArgs(nil, named); err != nil {
			return nil, cli.Usagef("PYLON_STREAMS: %w", err)
		}
	}
	chosen := extract.Config{Streams: named}
	var names []string
	for _, s := range chosen.ChosenStreams() {
		names = append(names, s.Name)
	}
	return names, nil
}
