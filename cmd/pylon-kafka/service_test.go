package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"pylon-kafka/extract/extracttest"
	"pylon-kafka/producer/preflight"
)

// workspace is a Pylon and a Kafka for one test, and the settings to use them.
type workspace struct {
	pylon   *extracttest.Server
	cluster *kfake.Cluster
	env     environment
}

func newWorkspace(t *testing.T, options extracttest.Options) *workspace {
	t.Helper()
	options.Limits = map[string]int{"*": 0}
	if options.Issues == 0 {
		options.Issues = 12
	}
	pylon := extracttest.NewServer(t, options)
	cluster := newCluster(t)
	return &workspace{pylon: pylon, cluster: cluster, env: environment{
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

func TestSync_publishesEveryStreamAndThenNothing(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t, extracttest.Options{})
	reports, err := w.sync(t)
	if err != nil {
		t.Fatalf("sync: %v", err)
	}
	var want []passReport
	for _, stream := range allStreamNames() {
		want = append(want, passReport{Stream: stream, State: "done", Records: int64(w.pylon.API.Count(stream))})
	}
	if diff := cmp.Diff(want, reports); diff != "" {
		t.Errorf("first pass (-want +got):\n%s", diff)
	}

	again, err := w.sync(t)
	if err != nil {
		t.Fatalf("second sync: %v", err)
	}
	for i := range want {
		want[i].Records, want[i].Resumed = 0, true
	}
	if diff := cmp.Diff(want, again); diff != "" {
		t.Errorf("second pass (-want +got):\n%s", diff)
	}
	if got := keysAndValues(tailLines(t, w.env, "tags", "--from-beginning", "--exit")); strings.Count(got, "=") != w.pylon.API.Count("tags") {
		t.Errorf("the topic of tags holds %s, want %d records", got, w.pylon.API.Count("tags"))
	}
}

func TestSync_readsOnlyTheNamedStreams(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t, extracttest.Options{})
	reports, err := w.sync(t, "teams", "tags")
	if err != nil {
		t.Fatalf("sync: %v", err)
	}
	if len(reports) != 2 || reports[0].Stream != "tags" || reports[1].Stream != "teams" {
		t.Errorf("streams = %+v", reports)
	}
	if topics := w.topics(t); slices.Contains(topics, "pylon.issues") || !slices.Contains(topics, "pylon.tags") {
		t.Errorf("topics = %v", topics)
	}
}

func TestSync_finishesTheOthersWhenOneStreamIsForbidden(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t, extracttest.Options{})
	w.pylon.API.Fail(extracttest.Fault{Endpoint: "teams", Status: http.StatusForbidden, Count: 1 << 20})
	reports, err := w.sync(t)
	if exitCode(err) != exitFailed || !strings.Contains(err.Error(), "teams") {
		t.Errorf("sync = %v with exit code %d, want %d", err, exitCode(err), exitFailed)
	}
	for _, r := range reports {
		want := "done"
		if r.Stream == "teams" {
			want = "failed"
		}
		if r.State != want {
			t.Errorf("%s is %s, want %s", r.Stream, r.State, want)
		}
	}
}

func TestSync_endsWith3WhenPylonRefusesTheToken(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t, extracttest.Options{Token: "another"})
	_, err := w.sync(t)
	if exitCode(err) != exitUnauthorized {
		t.Errorf("sync = %v with exit code %d, want %d", err, exitCode(err), exitUnauthorized)
	}
}

func TestSync_servesHTTPOnlyWhereItsAddressIsSet(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t, extracttest.Options{})
	if got := w.httpLines(t); got != 0 {
		t.Errorf("without HTTP_ADDR sync serves HTTP %d times", got)
	}
	w.env[httpAddrName] = ""
	if got := w.httpLines(t); got != 0 {
		t.Errorf("with an empty HTTP_ADDR sync serves HTTP %d times", got)
	}
	w.env[httpAddrName] = "127.0.0.1:0"
	if got := w.httpLines(t); got != 1 {
		t.Errorf("with HTTP_ADDR sync serves HTTP %d times, want once", got)
	}
}

// httpLines counts how often a sync of one stream says that it serves HTTP.
func (w *workspace) httpLines(t *testing.T) int {
	t.Helper()
	w.env["LOG_LEVEL"] = "info"
	var out, logs bytes.Buffer
	if err := run(t.Context(), []string{"sync", "tags"}, w.env, &out, &logs); err != nil {
		t.Fatalf("sync: %v", err)
	}
	return strings.Count(logs.String(), "serving HTTP")
}

