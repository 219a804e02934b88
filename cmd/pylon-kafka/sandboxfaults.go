package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"pylon-kafka/cmd/pylon-kafka/internal/report"
	"pylon-kafka/extract/extracttest"
)

// faultHelp lists the faults that --fault takes.
func faultHelp() string {
	var b strings.Builder
	for _, f := range extracttest.NamedFaults() {
		fmt.Fprintf(&b, "  %s\n      %s\n", f.Name, f.About)
		if f.Argument != "" {
			fmt.Fprintf(&b, "      =%s\n", f.Argument)
		}
	}
	return b.String()
}

// failBy lets the sandbox fail as the flags say.
func failBy(api *extracttest.API, faults []string) error {
	for _, f := range faults {
		if err := api.FailByName(f); err != nil {
			return &usageError{fmt.Errorf("--fault: %w", err)}
		}
	}
	return nil
}

// printPace tells a person how long the rate limits make a first pass.
func printPace(w io.Writer, api *extracttest.API, o *extracttest.Options) {
	if len(o.Limits) > 0 {
		return
	}
	took, endpoint, requests := api.FirstPass()
	if took == 0 {
		return
	}
	fmt.Fprintf(w, `
The limits of the real API make a first pass take at least %s: %s requests
for %s. --no-limits turns them off.
`, inMinutes(took), report.Count(int64(requests)), endpoint)
}

// inMinutes rounds up to whole minutes.
func inMinutes(d time.Duration) string {
	n := int64((d + time.Minute - 1) / time.Minute)
	if n == 1 {
		return "a minute"
	}
	return report.Count(n) + " minutes"
}
