package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"pylon-kafka/avro"
	"pylon-kafka/avro/ddl"
	"pylon-kafka/cmd/pylon-kafka/internal/settings"
	"pylon-kafka/cmd/pylon-kafka/internal/terminal"
	"pylon-kafka/producer"
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
	var o *output
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
		Args:              streamNames,
		ValidArgsFunction: completeStreams,
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
	o = outputFlags(cmd)
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
		return &usageError{errors.New("one schema at a time: name one stream, or none for all; several go with --format")}
	case !byFormat || slices.Contains(ddl.Formats(), format):
		return nil
	}
	if meant := nearestFormat(format); meant != "" {
		return &usageError{fmt.Errorf("unknown format %q: did you mean %s?", format, meant)}
	}
	return &usageError{fmt.Errorf("unknown format %q: want one of %s", format, strings.Join(ddl.Formats(), ", "))}
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
func (a *app) printSchemas(o *output, streams []string, layout avro.Layout) error {
	one := len(streams) == 1
	if !one {
		streams = allStreamNames()
	}
	reports, err := schemaReports(streams, layout)
	switch {
	case err != nil:
		return err
	case one && o.json:
		return terminal.PrintJSON(a.stdout, reports[0])
	case one:
		return terminal.PrintJSON(a.stdout, reports[0].Schema)
	case o.json:
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
