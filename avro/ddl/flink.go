package ddl

import (
	"bytes"
	"fmt"
	"strings"

	"pylon-kafka/avro"
)

// flinkTypes are Flink's, as its avro-confluent format maps them: a time has no
// zone and is UTC.
func flinkTypes() *types {
	return &types{
		scalars: map[avro.Kind]string{
			avro.KindString: "STRING", avro.KindJSON: "STRING", avro.KindLong: "BIGINT", avro.KindBoolean: "BOOLEAN", avro.KindTime: "TIMESTAMP(3)",
		},
		list:   func(items string) string { return "ARRAY<" + items + ">" },
		dict:   func(values string) string { return "MAP<STRING, " + values + ">" },
		record: func(fields []string) string { return "ROW<" + strings.Join(fields, ", ") + ">" },
		field:  func(name, typ string) string { return tickName(name) + " " + typ },
	}
}

// writeFlink declares an upsert-kafka table: an update replaces the row of its
// key, a tombstone deletes it.
func writeFlink(out *bytes.Buffer, t *table) error {
	if t.RegistryURL == "" {
		return errNoRegistry
	}
	key := t.key
	if !t.AvroKeys && len(key) > 1 {
		// The raw format has one column, and the parts of the key are joined in it.
		key = []string{keyColumn}
	}
	spell := flinkTypes()
	comment(out, "Decide beforehand how many partitions "+t.topic+" has. Once some are added, publish with another KAFKA_TOPIC_PREFIX and make new",
		"tables: upsert-kafka takes a record that was moved to another partition for a deleted one.")
	fmt.Fprintf(out, "CREATE TABLE %s (\n", tickName(t.stream))
	if key[0] == keyColumn {
		fmt.Fprintf(out, "  %s STRING NOT NULL COMMENT %s,\n", tickName(keyColumn), standardText(strings.Join(t.key, ", a colon, and ")+"."))
	}
	for _, c := range t.columns {
		typ := spell.of(c.Type)
		if c.Key && key[0] != keyColumn {
			typ += " NOT NULL"
		}
		fmt.Fprintf(out, "  %s %s COMMENT %s,\n", tickName(c.Name), typ, standardText(c.Doc))
	}
	fmt.Fprintf(out, "  %s TIMESTAMP_LTZ(3) METADATA FROM 'timestamp' VIRTUAL COMMENT 'When the record was published.',\n", tickName(timeColumn))
	fmt.Fprintf(out, "  %s MAP<STRING, BYTES> METADATA FROM 'headers' VIRTUAL COMMENT 'UTF-8 text by name: DECODE(%[1]s[''origin''], ''UTF-8'').',\n", tickName(headersColumn))
	fmt.Fprintf(out, "  WATERMARK FOR %s AS %[1]s - INTERVAL '10' SECOND,\n", tickName(timeColumn))
	fmt.Fprintf(out, "  PRIMARY KEY (%s) NOT ENFORCED\n", each(key, tickName))
	fmt.Fprintf(out, ") COMMENT %s WITH (\n", standardText(t.codec.Doc()))
	options := [][2]string{
		{"connector", "upsert-kafka"},
		{"topic", t.topic},
		{"properties.bootstrap.servers", t.Brokers},
		{"properties.isolation.level", "read_committed"},
		{"key.format", "raw"},
		{"value.format", "avro-confluent"},
		{"value.avro-confluent.url", t.RegistryURL},
		{"value.fields-include", "EXCEPT_KEY"},
	}
	if t.AvroKeys {
		options[4][1] = "avro-confluent"
		options = append(options, [2]string{"key.avro-confluent.url", t.RegistryURL})
	}
	for i, o := range options {
		end := ",\n"
		if i == len(options)-1 {
			end = "\n);\n"
		}
		out.WriteString("  " + standardText(o[0]) + " = " + standardText(o[1]) + end)
	}
	return nil
}
