package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"golang.org/x/sync/errgroup"

	"pylon-kafka/cmd/pylon-kafka/internal/cli"
	"pylon-kafka/cmd/pylon-kafka/internal/settings"
	"pylon-kafka/cmd/pylon-kafka/internal/web"
	"pylon-kafka/extract/extracttest"
)

// state is what a demo must remember so that the next one on the same
// folder finds the same Pylon: the workspace is generated from the seed, and
// then every round of changes is made again, at the time at which it was made.
type state struct {
	Version int         `json:"version"`
	Seed    int64       `json:"seed"`
	Issues  int         `json:"issues"`
	Created time.Time   `json:"created"`
	Rounds  []time.Time `json:"rounds"`
}

const (
	// DefaultIssues is the number of issues of a demo that was given none.
	DefaultIssues = 3000
	// Span is how far the sandbox's history goes back.
	Span = 90 * 24 * time.Hour

	stateVersion = 2 // another one makes another workspace

	issueBytes = 7200 // the average of a real workspace
)

// World is everything that the service talks to, in this process: a sandbox
// of the Pylon API, a Kafka broker and a schema registry, kept in a folder.
type World struct {
	dir     string
	state   state
	resumed bool

	api      *extracttest.API
	sandbox  *web.Server
	broker   *kfake.Cluster
	registry *web.Server
	frozen   atomic.Pointer[time.Time] // what the sandbox's clock says; nil: it runs
	serving  errgroup.Group
	whole    bool // the broker's log is in order
	unlock   func()
}

// Open opens the demo in dir, or begins one there of so many issues (0:
// of any size). It must be closed. A folder with a demo of another size than the
// one asked for is a [cli.UsageError].
func Open(ctx context.Context, dir string, issues int, log *slog.Logger) (*World, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the demo's folder: %w", err)
	}
	unlock, err := lockFile(filepath.Join(dir, "lock"))
	if err != nil {
		return nil, fmt.Errorf("the demo's folder: %w; --dir takes another one", err)
	}
	w := &World{dir: dir, unlock: unlock}
	if err := w.open(ctx, issues, log); err != nil {
		w.Close(ctx)
		return nil, err
	}
	return w, nil
}

// Resumed reports whether the folder held a demo already.
func (w *World) Resumed() bool { return w.resumed }

// Issues is how many issues the sandbox began with.
func (w *World) Issues() int { return w.state.Issues }

// open starts everything. What was started before an error is left to close.
func (w *World) open(ctx context.Context, issues int, log *slog.Logger) error {
	if err := w.loadState(issues); err != nil {
		return err
	}
	w.startSandbox()
	sandbox, err := w.serve(ctx, w.api, log)
	if err != nil {
		return err
	}
	w.sandbox = sandbox
	schemas, err := openRegistry(filepath.Join(w.dir, "registry.json"))
	if err != nil {
		return err
	}
	if w.registry, err = w.serve(ctx, schemas, log); err != nil {
		return err
	}
	w.broker, err = kfake.NewCluster(
		kfake.NumBrokers(1),
		kfake.DefaultNumPartitions(1),
		kfake.DataDir(filepath.Join(w.dir, "kafka")),
	)
	if err != nil {
		return fmt.Errorf("start the demo's Kafka: %w", err)
	}
	if _, err := os.Stat(w.runningPath()); err == nil {
		if err := abortDangling(ctx, w.broker.ListenAddrs()...); err != nil {
			return fmt.Errorf("repair the demo's Kafka, which was killed (--fresh begins anew): %w", err)
		}
	}
	if err := os.WriteFile(w.runningPath(), nil, 0o600); err != nil {
		return err
	}
	w.whole = true
	return nil
}

// runningPath is a file that is there while the broker runs, and so also after
// it was killed.
func (w *World) runningPath() string { return filepath.Join(w.dir, "running") }

// Close stops everything and leaves the folder as the next demo wants it.
func (w *World) Close(ctx context.Context) {
	if w.broker != nil {
		w.broker.Close()
	}
	if w.whole {
		_ = os.Remove(w.runningPath()) // if it stays, the next demo only looks once more
	}
	for _, s := range []*web.Server{w.sandbox, w.registry} {
		if s != nil {
			s.Close(ctx)
		}
	}
	_ = w.serving.Wait() // a server that broke has shown itself to its clients
	w.unlock()
}

