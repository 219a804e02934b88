package offsets_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"

	"pylon-kafka/offsets"
)

func TestExport_comesBackByImport(t *testing.T) {
	t.Parallel()
	s, cl, _ := setup(t)
	transact(t, cl, kgo.TryCommit, record(t, s, "tags", `{"tag":1}`), record(t, s, "issues", `{"from":1}`))
	entries, err := list(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	var file strings.Builder
	if err := offsets.Encode(&file, entries); err != nil {
		t.Fatal(err)
	}
	const want = `{"version":1,"stream":"issues","cursor":{"from":1},"records":3,"updated_at":"2026-01-02T02:04:05Z"}
{"version":1,"stream":"tags","cursor":{"tag":1},"records":3,"updated_at":"2026-01-02T02:04:05Z"}
`
	if diff := cmp.Diff(want, file.String()); diff != "" {
		t.Errorf("file (-want +got):\n%s", diff)
	}
	transact(t, cl, kgo.TryCommit, record(t, s, "issues", `{"from":2}`), record(t, s, "users", `1`))
	imported, err := offsets.Decode(strings.NewReader("\n"+file.String()), []string{"issues", "tags"})
	if err != nil {
		t.Fatal(err)
	}
	changes := read(t, s).Import(imported)
	if len(changes) != 2 || !changes[0].Changes() || changes[1].Changes() {
		t.Errorf("changes %v, want one of issues and none of tags", changes)
	}
	after := map[string]string{"issues": `{"from":1}`, "tags": `{"tag":1}`, "users": "1"}
	if diff := cmp.Diff(after, apply(t, s, changes...)); diff != "" {
		t.Errorf("cursors (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(entries["issues"], read(t, s).Streams["issues"].Entry); diff != "" {
		t.Errorf("the entry of issues (-want +got):\n%s", diff)
	}
}

func TestDecode_saysAllThatIsWrong(t *testing.T) {
	t.Parallel()
	const good = `{"version":1,"stream":"issues","cursor":1}`
	for name, tc := range map[string]struct {
		file  string
		wants []string
	}{
		"nothing":        {"\n\n", []string{"no cursor in the input"}},
		"no JSON":        {good + "\n{\n[1]", []string{"line 2: cursor cannot be read", "line 3: cursor cannot be read"}},
		"later version":  {`{"version":2,"stream":"issues","cursor":1}`, []string{"line 1", "version 2"}},
		"unknown stream": {`{"version":1,"stream":"isues","cursor":1}`, []string{`line 1: no stream is named "isues"`}},
		"no stream":      {`{"version":1,"cursor":1}`, []string{"line 1", "no stream"}},
		"no cursor":      {`{"version":1,"stream":"issues","cursor":null}`, []string{"line 1", "no cursor"}},
		"twice":          {good + "\n\n" + good, []string{"line 3: a second cursor of issues"}},
		"a huge line":    {good + "\n" + strings.Repeat("x", 17<<20), []string{"token too long"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			entries, err := offsets.Decode(strings.NewReader(tc.file), []string{"issues"})
			if err == nil || entries != nil {
				t.Fatalf("%v, %v; want an error", entries, err)
			}
			for _, want := range tc.wants {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q does not say %q", err, want)
				}
			}
		})
	}
}

// fullDisk fails every write.
type fullDisk struct{}

func TestEncode_saysWhatItCannotWrite(t *testing.T) {
	t.Parallel()
	for says, cursor := range map[string]string{"disk full": "1", "unexpected end": "{"} {
		err := offsets.Encode(fullDisk{}, map[string]offsets.Entry{"issues": {Cursor: json.RawMessage(cursor)}})
		if err == nil || !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), "issues") {
			t.Errorf("error %v, want %q", err, says)
		}
	}
}
