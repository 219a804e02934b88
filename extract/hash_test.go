package extract

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"
)

func hashOf(tb testing.TB, object string) uint64 {
	tb.Helper()
	if !jsontext.Value(object).IsValid(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)) {
		tb.Fatalf("not JSON: %s", object)
	}
	var d digester
	s, _ := Find("issues")
	return d.digest([]byte(object), &s, 0).hash
}

// The hashes stand in the headers of every topic: this test may only grow.
func TestHash_isAPromise(t *testing.T) {
	t.Parallel()
	for object, want := range map[string]uint64{
		`{}`:         0x323def0871273387,
		`{"id":"a"}`: 0x33a5fe46455c04bb,
		`{"id":"a","number":9007199254740993,"title":"Ünï\u00e9 \ud83d\ude00","ok":true,"no":false,"nil":null}`:    0x9aeef058a334e21b,
		`{"id":"a","tags":["x","y"],"custom_fields":{"priority":{"value":"low"}},"empty":{},"list":[]}`:            0x533df0c3c36c175a,
		`{"id":"a","attachment_urls":["https://assets.usepylon.com/u/f.png?Expires=1&Signature=x&Key-Pair-Id=y"]}`: 0xb6def2badffe3156,
	} {
		if got := hashOf(t, object); got != want {
			t.Errorf("hash of %s is %#x, want %#x", object, got, want)
		}
	}
}

func TestHash_isTheSame(t *testing.T) {
	t.Parallel()
	tests := map[string][2]string{
		"order of members":        {`{"a":1,"b":{"c":2,"d":3}}`, `{"b":{"d":3,"c":2},"a":1}`},
		"white space":             {`{"a":[1,2],"b":null}`, " {\n\t\"a\" : [ 1 , 2 ] ,\r\n \"b\" : null } "},
		"escapes":                 {`{"é":"é/\"\\"}`, `{"\u00e9":"\u00E9\/\u0022\u005c"}`},
		"control escapes":         {`{"a":"\b\f\n\r\t"}`, `{"a":"\u0008\u000c\u000a\u000d\u0009"}`},
		"surrogates":              {`{"a":"😀"}`, `{"a":"\ud83d\uDE00"}`},
		"half surrogates":         {`{"a":"\ud83d"}`, `{"a":"\ufffd"}`},
		"half surrogate and more": {`{"a":"\ud83d\u0041"}`, `{"a":"\ufffdA"}`},
		"clocks": {
			`{"id":"a","time_in_status_seconds":{"new":1},"active_time_seconds":4}`,
			`{"id":"a","time_in_status_seconds":{"new":99,"closed":1},"business_hours_active_time_seconds":1,"active_time_by_user":[{}],"business_hours_time_in_status_seconds":null}`,
		},
		"CloudFront": {
			`{"u":["https://a.example/f.png?Expires=1&Signature=x&Key-Pair-Id=k"]}`,
			`{"u":["https://a.example/f.png?Expires=2&Signature=y&Key-Pair-Id=k"]}`,
		},
		"S3": {
			`{"u":"https://b.s3.amazonaws.com/f?X-Amz-Date=1&X-Amz-Signature=x"}`,
			`{"u":"https://b.s3.amazonaws.com/f?X-Amz-Date=2&X-Amz-Signature=y"}`,
		},
		"Google": {
			`{"u":"https://storage.googleapis.com/b/f?X-Goog-Date=1&X-Goog-Signature=x"}`,
			`{"u":"https://storage.googleapis.com/b/f?X-Goog-Date=2&X-Goog-Signature=y"}`,
		},
		"signed URL in HTML": {
			`{"h":"<p>a?</p><img src=\"https://a.example/f.png?Expires=1&amp;Signature=x\"> and <a href='https://a.example/g?Signature=1'>g</a>"}`,
			`{"h":"<p>a?</p><img src=\"https://a.example/f.png?Expires=2&amp;Signature=y\"> and <a href='https://a.example/g?Signature=2'>g</a>"}`,
		},
		"signed URL, escaped as Go does": {
			`{"h":"\u003cimg src=\"https://a.example/f.png?Expires=1\u0026amp;Signature=x\"\u003e"}`,
			`{"h":"<img src=\"https://a.example/f.png?Expires=2&amp;Signature=y\">"}`,
		},
		"signed avatar, deep": {
			`{"author":{"avatar_url":"//a.example/f?sig=1"}}`,
			`{"author":{"avatar_url":"//a.example/f?sig=2"}}`,
		},
	}
	for name, objects := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if a, b := hashOf(t, objects[0]), hashOf(t, objects[1]); a != b {
				t.Errorf("%s and %s differ: %#x, %#x", objects[0], objects[1], a, b)
			}
		})
	}
}

