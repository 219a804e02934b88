package avro

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	twmb "github.com/twmb/avro"
)

// encodeAndDecode is what another implementation reads of a record, without
// what is null, and what Encode says is unmapped.
func encodeAndDecode(tb testing.TB, c *Codec, record string) (fields map[string]any, unmapped []string) {
	tb.Helper()
	body, unmapped, err := c.Encode(nil, []byte(record))
	if err != nil {
		tb.Fatal(err)
	}
	fields, _ = decodeIndependently(tb, twmb.MustParse(c.Schema()), body).(map[string]any)
	maps.DeleteFunc(fields, func(_ string, v any) bool { return v == nil })
	return fields, unmapped
}

// TestEncode_fitsOrGoesToUnmapped has each case as one member after the key:
// either it is in its field, or its text is in unmapped and the field is null.
func TestEncode_fitsOrGoesToUnmapped(t *testing.T) {
	t.Parallel()
	list := func(v ...any) []any { return v }
	tests := map[string]struct {
		member   string
		want     any               // in the field; nil for null
		unmapped map[string]string // nil for nothing
	}{
		"string":                        {member: `"title":"x"`, want: "x"},
		"empty string":                  {member: `"title":""`, want: ""},
		"the string null":               {member: `"title":"null"`, want: "null"},
		"string with escapes":           {member: `"title":"\u00e9\ud83d\ude48\n\/"`, want: "é🙈\n/"},
		"string with NUL":               {member: `"title":"\u0000"`, want: "\x00"},
		"escaped lone surrogate":        {member: `"title":"a\ud83d"`, unmapped: map[string]string{"/title": `"a\ud83d"`}},
		"invalid UTF-8":                 {member: "\"title\":\"a\xff\xf0\x9f b\"", want: "a\ufffd\ufffd\ufffd b"},
		"number in a string":            {member: `"title":42`, unmapped: map[string]string{"/title": "42"}},
		"boolean in a string":           {member: `"title":false`, unmapped: map[string]string{"/title": "false"}},
		"object in a string":            {member: `"title": {"a": [1, 2]}`, unmapped: map[string]string{"/title": `{"a": [1, 2]}`}},
		"escaped name":                  {member: `"\u0074itle":"x"`, want: "x"},
		"null":                          {member: `"title":null`},
		"long":                          {member: `"number":4711`, want: json.Number("4711")},
		"2^53+1":                        {member: `"number":9007199254740993`, want: json.Number("9007199254740993")},
		"largest long":                  {member: `"number":9223372036854775807`, want: json.Number("9223372036854775807")},
		"smallest long":                 {member: `"number":-9223372036854775808`, want: json.Number("-9223372036854775808")},
		"2^63":                          {member: `"number":9223372036854775808`, unmapped: map[string]string{"/number": "9223372036854775808"}},
		"-2^63-1":                       {member: `"number":-9223372036854775809`, unmapped: map[string]string{"/number": "-9223372036854775809"}},
		"fraction":                      {member: `"number":1.5`, unmapped: map[string]string{"/number": "1.5"}},
		"fraction of zero":              {member: `"number":1.0`, unmapped: map[string]string{"/number": "1.0"}},
		"exponent":                      {member: `"number":1e3`, unmapped: map[string]string{"/number": "1e3"}},
		"minus zero":                    {member: `"number":-0`, unmapped: map[string]string{"/number": "-0"}},
		"number as a string":            {member: `"number":"1"`, unmapped: map[string]string{"/number": `"1"`}},
		"boolean":                       {member: `"is_issue_group":true`, want: true},
		"boolean as a string":           {member: `"is_issue_group":"true"`, unmapped: map[string]string{"/is_issue_group": `"true"`}},
		"boolean as a number":           {member: `"is_issue_group":1`, unmapped: map[string]string{"/is_issue_group": "1"}},
		"time":                          {member: `"created_at":"2025-08-26T16:11:58Z"`, want: "2025-08-26T16:11:58Z"},
		"time with milliseconds":        {member: `"created_at":"2025-08-26T16:11:58.871Z"`, want: "2025-08-26T16:11:58.871Z"},
		"time with zeros":               {member: `"created_at":"2025-08-26T16:11:58.000000Z"`, want: "2025-08-26T16:11:58Z"},
		"time with a zone":              {member: `"created_at":"2025-08-26T18:11:58+02:00"`, want: "2025-08-26T16:11:58Z"},
		"time before 1970":              {member: `"created_at":"1969-12-31T12:00:00.001Z"`, want: "1969-12-31T12:00:00.001Z"},
		"first time":                    {member: `"created_at":"0001-01-01T00:00:00Z"`, want: "0001-01-01T00:00:00Z"},
		"last time":                     {member: `"created_at":"9999-12-31T23:59:59.999Z"`, want: "9999-12-31T23:59:59.999Z"},
		"time in year 0":                {member: `"created_at":"0001-01-01T00:00:00+00:01"`, unmapped: map[string]string{"/created_at": `"0001-01-01T00:00:00+00:01"`}},
		"time in year 10000":            {member: `"created_at":"9999-12-31T23:59:59-00:01"`, unmapped: map[string]string{"/created_at": `"9999-12-31T23:59:59-00:01"`}},
		"time with microseconds":        {member: `"created_at":"2025-08-26T16:11:58.000001Z"`, unmapped: map[string]string{"/created_at": `"2025-08-26T16:11:58.000001Z"`}},
		"time without a zone":           {member: `"created_at":"2025-08-26T16:11:58"`, unmapped: map[string]string{"/created_at": `"2025-08-26T16:11:58"`}},
		"time with a comma":             {member: `"created_at":"2025-08-26T16:11:58,5Z"`, unmapped: map[string]string{"/created_at": `"2025-08-26T16:11:58,5Z"`}},
		"time of one digit":             {member: `"created_at":"2025-08-26T6:11:58Z"`, unmapped: map[string]string{"/created_at": `"2025-08-26T6:11:58Z"`}},
		"time with half a zone":         {member: `"created_at":"2025-08-26T16:11:58+02"`, unmapped: map[string]string{"/created_at": `"2025-08-26T16:11:58+02"`}},
		"time with a zone of a day":     {member: `"created_at":"2025-08-26T16:11:58+24:00"`, unmapped: map[string]string{"/created_at": `"2025-08-26T16:11:58+24:00"`}},
		"time with a zone of 60 min":    {member: `"created_at":"2025-08-26T16:11:58-01:60"`, unmapped: map[string]string{"/created_at": `"2025-08-26T16:11:58-01:60"`}},
		"time in small letters":         {member: `"created_at":"2025-08-26t16:11:58z"`, unmapped: map[string]string{"/created_at": `"2025-08-26t16:11:58z"`}},
		"leap second":                   {member: `"created_at":"2016-12-31T23:59:60Z"`, unmapped: map[string]string{"/created_at": `"2016-12-31T23:59:60Z"`}},
		"date alone":                    {member: `"created_at":"2025-08-26"`, unmapped: map[string]string{"/created_at": `"2025-08-26"`}},
		"empty string for a time":       {member: `"created_at":""`, unmapped: map[string]string{"/created_at": `""`}},
		"number for a time":             {member: `"created_at":1756224718`, unmapped: map[string]string{"/created_at": "1756224718"}},
		"array":                         {member: `"tags":["a","b"]`, want: list("a", "b")},
		"empty array":                   {member: `"tags":[]`, want: []any{}},
		"null array":                    {member: `"tags":null`},
		"object for an array":           {member: `"tags":{"0":"a"}`, unmapped: map[string]string{"/tags": `{"0":"a"}`}},
		"element of another type":       {member: `"tags":["a",1,"b"]`, unmapped: map[string]string{"/tags": `["a",1,"b"]`}},
		"null element":                  {member: `"tags":[null]`, unmapped: map[string]string{"/tags": "[null]"}},
		"record":                        {member: `"team":{"id":"t"}`, want: map[string]any{"id": "t"}},
		"empty record":                  {member: `"team":{}`, want: map[string]any{"id": nil}},
		"array for a record":            {member: `"team":[]`, unmapped: map[string]string{"/team": "[]"}},
		"unknown member of a record":    {member: `"team":{"id":"t","name":"T"}`, want: map[string]any{"id": "t"}, unmapped: map[string]string{"/team/name": `"T"`}},
		"misfit in a record":            {member: `"team":{"id":1}`, want: map[string]any{"id": nil}, unmapped: map[string]string{"/team/id": "1"}},
		"misfit in an array's record":   {member: `"child_issues":[{"id":"a"},{"id":2,"x":3}]`, want: list(map[string]any{"id": "a", "number": nil}, map[string]any{"id": nil, "number": nil}), unmapped: map[string]string{"/child_issues/1/id": "2", "/child_issues/1/x": "3"}},
		"misfit, then an unfit element": {member: `"child_issues":[{"id":2},3,{"id":4}]`, unmapped: map[string]string{"/child_issues": `[{"id":2},3,{"id":4}]`}},
		"map":                           {member: `"time_in_status_seconds":{"new":1}`, want: map[string]any{"new": json.Number("1")}},
		"empty map":                     {member: `"time_in_status_seconds":{}`, want: map[string]any{}},
		"misfit in a map":               {member: `"time_in_status_seconds":{"a/b":"1","~":null,"c":2}`, want: map[string]any{"c": json.Number("2")}, unmapped: map[string]string{"/time_in_status_seconds/a~1b": `"1"`, "/time_in_status_seconds/~0": "null"}},
		"array for a map":               {member: `"time_in_status_seconds":[]`, unmapped: map[string]string{"/time_in_status_seconds": "[]"}},
		"unknown member":                {member: `"sentiment":{"score": -0.50}`, unmapped: map[string]string{"/sentiment": `{"score": -0.50}`}},
		"unknown null":                  {member: `"sentiment":null`, unmapped: map[string]string{"/sentiment": "null"}},
		"unknown name with a slash":     {member: `"a/~b":1`, unmapped: map[string]string{"/a~1~0b": "1"}},
		"unknown empty name":            {member: `"":1`, unmapped: map[string]string{"/": "1"}},
		"a member named unmapped":       {member: `"unmapped":{"/title":"x"}`, unmapped: map[string]string{"/unmapped": `{"/title":"x"}`}},
		"name in another case":          {member: `"Title":"x"`, unmapped: map[string]string{"/Title": `"x"`}},
		"duplicates, last one fits":     {member: `"title":1,"title":"x"`, want: "x"},
		"duplicates, last one not":      {member: `"title":"x","title":1`, unmapped: map[string]string{"/title": "1"}},
		"duplicates, last one null":     {member: `"title":"x","title":null`},
		"duplicates with an escape":     {member: `"title":"x","titl\u0065":"y"`, want: "y"},
		"duplicate records":             {member: `"team":{"id":"t","x":1},"team":{"id":"u"}`, want: map[string]any{"id": "u"}},
		"duplicates in a map":           {member: `"time_in_status_seconds":{"a":1,"a":2}`, want: map[string]any{"a": json.Number("2")}},
		"duplicates in a map, misfit":   {member: `"time_in_status_seconds":{"a":1,"a":"2","b":"1","b":2}`, want: map[string]any{"b": json.Number("2")}, unmapped: map[string]string{"/time_in_status_seconds/a": `"2"`}},
		"unknown duplicates":            {member: `"x":1,"x":2`, unmapped: map[string]string{"/x": "2"}},
		"duplicates in unknown":         {member: `"x":{"a":1,"a":2}`, unmapped: map[string]string{"/x": `{"a":1,"a":2}`}},
	}
	c := newTestCodec(t, "issues")
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fields, unmapped := encodeAndDecode(t, c, `{"id":"k", `+tt.member+`}`)
			inRecord := make(map[string]string)
			if text, ok := fields[unmappedField].(string); ok {
				var members map[string]json.RawMessage
				if err := json.Unmarshal([]byte(text), &members); err != nil || len(members) == 0 {
					t.Fatalf("unmapped is %q: %v", text, err)
				}
				for k, v := range members {
					inRecord[k] = string(v)
				}
			}
			want := tt.unmapped
			if want == nil {
				want = map[string]string{}
			}
			if diff := cmp.Diff(want, inRecord); diff != "" {
				t.Errorf("unmapped (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(slices.Sorted(maps.Keys(want)), slices.Sorted(slices.Values(unmapped))); diff != "" {
				t.Errorf("reported pointers (-want +got):\n%s", diff)
			}
			delete(fields, unmappedField)
			delete(fields, "id")
			values := append(slices.Collect(maps.Values(fields)), nil)
			if len(values) > 2 {
				t.Errorf("fields are %v", fields)
			}
			if diff := cmp.Diff(tt.want, values[0]); diff != "" {
				t.Errorf("field (-want +got):\n%s", diff)
			}
		})
	}
}