func TestSync_endsWithoutAnErrorWhenItIsStopped(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t, extracttest.Options{Issues: 500, Latency: 50 * time.Millisecond})
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	r := &running{ended: make(chan error, 1)}
	go func() { r.ended <- run(ctx, []string{"sync"}, w.env, io.Discard, io.Discard) }()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for w.pylon.API.Requests()["issue_messages"] == 0 {
		select {
		case err := <-r.ended:
			t.Fatalf("sync ended: %v", err)
		case <-tick.C:
		}
	}
	stop()
	if err := r.end(t); err != nil {
		t.Errorf("sync = %v, want nil after it was stopped", err)
	}
}

func TestRun_touchesNothingWhenSettingsAreWrong(t *testing.T) {
	t.Parallel()
	for _, command := range []string{"run", "sync", "check"} {
		t.Run(command, func(t *testing.T) {
			t.Parallel()
			w := newWorkspace(t, extracttest.Options{})
			w.env["PYLON_START_DATE"] = "2999-01-01T00:00:00Z"
			var out bytes.Buffer
			err := run(t.Context(), []string{command}, w.env, &out, &out)
			if exitCode(err) != exitUsage || !strings.Contains(err.Error(), "PYLON_START_DATE") {
				t.Errorf("%s = %v with exit code %d, want %d", command, err, exitCode(err), exitUsage)
			}
			if requests := w.pylon.API.Requests(); len(requests) > 0 {
				t.Errorf("requests to Pylon: %v", requests)
			}
			if topics := w.topics(t); len(topics) > 0 {
				t.Errorf("topics: %v", topics)
			}
		})
	}
}

func TestRun_saysThatItsPortIsInUseBeforeItTouchesAnything(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t, extracttest.Options{})
	w.env[httpAddrName] = strings.TrimPrefix(w.pylon.URL, "http://")
	var out bytes.Buffer
	err := run(t.Context(), []string{"run"}, w.env, &out, &out)
	if exitCode(err) != exitFailed || !strings.Contains(err.Error(), w.env[httpAddrName]) {
		t.Errorf("run = %v with exit code %d, want %d", err, exitCode(err), exitFailed)
	}
	if topics := w.topics(t); len(topics) > 0 {
		t.Errorf("topics: %v", topics)
	}
}

// running is a `run` under way.
type running struct {
	url   string // of its HTTP server
	ended chan error
	stop  context.CancelFunc
}

// start begins `run` and waits until its HTTP server answers.
func (w *workspace) start(t *testing.T) *running {
	t.Helper()
	env := environment{}
	for name, value := range w.env {
		env[name] = value
	}
	env[httpAddrName] = "127.0.0.1:0"
	env["LOG_LEVEL"] = "info"
	ctx, stop := context.WithCancel(t.Context())
	t.Cleanup(stop)
	logs := newLogWatcher()
	r := &running{ended: make(chan error, 1), stop: stop}
	go func() { r.ended <- run(ctx, []string{"run"}, env, io.Discard, logs) }()
	select {
	case r.url = <-logs.url:
	case err := <-r.ended:
		t.Fatalf("run ended: %v", err)
	case <-time.After(20 * time.Second):
		t.Fatal("run serves no HTTP")
	}
	return r
}

// end waits for run to end and returns its error.
func (r *running) end(t *testing.T) error {
	t.Helper()
	select {
	case err := <-r.ended:
		return err
	case <-time.After(20 * time.Second):
		t.Fatal("run goes on")
		return nil
	}
}

// waitFor asks until the answer is as it should be.
func (r *running) waitFor(t *testing.T, path string, good func(status int, body string) bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
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

func TestRun_servesItsStateUntilItIsStopped(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t, extracttest.Options{})
	r := w.start(t)
	r.waitFor(t, "/readyz", func(status int, _ string) bool { return status == http.StatusOK })
	r.waitFor(t, "/api/streams", func(_ int, body string) bool {
		var reports []passReport
		if err := json.Unmarshal([]byte(body), &reports); err != nil {
			t.Fatalf("/api/streams: %v", err)
		}
		return !slices.ContainsFunc(reports, func(p passReport) bool { return p.Records < int64(w.pylon.API.Count(p.Stream)) })
	})
	_, page := get(t, r.url+"/")
	_, metrics := get(t, r.url+"/metrics")
	for _, stream := range allStreamNames() {
		if !strings.Contains(page, "pylon."+stream) || !strings.Contains(metrics, `pylon_kafka_stream_up{stream="`+stream+`"} 1`) {
			t.Errorf("%s is not on the status page or not up in the metrics", stream)
		}
	}
	if strings.Contains(page+metrics, "secret-token") {
		t.Error("the token is shown")
	}
	r.stop()
	if err := r.end(t); err != nil {
		t.Errorf("run = %v, want nil", err)
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	if response, err := http.DefaultClient.Do(request); err == nil {
		_ = response.Body.Close()
		t.Error("the HTTP server answers after run has ended")
	}
}

func TestRun_isAliveButNotReadyWithoutABroker(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t, extracttest.Options{})
	w.env["KAFKA_BROKERS"] = unusedAddress(t)
	r := w.start(t)
	r.waitFor(t, "/healthz", func(status int, _ string) bool { return status == http.StatusOK })
	// Also once it has noticed that the broker is not there.
	r.waitFor(t, "/api/streams", func(_ int, body string) bool { return strings.Contains(body, `"reason"`) })
	if status, _ := get(t, r.url+"/readyz"); status != http.StatusServiceUnavailable {
		t.Errorf("/readyz is %d, want %d", status, http.StatusServiceUnavailable)
	}
	r.stop()
	if err := r.end(t); err != nil {
		t.Errorf("run = %v, want nil", err)
	}
}

