package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pylon-kafka/cmd/pylon-kafka/internal/cli"
	"pylon-kafka/cmd/pylon-kafka/internal/settings"
	"pylon-kafka/extract/extracttest"
)

func TestSync_publishesEveryStreamAndThenNothing(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t, extracttest.Options{})
	reports, err := w.sync(t)
	if err != nil {
		t.Fatalf("sync: %v", err)
	}
	var want []passReport
	for _, stream := range cli.Streams() {
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
	if topics := w.topics(t); len(topics) > 0 {
		t.Errorf("topics that were made before the token was known to be wrong: %v", topics)
	}
}

// waited is a line of the log that says what a sync waits for.
type waited struct {
	Msg     string `json:"msg"`
	Streams string `json:"streams"`
	Brokers string `json:"brokers"`
	Error   string `json:"error"`
}

// waits begins a sync and returns the first lines that say that it waits; then it
// stops the sync.
func (w *workspace) waits(t *testing.T, lines int, args ...string) []waited {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), patience)
	defer stop()
	reader, writer := io.Pipe()
	r := &running{ended: make(chan error, 1)}
	go func() {
		r.ended <- run(ctx, append([]string{"sync"}, args...), w.env, io.Discard, writer)
		_ = writer.Close()
	}()
	var found []waited
	for log := bufio.NewScanner(reader); len(found) < lines && log.Scan(); {
		var record waited
		if err := json.Unmarshal(log.Bytes(), &record); err != nil {
			t.Fatalf("log %q: %v", log.Text(), err)
		}
		if record.Msg == "waiting for streams to begin" {
			found = append(found, record)
		}
	}
	if len(found) < lines {
		t.Errorf("sync said %d times that it waits, want %d", len(found), lines)
	}
	stop()
	go func() { _, _ = io.Copy(io.Discard, reader) }()
	if err := r.end(t); exitCode(err) != 130 {
		t.Errorf("sync = %v with exit code %d, want 130", err, exitCode(err))
	}
	return found
}

// TestSync_saysThatItWaits has no broker.
func TestSync_saysThatItWaits(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t, extracttest.Options{})
	w.env["KAFKA_BROKERS"] = extracttest.UnusedAddress(t)
	for _, record := range w.waits(t, 1) {
		if record.Brokers != w.env["KAFKA_BROKERS"] || record.Streams != strings.Join(cli.Streams(), ",") {
			t.Errorf("the log says %+v", record)
		}
	}
}

// TestSync_saysThatItWaitsForARegistry has a schema registry that is away: the
// streams fail before they have ever been open, and are tried again.
func TestSync_saysThatItWaitsForARegistry(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t, extracttest.Options{})
	w.env["SCHEMA_REGISTRY_URL"] = "http://" + extracttest.UnusedAddress(t)
	for _, record := range w.waits(t, 2, "tags", "users") {
		if record.Streams != "tags,users" || !strings.Contains(record.Error, "schema registry") {
			t.Errorf("the log says %+v", record)
		}
	}
}

func TestSync_servesHTTPOnlyWhereItsAddressIsSet(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t, extracttest.Options{})
	if got := w.httpLines(t); got != 0 {
		t.Errorf("without HTTP_ADDR sync serves HTTP %d times", got)
	}
	w.env[settings.HTTPAddrName] = ""
	if got := w.httpLines(t); got != 0 {
		t.Errorf("with an empty HTTP_ADDR sync serves HTTP %d times", got)
	}
	w.env[settings.HTTPAddrName] = "127.0.0.1:0"
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

func TestSync_saysThatItWasInterrupted(t *testing.T) {
	t.Parallel()
	for signal, code := range map[syscall.Signal]int{syscall.SIGINT: 130, syscall.SIGTERM: 143} {
		t.Run(signal.String(), func(t *testing.T) {
			t.Parallel()
			interruptSync(t, signal, code)
		})
	}
}

func interruptSync(t *testing.T, signal syscall.Signal, code int) {
	t.Helper()
	w := newWorkspace(t, extracttest.Options{Issues: 500, Latency: 50 * time.Millisecond})
	ctx, stop := context.WithCancelCause(t.Context())
	defer stop(nil)
	r := &running{ended: make(chan error, 1)}
	var out, logs bytes.Buffer
	go func() { r.ended <- run(ctx, []string{"sync", "--json"}, w.env, &out, &logs) }()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for w.pylon.API.Requests()["issue_messages"] == 0 {
		select {
		case err := <-r.ended:
			t.Fatalf("sync ended: %v", err)
		case <-tick.C:
		}
	}
	stop(signalError{signal})
	err := r.end(t)
	if exitCode(err) != code || !strings.Contains(err.Error(), "interrupted: ") || !strings.Contains(err.Error(), "run sync again") {
		t.Errorf("sync = %v with exit code %d, want %d", err, exitCode(err), code)
	}
	var streams []passReport
	if err := json.Unmarshal(out.Bytes(), &streams); err != nil {
		t.Fatalf("sync prints %q: %v", out.String(), err)
	}
	done := len(slices.DeleteFunc(streams, func(r passReport) bool { return r.State != "done" }))
	if want := fmt.Sprintf("%d of %d streams are done", done, len(streams)); done == len(streams) || !strings.Contains(err.Error(), want) {
		t.Errorf("the table says %q, the error %v", want, err)
	}
	checkLastRecord(t, logs.String(), err)
}
