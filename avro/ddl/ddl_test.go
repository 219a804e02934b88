package ddl_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pylon-kafka/avro"
	"pylon-kafka/avro/ddl"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func options(layout avro.Layout) ddl.Options {
	return ddl.Options{Layout: layout, TopicPrefix: "pylon.", Brokers: "kafka:9092", RegistryURL: "http://registry:8081"}
}

func write(tb testing.TB, format string, streams []string, o ddl.Options) string {
	tb.Helper()
	var out strings.Builder
	if err := ddl.Write(&out, format, streams, o); err != nil {
		tb.Fatal(err)
	}
	return out.String()
}

// layoutFor is the layout that the example of a format has.
func layoutFor(format string) avro.Layout {
	switch format {
	case "postgres":
		return avro.LayoutFlat
	case "clickhouse":
		return avro.LayoutFlatText
	default:
		return avro.LayoutNested
	}
}

// TestGolden shows a change of the SQL in review: go test ./avro/ddl -update
// rewrites testdata/<format>.sql.
func TestGolden(t *testing.T) {
	t.Parallel()
	for _, format := range ddl.Formats() {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			got := write(t, format, []string{"users", "custom_fields", "teams"}, options(layoutFor(format)))
			name := filepath.Join("testdata", format+".sql")
			if *update {
				if err := os.WriteFile(name, []byte(got), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("%s (-want +got; go test ./avro/ddl -update rewrites it):\n%s", name, diff)
			}
		})
	}
}

// Every column of every stream is declared, in every format and layout, with
// its key.
func TestWrite_declaresEveryColumn(t *testing.T) {
	t.Parallel()
	quote := map[string]string{"postgres": `"`, "flink": "`", "clickhouse": "`", "bigquery": "`"}
	for _, format := range ddl.Formats() {
		for _, layout := range avro.Layouts() {
			if format == "postgres" && layout == avro.LayoutNested || format == "spark" {
				continue
			}
			for _, stream := range avro.Streams() {
				sql := write(t, format, []string{stream}, options(layout))
				codec, err := avro.NewCodec(stream, layout)
				if err != nil {
					t.Fatal(err)
				}
				for _, c := range codec.Columns() {
					if !strings.Contains(sql, "\n  "+quote[format]+c.Name+quote[format]+" ") {
						t.Errorf("%s, %s: %s is not in\n%.3000s", format, layout, c.Name, sql)
					}
					if strings.HasPrefix(c.Name, "record_") {
						t.Errorf("%s: column %s is as a column of the record could be", stream, c.Name)
					}
				}
			}
		}
	}
}

// All streams are written where none is named, in the order of avro.Streams.
func TestWrite_allStreams(t *testing.T) {
	t.Parallel()
	for _, format := range ddl.Formats() {
		all := write(t, format, nil, options(layoutFor(format)))
		var each []string
		for _, stream := range avro.Streams() {
			each = append(each, write(t, format, []string{stream}, options(layoutFor(format))))
		}
		if all != strings.Join(each, "\n") {
			t.Errorf("%s: all streams are not the streams one after the other", format)
		}
	}
}

// Spark takes the schema itself, and knows by the header of a single object
// whether a record has it.
func TestWrite_sparkHasTheSchema(t *testing.T) {
	t.Parallel()
	codec, err := avro.NewCodec("tags", avro.LayoutFlat)
	if err != nil {
		t.Fatal(err)
	}
	literal := "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(codec.Schema()) + "'"
	o := options(avro.LayoutFlat)
	sql := write(t, "spark", []string{"tags"}, o)
	if !strings.Contains(sql, "from_avro(substring(value, 6), "+literal) {
		t.Errorf("with a registry:\n%s", sql)
	}
	o.RegistryURL = ""
	sql = write(t, "spark", []string{"tags"}, o)
	header := fmt.Sprintf("%X", avro.AppendSingleObject(nil, codec.Fingerprint()))
	if !strings.Contains(sql, "= '"+header+"' THEN substring(value, 11)") || !strings.Contains(sql, literal) {
		t.Errorf("without a registry (header %s):\n%s", header, sql)
	}
}

