package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"pylon-kafka/extract/extracttest"
)

// asMain makes the test's binary be the program: what signals and exit codes do
// can be seen from outside only.
const asMain = "PYLON_KAFKA_TEST_MAIN"

func TestMain(m *testing.M) {
	if os.Getenv(asMain) != "" {
		main()
	}
	os.Exit(m.Run())
}

// program makes a command that runs the program with these settings alone.
func (w *workspace) program(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], args...)
	// A binary that measures coverage says so where it has no folder for that.
	cmd.Env = []string{asMain + "=1", "HOME=" + t.TempDir(), "GOCOVERDIR=" + t.TempDir()}
	for name, value := range w.env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	return cmd
}

func TestMain_endsWithTheExitCode(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t, extracttest.Options{})
	for args, want := range map[string]int{"version": exitDone, "sync zebra": exitUsage, "tail issues -n 1": exitFailed} {
		cmd := w.program(t, strings.Fields(args)...)
		var errors bytes.Buffer
		cmd.Stderr = &errors
		_ = cmd.Run() // its error is the code
		if got := cmd.ProcessState.ExitCode(); got != want {
			t.Errorf("%s ends with %d, want %d", args, got, want)
		}
		if want != exitDone && !strings.HasPrefix(errors.String(), "pylon-kafka: ") {
			t.Errorf("%s says %q", args, errors.String())
		}
	}
}

// TestMain_isStoppedBySignals stops a sync and a run that are under way: an
// interrupted sync is not done, and a run that was told to stop is.
func TestMain_isStoppedBySignals(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		command string
		signal  syscall.Signal
		code    int
	}{
		"sync, SIGTERM": {"sync", syscall.SIGTERM, 143},
		"sync, SIGINT":  {"sync", syscall.SIGINT, 130},
		"run, SIGTERM":  {"run", syscall.SIGTERM, 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorkspace(t, extracttest.Options{Issues: 2000, Latency: 100 * time.Millisecond})
			w.env["LOG_LEVEL"], w.env["HTTP_ADDR"] = "info", "127.0.0.1:0"
			cmd := w.program(t, test.command)
			logs, err := cmd.StderrPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			lines := bufio.NewScanner(logs)
			var last string
			stopped := false
			for lines.Scan() {
				last = lines.Text()
				if !stopped && strings.Contains(last, `"stream opened"`) {
					stopped = true
					if err := cmd.Process.Signal(test.signal); err != nil {
						t.Fatal(err)
					}
				}
			}
			_ = cmd.Wait() // its error is the code
			if got := cmd.ProcessState.ExitCode(); got != test.code || !stopped {
				t.Errorf("%s ends with %d, want %d; its last line is %s", test.command, got, test.code, last)
			}
			var record struct {
				Level string `json:"level"`
				Error string `json:"error"`
			}
			if err := json.Unmarshal([]byte(last), &record); err != nil {
				t.Fatalf("the last line is %q: %v", last, err)
			}
			if interrupted := strings.Contains(record.Error, "interrupted"); interrupted != (test.code != 0) {
				t.Errorf("the last line is %s", last)
			}
		})
	}
}
