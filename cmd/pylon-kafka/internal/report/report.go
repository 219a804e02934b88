package report

import (
	"fmt"
	"strconv"
	"time"
)

// Percent is a share for a person; one that is not known, below 0, is nothing.
func Percent(share float64) string {
	if share < 0 {
		return ""
	}
	return strconv.FormatFloat(100*share, 'f', 0, 64) + " %"
}

// Ago is how long ago t was, for a person; the zero time was never.
func Ago(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return time.Since(t).Round(time.Second).String() + " ago"
}

// Count writes n with a comma between the thousands.
func Count(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// Seconds writes d in seconds, for a person.
func Seconds(d time.Duration) string { return fmt.Sprintf("%.1f s", d.Seconds()) }