// Once partitions are added to a topic, a key may stand in two of them: as a
// record in its new one and, as new, as a tombstone with the header moved in its
// old one.
func TestWrite_knowsMovedRecords(t *testing.T) {
	t.Parallel()
	parts := options(avro.LayoutFlat)
	parts.AvroKeys = true
	for _, stream := range avro.Streams() {
		for _, tt := range []struct {
			format string
			o      ddl.Options
			want   []string
		}{
			{"spark", options(avro.LayoutNested), []string{"OVER (PARTITION BY key, partition ORDER BY offset DESC) AS place", "WHERE place = 1 AND value IS NOT NULL)"}},
			{"clickhouse", options(avro.LayoutNested), []string{"= 0 AND NOT has(`_headers.name`, 'moved');"}},
			{"clickhouse", parts, []string{"= 0 AND NOT is_deleted;"}}, // a moved one among them
			{"flink", options(avro.LayoutNested), []string{"-- Decide beforehand how many partitions pylon." + stream + " has."}},
		} {
			sql := write(t, tt.format, []string{stream}, tt.o)
			for _, want := range tt.want {
				if !strings.Contains(sql, want) {
					t.Errorf("%s, %s: no %q in\n%s", tt.format, stream, want, sql)
				}
			}
		}
	}
}

func TestWrite_keys(t *testing.T) {
	t.Parallel()
	plain, parts := options(avro.LayoutFlat), options(avro.LayoutFlat)
	parts.AvroKeys = true
	tests := []struct {
		format, stream string
		o              ddl.Options
		want           string
	}{
		{"flink", "issue_statuses", plain, "PRIMARY KEY (`slug`) NOT ENFORCED"},
		{"flink", "issue_statuses", plain, "'key.format' = 'raw'"},
		{"flink", "custom_fields", plain, "PRIMARY KEY (`record_key`) NOT ENFORCED"},
		{"flink", "custom_fields", plain, "`object_type` STRING COMMENT"},
		{"flink", "custom_fields", parts, "PRIMARY KEY (`object_type`, `id`) NOT ENFORCED"},
		{"flink", "custom_fields", parts, "'key.format' = 'avro-confluent'"},
		{"flink", "custom_fields", parts, "'key.avro-confluent.url' = 'http://registry:8081'"},
		{"flink", "custom_fields", parts, "`object_type` STRING NOT NULL COMMENT"},
		{"postgres", "custom_fields", plain, `PRIMARY KEY ("object_type", "id")`},
		{"bigquery", "custom_fields", plain, "PRIMARY KEY (`object_type`, `id`) NOT ENFORCED"},
		{"clickhouse", "custom_fields", plain, "ORDER BY (`object_type`, `id`)"},
		{"clickhouse", "custom_fields", plain, "if(is_deleted, substring(_key, position(_key, ':') + 1), `custom_fields_queue`.`id`) AS `id`"},
		{"clickhouse", "tags", plain, "if(is_deleted, _key, `tags_queue`.`id`) AS `id`"},
		{"clickhouse", "tags", parts, "AND NOT is_deleted"},
	}
	for _, tt := range tests {
		if sql := write(t, tt.format, []string{tt.stream}, tt.o); !strings.Contains(sql, tt.want) {
			t.Errorf("%s, %s: no %q in\n%s", tt.format, tt.stream, tt.want, sql)
		}
	}
}

func TestWrite_types(t *testing.T) {
	t.Parallel()
	nested, flat, text := options(avro.LayoutNested), options(avro.LayoutFlat), options(avro.LayoutFlatText)
	tests := []struct {
		format string
		o      ddl.Options
		want   string
	}{
		{"flink", nested, "`assignee` ROW<`id` STRING, `email` STRING> COMMENT"},
		{"flink", nested, "`time_in_status_seconds` MAP<STRING, BIGINT> COMMENT"},
		{"flink", nested, "`child_issues` ARRAY<ROW<`id` STRING, `number` BIGINT>> COMMENT"},
		{"flink", nested, "`created_at` TIMESTAMP(3) COMMENT"},
		{"flink", flat, "`child_issues` STRING COMMENT"},
		{"flink", flat, "`tags` ARRAY<STRING> COMMENT"},
		{"flink", text, "`tags` STRING COMMENT"},
		{"clickhouse", nested, "`assignee` Tuple(`id` Nullable(String), `email` Nullable(String))"},
		{"clickhouse", nested, "`time_in_status_seconds` Map(String, Int64)"},
		{"clickhouse", flat, "`tags` Array(String)"},
		{"clickhouse", flat, "`is_issue_group` Nullable(Bool)"},
		{"postgres", flat, `"tags" text[],`},
		{"postgres", text, `"tags" text,`},
		{"postgres", text, `"created_at" timestamp(3),`},
		{"postgres", text, `"number" bigint,`},
		{"bigquery", nested, "`time_in_status_seconds` ARRAY<STRUCT<`key` STRING, `value` INT64>> OPTIONS"},
		{"bigquery", nested, "`assignee` STRUCT<`id` STRING, `email` STRING> OPTIONS"},
		{"bigquery", nested, "`id` STRING NOT NULL OPTIONS"},
	}
	for _, tt := range tests {
		if sql := write(t, tt.format, []string{"issues"}, tt.o); !strings.Contains(sql, tt.want) {
			t.Errorf("%s, %s: no %q in\n%s", tt.format, tt.o.Layout, tt.want, sql)
		}
	}
}

