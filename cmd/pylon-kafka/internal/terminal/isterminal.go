package terminal

import (
	"io"
	"os"

	"golang.org/x/term"
)

// IsTerminal reports whether what is written to w is seen by a person.
func IsTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}