func TestHash_differs(t *testing.T) {
	t.Parallel()
	tests := map[string][2]string{
		"value":                     {`{"a":1}`, `{"a":2}`},
		"name":                      {`{"a":1}`, `{"b":1}`},
		"digits":                    {`{"a":1}`, `{"a":1.0}`},
		"large numbers":             {`{"a":9007199254740992}`, `{"a":9007199254740993}`},
		"number and string":         {`{"a":1}`, `{"a":"1"}`},
		"null and none":             {`{"a":null}`, `{}`},
		"null and empty list":       {`{"a":null}`, `{"a":[]}`},
		"empty list and object":     {`{"a":{}}`, `{"a":[]}`},
		"true and false":            {`{"a":true}`, `{"a":false}`},
		"true and its text":         {`{"a":true}`, `{"a":"true"}`},
		"values exchanged":          {`{"a":1,"b":2}`, `{"a":2,"b":1}`},
		"members moved":             {`{"x":{"a":1},"y":{"b":2}}`, `{"x":{"b":2},"y":{"a":1}}`},
		"order of a list":           {`{"a":[1,2]}`, `{"a":[2,1]}`},
		"nesting of lists":          {`{"a":[[1],2]}`, `{"a":[1,[2]]}`},
		"one more of the same":      {`{"a":["x"]}`, `{"a":["x","x"]}`},
		"clock that is not on top":  {`{"a":{"active_time_seconds":1}}`, `{"a":{"active_time_seconds":2}}`},
		"path of a signed URL":      {`{"u":"https://a.example/f?Signature=x"}`, `{"u":"https://a.example/g?Signature=x"}`},
		"query without a signature": {`{"u":"https://a.example/f?page=1"}`, `{"u":"https://a.example/f?page=2"}`},
		"text after a signed URL":   {`{"u":"https://a.example/f?Signature=x a"}`, `{"u":"https://a.example/f?Signature=x b"}`},
		"fragment of a signed URL":  {`{"u":"https://a.example/f?Signature=x#a"}`, `{"u":"https://a.example/f?Signature=x#b"}`},
		"second URL":                {`{"u":"https://a.example/f?Signature=x https://a.example/g?b=1"}`, `{"u":"https://a.example/f?Signature=x https://a.example/g?b=2"}`},
		"no URL":                    {`{"u":"Why?Signature=x"}`, `{"u":"Why?Signature=y"}`},
	}
	for name, objects := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if a, b := hashOf(t, objects[0]), hashOf(t, objects[1]); a == b {
				t.Errorf("%s and %s have the same hash %#x", objects[0], objects[1], a)
			}
		})
	}
}

func TestRecord_hasWhatTheStreamSays(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		stream, parent, raw string
		want                Record
	}{
		"plain": {
			"accounts", "", `{"name":"A","id":"x","created_at":"2025-08-26T16:11:58Z","updated_at":"2025-08-26T16:11:59Z"}`,
			Record{Key: "x", CreatedAt: "2025-08-26T16:11:58Z", UpdatedAt: "2025-08-26T16:11:59Z", JSON: []byte(`{"name":"A","id":"x","created_at":"2025-08-26T16:11:58Z","updated_at":"2025-08-26T16:11:59Z"}`)},
		},
		"times that are no text": {"accounts", "", `{"id":"x","created_at":1,"updated_at":null}`, Record{Key: "x", JSON: []byte(`{"id":"x","created_at":1,"updated_at":null}`)}},
		"slug":                   {"issue_statuses", "", `{"slug":"new","id":"no"}`, Record{Key: "new", JSON: []byte(`{"slug":"new","id":"no"}`)}},
		"parent added":           {"issue_messages", `i"1`, `{"id":"m"}`, Record{Key: "m", Parent: `i"1`, JSON: []byte(`{"issue_id":"i\"1","id":"m"}`)}},
		"parent there":           {"issue_threads", "i1", `{"id":"m","issue_id":"i1"}`, Record{Key: "m", Parent: "i1", JSON: []byte(`{"id":"m","issue_id":"i1"}`)}},
		"object type":            {"custom_fields", "issue", `{ "id":"f"}`, Record{Key: "issue:f", JSON: []byte(`{"object_type":"issue","id":"f"}`)}},
		"article":                {"knowledge_base_articles", "kb", `{"id":"a"}`, Record{Key: "a", Parent: "kb", JSON: []byte(`{"knowledge_base_id":"kb","id":"a"}`)}},
		"nothing but a parent":   {"issue_messages", "i1", `{ }`, Record{Parent: "i1", JSON: []byte(`{"issue_id":"i1"}`), Err: ErrNoKey}},
		"key is a number":        {"tags", "", `{"id":42}`, Record{JSON: []byte(`{"id":42}`), Err: ErrNoKey}},
		"key is empty":           {"custom_fields", "issue", `{"id":"","object_type":"issue"}`, Record{JSON: []byte(`{"id":"","object_type":"issue"}`), Err: ErrNoKey}},
		"no object":              {"tags", "", `["x"]`, Record{JSON: []byte(`["x"]`), Err: ErrNoKey}},
		"nested id":              {"tags", "", `{"a":{"id":"no"},"id":"yes"}`, Record{Key: "yes", JSON: []byte(`{"a":{"id":"no"},"id":"yes"}`)}},
		"duplicate id":           {"tags", "", `{"id":"no","id":"yes"}`, Record{Key: "yes", JSON: []byte(`{"id":"no","id":"yes"}`)}},
		"escaped id":             {"tags", "", `{"\u0069d":"\u0079es"}`, Record{Key: "yes", JSON: []byte(`{"\u0069d":"\u0079es"}`)}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, _ := Find(tt.stream)
			p := newParent(&s, tt.parent)
			d := recorder{stream: &s, parent: &p}
			got := d.record([]byte(tt.raw))
			got.Hash = 0
			if (got.Err != nil) != (tt.want.Err != nil) {
				t.Errorf("error %v, want %v", got.Err, tt.want.Err)
			}
			got.Err, tt.want.Err = nil, nil
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
			if !json.Valid(got.JSON) {
				t.Errorf("not JSON: %s", got.JSON)
			}
		})
	}
}

