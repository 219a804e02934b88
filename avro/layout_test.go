package avro

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"
	twmb "github.com/twmb/avro"
)

// flatFields lists the fields of a flat record by name.
func flatFields(tb testing.TB, stream string, layout Layout) map[string]*schemaField {
	tb.Helper()
	fields := make(map[string]*schemaField)
	for _, f := range newLayoutCodec(tb, stream, layout).root.fields {
		fields[f.name] = f
	}
	return fields
}

func TestLayout_flatHasColumnsOnly(t *testing.T) {
	t.Parallel()
	for _, stream := range Streams() {
		for _, layout := range []Layout{LayoutFlat, LayoutFlatText} {
			for name, f := range flatFields(t, stream, layout) {
				inner, _ := f.typ.nullable()
				isArray := layout == LayoutFlat && inner.kind == kindArray && inner.items.kind == kindString
				if inner.isContainer() && !isArray {
					t.Errorf("%s, %s: %s is a %s", stream, layout, name, inner.word)
				}
			}
		}
	}
}

// What is cut off within a record is no record in a flat layout either.
func TestLayout_flatRefusesWhatIsNoRecord(t *testing.T) {
	t.Parallel()
	c := newLayoutCodec(t, "issue_messages", LayoutFlat)
	for _, record := range []string{`{"id":"x","author":{"contact":{"id":`, `{"id":"x","author":{"name":"a"`, `{"id":"x","email_info":{"to_emails":["a",`, `{"author":{"name":"a"}}`} {
		out, unmapped, err := c.Encode([]byte("dst"), []byte(record))
		if err == nil || string(out) != "dst" || unmapped != nil {
			t.Errorf("Encode(%s) gives %q, %q and error %v", record, out, unmapped, err)
		}
	}
}

// JSON text of another writer may be none.
func TestDecoder_mergeRefusesTextThatIsNoJSON(t *testing.T) {
	t.Parallel()
	tests := []struct {
		stream       string
		layout       Layout
		record, want string
	}{
		{"issues", LayoutFlat, `{"child_issues":"[1"}`, "child_issues"},
		{"users", LayoutFlatText, `{"emails":""}`, "emails"},
		{"knowledge_base_articles", LayoutNested, `{"visibility_config":{"customer_visibility_condition":{"subfilters":"x"}}}`, "subfilters"},
		{"knowledge_base_articles", LayoutFlat, `{"visibility_config_customer_visibility_condition_subfilters":"[]]"}`, "subfilters"},
		{"users", LayoutFlat, `{"unmapped":"{\"/role\":{},\"/role/id/x/y\":1}"}`, "nothing is at"},
	}
	for _, tt := range tests {
		c := newLayoutCodec(t, tt.stream, tt.layout)
		d, err := NewDecoder(c.Schema())
		if err != nil {
			t.Fatal(err)
		}
		value, _ := parseJSON(t, []byte(tt.record)).(map[string]any)
		value["id"] = "k"
		body, err := twmb.MustParse(c.Schema()).Encode(value)
		if err != nil {
			t.Fatal(err)
		}
		if out, err := d.JSON(nil, body, DecodeOptions{Merge: true}); err == nil || !strings.Contains(err.Error(), tt.want) || out != nil {
			t.Errorf("%s: JSON gives %s and error %v, want one with %q", tt.record, out, err, tt.want)
		}
		if _, err := d.JSON(nil, body, DecodeOptions{}); err != nil {
			t.Errorf("%s without merging: %v", tt.record, err)
		}
	}
}

// Every place of the nested schema is in the flat one, once: as a column of its
// own or within JSON text.
func TestLayout_flatHasEveryPlace(t *testing.T) {
	t.Parallel()
	for _, stream := range Streams() {
		var want []string
		var walk func(s *schemaType, place string)
		walk = func(s *schemaType, place string) {
			for _, f := range s.fields {
				if inner, _ := f.typ.nullable(); inner.kind == kindRecord {
					walk(inner, place+"/"+f.name)
				} else {
					want = append(want, place+"/"+f.name)
				}
			}
		}
		walk(newTestCodec(t, stream).root, "")
		var got []string
		for _, f := range newLayoutCodec(t, stream, LayoutFlat).root.fields {
			if f.pointer == "" {
				got = append(got, "/"+f.name)
			} else {
				got = append(got, f.pointer)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-nested +flat):\n%s", stream, diff)
		}
	}
}

