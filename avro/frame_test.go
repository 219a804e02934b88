package avro

import (
	"errors"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/linkedin/goavro/v2"
)

func TestParseHeader(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		value   []byte
		want    Header
		body    string
		wantErr bool
	}{
		"confluent":           {value: append(AppendConfluent(nil, 7), "body"...), want: Header{Format: FormatConfluent, ID: 7}, body: "body"},
		"confluent, largest":  {value: AppendConfluent(nil, math.MaxInt32), want: Header{Format: FormatConfluent, ID: math.MaxInt32}},
		"confluent bytes":     {value: []byte{0, 0, 0, 1, 2, 'x'}, want: Header{Format: FormatConfluent, ID: 258}, body: "x"},
		"confluent, too much": {value: []byte{0, 0xff, 0, 0, 0}, wantErr: true},
		"single object":       {value: append(AppendSingleObject(nil, 1<<63|5), "body"...), want: Header{Format: FormatSingleObject, Fingerprint: 1<<63 | 5}, body: "body"},
		"single object bytes": {value: []byte{0xc3, 1, 1, 2, 0, 0, 0, 0, 0, 0, 'x'}, want: Header{Format: FormatSingleObject, Fingerprint: 0x201}, body: "x"},
		"empty":               {value: nil, wantErr: true},
		"short confluent":     {value: []byte{0, 0, 0, 1}, wantErr: true},
		"short single object": {value: []byte{0xc3, 1, 1, 2, 0, 0, 0, 0, 0}, wantErr: true},
		"JSON":                {value: []byte(`{"id":"x","a":1}`), wantErr: true},
		"other version":       {value: []byte{0xc3, 2, 1, 2, 0, 0, 0, 0, 0, 0}, wantErr: true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, body, err := ParseHeader(tt.value)
			if tt.wantErr {
				if !errors.Is(err, errNoHeader) {
					t.Fatalf("error is %v, want %v", err, errNoHeader)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("header (-want +got):\n%s", diff)
			}
			if string(body) != tt.body {
				t.Errorf("body is %q, want %q", body, tt.body)
			}
		})
	}
}

// goavro reads the single-object form by the header alone.
func TestAppendSingleObject_isReadByGoavro(t *testing.T) {
	t.Parallel()
	c := newTestCodec(t, "tags")
	value, _, err := c.Encode(AppendSingleObject(nil, c.Fingerprint()), []byte(`{"id":"x"}`))
	if err != nil {
		t.Fatal(err)
	}
	ga, err := goavro.NewCodec(c.Schema())
	if err != nil {
		t.Fatal(err)
	}
	native, rest, err := ga.NativeFromSingle(value)
	if err != nil || len(rest) > 0 {
		t.Fatalf("goavro: %v, %d bytes left", err, len(rest))
	}
	if m, _ := native.(map[string]any); m["id"] != "x" {
		t.Errorf("goavro read %v", native)
	}
}