// unusedAddress returns an address at which nobody listens.
func unusedAddress(t *testing.T) string {
	t.Helper()
	var lc net.ListenConfig
	listener, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	return listener.Addr().String()
}

func TestRun_endsWith4WhenANewerInstanceTakesOver(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t, extracttest.Options{})
	w.env["PYLON_STREAMS"] = "tags"
	w.env["PYLON_REFRESH_INTERVAL"] = "100ms"
	w.env["PUBLISH"] = "snapshot" // so that every pass has something to commit
	older := w.start(t)
	older.waitFor(t, "/readyz", func(status int, _ string) bool { return status == http.StatusOK })
	newer := w.start(t)
	if err := older.end(t); exitCode(err) != exitFenced {
		t.Errorf("the older instance ends with %v and exit code %d, want %d", err, exitCode(err), exitFenced)
	}
	newer.waitFor(t, "/readyz", func(status int, _ string) bool { return status == http.StatusOK })
	newer.stop()
	if err := newer.end(t); err != nil {
		t.Errorf("the newer instance ends with %v, want nil", err)
	}
}

func TestCheck_changesNothingAndSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t, extracttest.Options{})
	w.env["PYLON_STREAMS"] = "issues"
	if err := w.cluster.CreateTopic("pylon.offsets", 1, map[string]string{"cleanup.policy": "delete"}); err != nil {
		t.Fatal(err)
	}
	if err := w.cluster.CreateTopic("pylon.issues", 1, map[string]string{"cleanup.policy": "compact", "max.message.bytes": "1000000"}); err != nil {
		t.Fatal(err)
	}
	before := w.topics(t)
	lines, err := checkLines(t, w.env)
	if exitCode(err) != exitFailed || !strings.Contains(err.Error(), "1 of 13 checks failed") {
		t.Errorf("check = %v with exit code %d, want %d", err, exitCode(err), exitFailed)
	}
	want := map[string]preflight.State{
		"settings": preflight.OK, "token": preflight.OK, "brokers": preflight.OK, "schema registry": preflight.OK,
		"clock": preflight.OK, "endpoints": preflight.OK, "transactional ids": preflight.OK, "group pylon-kafka": preflight.OK, "values": preflight.OK,
		"topic pylon.offsets": preflight.Failed, "topic pylon.issues": preflight.Warning, "topic pylon.deadletter": preflight.OK, "topic pylon.schemas": preflight.OK,
	}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Errorf("checks (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(before, w.topics(t)); diff != "" {
		t.Errorf("topics (-before +after):\n%s", diff)
	}
}

func TestCheck_endsWith3WhenPylonRefusesTheToken(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t, extracttest.Options{Token: "another"})
	lines, err := checkLines(t, w.env)
	if exitCode(err) != exitUnauthorized || lines["token"] != preflight.Failed || lines["brokers"] != preflight.OK {
		t.Errorf("check = %v with exit code %d; %v", err, exitCode(err), lines)
	}
}

// checkLines runs check and returns the result of each check.
func checkLines(t *testing.T, env environment) (map[string]preflight.State, error) {
	t.Helper()
	var out, errOut bytes.Buffer
	err := run(t.Context(), []string{"check", "--json"}, env, &out, &errOut)
	var lines []preflight.Check
	if jsonErr := json.Unmarshal(out.Bytes(), &lines); jsonErr != nil {
		t.Fatalf("check prints %q: %v", out.String(), errors.Join(jsonErr, err))
	}
	results := make(map[string]preflight.State)
	for _, line := range lines {
		results[line.Name] = line.State
	}
	return results, err
}
