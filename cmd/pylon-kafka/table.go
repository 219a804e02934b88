package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"
)

// jsonFlag adds --json to a command that prints a table.
func jsonFlag(cmd *cobra.Command, target *bool) {
	cmd.Flags().BoolVar(target, "json", false, "print JSON instead of a table")
}

// printJSON writes v as indented JSON, with HTML characters as they are.
func printJSON(w io.Writer, v any) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(v)
}

// table is rows of text under a header, for a person. A title that begins with
// ">" sets its column to the right, as numbers are read.
type table struct {
	titles []string
	rows   [][]string
}

func newTable(titles ...string) *table { return &table{titles: titles} }

// add appends a row: one cell a title.
func (t *table) add(cells ...string) { t.rows = append(t.rows, cells) }

// write prints the table with every column as wide as its widest cell.
func (t *table) write(w io.Writer) error {
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
