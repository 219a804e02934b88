package producer_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// buildBinary builds pylon-kafka as it is shipped and returns its path.
func buildBinary(tb testing.TB) string {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "pylon-kafka")
	cmd := exec.CommandContext(tb.Context(), "go", "build", "-race=false", "-o", path, "../cmd/pylon-kafka") // as it is shipped, also where GOFLAGS has -race
	if out, err := cmd.CombinedOutput(); err != nil {
		tb.Fatalf("go build: %v\n%s", err, out)
	}
	return path
}

// process is a pylon-kafka that runs, in a process of its own.
type process struct {
	cmd    *exec.Cmd
	logged chan struct{} // closed when its log has ended

	mu        sync.Mutex
	lines     []string // its log, the last ones
	opened    int      // streams
	committed int      // transactions with records
	changed   chan struct{}
	line      func(string) // told of each line; nil: nobody
}

// start runs the service of the world.
func (w *world) start(t *testing.T, binary string) *process {
	t.Helper()
	return w.startTelling(t, binary, nil)
}

// startTelling is start with somebody who is told of each line of the log.
func (w *world) startTelling(t *testing.T, binary string, line func(string)) *process {
	t.Helper()
	p := &process{cmd: exec.Command(binary, "run"), logged: make(chan struct{}), changed: make(chan struct{}), line: line} //nolint:noctx // It is killed, that is what this is about.
	for name, value := range w.settings {
		p.cmd.Env = append(p.cmd.Env, name+"="+value)
	}
	p.cmd.Env = append(p.cmd.Env, "HTTP_ADDR=", "LOG_LEVEL=debug", "LOG_FORMAT=text")
	out, err := p.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go p.read(out)
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			t.Logf("log of process %d:\n%s", p.cmd.Process.Pid, p.log())
		}
	})
	return p
}

// read follows the log.
func (p *process) read(out io.Reader) {
	defer close(p.logged)
	in := bufio.NewScanner(out)
	in.Buffer(nil, 1<<20)
	for in.Scan() {
		line := in.Text()
		if p.line != nil {
			p.line(line)
		}
		p.mu.Lock()
		const most = 2000
		if p.lines = append(p.lines, line); len(p.lines) > 2*most {
			p.lines = append(p.lines[:0:0], p.lines[most:]...)
		}
		switch {
		case strings.Contains(line, `msg="stream opened"`):
			p.opened++
		case strings.Contains(line, "msg=committed"):
			p.committed++
		}
		close(p.changed)
		p.changed = make(chan struct{})
		p.mu.Unlock()
	}
	_, _ = io.Copy(io.Discard, out) // should a line be too long, the process must not wait for its reader
}

func (p *process) log() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Join(p.lines, "\n")
}

// until waits until the process has opened and committed that much, or has ended.
func (p *process) until(ctx context.Context, opened, committed int) error {
	for {
		p.mu.Lock()
		reached, changed := p.opened >= opened && p.committed >= committed, p.changed
		p.mu.Unlock()
		if reached {
			return nil
		}
		select {
		case <-changed:
		case <-p.logged:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// kill ends the process as a power cut would. It may be called again.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	_, _ = p.wait()
}

// stop asks the process to end and returns its exit code.
func (p *process) stop(t *testing.T) int {
	t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	return p.exitCode(t, 15*time.Second)
}

// exitCode waits until the process has ended and returns its exit code.
func (p *process) exitCode(t *testing.T, within time.Duration) int {
	t.Helper()
	select {
	case <-p.logged:
	case <-time.After(within):
		t.Fatalf("process %d has not ended within %v; its log:\n%s", p.cmd.Process.Pid, within, p.log())
	}
	code, err := p.wait()
	if err != nil {
		t.Fatal(err)
	}
	return code
}

// wait waits for the end of the process and returns its exit code; -1 if a
// signal ended it.
func (p *process) wait() (int, error) {
	<-p.logged
	err := p.cmd.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) && p.cmd.ProcessState == nil {
		return -1, err
	}
	return p.cmd.ProcessState.ExitCode(), nil
}

// moment is when a process is killed: some time after it has opened and
// committed so much.
type moment struct {
	opened, committed int
	after             time.Duration
}

func (m moment) String() string {
	return fmt.Sprintf("%v after %d streams opened and %d commits", m.after, m.opened, m.committed)
}

// randomMoment draws a moment: at the start, while the streams are being opened
// (fences, cursors, views), in the midst of transactions, or some time later.
func randomMoment(rng *rand.Rand, streams int) moment {
	upTo := func(most time.Duration) time.Duration { return time.Duration(rng.Int64N(int64(most))) }
	switch n := rng.IntN(100); {
	case n < 12:
		return moment{after: upTo(500 * time.Millisecond)}
	case n < 30:
		return moment{opened: 1 + rng.IntN(streams), after: upTo(100 * time.Millisecond)}
	case n < 80:
		return moment{committed: 1 + rng.IntN(12), after: upTo(60 * time.Millisecond)}
	default:
		return moment{opened: streams, after: upTo(1500 * time.Millisecond)}
	}
}