func TestRecord_hashIsThatOfItsJSON(t *testing.T) {
	t.Parallel()
	s, _ := Find("issue_messages")
	p := newParent(&s, "i1")
	d := recorder{stream: &s, parent: &p}
	added := d.record([]byte(`{"id":"m","n":1}`))
	sent := d.record([]byte(`{"n":1,"issue_id":"i1","id":"m"}`))
	if added.Hash != sent.Hash {
		t.Errorf("the member that was added counts differently: %#x, %#x", added.Hash, sent.Hash)
	}
	p = newParent(&s, "i2")
	if other := d.record([]byte(`{"id":"m","n":1}`)); other.Hash == added.Hash {
		t.Error("the same record below another parent has the same hash")
	}
}

// variant writes the JSON value again in another order, with other white space
// and other escapes.
func variant(r *rand.Rand, value []byte) []byte {
	space := func(b []byte) []byte { return append(b, []string{"", " ", "\n\t"}[r.IntN(3)]...) }
	var out []byte
	dec := jsontext.NewDecoder(bytes.NewReader(value), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	var write func(b []byte) []byte
	text := func(b []byte, raw []byte) []byte {
		s, err := jsontext.AppendUnquote(nil, raw)
		if err != nil {
			return append(b, raw...) // invalid UTF-8 stays
		}
		b = append(b, '"')
		for _, c := range string(s) {
			switch {
			case c >= 0x10000:
				b = append(b, string(c)...)
			case c < ' ' || c == '"' || c == '\\' || r.IntN(4) == 0:
				b = fmt.Appendf(b, `\u%04x`, c)
			default:
				b = append(b, string(c)...)
			}
		}
		return append(b, '"')
	}
	write = func(b []byte) []byte {
		b = space(b)
		switch dec.PeekKind() {
		case '{':
			_, _ = dec.ReadToken()
			var members [][]byte
			for dec.PeekKind() != '}' {
				name, _ := dec.ReadValue()
				m := text(space(nil), name)
				members = append(members, write(append(space(m), ':')))
			}
			_, _ = dec.ReadToken()
			r.Shuffle(len(members), func(i, j int) { members[i], members[j] = members[j], members[i] })
			return space(append(append(append(b, '{'), bytes.Join(members, []byte(","))...), '}'))
		case '[':
			_, _ = dec.ReadToken()
			var elements [][]byte
			for dec.PeekKind() != ']' {
				elements = append(elements, write(nil))
			}
			_, _ = dec.ReadToken()
			return space(append(append(append(b, '['), bytes.Join(elements, []byte(","))...), ']'))
		case '"':
			raw, _ := dec.ReadValue()
			return space(text(b, raw))
		default:
			raw, _ := dec.ReadValue()
			return space(append(b, raw...))
		}
	}
	out = write(out)
	return bytes.TrimSpace(out)
}

func FuzzHash(f *testing.F) {
	for _, seed := range []string{
		`{}`, `{"id":"a","n":[1,2.5e3,null,true,{"é":"\u00e9\ud83d\ude00"}]}`,
		`{"h":"<a href=\"https://a.example/f?x=1&amp;Signature=y#z\">?</a>","":""}`,
		`{"a":"\ud800","b":"\\\"\/"}`, "{\"a\":\"\xff\"}", exampleIssue,
	} {
		f.Add([]byte(seed), uint64(1))
	}
	f.Fuzz(func(t *testing.T, object []byte, seed uint64) {
		options := []jsontext.Options{jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)}
		object = bytes.TrimSpace(object)
		if !jsontext.Value(object).IsValid(options...) || object[0] != '{' {
			t.Skip()
		}
		other := variant(rand.New(rand.NewPCG(seed, 0)), object)
		if !jsontext.Value(other).IsValid(options...) {
			t.Fatalf("the test made something that is no JSON: %q", other)
		}
		if a, b := hashOf(t, string(object)), hashOf(t, string(other)); a != b {
			t.Errorf("%q and %q differ: %#x, %#x", object, other, a, b)
		}
	})
}

