package main

import (
	"bytes"
	"context"
	"io"
	"strings"
	"testing"

	"github.com/creack/pty"

	"pylon-kafka/cmd/pylon-kafka/internal/settings"
	"pylon-kafka/extract/extracttest"
)

// onTerminal runs the program with its standard error on a terminal, and returns
// what that shows.
func onTerminal(ctx context.Context, t *testing.T, env settings.Environment, args ...string) (string, error) {
	t.Helper()
	master, tty, err := pty.Open()
	if err != nil {
		t.Skipf("no terminal to be had: %v", err)
	}
	defer func() { _ = master.Close() }()
	var shown bytes.Buffer
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = io.Copy(&shown, master) // it ends with an error when the terminal is closed
	}()
	err = run(ctx, args, env, io.Discard, tty)
	_ = tty.Close()
	<-done
	return shown.String(), err
}

// TestLastError_isARecordOfTheLogWhereAFormatIsSet has a token that Pylon refuses,
// and a setting that is wrong. Without a format main prints the error as text.
func TestLastError_isARecordOfTheLogWhereAFormatIsSet(t *testing.T) {
	t.Parallel()
	for format, want := range map[string]string{"": "", "json": `"level":"ERROR","msg":"ended"`, "text": `level=ERROR msg=ended`} {
		for _, start := range []string{"2020-01-01T00:00:00Z", "2999-01-01T00:00:00Z"} {
			for _, command := range []string{"sync", "run"} {
				t.Run(strings.Join([]string{command, format, start[:4]}, " "), func(t *testing.T) {
					t.Parallel()
					w := newWorkspace(t, extracttest.Options{Token: "another"})
					w.env["LOG_FORMAT"], w.env["PYLON_START_DATE"], w.env[settings.HTTPAddrName] = format, start, "127.0.0.1:0"
					shown, err := onTerminal(t.Context(), t, w.env, command)
					if err == nil || isLogged(err) != (format != "") {
						t.Errorf("%s = %v, logged: %t", command, err, isLogged(err))
					}
					if !strings.Contains(shown, want) || format == "" && strings.Contains(shown, "ERROR") {
						t.Errorf("the terminal shows %q, want %q", shown, want)
					}
				})
			}
		}
	}
}
