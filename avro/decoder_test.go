package avro

import (
	"encoding/binary"
	"math"
	"strings"
	"testing"
	"time"

	twmb "github.com/twmb/avro"
)

// A schema that is not ours, with everything that Avro has.
const foreignSchema = `{"type":"record","name":"R","namespace":"n","fields":[
	{"name":"null","type":"null"},
	{"name":"int","type":"int"},
	{"name":"float","type":"float"},
	{"name":"double","type":{"type":"double"}},
	{"name":"bytes","type":"bytes"},
	{"name":"fixed","type":{"type":"fixed","name":"F","size":2}},
	{"name":"enum","type":{"type":"enum","name":"E","symbols":["A","B"]}},
	{"name":"union","type":["int","string","null","E"]},
	{"name":"again","type":"n.F"},
	{"name":"millis","type":{"type":"long","logicalType":"timestamp-millis"}},
	{"name":"micros","type":{"type":"long","logicalType":"timestamp-micros"}},
	{"name":"nanos","type":{"type":"long","logicalType":"timestamp-nanos"}},
	{"name":"date","type":{"type":"int","logicalType":"date"}},
	{"name":"time","type":{"type":"int","logicalType":"time-millis"}},
	{"name":"list","type":{"type":"array","items":{"type":"array","items":"long"}}},
	{"name":"map","type":{"type":"map","values":["null","n.R"]}}]}`

func TestDecoder_readsAnySchema(t *testing.T) {
	t.Parallel()
	schema := twmb.MustParse(foreignSchema)
	at := time.Date(1969, 12, 31, 23, 59, 59, 123456789, time.UTC)
	body, err := schema.Encode(map[string]any{
		"null": nil, "int": int32(-7), "float": float32(0.1), "double": math.Inf(-1), "bytes": []byte{0, 255}, "fixed": []byte("ab"),
		"enum": "B", "union": "text \"\u2028", "again": []byte("cd"), "millis": at, "micros": at, "nanos": at,
		"date": time.Date(1969, 12, 30, 0, 0, 0, 0, time.UTC), "time": int32(5),
		"list": []any{[]any{int64(1), int64(math.MinInt64)}, []any{}}, "map": map[string]any{"k\n": nil},
	})
	if err != nil {
		t.Fatal(err)
	}
	d, err := NewDecoder(foreignSchema)
	if err != nil {
		t.Fatal(err)
	}
	for _, merge := range []bool{false, true} {
		got, err := d.JSON([]byte("> "), body, DecodeOptions{Merge: merge})
		if err != nil {
			t.Fatal(err)
		}
		want := `> {"null":null,"int":-7,"float":0.1,"double":"-Infinity","bytes":"AP8=","fixed":"YWI=","enum":"B","union":"text \"` + "\u2028" +
			`","again":"Y2Q=","millis":"1969-12-31T23:59:59.123Z","micros":"1969-12-31T23:59:59.123456Z","nanos":"1969-12-31T23:59:59.123456789Z",` +
			`"date":"1969-12-30","time":5,"list":[[1,-9223372036854775808],[]],"map":{"k\n":null}}`
		if string(got) != want {
			t.Errorf("JSON is\n%s, want\n%s", got, want)
		}
	}
}

func TestDecoder_readsOneValue(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ schema, body, want string }{
		"string":            {`"string"`, "\x04hi", `"hi"`},
		"invalid UTF-8":     {`"string"`, "\x02\xff", "\"\ufffd\""},
		"true":              {`"boolean"`, "\x01", "true"},
		"float":             {`"float"`, "\x00\x00\xc0\x7f", `"NaN"`},
		"large double":      {`"double"`, "\x00\x00\x00\x00\x00\x00\xf0\x7f", `"Infinity"`},
		"blocks with sizes": {`{"type":"array","items":"int"}`, "\x03\x04\x02\x04\x02\x06\x00", "[1,2,3]"},
		"year 10000":        {`{"type":"long","logicalType":"timestamp-millis"}`, string(binary.AppendVarint(nil, 253402300800000)), "253402300800000"},
		"date as a long":    {`{"type":"long","logicalType":"date"}`, "\x02", "1"},
		"array of nulls":    {`{"type":"array","items":"null"}`, "\x06\x00", "[null,null,null]"},
		"wrapped type":      {`{"type":{"type":"string"}}`, "\x02x", `"x"`},
		"error record":      {`{"type":"error","name":"E","fields":[]}`, "", "{}"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, err := NewDecoder(tt.schema)
			if err != nil {
				t.Fatal(err)
			}
			got, err := d.JSON(nil, []byte(tt.body), DecodeOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != tt.want {
				t.Errorf("JSON is %s, want %s", got, tt.want)
			}
		})
	}
}

