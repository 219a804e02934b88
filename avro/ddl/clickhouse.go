package ddl

import (
	"bytes"
	"fmt"
	"strings"

	"pylon-kafka/avro"
)

// clickHouseTypes are ClickHouse's. Its arrays, maps and tuples cannot be null:
// a null becomes an empty one, or a tuple of nulls.
func clickHouseTypes() *types {
	return &types{
		scalars: map[avro.Kind]string{
			avro.KindString: "String", avro.KindJSON: "String", avro.KindLong: "Int64", avro.KindBoolean: "Bool", avro.KindTime: "DateTime64(3, 'UTC')",
		},
		list:   func(items string) string { return "Array(" + items + ")" },
		dict:   func(values string) string { return "Map(String, " + values + ")" },
		record: func(fields []string) string { return "Tuple(" + strings.Join(fields, ", ") + ")" },
		field:  func(name, typ string) string { return tickName(name) + " " + typ },
		outer: func(k avro.Kind, typ string) string {
			switch k {
			case avro.KindArray, avro.KindMap, avro.KindRecord:
				return typ
			default:
				return "Nullable(" + typ + ")"
			}
		},
	}
}

// writeClickHouse declares a table that reads the topic, a table that keeps the
// newest row of each key, and the view that moves rows from one to the other.
func writeClickHouse(out *bytes.Buffer, t *table) error {
	if t.RegistryURL == "" {
		return errNoRegistry
	}
	queue := t.stream + "_queue"
	spell := clickHouseTypes()
	comment(out, "The newest row of each key, without deleted ones: SELECT … FROM "+t.stream+" FINAL.")
	if t.AvroKeys {
		comment(out, "Deleted objects stay: ClickHouse reads no Avro keys, and the last record of a deleted object has nothing else.")
	}
	fmt.Fprintf(out, "CREATE TABLE %s (\n", tickName(queue))
	for i, c := range t.columns {
		end := ",\n"
		if i == len(t.columns)-1 {
			end = "\n"
		}
		out.WriteString("  " + tickName(c.Name) + " " + clickHouseType(spell, c) + end)
	}
	fmt.Fprintf(out, ") ENGINE = Kafka SETTINGS\n  kafka_broker_list = %s,\n  kafka_topic_list = %s,\n  kafka_group_name = %s,\n",
		escapedText(t.Brokers), escapedText(t.topic), escapedText("clickhouse-"+t.topic))
	fmt.Fprintf(out, "  kafka_format = 'AvroConfluent',\n  kafka_handle_error_mode = 'stream',\n  format_avro_schema_registry_url = %s;\n", escapedText(t.RegistryURL))

	fmt.Fprintf(out, "CREATE TABLE %s (\n", tickName(t.stream))
	for _, c := range t.columns {
		fmt.Fprintf(out, "  %s %s COMMENT %s,\n", tickName(c.Name), clickHouseType(spell, c), escapedText(c.Doc))
	}
	fmt.Fprintf(out, "  %s DateTime64(3, 'UTC') COMMENT 'When the record was published.',\n", tickName(timeColumn))
	fmt.Fprintf(out, "  %s Map(String, String) COMMENT 'The headers of the record.',\n", tickName(headersColumn))
	fmt.Fprintf(out, "  %s UInt8 COMMENT '1 for a deleted object.'\n", tickName(deletedColumn))
	fmt.Fprintf(out, ") ENGINE = ReplacingMergeTree(%s, %s) ORDER BY (%s) COMMENT %s;\n",
		tickName(timeColumn), tickName(deletedColumn), each(t.key, tickName), escapedText(t.codec.Doc()))
	writeClickHouseView(out, t, queue)
	return nil
}

// writeClickHouseView moves the rows. A record without a value is an error to
// ClickHouse's Avro, with the key of the deleted object at hand; any other
// error stops the view, so that nothing is lost.
func writeClickHouseView(out *bytes.Buffer, t *table, queue string) {
	fmt.Fprintf(out, "CREATE MATERIALIZED VIEW %s TO %s AS SELECT\n", tickName(t.stream+"_view"), tickName(t.stream))
	for _, c := range t.columns {
		name := tickName(c.Name)
		if c.Key && !t.AvroKeys {
			fmt.Fprintf(out, "  if(is_deleted, %s, %s.%s) AS %[3]s,\n", clickHouseKeyPart(t, c.Name), tickName(queue), name)
		} else {
			fmt.Fprintf(out, "  %s,\n", name)
		}
	}
	where := "throwIf(_error != '' AND _raw_message != '', 'a record of " + t.topic + " cannot be read') = 0"
	if t.AvroKeys {
		where += " AND NOT is_deleted"
	} else {
		// Partitions were added, and the object stands in another one.
		where += " AND NOT has(`_headers.name`, 'moved')"
	}
	fmt.Fprintf(out, "  assumeNotNull(_timestamp_ms) AS %s,\n  mapFromArrays(`_headers.name`, `_headers.value`) AS %s,\n  is_deleted AS %s\n",
		tickName(timeColumn), tickName(headersColumn), tickName(deletedColumn))
	fmt.Fprintf(out, "FROM (SELECT *, _key, _timestamp_ms, `_headers.name`, `_headers.value`, _error, _raw_message, _error != '' AND _raw_message = '' AS is_deleted FROM %s) AS %[1]s\nWHERE %s;\n",
		tickName(queue), where)
}

// clickHouseKeyPart is a part of the plain key.
func clickHouseKeyPart(t *table, name string) string {
	switch {
	case len(t.key) == 1:
		return "_key"
	case name == t.key[0]:
		return "substring(_key, 1, position(_key, ':') - 1)"
	default:
		return "substring(_key, position(_key, ':') + 1)"
	}
}

// clickHouseType spells a column's type; a part of the key is not null.
func clickHouseType(spell *types, c avro.Column) string {
	if c.Key {
		return spell.bare(c.Type)
	}
	return spell.of(c.Type)
}
