// Package ddl writes what a reader of the topics pastes into its own tool: SQL
// that declares a table for each stream, with key, types and, where the tool
// knows such things, the headers and the time of the Kafka records. All of it is
// made from the codecs of package avro, so that it cannot say another thing than
// the schemas.
package ddl

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"pylon-kafka/avro"
)

// Options says what the topics are like. They are the settings that they were
// written with.
type Options struct {
	Layout      avro.Layout // VALUE_LAYOUT and FLAT_ARRAYS
	AvroKeys    bool        // KAFKA_KEY_FORMAT is avro, not plain
	TopicPrefix string      // KAFKA_TOPIC_PREFIX: topics are prefix and stream
	Brokers     string      // KAFKA_BROKERS, a comma list; empty is localhost:9092
	RegistryURL string      // SCHEMA_REGISTRY_URL without credentials: it is printed; empty for single-object encoding
}

// Columns that tables have beside those of the schema, where the tool can read
// them. No field of a schema has such a name.
const (
	timeColumn    = "record_time"    // of the Kafka record: when it was published
	headersColumn = "record_headers" // of the Kafka record, by name
	keyColumn     = "record_key"     // the plain key, where no one field is the key
	deletedColumn = "record_deleted" // the record has no value: the object was deleted
)

// table is what the SQL of one stream is made from.
type table struct {
	Options
	stream  string
	topic   string
	codec   *avro.Codec
	columns []avro.Column
	key     []string // the names of the key's columns
}

// writer appends the SQL of one table.
type writer func(out *bytes.Buffer, t *table) error

// Formats lists the tools that Write knows, sorted. The caller owns the slice.
func Formats() []string { return []string{"bigquery", "clickhouse", "flink", "postgres", "spark"} }

func writerOf(format string) (writer, error) {
	switch format {
	case "flink":
		return writeFlink, nil
	case "spark":
		return writeSpark, nil
	case "clickhouse":
		return writeClickHouse, nil
	case "postgres":
		return writePostgres, nil
	case "bigquery":
		return writeBigQuery, nil
	default:
		return nil, fmt.Errorf("unknown format %q; formats are %s", format, strings.Join(Formats(), ", "))
	}
}

// Write writes the SQL of a format for the streams in their order, or for all
// of them if none is named. The error names an unknown format, stream or
// layout, or why the tool cannot read such topics; then nothing is written. Any
// other error is w's.
func Write(w io.Writer, format string, streams []string, o Options) error {
	write, err := writerOf(format)
	if err != nil {
		return err
	}
	if len(streams) == 0 {
		streams = avro.Streams()
	}
	if o.Brokers == "" {
		o.Brokers = "localhost:9092"
	}
	var out bytes.Buffer
	for i, stream := range streams {
		t, err := newTable(stream, o)
		if err != nil {
			return err
		}
		if i > 0 {
			out.WriteByte('\n')
		}
		if err := write(&out, t); err != nil {
			return fmt.Errorf("%s for %s: %w", stream, format, err)
		}
	}
	_, err = w.Write(out.Bytes())
	return err
}

func newTable(stream string, o Options) (*table, error) {
	codec, err := avro.NewCodec(stream, o.Layout)
	if err != nil {
		return nil, err
	}
	t := &table{Options: o, stream: stream, topic: o.TopicPrefix + stream, codec: codec, columns: codec.Columns()}
	for _, c := range t.columns {
		if c.Key {
			t.key = append(t.key, c.Name)
		}
	}
	return t, nil
}

// errNoRegistry is for tools that find schemas in a registry alone.
var errNoRegistry = errors.New("it reads Avro with a schema registry only: set SCHEMA_REGISTRY_URL, and let pylon-kafka publish with it")

// types says how a tool spells the types.
type types struct {
	scalars map[avro.Kind]string
	list    func(items string) string
	dict    func(values string) string
	record  func(fields []string) string         // of what field makes
	field   func(name, typ string) string        // a field of a record
	outer   func(k avro.Kind, typ string) string // what may be null, if the tool says so
}

// of spells a type that may be null.
func (s *types) of(t avro.Type) string {
	var typ string
	switch t.Kind {
	case avro.KindArray:
		typ = s.list(s.bare(*t.Items))
	case avro.KindMap:
		typ = s.dict(s.bare(*t.Items))
	default:
		typ = s.bare(t)
	}
	if s.outer != nil {
		return s.outer(t.Kind, typ)
	}
	return typ
}

// bare spells a type that is never null: of a key, an element or a map's value.
func (s *types) bare(t avro.Type) string {
	switch t.Kind {
	case avro.KindArray:
		return s.list(s.bare(*t.Items))
	case avro.KindMap:
		return s.dict(s.bare(*t.Items))
	case avro.KindRecord:
		fields := make([]string, len(t.Fields))
		for i, f := range t.Fields {
			fields[i] = s.field(f.Name, s.of(f.Type))
		}
		return s.record(fields)
	default:
		return s.scalars[t.Kind]
	}
}

// standardText is a string literal of standard SQL, where a quote is doubled.
func standardText(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// escapedText is a string literal where a backslash escapes.
func escapedText(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s) + "'"
}

// tickName is a name between backquotes.
func tickName(name string) string { return "`" + name + "`" }

// each applies f to all names.
func each(names []string, f func(string) string) string {
	quoted := make([]string, len(names))
	for i, name := range names {
		quoted[i] = f(name)
	}
	return strings.Join(quoted, ", ")
}

// comment writes lines as SQL comments.
func comment(out *bytes.Buffer, lines ...string) {
	for _, line := range lines {
		out.WriteString("-- " + line + "\n")
	}
}
