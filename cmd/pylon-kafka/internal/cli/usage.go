package cli

import "fmt"

// UsageError marks what the caller of the program got wrong: arguments or flags.
// Nothing outside of the process was touched when it is returned.
type UsageError struct{ Err error }

func (e *UsageError) Error() string { return e.Err.Error() }
func (e *UsageError) Unwrap() error { return e.Err }

// Usagef makes a [UsageError] as [fmt.Errorf] makes an error.
func Usagef(format string, args ...any) error { return &UsageError{fmt.Errorf(format, args...)} }