func TestEncode_refusesWhatIsNoRecord(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ stream, record, want string }{
		"nothing":          {"tags", ``, "EOF"},
		"no JSON":          {"tags", `id`, "invalid character"},
		"cut off":          {"tags", `{"id":"x","value":"b`, "EOF"},
		"cut off in array": {"users", `{"id":"x","emails":["a",`, "EOF"},
		"cut off after 1":  {"users", `{"id":"x","emails":[1,`, "EOF"},
		"cut off in map":   {"issues", `{"id":"x","time_in_status_seconds":{"a":1`, "EOF"},
		"broken in array":  {"users", `{"id":"x","emails":[}]}`, "invalid character"},
		"null":             {"tags", `null`, "not a JSON object"},
		"array":            {"tags", `[{"id":"x"}]`, "not a JSON object"},
		"two objects":      {"tags", `{"id":"x"}{"id":"y"}`, "goes on"},
		"broken after it":  {"tags", `{"id":"x"}}`, "invalid character"},
		"no key":           {"tags", `{"value":"x"}`, `key "id"`},
		"empty key":        {"tags", `{"id":""}`, `key "id"`},
		"null key":         {"tags", `{"id":null}`, `key "id"`},
		"numeric key":      {"tags", `{"id":7}`, `key "id"`},
		"surrogate key":    {"tags", `{"id":"\ud800"}`, `key "id"`},
		"key twice":        {"tags", `{"id":"x","id":null}`, `key "id"`},
		"no object type":   {"custom_fields", `{"id":"x","object_type":null}`, `key "object_type"`},
		"no id":            {"custom_fields", `{"object_type":"issue"}`, `key "id"`},
		"no slug":          {"issue_statuses", `{"id":"x"}`, `key "slug"`},
		"too deep":         {"tags", `{"id":"x","y":` + strings.Repeat("[", 10_001) + strings.Repeat("]", 10_001) + `}`, "depth"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newTestCodec(t, tt.stream)
			// A record before it, whose key must not be left over.
			if _, _, err := c.Encode(nil, []byte(`{"id":"before","slug":"before","object_type":"issue"}`)); err != nil {
				t.Fatal(err)
			}
			out, unmapped, err := c.Encode([]byte("dst"), []byte(tt.record))
			if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), tt.stream) {
				t.Errorf("error is %v, want one with %q and %q", err, tt.stream, tt.want)
			}
			if string(out) != "dst" || unmapped != nil {
				t.Errorf("Encode returned %q and %q", out, unmapped)
			}
		})
	}
}

