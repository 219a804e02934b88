package avro

import (
	"cmp"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// property is one line of testdata/properties.txt.
type property struct {
	stream, pointer, typ string
}

// readProperties reads what the API's objects consist of.
func readProperties(tb testing.TB) []property {
	tb.Helper()
	text, err := os.ReadFile("testdata/properties.txt")
	if err != nil {
		tb.Fatal(err)
	}
	var props []property
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		cols := strings.Split(line, "\t")
		if len(cols) != 4 {
			tb.Fatalf("line %q has %d columns", line, len(cols))
		}
		props = append(props, property{cols[0], cols[1], cols[2]})
	}
	return props
}

// schemaProperties lists what a schema has, in the words of properties.txt.
func schemaProperties(stream string, t *schemaType) []property {
	var props []property
	var walk func(t *schemaType, pointer, json string)
	walk = func(t *schemaType, pointer, json string) {
		t, _ = t.nullable()
		typ := map[kind]string{kindString: "string", kindLong: "integer", kindBoolean: "boolean", kindRecord: "object", kindArray: "array", kindMap: "map"}[t.kind]
		switch {
		case t.isTimestamp():
			typ = "time"
		case json != "":
			typ = "json"
		}
		if pointer != "" {
			props = append(props, property{stream, pointer, typ})
		}
		switch typ {
		case "array", "map":
			walk(t.items, pointer+"/*", "")
		case "object":
			for _, f := range t.fields {
				if pointer != "" || f.name != unmappedField {
					walk(f.typ, pointer+"/"+f.name, f.json)
				}
			}
		}
	}
	walk(t, "", "")
	return props
}

// addProperties is for a new stream: with -update, properties.txt is given what
// its schema has, to be compared with the API's description by a person, who then
// says where each property is known from.
func addProperties(tb testing.TB, wanted map[string][]property) {
	tb.Helper()
	for stream := range wanted {
		if !slices.Contains(Streams(), stream) {
			tb.Errorf("properties.txt has a stream %s, which has no schema", stream)
		}
	}
	var lines []byte
	for _, stream := range Streams() {
		if wanted[stream] != nil {
			continue
		}
		if !*update {
			tb.Errorf("properties.txt has nothing of %s: go test ./avro -update writes it", stream)
			continue
		}
		wanted[stream] = schemaProperties(stream, newTestCodec(tb, stream).root)
		for _, p := range wanted[stream] {
			lines = fmt.Appendf(lines, "%s\t%s\t%s\tunchecked\n", p.stream, p.pointer, p.typ)
		}
	}
	if len(lines) == 0 {
		return
	}
	const name = "testdata/properties.txt"
	text, err := os.ReadFile(name)
	if err == nil {
		err = os.WriteFile(name, append(text, lines...), 0o600) //nolint:gosec // The name is a literal.
	}
	if err != nil {
		tb.Fatal(err)
	}
}

// TestCoverage compares the schemas with the properties of the API's objects.
func TestCoverage(t *testing.T) {
	t.Parallel()
	wanted := make(map[string][]property)
	for _, p := range readProperties(t) {
		wanted[p.stream] = append(wanted[p.stream], p)
	}
	addProperties(t, wanted)
	var all, covered int
	for _, stream := range Streams() {
		have := schemaProperties(stream, newTestCodec(t, stream).root)
		var fields int
		for _, p := range wanted[stream] {
			if slices.Contains(have, p) {
				fields++
			} else {
				t.Errorf("%s: the schema has no %s of type %s", stream, p.pointer, p.typ)
			}
		}
		for _, p := range have {
			if !slices.Contains(wanted[stream], p) {
				t.Errorf("%s: the API has no %s of type %s", stream, p.pointer, p.typ)
			}
		}
		t.Logf("%-24s %3d properties, %3d covered by fields and maps", stream, len(wanted[stream]), fields)
		all, covered = all+len(wanted[stream]), covered+fields
	}
	t.Logf("%-24s %3d properties, %3d covered: %.0f %%", "total", all, covered, 100*float64(covered)/float64(all))
	if all == 0 || covered != all {
		t.Errorf("%d of %d properties are covered", covered, all)
	}
}

func TestSchemas_followTheRules(t *testing.T) {
	t.Parallel()
	// definitions holds what each record name stands for, in any schema.
	definitions := make(map[string]string)
	for _, stream := range Streams() {
		c := newTestCodec(t, stream)
		if key, want := keyNames(c), map[string]string{"issue_statuses": "slug", "custom_fields": "object_type:id"}; key != cmp.Or(want[stream], "id") {
			t.Errorf("%s: the key is %q", stream, key)
		}
		for _, r := range records(c.root) {
			if !strings.HasPrefix(r.name, "com.usepylon.") || strings.Count(r.name, ".") != 2 {
				t.Errorf("%s: record %s is not in the namespace com.usepylon", stream, r.name)
			}
			checkDoc(t, stream+" "+r.name, r.doc)
			text := r.name + r.doc
			for _, f := range r.fields {
				checkDoc(t, stream+" "+r.name+"."+f.name, f.doc)
				inner, nullable := f.typ.nullable()
				top := r == c.root && slices.Contains(strings.Split(keyNames(c), ":"), f.name)
				if nullable == top {
					t.Errorf("%s: %s.%s may be null: %t", stream, r.name, f.name, nullable)
				}
				if strings.HasSuffix(f.name, "_seconds") && inner.kind != kindMap && !strings.Contains(f.doc, "Seconds") &&
					!strings.Contains(f.doc, "The same within business hours.") {
					t.Errorf("%s: the doc of %s.%s does not name the unit", stream, r.name, f.name)
				}
				text += fmt.Sprint(f.name, f.doc, inner.word, inner.logical, inner.name)
			}
			if before, ok := definitions[r.name]; ok && before != text {
				t.Errorf("%s: record %s is another one than in an earlier schema", stream, r.name)
			}
			definitions[r.name] = text
		}
	}
}

