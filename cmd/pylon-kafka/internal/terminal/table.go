package terminal

import (
	"encoding/json"
	"fmt"
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

// Table is rows of text under a header, for a person. A title that begins with
// ">" sets its column to the right, as numbers are read.
type Table struct {
	titles []string
	rows   [][]string
}

// NewTable makes a table without rows.
func NewTable(titles ...string) *Table { return &Table{titles: titles} }

// Add appends a row: one cell a title.
func (t *Table) Add(cells ...string) { t.rows = append(t.rows, cells) }

// Write prints the table with every column as wide as its widest cell.
func (t *Table) Write(w io.Writer) error {
	header := make([]string, len(t.titles))
	right := make([]bool, len(t.titles))
	for i, title := range t.titles {
		header[i], right[i] = strings.CutPrefix(title, ">")
	}
	lines := append([][]string{header}, t.rows...)
	widths := make([]int, len(header))
	for _, cells := range lines {
		for i, cell := range cells {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	for _, cells := range lines {
		var line strings.Builder
		for i, cell := range cells {
			padding := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
			if right[i] {
				cell, padding = padding+cell, ""
			}
			line.WriteString(cell + padding + "  ")
		}
		if _, err := fmt.Fprintln(w, strings.TrimRight(line.String(), " ")); err != nil {
			return err
		}
	}
	return nil
}
