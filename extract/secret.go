package extract

import (
	"fmt"
	"io"
	"log/slog"
)

// Secret is a text that is not shown: fmt with any verb, log/slog, JSON and
// whatever reads MarshalText print a mask. The text stands behind a pointer, so
// that even a struct that holds a Secret in an unexported field, which fmt prints
// without asking, shows an address only. Reveal gives the text away. The zero
// value is no secret.
type Secret struct{ text *string }

// NewSecret hides a text; an empty one is the zero Secret.
func NewSecret(text string) Secret {
	if text == "" {
		return Secret{}
	}
	return Secret{text: &text}
}

// Reveal returns the text, empty for the zero Secret.
func (s Secret) Reveal() string {
	if s.text == nil {
		return ""
	}
	return *s.text
}

// IsZero reports whether there is no secret.
func (s Secret) IsZero() bool { return s.text == nil }

// Equal reports whether both hold the same text.
func (s Secret) Equal(other Secret) bool { return s.Reveal() == other.Reveal() }

// EnvDecode reads the secret from an environment variable.
func (s *Secret) EnvDecode(text string) error {
	*s = NewSecret(text)
	return nil
}

// Format prints a mask, or nothing where there is no secret.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.mask()) }

// String returns a mask.
func (s Secret) String() string { return s.mask() }

// GoString returns a mask.
func (s Secret) GoString() string { return s.mask() }

// LogValue returns a mask.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.mask()) }

// MarshalText returns a mask.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.mask()), nil }

// MarshalJSON returns a mask.
func (s Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + s.mask() + `"`), nil }

func (s Secret) mask() string {
	if s.IsZero() {
		return ""
	}
	return "(secret)"
}
