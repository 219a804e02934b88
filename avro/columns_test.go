package avro

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// kinds spells the type of each column of a stream.
func kinds(tb testing.TB, stream string, layout Layout) map[string]string {
	tb.Helper()
	words := map[Kind]string{
		KindString: "string", KindJSON: "json", KindLong: "long", KindBoolean: "boolean", KindTime: "time", KindRecord: "record", KindArray: "array of ", KindMap: "map of ",
	}
	var spell func(t Type) string
	spell = func(t Type) string {
		if t.Items != nil {
			return words[t.Kind] + spell(*t.Items)
		}
		return words[t.Kind]
	}
	got := make(map[string]string)
	for _, c := range newLayoutCodec(tb, stream, layout).Columns() {
		checkDoc(tb, stream+"."+c.Name, c.Doc)
		got[c.Name] = spell(c.Type)
	}
	return got
}

func TestColumns(t *testing.T) {
	t.Parallel()
	tests := []struct {
		layout Layout
		want   map[string]string
	}{
		{LayoutNested, map[string]string{
			"id": "string", "number": "long", "is_issue_group": "boolean", "created_at": "time", "assignee": "record", "tags": "array of string",
			"child_issues": "array of record", "custom_fields": "map of record", "time_in_status_seconds": "map of long", "unmapped": "json", "assignee_id": "",
		}},
		{LayoutFlat, map[string]string{
			"id": "string", "number": "long", "assignee_id": "string", "assignee": "", "tags": "array of string", "child_issues": "json", "custom_fields": "json",
		}},
		{LayoutFlatText, map[string]string{"tags": "json", "created_at": "time"}},
	}
	for _, tt := range tests {
		all := kinds(t, "issues", tt.layout)
		got := make(map[string]string)
		for name := range tt.want {
			got[name] = all[name]
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.layout, diff)
		}
	}
	c := newTestCodec(t, "issues")
	checkDoc(t, "issues", c.Doc())
	for _, column := range c.Columns() {
		if column.Name == "assignee" && (len(column.Type.Fields) != 2 || column.Type.Fields[1].Name != "email") {
			t.Errorf("assignee has the fields %v", column.Type.Fields)
		}
		if column.Key != (column.Name == "id") {
			t.Errorf("%s is a part of the key: %t", column.Name, column.Key)
		}
	}
}

func TestNames_ofOtherValues(t *testing.T) {
	t.Parallel()
	got := []string{LayoutNested.String(), LayoutFlat.String(), LayoutFlatText.String(), Layout(7).String(), FormatConfluent.String(), Format(9).String()}
	want := []string{"nested", "flat", "flat-text", "Layout(7)", "confluent", "Format(9)"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
}
