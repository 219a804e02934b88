package avro

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	twmb "github.com/twmb/avro"
)

var release = flag.Bool("release", false, "keep each changed schema as the next released version")

// releasedVersions reads schemas/released/<stream>/v1.avsc, v2.avsc, … in order,
// or v1.flat.avsc and so on.
func releasedVersions(tb testing.TB, stream string, layout Layout) []string {
	tb.Helper()
	var versions []string
	for {
		text, err := os.ReadFile(releasedName(stream, layout, len(versions)+1))
		if os.IsNotExist(err) {
			return versions
		}
		if err != nil {
			tb.Fatal(err)
		}
		versions = append(versions, compactJSON(tb, text))
	}
}

func releasedName(stream string, layout Layout, version int) string {
	name := fmt.Sprintf("v%d.%s.avsc", version, layout)
	return filepath.Join("schemas", "released", stream, strings.Replace(name, ".nested", "", 1))
}

func compactJSON(tb testing.TB, text []byte) string {
	tb.Helper()
	v := jsontext.Value(text).Clone()
	if err := v.Compact(); err != nil {
		tb.Fatal(err)
	}
	return string(v)
}

// TestEvolution holds every schema against all versions of it that were ever
// released: topics and registries still have their data. The flat ones are
// derived, and so a change of the rule is seen too.
func TestEvolution(t *testing.T) {
	t.Parallel()
	for _, stream := range Streams() {
		for _, layout := range Layouts() {
			t.Run(stream+"/"+layout.String(), func(t *testing.T) {
				t.Parallel()
				current := newLayoutCodec(t, stream, layout).Schema()
				versions := releasedVersions(t, stream, layout)
				if len(versions) == 0 || versions[len(versions)-1] != current {
					keepRelease(t, stream, layout, len(versions)+1)
				}
				for i, released := range versions {
					if err := checkEvolution(released, current, readFixture(t, stream)); err != nil {
						t.Errorf("v%d: %v", i+1, err)
					}
				}
			})
		}
	}
}

// keepRelease writes a changed schema as the next version, or fails.
func keepRelease(t *testing.T, stream string, layout Layout, version int) {
	t.Helper()
	name := releasedName(stream, layout, version)
	if !*release {
		t.Errorf("the schema of %s, %s, is not the newest version in schemas/released/%[1]s. If the change is meant, keep it as %[3]s with\n"+
			"\tgo test ./avro -release\nand commit the file. A released file is never changed.", stream, layout, name)
		return
	}
	text, err := os.ReadFile(filepath.Join("schemas", stream+".avsc"))
	if layout != LayoutNested {
		text = jsontext.Value(newLayoutCodec(t, stream, layout).Schema())
		err = (*jsontext.Value)(&text).Indent(jsontext.WithIndent("  "))
		text = append(text, '\n')
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, text, 0o600); err != nil { //nolint:gosec // the name is made of stream names of ours
		t.Fatal(err)
	}
}

// checkEvolution demands that the new schema reads what was written with the
// old one and the other way round, the same value in each field of both, by an
// independent implementation.
func checkEvolution(before, now string, records []jsontext.Value) error {
	for _, dir := range []struct{ name, writer, reader string }{
		{"old data by the new schema", before, now},
		{"new data by the old schema", now, before},
	} {
		writer, err := codecOf(dir.writer, LayoutNested)
		if err != nil {
			return fmt.Errorf("%s: %w", dir.name, err)
		}
		w, err := twmb.Parse(dir.writer)
		if err != nil {
			return fmt.Errorf("%s: %w", dir.name, err)
		}
		r, err := twmb.Parse(dir.reader)
		if err != nil {
			return fmt.Errorf("%s: %w", dir.name, err)
		}
		resolved, err := twmb.Resolve(w, r)
		if err != nil {
			return fmt.Errorf("%s: %w", dir.name, err)
		}
		for _, record := range records {
			body, _, err := writer.Encode(nil, record)
			if err != nil {
				return fmt.Errorf("%s: %w", dir.name, err)
			}
			var written, read any
			if _, err := w.Decode(body, &written); err != nil {
				return fmt.Errorf("%s: %w", dir.name, err)
			}
			if rest, err := resolved.Decode(body, &read); err != nil || len(rest) > 0 {
				return fmt.Errorf("%s: %w, %d bytes left", dir.name, err, len(rest))
			}
			if err := sharedFieldsAgree(written, read, ""); err != nil {
				return fmt.Errorf("%s: %w", dir.name, err)
			}
		}
	}
	return nil
}

// sharedFieldsAgree compares what both values have.
func sharedFieldsAgree(written, read any, path string) error {
	switch w := written.(type) {
	case map[string]any:
		r, ok := read.(map[string]any)
		if !ok {
			return fmt.Errorf("%s was an object and is read as %v", path, read)
		}
		for k, v := range w {
			if e, ok := r[k]; ok {
				if err := sharedFieldsAgree(v, e, path+"/"+k); err != nil {
					return err
				}
			}
		}
	case []any:
		r, ok := read.([]any)
		if !ok || len(r) != len(w) {
			return fmt.Errorf("%s had %d elements and is read as %v", path, len(w), read)
		}
		for i := range w {
			if err := sharedFieldsAgree(w[i], r[i], path+"/*"); err != nil {
				return err
			}
		}
	default:
		if written != read {
			return fmt.Errorf("%s was %v and is read as %v", path, written, read)
		}
	}
	return nil
}

// The check above must see a break, or it holds nothing.
func TestCheckEvolution_seesBreaks(t *testing.T) {
	t.Parallel()
	const field = `{"name":"value","type":["null","string"],"default":null}`
	schema := func(fields string) string {
		return `{"type":"record","name":"T","namespace":"n","fields":[{"name":"id","type":"string"},` + fields +
			`,{"name":"unmapped","json":"object","type":["null","string"],"default":null}]}`
	}
	tests := map[string]struct {
		now    string
		breaks bool
	}{
		"nothing":                  {schema(field), false},
		"a new nullable field":     {schema(field + `,{"name":"n","type":["null","long"],"default":null}`), false},
		"a new first field":        {schema(`{"name":"n","type":["null","long"],"default":null},` + field), false},
		"a field less":             {schema(`{"name":"n","type":["null","long"],"default":null}`), false},
		"a doc":                    {strings.Replace(schema(field), `"name":"value"`, `"name":"value","doc":"d"`, 1), false},
		"another type":             {schema(`{"name":"value","type":["null","long"],"default":null}`), true},
		"a field that became time": {schema(`{"name":"value","type":["null",{"type":"long","logicalType":"timestamp-millis"}],"default":null}`), true},
		"another key":              {strings.Replace(schema(field), `"id"`, `"slug"`, 1), true},
		"another record":           {strings.Replace(schema(field), `"T"`, `"U"`, 1), true},
	}
	records := []jsontext.Value{jsontext.Value(`{"id":"a","slug":"a","value":"x","n":1}`)}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := checkEvolution(schema(field), tt.now, records); (err != nil) != tt.breaks {
				t.Errorf("error is %v, breaks: %t", err, tt.breaks)
			}
		})
	}
}