func TestEncode_keepsDeepAndLargeValues(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat("[", 9_990) + strings.Repeat("]", 9_990)
	filter := strings.Repeat(`{"subfilters":[`, 300) + `{"field":"x"}` + strings.Repeat(`]}`, 300)
	large := strings.Repeat(`<p>grüezi\n`, 850_000) // 10 MB
	tests := map[string]struct {
		stream, record string
		unmapped       int
	}{
		"deep unknown member": {"tags", `{"id":"x","y":` + deep + `}`, 1},
		"deep known member":   {"tags", `{"id":"x","value":` + deep + `}`, 1},
		"deep filter":         {"knowledge_base_articles", `{"id":"x","visibility_config":{"customer_visibility_condition":` + filter + `}}`, 0},
		"large field":         {"issue_messages", `{"id":"x","message_html":"` + large + `"}`, 0},
		"large unknown":       {"issue_messages", `{"id":"x","y":"` + large[:1<<20] + `"}`, 1},
		"many elements":       {"issue_messages", `{"id":"x","file_urls":[` + strings.Repeat(`"",`, 100_000) + `""]}`, 0},
		"many records":        {"teams", `{"id":"x","users":[` + strings.Repeat(`{},`, 20_000) + `{}]}`, 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newTestCodec(t, tt.stream)
			checkRoundTrip(t, c, twmb.MustParse(c.Schema()), []byte(tt.record))
			_, unmapped, err := c.Encode(nil, []byte(tt.record))
			if err != nil || len(unmapped) != tt.unmapped {
				t.Errorf("error is %v, unmapped are %q", err, unmapped)
			}
			// What it took is not kept for the next record.
			s := newScratch(c.plan)
			if _, err := s.convert([]byte(tt.record)); err != nil {
				t.Fatal(err)
			}
			if keeps := s.reusable(); keeps != (len(tt.record) < 100_000 && tt.stream != "teams") {
				t.Errorf("the scratch is kept: %t", keeps)
			}
		})
	}
}

