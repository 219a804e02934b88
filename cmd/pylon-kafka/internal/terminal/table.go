package terminal

import (
	"encoding/json"
	"io"
	"strings"
	"unicode/utf8"
)

// PrintJSON writes v as indented JSON, with HTML characters as they are.
func PrintJSON(w io.Writer, v any) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(v)
}

const (
	gap      = 2  // spaces between two columns
	leastCut = 12 // what is left of a cell that is cut
	// leastNote is how wide a note must be to stand beside its row.
	leastNote = 34
	indent    = "    " // of a note below its row
)

// Column is one column of a [Table].
type Column struct {
	Title string
	Right bool // as numbers are read
	Cut   bool // cells may be cut where the table is too wide
	Note  bool // the last column: text that is wrapped, beside its row or below it, and never cut
}

// Table is rows of text under a header, for a person.
type Table struct {
	columns []Column
	rows    [][]string
}

// NewTable makes a table without rows.
func NewTable(columns ...Column) *Table { return &Table{columns: columns} }

// Add appends a row: one cell a column.
func (t *Table) Add(cells ...string) { t.rows = append(t.rows, cells) }

// Write prints the table so that it fits the screen, if that can be: cells of
// columns that may be cut end with an ellipsis, and notes are wrapped.
func (t *Table) Write(s Screen) error {
	cells := len(t.columns) // those beside the note
	if t.columns[cells-1].Note {
		cells--
	}
	widths := t.widths(cells, s.Width)
	used := 0
	for _, w := range widths {
		used += w + gap
	}
	room := s.Width - used // for notes; 0: the screen has no end
	beside := s.Width == 0 || room >= leastNote
	header := make([]string, len(t.columns))
	for i, c := range t.columns {
		header[i] = c.Title
	}
	var text strings.Builder
	for n, row := range append([][]string{header}, t.rows...) {
		line := t.line(s, row[:cells], widths)
		var notes []string
		if cells < len(row) {
			notes = wrap(row[cells], room)
		}
		switch {
		case len(notes) == 0:
			text.WriteString(line)
		case beside:
			lead := line + strings.Repeat(" ", max(0, used-width(line)))
			text.WriteString(lead + strings.Join(notes, "\n"+strings.Repeat(" ", used)))
		case n == 0: // the header of notes that stand below
			text.WriteString(line)
		default:
			notes = wrap(row[cells], s.Width-len(indent))
			text.WriteString(line + "\n" + indent + strings.Join(notes, "\n"+indent))
		}
		text.WriteString("\n")
	}
	_, err := io.WriteString(s.W, text.String())
	return err
}

// widths returns how wide each column is: as its widest cell, less what must be
// cut for the screen.
func (t *Table) widths(cells, screen int) []int {
	widths := make([]int, cells)
	total := 0
	for i := range widths {
		widths[i] = utf8.RuneCountInString(t.columns[i].Title)
		for _, row := range t.rows {
			widths[i] = max(widths[i], utf8.RuneCountInString(row[i]))
		}
		total += widths[i] + gap
	}
	over := total - gap - screen
	for i := cells - 1; screen > 0 && i >= 0 && over > 0; i-- {
		if t.columns[i].Cut {
			less := min(over, max(0, widths[i]-leastCut))
			widths[i] -= less
			over -= less
		}
	}
	return widths
}

// line writes the cells of one row, without the note.
func (t *Table) line(s Screen, row []string, widths []int) string {
	var line strings.Builder
	for i, cell := range row {
		cell = shorten(cell, widths[i])
		padding := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
		cell = s.paint(cell)
		if t.columns[i].Right {
			cell, padding = padding+cell, ""
		}
		line.WriteString(cell + padding + strings.Repeat(" ", gap))
	}
	return strings.TrimRight(line.String(), " ")
}

// shorten cuts text to so many characters; an ellipsis is the last of them.
func shorten(text string, most int) string {
	if utf8.RuneCountInString(text) <= most {
		return text
	}
	return string([]rune(text)[:most-1]) + "…"
}

// width is how many characters of text are seen.
func width(text string) int {
	return utf8.RuneCountInString(strings.NewReplacer(red, "", plain, "").Replace(text))
}

// wrap breaks text into lines of at most so many characters, where there are
// spaces; 0 or less is no limit.
func wrap(text string, most int) []string {
	var lines []string
	for part := range strings.SplitSeq(text, "\n") {
		var line string
		for _, word := range strings.Fields(part) {
			switch {
			case line == "":
				line = word
			case most > 0 && width(line)+1+width(word) > most:
				lines = append(lines, line)
				line = word
			default:
				line += " " + word
			}
		}
		if line != "" {
			lines = append(lines, line)
		}
	}
	return lines
}

// Fill breaks the lines of text anew so that none is longer than so many
// characters. Lines that begin with a space, and empty ones, stay as they are.
func Fill(text string, most int) string {
	var lines []string
	var paragraph []string
	end := func() {
		lines = append(lines, wrap(strings.Join(paragraph, " "), most)...)
		paragraph = nil
	}
	for line := range strings.SplitSeq(text, "\n") {
		if line != "" && line[0] != ' ' {
			paragraph = append(paragraph, line)
			continue
		}
		end()
		lines = append(lines, line)
	}
	end()
	return strings.Join(lines, "\n")
}

// paint colours the words that say that something is wrong.
func (s Screen) paint(cell string) string {
	switch cell {
	case "failed", "retrying":
		if s.Colour {
			return red + cell + plain
		}
	}
	return cell
}

const (
	red   = "\x1b[31m"
	plain = "\x1b[0m"
)
