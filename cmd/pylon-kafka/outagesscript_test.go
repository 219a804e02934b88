package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestOutagesScript_judgesTheMemory gives .ci/outages the figures of a run that was.
func TestOutagesScript_judgesTheMemory(t *testing.T) {
	t.Parallel()
	for _, tool := range []string{"bash", "awk"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip(err)
		}
	}
	for name, test := range map[string]struct {
		minutes   int
		early, to float64 // MiB up to minute 10 and afterwards
		code      int
		want      string
	}{
		"it stays":         {30, 80, 80, 0, "+0.0 %"},
		"it shrinks":       {30, 80, 70, 0, "-12.5 %"},
		"it grows, a bit":  {30, 80, 83.9, 0, "+4.9 %"},
		"it grows":         {30, 80, 84.2, 1, "resident memory grew by more than 5 %"},
		"it grows by half": {12, 80, 120, 1, "resident memory grew by more than 5 %"},
		"a short run":      {2, 80, 80, 0, "not judged"},
		"no figures":       {0, 0, 0, 1, "no figures"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var lines strings.Builder
			for minute := 1; minute <= test.minutes; minute++ {
				mib := test.early
				if minute > 7 {
					mib = test.to
				}
				fmt.Fprintf(&lines, "minute %d: %.1f MiB resident, 40.0 MiB heap, 90 goroutines, 1000 records, 15 streams up\n", minute, mib)
			}
			file := filepath.Join(t.TempDir(), "minutes")
			if err := os.WriteFile(file, []byte(lines.String()), 0o600); err != nil {
				t.Fatal(err)
			}
			out, err := exec.CommandContext(t.Context(), "bash", filepath.Join("..", "..", ".ci", "outages"), "--judge", file).CombinedOutput()
			code := 0
			var ended *exec.ExitError
			if errors.As(err, &ended) {
				code = ended.ExitCode()
			} else if err != nil {
				t.Fatal(err)
			}
			if code != test.code || !strings.Contains(string(out), test.want) {
				t.Errorf("it ends with %d and says %q, want %d and %q", code, out, test.code, test.want)
			}
		})
	}
}
