package ddl

import (
	"bytes"
	"fmt"
	"strings"

	"pylon-kafka/avro"
)

// bigQueryTypes are BigQuery's, as its sinks of Kafka Connect write them: a map
// is an array of keys and values, and an array is never null.
func bigQueryTypes() *types {
	list := func(items string) string { return "ARRAY<" + items + ">" }
	return &types{
		scalars: map[avro.Kind]string{
			avro.KindString: "STRING", avro.KindJSON: "STRING", avro.KindLong: "INT64", avro.KindBoolean: "BOOL", avro.KindTime: "TIMESTAMP",
		},
		list:   list,
		dict:   func(values string) string { return list("STRUCT<`key` STRING, `value` " + values + ">") },
		record: func(fields []string) string { return "STRUCT<" + strings.Join(fields, ", ") + ">" },
		field:  func(name, typ string) string { return tickName(name) + " " + typ },
	}
}

// writeBigQuery declares the table that a sink of Kafka Connect fills.
func writeBigQuery(out *bytes.Buffer, t *table) error {
	spell := bigQueryTypes()
	fmt.Fprintf(out, "CREATE TABLE %s (\n", tickName(t.stream))
	for _, c := range t.columns {
		typ := spell.of(c.Type)
		if c.Key {
			typ += " NOT NULL"
		}
		doc := c.Doc
		if c.Type.Kind == avro.KindJSON {
			doc += " Query it with PARSE_JSON."
		}
		fmt.Fprintf(out, "  %s %s OPTIONS (description = %s),\n", tickName(c.Name), typ, escapedText(doc))
	}
	fmt.Fprintf(out, "  PRIMARY KEY (%s) NOT ENFORCED\n) OPTIONS (description = %s);\n", each(t.key, tickName), escapedText(t.codec.Doc()))
	return nil
}
