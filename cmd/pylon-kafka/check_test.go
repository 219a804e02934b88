package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pylon-kafka/cmd/pylon-kafka/internal/settings"
	"pylon-kafka/extract/extracttest"
)

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
	if exitCode(err) != exitFailed || !strings.Contains(err.Error(), "1 of 8 checks failed") {
		t.Errorf("check = %v with exit code %d, want %d", err, exitCode(err), exitFailed)
	}
	want := map[string]checkResult{
		"settings": checkOK, "token": checkOK, "brokers": checkOK, "schema registry": checkOK,
		"topic pylon.offsets": checkFail, "topic pylon.issues": checkWarn, "topic pylon.deadletter": checkOK, "topic pylon.schemas": checkOK,
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
	if exitCode(err) != exitUnauthorized || lines["token"] != checkFail || lines["brokers"] != checkOK {
		t.Errorf("check = %v with exit code %d; %v", err, exitCode(err), lines)
	}
}

// checkLines runs check and returns the result of each check.
func checkLines(t *testing.T, env settings.Environment) (map[string]checkResult, error) {
	t.Helper()
	var out, errOut bytes.Buffer
	err := run(t.Context(), []string{"check", "--json"}, env, &out, &errOut)
	var lines []checkLine
	if jsonErr := json.Unmarshal(out.Bytes(), &lines); jsonErr != nil {
		t.Fatalf("check prints %q: %v", out.String(), errors.Join(jsonErr, err))
	}
	results := make(map[string]checkResult)
	for _, line := range lines {
		results[line.Check] = line.Result
	}
	return results, err
}