func TestLayout_namesOfColumns(t *testing.T) {
	t.Parallel()
	tests := []struct{ stream, column, pointer, json string }{
		{"issues", "assignee_email", "/assignee/email", ""},
		{"issues", "account_external_ids", "/account/external_ids", jsonArray},
		{"issues", "custom_fields", "", jsonObject},
		{"issues", "time_in_status_seconds", "", jsonObject},
		{"issues", "team_slas", "", jsonArray},
		{"issues", "title", "", ""},
		{"issues", "unmapped", "", jsonObject},
		{"issue_messages", "author_contact_id", "/author/contact/id", ""},
		{"knowledge_base_articles", "visibility_config_customer_visibility_condition_subfilters", "/visibility_config/customer_visibility_condition/subfilters", jsonArray},
		// A user has a role_id of its own.
		{"users", "role_id", "", ""},
		{"users", "role__id", "/role/id", ""},
		{"users", "role_name", "/role/name", ""},
	}
	for _, tt := range tests {
		f := flatFields(t, tt.stream, LayoutFlat)[tt.column]
		if f == nil {
			t.Errorf("%s has no column %s", tt.stream, tt.column)
		} else if f.pointer != tt.pointer || f.json != tt.json {
			t.Errorf("%s.%s has pointer %q and JSON text of %q", tt.stream, tt.column, f.pointer, f.json)
		}
	}
	if f := flatFields(t, "issues", LayoutFlat)["tags"]; f.json != "" {
		t.Error("in the flat layout tags are no array")
	}
	if f := flatFields(t, "issues", LayoutFlatText)["tags"]; f.json != jsonArray {
		t.Error("in the flat layout with text tags are no JSON text")
	}
}

// TestLayout_flatValues has each case as one member after the key, as
// TestEncode_fitsOrGoesToUnmapped has it for the nested layout.
func TestLayout_flatValues(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		member string
		want   map[string]any // the columns that are not null; unmapped among them
	}{
		"record":                   {`"assignee":{"id":"u","email":"e"}`, map[string]any{"assignee_id": "u", "assignee_email": "e"}},
		"null record":              {`"assignee":null`, map[string]any{}},
		"empty record":             {`"assignee":{}`, map[string]any{"unmapped": `{"/assignee":{}}`}},
		"record of nulls":          {`"assignee": {"id":null}`, map[string]any{"unmapped": `{"/assignee":{"id":null}}`}},
		"unknown member":           {`"assignee":{"id":"u","age":7}`, map[string]any{"assignee_id": "u", "unmapped": `{"/assignee/age":7}`}},
		"unknown member alone":     {`"assignee":{"age":7}`, map[string]any{"unmapped": `{"/assignee/age":7}`}},
		"misfit":                   {`"assignee":{"id":7}`, map[string]any{"unmapped": `{"/assignee/id":7}`}},
		"array for a record":       {`"assignee":[]`, map[string]any{"unmapped": `{"/assignee":[]}`}},
		"column's name":            {`"assignee_id":"u"`, map[string]any{"unmapped": `{"/assignee_id":"u"}`}},
		"record twice":             {`"team":{"id":"t","x":1},"team":{"id":"u"}`, map[string]any{"team_id": "u"}},
		"array of records":         {`"child_issues":[{"id":"a"},{"id":2,"x":[]}]`, map[string]any{"child_issues": `[{"id":"a"},{"id":2,"x":[]}]`}},
		"empty array of records":   {`"child_issues":[]`, map[string]any{"child_issues": `[]`}},
		"object for an array":      {`"child_issues":{}`, map[string]any{"unmapped": `{"/child_issues":{}}`}},
		"map":                      {`"time_in_status_seconds":{"new":1,"x":"2"}`, map[string]any{"time_in_status_seconds": `{"new":1,"x":"2"}`}},
		"array for a map":          {`"time_in_status_seconds":[]`, map[string]any{"unmapped": `{"/time_in_status_seconds":[]}`}},
		"map with a name twice":    {`"time_in_status_seconds":{"a":1,"a":2}`, map[string]any{"time_in_status_seconds": `{"a":1,"a":2}`}},
		"array of strings":         {`"tags":["a","é"]`, map[string]any{"tags": []any{"a", "é"}}},
		"element that is no text":  {`"tags":["a",1]`, map[string]any{"unmapped": `{"/tags":["a",1]}`}},
		"array in a record":        {`"account":{"external_ids":[{"label":"l"}]}`, map[string]any{"account_external_ids": `[{"label":"l"}]`}},
		"text":                     {`"title":"x"`, map[string]any{"title": "x"}},
		"time":                     {`"created_at":"2025-08-26T18:11:58+02:00"`, map[string]any{"created_at": "2025-08-26T16:11:58Z"}},
		"time that is none, twice": {`"created_at":"now","updated_at":1`, map[string]any{"unmapped": `{"/created_at":"now","/updated_at":1}`}},
	}
	c := newLayoutCodec(t, "issues", LayoutFlat)
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			record := `{"id":"k",` + tt.member + `}`
			fields, unmapped := encodeAndDecode(t, c, record)
			delete(fields, "id")
			if diff := cmp.Diff(tt.want, fields); diff != "" {
				t.Errorf("columns (-want +got):\n%s", diff)
			}
			if got := readUnmapped(t, fields); len(got) != len(unmapped) {
				t.Errorf("pointers are %q, unmapped is %v", unmapped, got)
			}
			checkRoundTrip(t, c, twmb.MustParse(c.Schema()), []byte(record))
		})
	}
	text := newLayoutCodec(t, "issues", LayoutFlatText)
	fields, unmapped := encodeAndDecode(t, text, `{"id":"k","tags":["a",1],"attachment_urls":null}`)
	if diff := cmp.Diff(map[string]any{"id": "k", "tags": `["a",1]`}, fields); diff != "" || unmapped != nil {
		t.Errorf("unmapped is %q, flat-text columns (-want +got):\n%s", unmapped, diff)
	}
}

