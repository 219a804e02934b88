package terminal

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pylon-kafka/producer"
)

// people is a table with a column of each kind.
func people() *Table {
	t := NewTable(Column{Title: "NAME"}, Column{Title: "AGE", Right: true}, Column{Title: "PLACE", Cut: true}, Column{Title: "NOTE", Note: true})
	t.Add("Ada", "36", "Marylebone, London, Middlesex", "wrote the first program, and a note that was longer than what it was a note to")
	t.Add("Zoë", "7", "Oslo", "")
	return t
}

func TestTable_fitsTheScreen(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		width int
		want  string
	}{
		"without an end": {0, `
NAME  AGE  PLACE                          NOTE
Ada    36  Marylebone, London, Middlesex  wrote the first program, and a note that was longer than what it was a note to
Zoë     7  Oslo
`},
		"notes beside": {90, `
NAME  AGE  PLACE                          NOTE
Ada    36  Marylebone, London, Middlesex  wrote the first program, and a note that was
                                          longer than what it was a note to
Zoë     7  Oslo
`},
		"notes below": {60, `
NAME  AGE  PLACE
Ada    36  Marylebone, London, Middlesex
    wrote the first program, and a note that was longer than
    what it was a note to
Zoë     7  Oslo
`},
		"cells cut": {30, `
NAME  AGE  PLACE
Ada    36  Marylebone, London…
    wrote the first program,
    and a note that was longer
    than what it was a note to
Zoë     7  Oslo
`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var text strings.Builder
			if err := people().Write(Screen{W: &text, Width: test.width}); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(strings.TrimPrefix(test.want, "\n"), text.String()); diff != "" {
				t.Errorf("table (-want +got):\n%s", diff)
			}
		})
	}
}

func TestWritePass_showsWhatAPersonMustKnow(t *testing.T) {
	t.Parallel()
	streams := []producer.Status{
		{
			Stream: "knowledge_base_articles", Topic: "pylon.knowledge_base_articles", Condition: producer.Condition{State: producer.Done},
			Counts: producer.Counts{Records: 1234567, Tombstones: 12345, Unchanged: 12345678, DeadLetters: 2, Requests: 99},
			Times:  producer.Times{Elapsed: 12345600000000},
		},
		{Stream: "tags", Topic: "pylon.tags", Condition: producer.Condition{State: producer.Failed, Reason: strings.Repeat("GET /tags: 403 ", 10)}},
	}
	var narrow, wide, coloured strings.Builder
	for out, s := range map[*strings.Builder]Screen{&narrow: {Width: 80}, &wide: {}, &coloured: {Width: 80, Colour: true}} {
		s.W = out
		if err := WritePass(s, streams); err != nil {
			t.Fatal(err)
		}
	}
	for line := range strings.Lines(narrow.String()) {
		if n := width(strings.TrimSuffix(line, "\n")); n > 80 {
			t.Errorf("%d columns: %s", n, line)
		}
	}
	for _, want := range []string{"2 dead letters", "all", "1,234,567", strings.Repeat("GET /tags: 403 ", 3)} {
		if !strings.Contains(narrow.String(), want) {
			t.Errorf("%q is not in\n%s", want, narrow.String())
		}
	}
	for _, want := range []string{"pylon.tags", "REQUESTS", "99"} {
		if !strings.Contains(wide.String(), want) {
			t.Errorf("%q is not in\n%s", want, wide.String())
		}
	}
	if !strings.Contains(coloured.String(), red+"failed"+plain) || strings.Contains(narrow.String(), "\x1b") {
		t.Errorf("colours:\n%q\n%q", coloured.String(), narrow.String())
	}
}

func TestNewScreen_isForWhoeverReads(t *testing.T) {
	t.Parallel()
	var text strings.Builder
	none := func(string) (string, bool) { return "", false }
	if s := NewScreen(&text, none, false); s.Width != 80 || s.Colour {
		t.Errorf("of a file: %+v", s)
	}
	if s := NewScreen(&text, none, true); s.Width != 0 {
		t.Errorf("of a file, wide: %+v", s)
	}
}

func TestShorten_endsWithAnEllipsis(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{"Zoë": "Zoë", "Zoës": "Zo…"} {
		if got := shorten(text, 3); got != want {
			t.Errorf("shorten(%q) = %q, want %q", text, got, want)
		}
	}
}

func TestFill_breaksParagraphsAndNothingElse(t *testing.T) {
	t.Parallel()
	text := "one two\nthree four five\n\n  as it is, however long\nsix"
	want := "one two three\nfour five\n\n  as it is, however long\nsix"
	if diff := cmp.Diff(want, Fill(text, 14)); diff != "" {
		t.Errorf("text (-want +got):\n%s", diff)
	}
}
