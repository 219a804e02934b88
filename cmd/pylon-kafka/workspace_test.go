package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"pylon-kafka/cmd/pylon-kafka/internal/settings"
	"pylon-kafka/extract/extracttest"
)

// workspace is a Pylon and a Kafka for one test, and the settings to use them.
type workspace struct {
	pylon   *extracttest.Server
	cluster *kfake.Cluster
	env     settings.Environment
}

func newWorkspace(t *testing.T, options extracttest.Options) *workspace {
	t.Helper()
	options.Limits = map[string]int{"*": 0}
	if options.Issues == 0 {
		options.Issues = 12
	}
	pylon := extracttest.NewServer(t, options)
	cluster := newCluster(t)
	return &workspace{pylon: pylon, cluster: cluster, env: settings.Environment{
		"PYLON_API_URL":     pylon.URL,
		"PYLON_API_TOKEN":   "secret-token",
		"PYLON_START_DATE":  "2020-01-01T00:00:00Z",
		"PYLON_RATE_LIMITS": "0",
		"KAFKA_BROKERS":     strings.Join(cluster.ListenAddrs(), ","),
		"LOG_LEVEL":         "warn",
	}}
}

// topics lists what there is in Kafka.
func (w *workspace) topics(t *testing.T) []string {
	t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(w.cluster.ListenAddrs()...))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	topics, err := kadm.NewClient(cl).ListTopics(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return topics.Names()
}

// passReport is what the tests compare of `sync --json`.
type passReport struct {
	Stream     string `json:"stream"`
	State      string `json:"state"`
	Records    int64  `json:"records"`
	Tombstones int64  `json:"tombstones"`
	Resumed    bool   `json:"resumed"`
	Reason     string `json:"reason"`
}

// sync does one pass and returns what it says of every stream.
func (w *workspace) sync(t *testing.T, args ...string) ([]passReport, error) {
	t.Helper()
	var out, errOut bytes.Buffer
	err := run(t.Context(), append([]string{"sync", "--json"}, args...), w.env, &out, &errOut)
	if strings.Contains(out.String()+errOut.String(), "secret-token") {
		t.Errorf("the token is shown in\n%s%s", out.String(), errOut.String())
	}
	var reports []passReport
	if err := json.Unmarshal(out.Bytes(), &reports); err != nil {
		t.Fatalf("sync prints %q: %v", out.String(), err)
	}
	return reports, err
}

// checkLastRecord looks whether the last line of a log in JSON is the error.
func checkLastRecord(t *testing.T, logs string, err error) {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(logs), "\n")
	var record struct {
		Level    string `json:"level"`
		Error    string `json:"error"`
		ExitCode int    `json:"exit_code"`
	}
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &record); err != nil {
		t.Fatalf("the last line of the log is %q: %v", lines[len(lines)-1], err)
	}
	if record.Level != "ERROR" || record.Error != err.Error() || record.ExitCode != exitCode(err) || !isLogged(err) {
		t.Errorf("the last record is %+v; the error is %v", record, err)
	}
}

// running is a `run` under way.
type running struct {
	url   string // of its HTTP server
	logs  *logWatcher
	ended chan error
	stop  context.CancelFunc
}

// start begins `run` and waits until its HTTP server answers.
func (w *workspace) start(t *testing.T) *running {
	t.Helper()
	env := settings.Environment{}
	for name, value := range w.env {
		env[name] = value
	}
	env[settings.HTTPAddrName] = "127.0.0.1:0"
	env["LOG_LEVEL"] = "info"
	ctx, stop := context.WithCancel(t.Context())
	t.Cleanup(stop)
	logs := newLogWatcher()
	r := &running{logs: logs, ended: make(chan error, 1), stop: stop}
	go func() { r.ended <- run(ctx, []string{"run"}, env, io.Discard, logs) }()
	select {
	case r.url = <-logs.url:
	case err := <-r.ended:
		t.Fatalf("run ended: %v", err)
	case <-time.After(patience):
		t.Fatal("run serves no HTTP")
	}
	return r
}

// patience is how long a test waits for what must happen; it is for machines that
// have much else to do, and costs nothing where all is well.
const patience = time.Minute

// get returns status and body of an answer.
func get(t *testing.T, url string) (status int, body string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatalf("GET %s: %v", url, err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatalf("GET %s: %v", url, err)
	}
	return response.StatusCode, string(text)
}

// end waits for run to end and returns its error.
func (r *running) end(t *testing.T) error {
	t.Helper()
	select {
	case err := <-r.ended:
		return err
	case <-time.After(patience):
		t.Fatal("run goes on")
		return nil
	}
}

// waitFor asks until the answer is as it should be.
func (r *running) waitFor(t *testing.T, path string, good func(status int, body string) bool) {
	t.Helper()
	r.waitWithin(t, patience, path, good)
}

// waitWithin asks for a while at the most until the answer is as it should be.
func (r *running) waitWithin(t *testing.T, while time.Duration, path string, good func(status int, body string) bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), while)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		status, body := get(t, r.url+path)
		if good(status, body) {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("GET %s still is %d %s", path, status, body)
		}
	}
}

// logWatcher takes JSON logs and tells the address that they name.
type logWatcher struct {
	mu   sync.Mutex
	text bytes.Buffer
	url  chan string
}

func newLogWatcher() *logWatcher { return &logWatcher{url: make(chan string, 1)} }

func (l *logWatcher) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var entry struct {
		Msg string `json:"msg"`
		URL string `json:"url"`
	}
	if json.Unmarshal(line, &entry) == nil && entry.Msg == "serving HTTP" {
		l.url <- entry.URL
	}
	return l.text.Write(line)
}

// String returns what was logged so far.
func (l *logWatcher) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