// The limits of the tools: a name in PostgreSQL has 63 bytes, a description in
// BigQuery 1,024 characters.
func TestWrite_limits(t *testing.T) {
	t.Parallel()
	for _, layout := range avro.Layouts() {
		for _, stream := range avro.Streams() {
			codec, err := avro.NewCodec(stream, layout)
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range codec.Columns() {
				if len(c.Name) > 63 {
					t.Errorf("%s: %s has %d bytes", stream, c.Name, len(c.Name))
				}
			}
			for _, d := range regexp.MustCompile(`description = '((?:[^'\\]|\\.)*)'`).FindAllStringSubmatch(write(t, "bigquery", []string{stream}, options(layout)), -1) {
				if len(d[1]) > 1024 {
					t.Errorf("%s, %s: a description of %d characters: %s", stream, layout, len(d[1]), d[1])
				}
			}
		}
	}
}

func TestWrite_refuses(t *testing.T) {
	t.Parallel()
	bare := ddl.Options{TopicPrefix: "pylon."}
	tests := map[string]struct {
		format  string
		streams []string
		o       ddl.Options
		want    []string
	}{
		"unknown format":       {"oracle", nil, options(avro.LayoutNested), []string{"oracle", "flink", "spark", "clickhouse", "postgres", "bigquery"}},
		"unknown stream":       {"flink", []string{"tags", "surveys"}, options(avro.LayoutNested), []string{"surveys", "tags"}},
		"unknown layout":       {"flink", nil, options(avro.Layout(9)), []string{"Layout(9)"}},
		"flink, no registry":   {"flink", []string{"tags"}, bare, []string{"tags for flink", "SCHEMA_REGISTRY_URL"}},
		"clickhouse, likewise": {"clickhouse", []string{"tags"}, bare, []string{"tags for clickhouse", "SCHEMA_REGISTRY_URL"}},
		"postgres, nested":     {"postgres", []string{"tags"}, options(avro.LayoutNested), []string{"VALUE_LAYOUT=flat"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			err := ddl.Write(&out, tt.format, tt.streams, tt.o)
			if err == nil || out.Len() > 0 {
				t.Fatalf("error is %v, written is %q", err, out.String())
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error is %v, without %q", err, want)
				}
			}
		})
	}
}

// errFull is what a full disk says.
var errFull = errors.New("disk full")

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errFull }

func TestWrite_reportsTheWritersError(t *testing.T) {
	t.Parallel()
	if err := ddl.Write(fullDisk{}, "spark", []string{"tags"}, ddl.Options{}); !errors.Is(err, errFull) {
		t.Errorf("error is %v", err)
	}
}

// A quote in an option or in a doc ends no literal.
func TestWrite_quotes(t *testing.T) {
	t.Parallel()
	o := options(avro.LayoutFlat)
	o.TopicPrefix, o.Brokers = `it's\`, ""
	for format, want := range map[string]string{"flink": `'topic' = 'it''s\tags'`, "spark": "`subscribe` 'it\\'s\\\\tags'", "clickhouse": `kafka_topic_list = 'it\'s\\tags'`} {
		sql := write(t, format, []string{"tags"}, o)
		if !strings.Contains(sql, want) || !strings.Contains(sql, "localhost:9092") {
			t.Errorf("%s: no %s in\n%s", format, want, sql)
		}
	}
}