// exampleIssue is about 2 kB, as large as a full issue.
var exampleIssue = strings.ReplaceAll(`{"id":"b5eb9159-9c67-627d-aef9-11aac8d25f6f","number":4711,"title":"Cannot export","link":"https://app.usepylon.com/issues?issueNumber=4711","body_html":"\u003cp\u003eHi, BODY\u003c/p\u003e","source":"slack","type":"conversation","state":"waiting_on_you","is_issue_group":false,"created_at":"2026-07-15T00:24:34Z","updated_at":"2026-07-15T01:14:35Z","latest_message_time":"2026-07-15T01:14:33Z","first_response_time":"2026-07-15T00:31:02Z","first_response_seconds":388,"resolution_time":null,"account":{"id":"b4e92d81-1199-adf2-7a42-0d229d75652a","external_ids":null},"assignee":null,"requester":{"id":"7c2b0f0e-0c1e-4a57-9a53-0f6d2c9b8a11","email":"ada@acme.example"},"team":{"id":"0f5d1d0c-9a55-4c37-b1d8-2f0b7a4d3e21"},"tags":["billing"],"custom_fields":{"priority":{"value":"low","interpreted_value":"Low"},"question_type":{"value":"","values":["no_action_required"],"interpreted_values":["No Action Required"]}},"number_of_touches":2,"customer_portal_visible":true,"author_unverified":false,"time_in_status_seconds":{"new":388,"waiting_on_you":2613},"business_hours_time_in_status_seconds":{"new":0,"waiting_on_you":120},"attachment_urls":["https://assets.usepylon.com/u/u-shot.png?Expires=253370764800&Signature=x&Key-Pair-Id=y"],"slack":{"channel_id":"C03ABC","message_ts":"1752539074.000200","workspace_id":"T01ABC"},"external_issues":[{"source":"linear","external_id":"6f1c","link":"https://linear.app/acme/issue/DEV-1234/x"}],"csat_responses":[{"score":5,"comment":"great"}]}`,
	"BODY", strings.Repeat("what a day it is, \\u003cb\\u003eisn't it?\\u003c/b\\u003e ", 10))

// What anybody may write to the support must not take long: time that grows with
// the square of the length would be hours here.
// TestHash_takesLinearTime has texts of pieces that a careless scanner would look at
// again from each one: for that many it would take minutes, and not milliseconds.
func TestHash_takesLinearTime(t *testing.T) {
	t.Parallel()
	for _, piece := range []string{`\u003c`, `\"`, `?sig=1#`, `//a?sig=1#`, `?&;`, `\ud83d`} {
		object := `{"body_html":"` + strings.Repeat(piece, 1<<18) + `"}`
		began := time.Now()
		hashOf(t, object)
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("%s: %v for %d kB", piece, took, len(object)/1000)
		}
	}
}

func BenchmarkDigest(b *testing.B) {
	s, _ := Find("issues")
	var d digester
	raw := []byte(exampleIssue)
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		d.digest(raw, &s, 0)
	}
}

func BenchmarkRecord(b *testing.B) {
	s, _ := Find("issues")
	d := recorder{stream: &s, parent: &parent{}}
	raw := []byte(exampleIssue)
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		d.record(raw)
	}
}

func BenchmarkDecodePage(b *testing.B) {
	s, _ := Find("issues")
	page := []byte(`{"data":[` + strings.Repeat(exampleIssue+",", 998) + exampleIssue + `],"pagination":{"cursor":"x","has_next_page":true},"request_id":"r"}`)
	r := request{stream: &s}
	for name, prepare := range map[string]func(*Record){"kept": nil, "prepared": func(*Record) {}} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(page)))
			b.ReportAllocs()
			for b.Loop() {
				ans, err := r.decode(&bodyReader{r: bytes.NewReader(page), maxValue: maxRecord}, "", prepare)
				if err != nil || len(ans.Records) != 999 {
					b.Fatal(len(ans.Records), err)
				}
			}
		})
	}
}
