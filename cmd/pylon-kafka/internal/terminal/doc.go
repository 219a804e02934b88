// Package terminal writes to a person: tables, indented JSON, and progress bars
// on a terminal.
package terminal
