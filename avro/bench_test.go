package avro

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"slices"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
)

// benchIssue is a full issue of more than 2 kB, compact as the API sends it.
func benchIssue(b *testing.B) []byte {
	b.Helper()
	text := readFixture(b, "issues")[0].Clone()
	if err := text.Compact(); err != nil {
		b.Fatal(err)
	}
	if len(text) < 2048 {
		b.Fatalf("the issue has only %d bytes", len(text))
	}
	return text
}

// liveIssue is what a record of the live API was seen to hold: what is empty it
// leaves out. About 2 kB.
func liveIssue(b *testing.B) []byte {
	b.Helper()
	seen := []string{
		"id", "number", "title", "body_html", "created_at", "updated_at", "link", "state", "tags", "custom_fields", "source",
		"type", "is_issue_group", "account", "assignee", "requester", "team", "resolution_time", "resolution_seconds",
		"business_hours_resolution_seconds", "first_response_time", "latest_message_time", "time_in_status_seconds",
		"business_hours_time_in_status_seconds", "number_of_touches", "attachment_urls", "customer_portal_visible",
		"author_unverified", "workspace_email",
	}
	var all map[string]json.RawMessage
	if err := json.Unmarshal(benchIssue(b), &all); err != nil {
		b.Fatal(err)
	}
	maps.DeleteFunc(all, func(name string, _ json.RawMessage) bool { return !slices.Contains(seen, name) })
	var body string
	if err := json.Unmarshal(all["body_html"], &body); err != nil {
		b.Fatal(err)
	}
	const size = 2048
	for {
		text, err := json.Marshal(all)
		if err != nil {
			b.Fatal(err)
		}
		if len(text) >= size {
			return text
		}
		body += "<p>It happens on each export since Monday.</p>"
		if all["body_html"], err = json.Marshal(body); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkIssue is one full issue from JSON to framed Avro on one core, and
// its parts: reading the tokens, building goavro's natives (which includes
// reading the tokens), and goavro's encoding of ready natives.
func BenchmarkIssue(b *testing.B) {
	record := benchIssue(b)
	c := newTestCodec(b, "issues")
	run := func(name string, f func() error) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(record)))
			for b.Loop() {
				if err := f(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}

	var in bytes.Buffer
	dec := jsontext.NewDecoder(&in)
	run("parse", func() error {
		in = *bytes.NewBuffer(record)
		dec.Reset(&in, jsontext.AllowDuplicateNames(true))
		for {
			if _, err := dec.ReadToken(); errors.Is(err, io.EOF) {
				return nil
			} else if err != nil {
				return err
			}
		}
	})
	s := newScratch(c.plan)
	run("parse+natives", func() error {
		_, err := s.convert(record)
		return err
	})
	native, err := s.convert(record)
	if err != nil {
		b.Fatal(err)
	}
	var out []byte
	run("encode", func() error {
		out, err = c.goavro.BinaryFromNative(out[:0], native)
		return err
	})
	run("whole", func() error {
		out, _, err = c.Encode(AppendSingleObject(out[:0], c.Fingerprint()), record)
		return err
	})
	live := liveIssue(b)
	b.Logf("an issue with every property has %d bytes, one as the live API sends it %d", len(record), len(live))
	var sent []byte
	run("whole-live", func() error {
		sent, _, err = c.Encode(AppendSingleObject(sent[:0], c.Fingerprint()), live)
		return err
	})
	run("decode", func() error {
		d := Decoder{root: c.root}
		_, body, err := ParseHeader(out)
		if err != nil {
			return err
		}
		_, err = d.JSON(nil, body, DecodeOptions{})
		return err
	})
}

// BenchmarkLayout is one issue in each layout: the full one, and one as the live
// API sends it. The flat layouts may cost 1.2 times the nested one at most.
func BenchmarkLayout(b *testing.B) {
	for _, issue := range []struct {
		name   string
		record []byte
	}{{"full", benchIssue(b)}, {"live", liveIssue(b)}} {
		for _, layout := range Layouts() {
			b.Run(issue.name+"/"+layout.String(), func(b *testing.B) {
				c := newLayoutCodec(b, "issues", layout)
				b.ReportAllocs()
				b.SetBytes(int64(len(issue.record)))
				var out []byte
				for b.Loop() {
					var err error
					if out, _, err = c.Encode(AppendSingleObject(out[:0], c.Fingerprint()), issue.record); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// BenchmarkPage is a page of 999 issues into one buffer, as the producer fills
// it. What it allocates is thrown away by the next page.
func BenchmarkPage(b *testing.B) {
	const issues = 999
	record := benchIssue(b)
	c := newTestCodec(b, "issues")
	b.ReportAllocs()
	b.SetBytes(issues * int64(len(record)))
	var out []byte
	for b.Loop() {
		out = out[:0]
		for range issues {
			var err error
			if out, _, err = c.Encode(AppendConfluent(out, 1), record); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/issues, "ns/issue")
}
