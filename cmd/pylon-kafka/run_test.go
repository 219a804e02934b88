package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"pylon-kafka/cmd/pylon-kafka/internal/cli"
	"pylon-kafka/cmd/pylon-kafka/internal/settings"
	"pylon-kafka/extract/extracttest"
)

func TestRun_touchesNothingWhenSettingsAreWrong(t *testing.T) {
	t.Parallel()
	for _, command := range []string{"run", "sync", "check"} {
		t.Run(command, func(t *testing.T) {
			t.Parallel()
			w := newWorkspace(t, extracttest.Options{})
			w.env["PYLON_START_DATE"] = "2999-01-01T00:00:00Z"
			var out, logs bytes.Buffer
			err := run(t.Context(), []string{command}, w.env, &out, &logs)
			if exitCode(err) != exitUsage || !strings.Contains(err.Error(), "PYLON_START_DATE") {
				t.Errorf("%s = %v with exit code %d, want %d", command, err, exitCode(err), exitUsage)
			}
			if command != "check" {
				checkLastRecord(t, logs.String(), err)
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
	w.env[settings.HTTPAddrName] = strings.TrimPrefix(w.pylon.URL, "http://")
	var out bytes.Buffer
	err := run(t.Context(), []string{"run"}, w.env, &out, &out)
	if exitCode(err) != exitFailed || !strings.Contains(err.Error(), w.env[settings.HTTPAddrName]) {
		t.Errorf("run = %v with exit code %d, want %d", err, exitCode(err), exitFailed)
	}
	if topics := w.topics(t); len(topics) > 0 {
		t.Errorf("topics: %v", topics)
	}
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
	for _, stream := range cli.Streams() {
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
	w.env["KAFKA_BROKERS"] = extracttest.UnusedAddress(t)
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
