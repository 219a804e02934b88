package ddl

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"strings"

	"pylon-kafka/avro"
)

// writeSpark declares two views: the records of the topic, and the newest of
// each key by Spark's from_avro, which takes the schema itself, not types.
func writeSpark(out *bytes.Buffer, t *table) error {
	records := t.stream + "_records"
	comment(out, "Spark 4 with spark-avro and spark-sql-kafka-0-10. "+t.codec.Doc())
	if t.RegistryURL != "" {
		comment(out, "from_avro reads all records by the one schema below. Once a new version of pylon-kafka has changed it, have the stream",
			"published anew (pylon-kafka publish-anew "+t.stream+") and print these statements again.")
	}
	fmt.Fprintf(out, "CREATE OR REPLACE TEMPORARY VIEW %s USING kafka OPTIONS (\n", tickName(records))
	options := [][2]string{
		{"kafka.bootstrap.servers", t.Brokers},
		{"kafka.isolation.level", "read_committed"},
		{"subscribe", t.topic},
		{"startingOffsets", "earliest"},
		{"includeHeaders", "true"},
	}
	for i, o := range options {
		end := ",\n"
		if i == len(options)-1 {
			end = "\n);\n"
		}
		out.WriteString("  " + tickName(o[0]) + " " + escapedText(o[1]) + end)
	}
	fmt.Fprintf(out, "CREATE OR REPLACE TEMPORARY VIEW %s AS\n", tickName(t.stream))
	fmt.Fprintf(out, "SELECT object.*, %s, %s FROM (\n", timeColumn, headersColumn)
	fmt.Fprintf(out, "  SELECT from_avro(%s, %s, map('mode', 'FAILFAST')) AS object,\n", sparkBody(t), escapedText(t.codec.Schema()))
	fmt.Fprintf(out, "    timestamp AS %s, map_from_entries(transform(headers, h -> struct(h.key, CAST(h.value AS STRING)))) AS %s\n", timeColumn, headersColumn)
	// Once partitions were added, a key may have had two, and the last word of the
	// old one is a tombstone, as new as the record in the new one.
	out.WriteString("  FROM (SELECT *, row_number() OVER (PARTITION BY key ORDER BY timestamp DESC) AS age FROM (\n")
	fmt.Fprintf(out, "    SELECT *, row_number() OVER (PARTITION BY key, partition ORDER BY offset DESC) AS place FROM %s)\n", tickName(records))
	out.WriteString("    WHERE place = 1 AND value IS NOT NULL) -- the last record of a deleted object has no value, nor has that where a moved one stood\n")
	out.WriteString("  WHERE age = 1\n);\n")
	return nil
}

// sparkBody is the Avro binary of a value, after its header. The header of a
// single object names the schema, so a record of another one is seen.
func sparkBody(t *table) string {
	if t.RegistryURL != "" {
		return "substring(value, 6)"
	}
	header := strings.ToUpper(hex.EncodeToString(avro.AppendSingleObject(nil, t.codec.Fingerprint())))
	why := fmt.Sprintf("a record of %s has another schema than these statements: have the stream published anew (pylon-kafka publish-anew %s), or print them again",
		t.topic, t.stream)
	return fmt.Sprintf("CASE WHEN hex(substring(value, 1, 10)) = '%s' THEN substring(value, 11) ELSE raise_error(%s) END", header, escapedText(why))
}
