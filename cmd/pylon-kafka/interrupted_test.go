package main

import (
	"bytes"
	"context"
	"io"
	"maps"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"pylon-kafka/cmd/pylon-kafka/internal/settings"
)

// silence is a server that takes connections and never answers: Pylon, Kafka and
// the schema registry in one.
type silence struct {
	address string
	asked   chan struct{} // closed at the first connection
}

func newSilence(t *testing.T) *silence {
	t.Helper()
	var lc net.ListenConfig
	listener, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	s := &silence{address: listener.Addr().String(), asked: make(chan struct{})}
	go func() {
		var first sync.Once
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { _ = conn.Close() })
			first.Do(func() { close(s.asked) })
		}
	}()
	return s
}

// interruptOnce runs the program, has a signal stop it once begun is closed, and
// returns its error.
func interruptOnce(t *testing.T, begun <-chan struct{}, signal syscall.Signal, env settings.Environment, stdout io.Writer, args ...string) error {
	t.Helper()
	ctx, stop := context.WithCancelCause(t.Context())
	defer stop(nil)
	r := &running{ended: make(chan error, 1)}
	var errOut bytes.Buffer
	go func() { r.ended <- run(ctx, args, env, stdout, &errOut) }()
	select {
	case <-begun:
	case err := <-r.ended:
		t.Fatalf("it ended before it was stopped: %v", err)
	case <-time.After(patience):
		t.Fatal("it has not begun")
	}
	stop(signalError{signal})
	return r.end(t)
}

// checkInterrupted holds an error against the code that a command is to end with.
func checkInterrupted(t *testing.T, err error, code int, command string) {
	t.Helper()
	if got := exitCode(err); got != code {
		t.Errorf("it ends with %d, want %d: %v", got, code, err)
	}
	if code != exitDone && err != nil && (!strings.Contains(err.Error(), "interrupted: ") || !strings.Contains(err.Error(), command)) {
		t.Errorf("it says %q", err)
	}
}

// TestRun_saysWhatWasInterrupted stops every command while what it asks is silent:
// only what goes on until it is told to stop has done its work then.
func TestRun_saysWhatWasInterrupted(t *testing.T) {
	t.Parallel()
	cursors := filepath.Join(t.TempDir(), "cursors")
	line := `{"version":1,"stream":"tags","cursor":{},"records":1,"updated_at":"2025-01-01T00:00:00Z"}`
	if err := os.WriteFile(cursors, []byte(line), 0o600); err != nil {
		t.Fatal(err)
	}
	for args, code := range map[string]int{
		"run":                       0,
		"tail issues":               0,
		"tail issues -n 1":          0,
		"sync tags":                 143,
		"reread 1":                  143,
		"check":                     143,
		"check --json":              143,
		"streams --owners":          143,
		"offsets list":              143,
		"offsets export":            143,
		"offsets reset tags":        143,
		"offsets import " + cursors: 143,
		"publish-anew tags":         143,
		"schemas register tags":     143,
		"offsets set issues --from 2025-01-01T00:00:00Z": 143,
	} {
		t.Run(args, func(t *testing.T) {
			t.Parallel()
			server := newSilence(t)
			env := maps.Clone(goodEnvironment())
			env["KAFKA_BROKERS"] = server.address
			env["PYLON_API_URL"], env["SCHEMA_REGISTRY_URL"] = "http://"+server.address, "http://"+server.address
			env[settings.HTTPAddrName] = ""
			var out bytes.Buffer
			err := interruptOnce(t, server.asked, syscall.SIGTERM, env, &out, strings.Fields(args)...)
			checkInterrupted(t, err, code, strings.Fields(args)[0])
			if strings.HasPrefix(args, "check") && out.Len() > 0 {
				t.Errorf("it prints checks that were cut short:\n%s", out.String())
			}
		})
	}
}

// beginning is closed when something is written.
type beginning struct {
	once  sync.Once
	begun chan struct{}
}

func (b *beginning) Write(text []byte) (int, error) {
	b.once.Do(func() { close(b.begun) })
	return len(text), nil
}

// TestDemo_saysThatItWasInterrupted stops a demo that would end by itself, and one
// that goes on until it is stopped.
func TestDemo_saysThatItWasInterrupted(t *testing.T) {
	t.Parallel()
	for args, code := range map[string]int{"demo": 130, "demo --keep": 0} {
		t.Run(args, func(t *testing.T) {
			t.Parallel()
			out := &beginning{begun: make(chan struct{})}
			err := interruptOnce(t, out.begun, syscall.SIGINT, settings.Environment{}, out, append(strings.Fields(args), "--dir", t.TempDir())...)
			checkInterrupted(t, err, code, "demo")
		})
	}
}
