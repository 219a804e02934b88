package avro

import (
	"bytes"
	"encoding/binary"
	"os"
	"testing"

	twmb "github.com/twmb/avro"
)

// The first values stand in the test data of the Avro project
// (share/test/data/schema-tests.txt), as signed numbers.
func TestFingerprint_isTheSpecifications(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		schema string
		want   int64
	}{
		"null":             {`"null"`, 7195948357588979594},
		"boolean":          {`{"type":"boolean"}`, -6970731678124411036},
		"int":              {`"int"`, 8247732601305521295},
		"long":             {`"long"`, -3434872931120570953},
		"float":            {`"float"`, 5583340709985441680},
		"double":           {`"double"`, -8181574048448539266},
		"bytes":            {`"bytes"`, 5746618253357095269},
		"string":           {`"string"`, -8142146995180207161},
		"record":           {`{"fields":[], "type":"record", "name":"foo", "doc":"x"}`, -4824392279771201922},
		"record namespace": {`{"fields":[], "type":"record", "name":"foo", "namespace":"x.y"}`, 5916914534497305771},
		"record full name": {`{"fields":[], "type":"record", "name":"a.b.foo", "namespace":"x.y"}`, -4616218487480524110},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root, err := parseSchema(tt.schema)
			if err != nil {
				t.Fatal(err)
			}
			if got := int64(rabin(appendCanonical(nil, root, map[string]bool{}))); got != tt.want {
				t.Errorf("fingerprint is %d, want %d", got, tt.want)
			}
		})
	}
}

// twmb/avro is another implementation, which agrees with Java's.
func TestFingerprint_equalsAnotherImplementations(t *testing.T) {
	t.Parallel()
	schemas := map[string]string{
		// goavro says a.b.c.d.Inner here.
		"nested namespace": `{"type":"record","name":"Outer","namespace":"a.b","fields":[
			{"name":"i","type":{"type":"record","name":"Inner","namespace":"c.d","fields":[
				{"name":"o","type":["null","a.b.Outer"],"default":null},
				{"name":"e","type":{"type":"enum","name":"E","symbols":["A","B"],"default":"A"}}]}},
			{"name":"f","type":{"type":"fixed","name":"F","size":16}},
			{"name":"g","type":{"type":"map","values":"c.d.E"}},
			{"name":"t","type":{"type":"long","logicalType":"timestamp-millis"}}]}`,
	}
	for _, stream := range Streams() {
		for _, layout := range Layouts() {
			schemas[stream+" "+layout.String()] = newLayoutCodec(t, stream, layout).Schema()
		}
		schemas[stream+" key"] = newTestKeyCodec(t, stream).Schema()
	}
	for name, text := range schemas {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root, err := parseSchema(text)
			if err != nil {
				t.Fatal(err)
			}
			canonical := appendCanonical(nil, root, map[string]bool{})
			other := twmb.MustParse(text)
			if !bytes.Equal(canonical, other.Canonical()) {
				t.Errorf("canonical form is\n%s, want\n%s", canonical, other.Canonical())
			}
			want := binary.BigEndian.Uint64(other.Fingerprint(twmb.NewRabin()))
			if got := rabin(canonical); got != want {
				t.Errorf("fingerprint is %x, want %x", got, want)
			}
		})
	}
}

func TestFingerprint_ignoresDocs(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("schemas/tags.avsc")
	if err != nil {
		t.Fatal(err)
	}
	root, err := parseSchema(string(text))
	if err != nil {
		t.Fatal(err)
	}
	root.doc, root.fields[0].doc = "other", ""
	if got, want := rabin(appendCanonical(nil, root, map[string]bool{})), newTestCodec(t, "tags").Fingerprint(); got != want {
		t.Errorf("fingerprint is %x, want %x", got, want)
	}
}

// TestFingerprintOf wants of each schema's text what its codec says.
func TestFingerprintOf(t *testing.T) {
	t.Parallel()
	for _, stream := range Streams() {
		codec, err := NewKeyCodec(stream)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := FingerprintOf(codec.Schema()); err != nil || got != codec.Fingerprint() {
			t.Errorf("%s: %x (%v), want %x", stream, got, err, codec.Fingerprint())
		}
	}
	if _, err := FingerprintOf("no schema"); err == nil {
		t.Error("no error for what is no schema")
	}
}