func TestLayout_flattenRefusesWhatHasNoColumn(t *testing.T) {
	t.Parallel()
	const tail = `{"name":"unmapped","json":"object","type":["null","string"],"default":null}]}`
	tests := map[string]struct{ field, want string }{
		"a record that cannot be null": {`{"name":"r","type":{"type":"record","name":"I","fields":[{"name":"x","type":["null","string"]}]}}`, "r"},
		"a map that cannot be null":    {`{"name":"m","type":{"type":"map","values":"long"}}`, "m"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root, err := parseSchema(`{"type":"record","name":"R","fields":[{"name":"id","type":"string"},` + tt.field + "," + tail)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := flatten(root, LayoutFlat); err == nil || !strings.Contains(err.Error(), "/"+tt.want+" cannot be null") &&
				!strings.Contains(err.Error(), "record /"+tt.want) {
				t.Errorf("error is %v", err)
			}
		})
	}
}

// A column keeps its name whatever comes after it.
func TestLayout_collidingNames(t *testing.T) {
	t.Parallel()
	record := func(name string) string {
		return `{"name":"a","type":["null",{"type":"record","name":"` + name + `","fields":[{"name":"b","type":["null","long"]},{"name":"_b","type":["null","long"]}]}]}`
	}
	root, err := parseSchema(`{"type":"record","name":"R","namespace":"n","fields":[{"name":"id","type":"string"},{"name":"a_b","type":["null","string"]},` +
		record("A") + `,{"name":"a__b","type":["null","string"]},{"name":"unmapped","json":"object","type":["null","string"]}]}`)
	if err != nil {
		t.Fatal(err)
	}
	text, err := flatten(root, LayoutFlat)
	if err != nil {
		t.Fatal(err)
	}
	flat, err := parseSchema(string(text))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range flat.fields {
		names = append(names, f.name)
	}
	if diff := cmp.Diff([]string{"id", "a_b", "a__b", "a___b", "_a__b", "unmapped"}, names); diff != "" {
		t.Errorf("columns (-want +got):\n%s", diff)
	}
}

func TestIdentify(t *testing.T) {
	t.Parallel()
	fingerprints := make(map[uint64]string)
	for _, stream := range Streams() {
		for _, layout := range Layouts() {
			c := newLayoutCodec(t, stream, layout)
			for _, schema := range append(releasedVersions(t, stream, layout), c.Schema()) {
				if s, l, ok := Identify(schema); s != stream || l != layout || !ok {
					t.Errorf("%s, %s is taken for %q, %s, %t", stream, layout, s, l, ok)
				}
			}
			if before, ok := fingerprints[c.Fingerprint()]; ok {
				t.Errorf("%s, %s has the fingerprint of %s", stream, layout, before)
			}
			fingerprints[c.Fingerprint()] = stream + ", " + layout.String()
		}
		key, err := NewKeyCodec(stream)
		if err != nil {
			t.Fatal(err)
		}
		if s, l, ok := Identify(key.Schema()); ok {
			t.Errorf("the schema of a key is taken for %s, %s", s, l)
		}
	}
	for _, schema := range []string{"", `"string"`, foreignSchema, `{"type":"record","name":"Issue","namespace":"other","fields":[]}`} {
		if s, l, ok := Identify(schema); ok {
			t.Errorf("%s is taken for %s, %s", schema, s, l)
		}
	}
}

func TestNewCodec_namesAnUnknownLayout(t *testing.T) {
	t.Parallel()
	if _, err := NewCodec("tags", Layout(7)); err == nil || !strings.Contains(err.Error(), "Layout(7)") {
		t.Errorf("error is %v", err)
	}
}

// Objects of the shape that the live API was seen to send in October 2026 have
// nothing unmapped, in any layout.
func TestEncode_liveObjectsFit(t *testing.T) {
	t.Parallel()
	var live map[string]json.RawMessage
	if err := json.Unmarshal(readFile(t, "testdata/live.json"), &live); err != nil {
		t.Fatal(err)
	}
	for _, stream := range slices.Sorted(maps.Keys(live)) {
		for _, layout := range Layouts() {
			c := newLayoutCodec(t, stream, layout)
			if _, unmapped, err := c.Encode(nil, live[stream]); err != nil || unmapped != nil {
				t.Errorf("%s, %s: unmapped %q, error %v", stream, layout, unmapped, err)
			}
			checkRoundTrip(t, c, twmb.MustParse(c.Schema()), jsontext.Value(live[stream]))
		}
	}
}