// A record must not show in the next one that the same memory is used for.
func TestEncode_leavesNothingOver(t *testing.T) {
	t.Parallel()
	for _, stream := range Streams() {
		c := newTestCodec(t, stream)
		s := newScratch(c.plan)
		records := readFixture(t, stream)
		for _, i := range []int{0, 1, 0, 2, 1, 2, 0} {
			reused, err := s.convert(records[i])
			if err != nil {
				t.Fatal(err)
			}
			fresh, err := newScratch(c.plan).convert(records[i])
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(fresh, reused, cmpopts.EquateEmpty()); diff != "" {
				t.Fatalf("%s record %d (-fresh +reused):\n%s", stream, i, diff)
			}
		}
	}
}

func TestEncode_mayBeCalledAtOnce(t *testing.T) {
	t.Parallel()
	c := newTestCodec(t, "issues")
	schema := twmb.MustParse(c.Schema())
	records := readFixture(t, "issues")
	want := make([]any, len(records))
	for i, record := range records {
		body, _, err := c.Encode(nil, record)
		if err != nil {
			t.Fatal(err)
		}
		want[i] = decodeIndependently(t, schema, body)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			var body []byte
			for n := range 60 {
				i := n % len(records)
				given := bytes.Clone(records[i])
				var err error
				if body, _, err = c.Encode(body[:0], given); err != nil {
					t.Error(err)
					return
				}
				clear(given) // it belongs to the caller again
				if diff := cmp.Diff(want[i], decodeIndependently(t, schema, body)); diff != "" {
					t.Errorf("record %d (-alone +at once):\n%s", i, diff)
				}
			}
		})
	}
	wg.Wait()
}

func TestEncode_wrapsTheCauseOfAnError(t *testing.T) {
	t.Parallel()
	if _, _, err := newTestCodec(t, "tags").Encode(nil, []byte(`{"id":`)); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("error is %v", err)
	}
}

func TestPath_hasFewValues(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		"":                              "",
		"/title":                        "/title",
		"/new~1thing":                   "/new~1thing",
		"/custom_fields/tier/value":     "/custom_fields/*/value",
		"/custom_fields/a~1b":           "/custom_fields/*",
		"/team_slas/12/resolution/time": "/team_slas/*/resolution/time",
		"/team/0":                       "/team/0",
	}
	c := newTestCodec(t, "issues")
	for pointer, want := range tests {
		if got := c.Path(pointer); got != want {
			t.Errorf("Path(%q) is %q, want %q", pointer, got, want)
		}
	}
}
