package terminal

import (
	"io"
	"os"

	"golang.org/x/term"
)

// plainWidth is how wide output is that no terminal shows.
const plainWidth = 80

// Screen is where tables are written.
type Screen struct {
	W      io.Writer
	Width  int  // in characters; 0: without an end
	Colour bool // the person can see colours and wants them
}

// NewScreen looks at what w is. Tables are cut to the width of a terminal, and to
// 80 characters elsewhere; wide leaves them as wide as they are. Colours are for a
// terminal whose environment does not refuse them (https://no-color.org).
func NewScreen(w io.Writer, lookup func(string) (string, bool), wide bool) Screen {
	s := Screen{W: w, Width: plainWidth}
	if IsTerminal(w) {
		s.Width = max(columns(w), plainWidth/2)
		_, refused := lookup("NO_COLOR")
		kind, _ := lookup("TERM")
		s.Colour = !refused && kind != "dumb"
	}
	if wide {
		s.Width = 0
	}
	return s
}

// IsTerminal reports whether what is written to w is seen by a person.
func IsTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

// columns is how many characters a line of the terminal w has.
func columns(w io.Writer) int {
	if file, ok := w.(*os.File); ok {
		if width, _, err := term.GetSize(int(file.Fd())); err == nil && width > 0 {
			return width
		}
	}
	return plainWidth
}