func TestDecoder_refusesBrokenBodies(t *testing.T) {
	t.Parallel()
	const list = `{"type":"array","items":"string"}`
	tests := map[string]struct{ schema, body, want string }{
		"nothing":           {`"string"`, "", "EOF"},
		"cut off":           {`"string"`, "\x08hi", "4 bytes where 2 are left"},
		"negative length":   {`"string"`, "\x01", "-1 bytes"},
		"too much":          {`"string"`, "\x00\x00", "1 bytes are left"},
		"boolean of two":    {`"boolean"`, "\x02", "boolean"},
		"int of 33 bits":    {`"int"`, "\x80\x80\x80\x80\x20", "int of"},
		"endless number":    {`"long"`, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", "64 bits"},
		"union branch":      {`["null","string"]`, "\x04", "number 2 of 2"},
		"negative branch":   {`["null","string"]`, "\x01", "number -1 of 2"},
		"enum symbol":       {`{"type":"enum","name":"E","symbols":["A"]}`, "\x02", "enum E"},
		"huge array":        {list, "\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01", "elements"},
		"huge empty array":  {`{"type":"array","items":"null"}`, "\x80\x80\x80\x80\x10\x00", "elements"},
		"smallest count":    {list, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x00", "elements"},
		"many empty blocks": {`{"type":"array","items":"null"}`, strings.Repeat("\xfe\x3f", 9), "elements"},
		"endless recursion": {`{"type":"record","name":"R","fields":[{"name":"r","type":"R"}]}`, "", "deeper"},
		"short fixed":       {`{"type":"fixed","name":"F","size":9}`, "x", "EOF"},
		"short float":       {`"float"`, "x", "EOF"},
		"short double":      {`"double"`, "x", "EOF"},
		"short map":         {`{"type":"map","values":"long"}`, "\x02\x02a", "EOF"},
		"a field":           {`{"type":"record","name":"R","fields":[{"name":"here","type":"string"}]}`, "", "field here"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, err := NewDecoder(tt.schema)
			if err != nil {
				t.Fatal(err)
			}
			out, err := d.JSON([]byte("dst"), []byte(tt.body), DecodeOptions{Merge: true})
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error is %v, want one with %q", err, tt.want)
			}
			if string(out) != "dst" {
				t.Errorf("with an error JSON returned %.100q", out)
			}
		})
	}
}

func TestNewDecoder_refusesBrokenSchemas(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ schema, want string }{
		"nothing":             {``, "missing"},
		"no JSON":             {`record`, "invalid character"},
		"a number":            {`7`, "cannot unmarshal"},
		"no type":             {`{"name":"x"}`, "missing"},
		"unknown type":        {`"text"`, `"text"`},
		"array without items": {`{"type":"array"}`, "array"},
		"record without name": {`{"type":"record","fields":[]}`, "without a name"},
		"twice the same name": {`[{"type":"fixed","name":"F","size":1},{"type":"fixed","name":"F","size":1}]`, "twice"},
		"union in a union":    {`["null",["int"]]`, "union"},
		"negative size":       {`{"type":"fixed","name":"F","size":-1}`, "size"},
		"broken field":        {`{"type":"record","name":"R","fields":[{"name":"f","type":{}}]}`, `R field "f"`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := NewDecoder(tt.schema); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error is %v, want one with %q", err, tt.want)
			}
		})
	}
}

func TestDecoder_mergeRefusesEntriesWithoutAPlace(t *testing.T) {
	t.Parallel()
	c := newTestCodec(t, "teams")
	d, err := NewDecoder(c.Schema())
	if err != nil {
		t.Fatal(err)
	}
	schema := twmb.MustParse(c.Schema())
	user := map[string]any{"id": "u", "email": nil}
	tests := map[string]struct{ unmapped, want string }{
		"no pointer":       {`{"name":1}`, "JSON Pointer"},
		"the root":         {`{"":1}`, "JSON Pointer"},
		"below a null":     {`{"/name/x":1}`, "not an object"},
		"below nothing":    {`{"/a/b":1}`, "nothing is at /a"},
		"element too far":  {`{"/users/1":1}`, "not an object"},
		"below no element": {`{"/users/x/id":1}`, "nothing is at /users/x"},
		"no JSON":          {`{"/a":{`, "not a JSON text"},
		"no text":          {``, "not a JSON text"},
		"two JSON texts":   {`{"/a":1} 2`, "not a JSON text"},
		"no object":        {`["/a"]`, "not the JSON text of an object"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			body, err := schema.Encode(map[string]any{"id": "x", "name": nil, "users": []any{user}, "unmapped": tt.unmapped})
			if err != nil {
				t.Fatal(err)
			}
			out, err := d.JSON([]byte("dst"), body, DecodeOptions{Merge: true})
			if err == nil || !strings.Contains(err.Error(), tt.want) || string(out) != "dst" {
				t.Errorf("JSON gives %q and error %v, want one with %q", out, err, tt.want)
			}
		})
	}
	// An element of an array has a place, though Encode never sends one there.
	body, err := schema.Encode(map[string]any{"id": "x", "name": nil, "users": []any{user}, "unmapped": `{"/users/0":7}`})
	if err != nil {
		t.Fatal(err)
	}
	got, err := d.JSON(nil, body, DecodeOptions{Merge: true})
	if want := `{"id":"x","name":null,"users":[7]}`; err != nil || string(got) != want {
		t.Errorf("JSON is %s, %v, want %s", got, err, want)
	}
}

// FuzzDecode takes values as they come from a topic that anybody may write to.
func FuzzDecode(f *testing.F) {
	for _, stream := range Streams() {
		c := newTestCodec(f, stream)
		for _, record := range readFixture(f, stream) {
			value, _, err := c.Encode(AppendSingleObject(nil, c.Fingerprint()), record)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(c.Schema(), value)
		}
	}
	f.Add(foreignSchema, AppendConfluent(nil, 1))
	f.Add(`{"type":"record","name":"R","fields":[{"name":"r","type":["null","R"]},{"name":"unmapped","json":"object","type":["null","string"]}]}`,
		append(AppendConfluent(nil, 1), append([]byte{2, 2, 0, 0, 0, 2, 16}, `{"/r":1}`...)...))
	f.Fuzz(func(t *testing.T, schema string, value []byte) {
		_, body, err := ParseHeader(value)
		if err != nil {
			body = value
		}
		d, err := NewDecoder(schema)
		if err != nil {
			return
		}
		for _, merge := range []bool{false, true} {
			out, err := d.JSON(nil, body, DecodeOptions{Merge: merge})
			if err == nil {
				parseJSON(t, out)
			}
		}
		rabin(appendCanonical(nil, d.root, map[string]bool{}))
	})
}
