package lease_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"pylon-kafka/offsets/lease"
	"pylon-kafka/producer/producertest"
)

// processEnv makes the test binary a replica of its own process: a processConfig
// as JSON.
const processEnv = "PYLON_KAFKA_TEST_REPLICA"

// processConfig is what a replica in a process of its own is told.
type processConfig struct {
	Name, Broker, Group, Topic string
	Session                    time.Duration
}

// sharedKafka is the one container for the package. TestMain stops it.
var sharedKafka producertest.Shared

func TestMain(m *testing.M) {
	if text := os.Getenv(processEnv); text != "" {
		if err := runProcess(text); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	code := m.Run()
	if err := sharedKafka.Stop(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// runProcess is a replica until SIGTERM. It prints what happens, a line of JSON
// each.
func runProcess(text string) error {
	var c processConfig
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	out := json.NewEncoder(os.Stdout)
	say := func(what string) func(context.Context, []int32) {
		return func(_ context.Context, partitions []int32) {
			_ = out.Encode(happened{c.Name, what, partitions, time.Now()})
		}
	}
	m, err := lease.Join(ctx, lease.Config{
		Group: c.Group, Topic: c.Topic, ClientID: c.Name, SessionTimeout: c.Session, RebalanceTimeout: 30 * time.Second,
		Options: []kgo.Opt{kgo.SeedBrokers(c.Broker)}, Logger: slog.New(slog.DiscardHandler),
	}, lease.Events{Assigned: say("assigned"), Revoked: say("revoked"), Lost: say("lost")})
	if err != nil {
		return err
	}
	<-ctx.Done()
	return m.Close(context.Background())
}

// process is a replica in a process of its own.
type process struct {
	name string
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended and all that it said is in the history

	mu   sync.Mutex
	held map[int32]struct{}
}

// start starts a replica in a process of its own, which is killed after the test.
func (s *scene) start(t *testing.T, name, broker string) *process {
	t.Helper()
	text, err := json.Marshal(processConfig{name, broker, s.config.Group, s.config.Topic, s.config.SessionTimeout})
	must(t, err)
	self, err := os.Executable()
	must(t, err)
	p := &process{name: name, cmd: exec.Command(self), done: make(chan struct{}), held: make(map[int32]struct{})} //nolint:noctx // ended by signals.
	p.cmd.Env = append(os.Environ(), processEnv+"="+string(text))
	p.cmd.Stderr = os.Stderr
	stdout, err := p.cmd.StdoutPipe()
	must(t, err)
	must(t, p.cmd.Start())
	go func() {
		defer close(p.done)
		for lines := bufio.NewScanner(stdout); lines.Scan(); {
			var e happened
			if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
				t.Errorf("%s says %q: %v", name, lines.Text(), err)
				continue
			}
			p.note(e)
			s.keep(e)
		}
		_ = p.cmd.Wait()
	}()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		<-p.done
	})
	return p
}

func (p *process) note(e happened) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, partition := range e.Partitions {
		if e.What == "assigned" {
			p.held[partition] = struct{}{}
		} else {
			delete(p.held, partition)
		}
	}
}

// holds is how many partitions the process said are its.
func (p *process) holds() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.held)
}

// signal sends a signal, and returns when.
func (p *process) signal(t *testing.T, s os.Signal) time.Time {
	t.Helper()
	at := time.Now()
	must(t, p.cmd.Process.Signal(s))
	return at
}

func (h *history) keep(e happened) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.events = append(h.events, e)
}

// gap is the longest time for which one of the partitions that the replica had
// was nobody's after it had ended: since then, or since the replica gave it back.
func (h *history) gap(since time.Time, replica string) (longest time.Duration) {
	free := make(map[int32]time.Time)
	for _, e := range h.all() {
		for _, p := range e.Partitions {
			switch {
			case e.Replica == replica && e.What == "assigned" && e.At.Before(since):
				free[p] = since
			case e.Replica == replica && e.What == "revoked" && e.At.Before(since):
				delete(free, p)
			case e.Replica == replica && e.What == "revoked":
				free[p] = e.At
			case e.Replica != replica && e.What == "assigned" && e.At.After(since):
				if from, ok := free[p]; ok {
					longest = max(longest, e.At.Sub(from))
					delete(free, p)
				}
			}
		}
	}
	return longest
}

// moves is the longest time for which a partition that moved since then was
// nobody's, and how many did.
func (h *history) moves(since time.Time) (longest time.Duration, count int) {
	free := make(map[int32]time.Time)
	for _, e := range h.all() {
		if e.At.Before(since) {
			continue
		}
		for _, p := range e.Partitions {
			if from, ok := free[p]; ok && e.What == "assigned" {
				longest = max(longest, e.At.Sub(from))
				count++
			} else if e.What == "revoked" {
				free[p] = e.At
			}
		}
	}
	return longest, count
}
