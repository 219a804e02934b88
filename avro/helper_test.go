package avro

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
)

var update = flag.Bool("update", false, "rewrite the golden files and the reference")

// newTestCodec is the codec of a stream in the nested layout.
func newTestCodec(tb testing.TB, stream string) *Codec {
	tb.Helper()
	return newLayoutCodec(tb, stream, LayoutNested)
}

func newLayoutCodec(tb testing.TB, stream string, layout Layout) *Codec {
	tb.Helper()
	c, err := NewCodec(stream, layout)
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

func readFile(tb testing.TB, name string) []byte {
	tb.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		tb.Fatal(err)
	}
	return text
}

// readFixture reads the records of testdata/<stream>.json: a full one, one with
// nothing but its key, and one of which much does not fit.
func readFixture(tb testing.TB, stream string) []jsontext.Value {
	tb.Helper()
	text := readFile(tb, filepath.Join("testdata", stream+".json"))
	var raw []json.RawMessage
	if err := json.Unmarshal(text, &raw); err != nil {
		tb.Fatal(err)
	}
	records := make([]jsontext.Value, len(raw))
	for i := range raw {
		records[i] = jsontext.Value(raw[i])
	}
	return records
}
