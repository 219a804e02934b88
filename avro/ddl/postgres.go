package ddl

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"pylon-kafka/avro"
)

// postgresTypes are PostgreSQL's, as a JDBC sink of Kafka Connect binds values
// to them: times without a zone, in UTC; JSON text as text, which takes what
// jsonb would refuse and is cast where it is queried.
func postgresTypes() *types {
	return &types{
		scalars: map[avro.Kind]string{
			avro.KindString: "text", avro.KindJSON: "text", avro.KindLong: "bigint", avro.KindBoolean: "boolean", avro.KindTime: "timestamp(3)",
		},
		list: func(items string) string { return items + "[]" },
	}
}

// writePostgres declares the table that a JDBC sink of Kafka Connect fills. It
// is named for the topic, with an underscore for a dot, as Debezium's sink names
// it by itself.
func writePostgres(out *bytes.Buffer, t *table) error {
	if t.Layout == avro.LayoutNested {
		return errors.New("a sink of PostgreSQL wants columns: publish with VALUE_LAYOUT=flat, and with FLAT_ARRAYS=text if the sink takes no arrays")
	}
	spell := postgresTypes()
	name := doubleName(strings.ReplaceAll(t.topic, ".", "_"))
	fmt.Fprintf(out, "CREATE TABLE %s (\n", name)
	for _, c := range t.columns {
		typ := spell.of(c.Type)
		if c.Key {
			typ += " NOT NULL"
		}
		fmt.Fprintf(out, "  %s %s,\n", doubleName(c.Name), typ)
	}
	fmt.Fprintf(out, "  PRIMARY KEY (%s)\n);\n", each(t.key, doubleName))
	fmt.Fprintf(out, "COMMENT ON TABLE %s IS %s;\n", name, standardText(t.codec.Doc()))
	for _, c := range t.columns {
		doc := c.Doc
		switch c.Type.Kind {
		case avro.KindTime:
			doc += " UTC."
		case avro.KindJSON:
			doc += " Query it as " + doubleName(c.Name) + "::jsonb."
		default:
		}
		fmt.Fprintf(out, "COMMENT ON COLUMN %s.%s IS %s;\n", name, doubleName(c.Name), standardText(doc))
	}
	return nil
}

// doubleName is a name between double quotes.
func doubleName(name string) string { return `"` + name + `"` }