// loadState reads the folder's state, or begins a new one.
func (w *World) loadState(issues int) error {
	text, err := os.ReadFile(w.statePath())
	if errors.Is(err, fs.ErrNotExist) {
		if issues == 0 {
			issues = DefaultIssues
		}
		w.state = state{Version: stateVersion, Seed: 1, Issues: issues, Created: time.Now().UTC().Truncate(time.Second)}
		return w.saveState()
	}
	if err != nil {
		return fmt.Errorf("read the demo's state: %w", err)
	}
	if err := json.Unmarshal(text, &w.state); err != nil || w.state.Version != stateVersion {
		return fmt.Errorf("%s is of another version or damaged: begin anew with --fresh", w.statePath())
	}
	if issues != 0 && issues != w.state.Issues {
		return cli.Usagef("%s holds a demo with %d issues: leave --issues out to go on with it, or begin anew with --fresh", w.dir, w.state.Issues)
	}
	w.resumed = true
	return nil
}

func (w *World) statePath() string { return filepath.Join(w.dir, "demo.json") }

func (w *World) saveState() error {
	text, err := json.MarshalIndent(w.state, "", "  ")
	if err != nil {
		return err
	}
	if err := replaceFile(w.statePath(), text); err != nil {
		return fmt.Errorf("keep the demo's state: %w", err)
	}
	return nil
}

// startSandbox makes the Pylon of the folder's state, earlier changes included.
func (w *World) startSandbox() {
	w.frozen.Store(&w.state.Created)
	w.api = extracttest.New(extracttest.Options{
		Seed:       w.state.Seed,
		Issues:     w.state.Issues,
		Start:      w.state.Created.Add(-Span),
		Now:        w.state.Created,
		Clock:      w.clock,
		Limits:     map[string]int{"*": 0},
		IssueBytes: issueBytes,
	})
	for round, at := range w.state.Rounds {
		w.frozen.Store(&at)
		w.changeSandbox(round)
	}
	w.frozen.Store(nil)
}

func (w *World) clock() time.Time {
	if at := w.frozen.Load(); at != nil {
		return *at
	}
	return time.Now()
}

// Change lets the sandbox change a few objects and returns what it changed. The
// round is kept before it is made: a demo that is killed in between shows the
// changes when it resumes.
func (w *World) Change() ([]string, error) {
	at := time.Now().UTC()
	w.state.Rounds = append(w.state.Rounds, at)
	if err := w.saveState(); err != nil {
		return nil, err
	}
	w.frozen.Store(&at)
	defer w.frozen.Store(nil)
	return w.changeSandbox(len(w.state.Rounds) - 1), nil
}

// serve answers on a free port of this machine until Close.
func (w *World) serve(ctx context.Context, handler http.Handler, log *slog.Logger) (*web.Server, error) {
	s, err := web.Listen(ctx, "127.0.0.1:0", handler, log)
	if err != nil {
		return nil, err
	}
	w.serving.Go(s.Serve)
	return s, nil
}

// Environment is the settings of a service that reads this world.
func (w *World) Environment() settings.Environment {
	return settings.Environment{
		"PYLON_API_URL":          w.sandbox.URL(),
		"PYLON_API_TOKEN":        "demo",
		"PYLON_START_DATE":       w.state.Created.Add(-Span - 24*time.Hour).Format(time.RFC3339),
		"PYLON_RATE_LIMITS":      "0",
		"PYLON_POLL_INTERVAL":    "1s",
		"PYLON_REFRESH_INTERVAL": "5s",
		"KAFKA_BROKERS":          w.broker.ListenAddrs()[0],
		"SCHEMA_REGISTRY_URL":    w.registry.URL(),
		"LOG_LEVEL":              "error", // the sandbox has fields on purpose that are worth a warning
		"LOG_FORMAT":             "text",
	}
}

// Remove deletes what a demo left in dir, and nothing else.
func Remove(dir string) error {
	if _, err := os.Stat(filepath.Join(dir, "demo.json")); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	unlock, err := lockFile(filepath.Join(dir, "lock"))
	if err != nil {
		return fmt.Errorf("the demo's folder: %w", err)
	}
	defer unlock()
	for _, name := range []string{"kafka", "registry.json", "running", "demo.json"} { // demo.json last: it marks the folder as a demo's
		if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
			return fmt.Errorf("begin anew: %w", err)
		}
	}
	return nil
}

// Folder is where a demo is kept that was given no folder.
func Folder() string {
	cache, err := os.UserCacheDir()
	if err != nil {
		return filepath.Join(os.TempDir(), "pylon-kafka-demo-"+strconv.Itoa(os.Getuid()))
	}
	return filepath.Join(cache, "pylon-kafka", "demo")
}