// A reader in Java needs the default of a field that the writer did not know.
func TestSchemas_haveDefaults(t *testing.T) {
	t.Parallel()
	for _, stream := range Streams() {
		c := newTestCodec(t, stream)
		fields := 0
		var walk func(v any)
		walk = func(v any) {
			switch v := v.(type) {
			case []any:
				for _, e := range v {
					walk(e)
				}
			case map[string]any:
				list, _ := v["fields"].([]any)
				for _, e := range list {
					f, _ := e.(map[string]any)
					fields++
					def, ok := f["default"]
					_, union := f["type"].([]any)
					if isKey := slices.Contains(strings.Split(keyNames(c), ":"), fmt.Sprint(f["name"])) && !union; ok == isKey || union && def != nil {
						t.Errorf("%s: field %v has the default %v (%t)", stream, f["name"], def, ok)
					}
					walk(f["type"])
				}
				walk(v["items"])
				walk(v["values"])
				walk(v["type"])
			}
		}
		walk(parseJSON(t, []byte(c.Schema())))
		want := 0
		for _, r := range records(c.root) {
			want += len(r.fields)
		}
		if fields != want {
			t.Errorf("%s: saw %d of %d fields", stream, fields, want)
		}
	}
}

// keyNames joins the names of the key's parts as they stand in a plain key.
func keyNames(c *Codec) string {
	var names []string
	for _, i := range c.plan.key {
		names = append(names, c.plan.fields[i].name)
	}
	return strings.Join(names, ":")
}

// codecOf is the codec of a schema that is no stream's.
func codecOf(schema string, layout Layout) (*Codec, error) {
	root, text, err := compactSchema("test", []byte(schema))
	if err != nil {
		return nil, err
	}
	return newCodec("test", root, text, layout)
}

func checkDoc(tb testing.TB, what, doc string) {
	tb.Helper()
	if len(doc) < 10 || !strings.HasSuffix(doc, ".") {
		tb.Errorf("%s has the doc %q", what, doc)
	}
}

// records lists the records of a schema, each once.
func records(root *schemaType) []*schemaType {
	var all []*schemaType
	var walk func(t *schemaType)
	walk = func(t *schemaType) {
		t, _ = t.nullable()
		if t.items != nil {
			walk(t.items)
		}
		if t.kind != kindRecord || slices.Contains(all, t) {
			return
		}
		all = append(all, t)
		for _, f := range t.fields {
			walk(f.typ)
		}
	}
	walk(root)
	return all
}

func TestNewCodec_namesAnUnknownStream(t *testing.T) {
	t.Parallel()
	for _, stream := range []string{"surveys", "", "../schemas/tags", "README"} {
		if _, err := NewCodec(stream, LayoutNested); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("%q", stream)) {
			t.Errorf("error for %q is %v", stream, err)
		}
	}
}

func TestNewCodec_refusesSchemasThatItCannotFill(t *testing.T) {
	t.Parallel()
	const unmapped = `{"name":"unmapped","json":"object","type":["null","string"],"default":null}`
	tests := map[string]struct{ schema, want string }{
		"not JSON":              {`{`, "EOF"},
		"no record":             {`"string"`, "not a record"},
		"unknown type":          {`{"type":"record","name":"R","fields":[{"name":"id","type":"text"}]}`, `unknown type "text"`},
		"no unmapped":           {`{"type":"record","name":"R","fields":[{"name":"id","type":"string"}]}`, "unmapped"},
		"unmapped not last":     {`{"type":"record","name":"R","fields":[` + unmapped + `,{"name":"id","type":"string"}]}`, "unmapped"},
		"no fields":             {`{"type":"record","name":"R","fields":[]}`, "no fields"},
		"no key":                {`{"type":"record","name":"R","fields":[` + unmapped + `]}`, "no key"},
		"a key of another type": {`{"type":"record","name":"R","fields":[{"name":"id","type":"string"},{"name":"n","type":"long"},` + unmapped + `]}`, "neither null nor the key"},
		"unmapped as a map":     {`{"type":"record","name":"R","fields":[{"name":"id","type":"string"},{"name":"unmapped","type":{"type":"map","values":"string"}}]}`, "unmapped"},
		"recursion":             {`{"type":"record","name":"R","fields":[{"name":"id","type":"string"},{"name":"r","type":["null","R"]},` + unmapped + `]}`, "contains itself"},
		"other JSON text":       {`{"type":"record","name":"R","fields":[{"name":"id","type":"string"},{"name":"r","json":"number","type":["null","string"]},` + unmapped + `]}`, "number"},
		"a field within":        {`{"type":"record","name":"R","fields":[{"name":"id","type":"string"},{"name":"r","type":["null",{"type":"record","name":"I","fields":[{"name":"x","type":"string"}]}]},` + unmapped + `]}`, "cannot be null"},
		"a type of no value":    {`{"type":"record","name":"R","fields":[{"name":"id","type":"string"},{"name":"d","type":["null","double"]},` + unmapped + `]}`, "double"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := codecOf(tt.schema, LayoutNested); err == nil || !regexp.MustCompile(tt.want).MatchString(err.Error()) {
				t.Errorf("error is %v, want one with %q", err, tt.want)
			}
		})
	}
}
