package main

import (
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"pylon-kafka/avro"
	"pylon-kafka/cmd/pylon-kafka/internal/terminal"
)

// schemaReport is one schema as `schemas --json` prints it.
type schemaReport struct {
	Stream      string          `json:"stream"`
	Name        string          `json:"name"`
	Fingerprint string          `json:"fingerprint"` // 16 hex digits, as pylon.schemas is keyed
	Schema      json.RawMessage `json:"schema"`
}

func newSchemasCommand(a *app) *cobra.Command {
	var o *output
	cmd := &cobra.Command{
		Use:   "schemas [STREAM]",
		Short: "List the Avro schemas, or print one",
		Long: `Without a stream: the schemas with their fingerprints (CRC-64-AVRO of the parsing
canonical form), or with --json the schemas themselves. With a stream: its schema
as JSON, ready for a file; with --json its name and fingerprint around it.`,
		Args:              oneStream(cobra.MaximumNArgs(1)),
		ValidArgsFunction: completeStreams,
		RunE: func(_ *cobra.Command, args []string) error {
			streams := args
			if len(streams) == 0 {
				streams = allStreamNames()
			}
			reports, err := schemaReports(streams)
			switch {
			case err != nil:
				return err
			case len(args) == 1 && o.json:
				return terminal.PrintJSON(a.stdout, reports[0])
			case len(args) == 1:
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
		},
	}
	o = outputFlags(cmd)
	return cmd
}

// schemaReports loads the embedded schemas of the streams.
func schemaReports(streams []string) ([]schemaReport, error) {
	var reports []schemaReport
	for _, stream := range streams {
		codec, err := avro.NewCodec(stream, avro.LayoutNested)
		if err != nil {
			return nil, fmt.Errorf("schema of %s: %w", stream, err)
		}
		reports = append(reports, schemaReport{
			Stream:      stream,
			Name:        codec.FullName(),
			Fingerprint: fingerprintKey(codec.Fingerprint()),
			Schema:      json.RawMessage(codec.Schema()),
		})
	}
	return reports, nil
}

// fingerprintKey writes a fingerprint as the keys of the schemas topic have it.
func fingerprintKey(fingerprint uint64) string { return fmt.Sprintf("%016x", fingerprint) }

// countFields counts the fields of a record schema at its top level.
func countFields(schema json.RawMessage) (int, error) {
	var record struct {
		Fields []json.RawMessage `json:"fields"`
	}
	err := json.Unmarshal(schema, &record)
	return len(record.Fields), err
}

// oneStream accepts what count does, if it names streams.
func oneStream(count cobra.PositionalArgs) cobra.PositionalArgs {
	return cobra.MatchAll(count, streamNames)
}
