package main

import (
	"bufio"
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"pylon-kafka/cmd/pylon-kafka/internal/settings"
)

// sandboxSays starts a sandbox and returns what it says until it serves.
func sandboxSays(t *testing.T, args ...string) string {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	reader, writer := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := run(ctx, append([]string{"sandbox", "--addr", "127.0.0.1:0"}, args...), settings.Environment{}, writer, io.Discard)
		_ = writer.Close()
		ended <- err
	}()
	var text strings.Builder
	for lines := bufio.NewScanner(reader); lines.Scan(); {
		text.WriteString(lines.Text() + "\n")
		if strings.Contains(lines.Text(), "/tags/") { // the last that it says
			break
		}
	}
	stop()
	_, _ = io.Copy(io.Discard, reader)
	if err := <-ended; err != nil {
		t.Errorf("sandbox = %v, want nil after it was stopped", err)
	}
	return text.String()
}

func TestSandbox_saysHowLongItsLimitsTake(t *testing.T) {
	t.Parallel()
	limited := sandboxSays(t, "--issues", "240")
	for _, want := range []string{"a first pass takes about 2 min", "--no-limits", "export PYLON_API_URL=http://127.0.0.1:", "curl -X DELETE"} {
		if !strings.Contains(limited, want) {
			t.Errorf("%q is not in\n%s", want, limited)
		}
	}
	free := sandboxSays(t, "--issues", "240", "--no-limits", "--mutate", "1h")
	if strings.Contains(free, "first pass") || !strings.Contains(free, "PYLON_RATE_LIMITS=0") {
		t.Errorf("without limits it says\n%s", free)
	}
}
