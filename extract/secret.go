package extract

import (
	"fmt"
	"io"
	"log/slog"
)

// Secret is a text that is not shown: fmt with any verb, log/slog and JSON
// print a mask. Only a conversion to string gives it away.
type Secret string

// Format prints a mask, or nothing where the secret is empty.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.mask()) }

// String returns a mask.
func (s Secret) String() string { return s.mask() }

// LogValue returns a mask.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.mask()) }

// MarshalText returns a mask.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.mask()), nil }

func (s Secret) mask() string {
	if s == "" {
		return ""
	}
	return "(secret)"
}
