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

// Count writes n with a comma between the thousands.
func Count(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// Plural writes n and what there are n of: "1 issue", "2 issues".
func Plural(n int64, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return Count(n) + " " + what + "s"
}

// Seconds writes d in seconds, for a person.
func Seconds(d time.Duration) string { return fmt.Sprintf("%.1f s", d.Seconds()) }

// Duration writes d as a person would say it: "12 s", "14 min", "1 h 20 min",
// "30 h", "5 days".
func Duration(d time.Duration) string {
	switch {
	case d < 0:
		return "0 s"
	case d < 100*time.Second:
		return strconv.FormatInt(int64(d.Round(time.Second)/time.Second), 10) + " s"
	case d < 10*time.Hour:
		minutes := int64(d.Round(time.Minute) / time.Minute)
		hours, minutes := minutes/60, minutes%60
		switch {
		case hours == 0:
			return fmt.Sprintf("%d min", minutes)
		case minutes == 0:
			return fmt.Sprintf("%d h", hours)
		default:
			return fmt.Sprintf("%d h %d min", hours, minutes)
		}
	case d < 48*time.Hour:
		return strconv.FormatInt(int64(d.Round(time.Hour)/time.Hour), 10) + " h"
	default:
		return strconv.FormatInt(int64(d.Round(24*time.Hour)/(24*time.Hour)), 10) + " days"
	}
}

// Ago is how long before now t was; the zero time was never.
func Ago(t, now time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return Duration(now.Sub(t)) + " ago"
}

// In is how long after now t is; the zero time is nothing.
func In(t, now time.Time) string {
	switch {
	case t.IsZero():
		return ""
	case !t.After(now):
		return "now"
	default:
		return "in " + Duration(t.Sub(now))
	}
}

// Clock is t as a person reads it beside now: without the day where it is today's.
func Clock(t, now time.Time) string {
	t, now = t.UTC(), now.UTC()
	if t.Year() == now.Year() && t.YearDay() == now.YearDay() {
		return t.Format("15:04 UTC")
	}
	return t.Format("2006-01-02 15:04 UTC")
}
