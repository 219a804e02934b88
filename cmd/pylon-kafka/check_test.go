package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pylon-kafka/cmd/pylon-kafka/internal/settings"
	"pylon-kafka/cmd/pylon-kafka/internal/terminal"
	"pylon-kafka/extract/extracttest"
	"pylon-kafka/producer/preflight"
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
	if exitCode(err) != exitFailed || !strings.Contains(err.Error(), "1 of 15 checks failed") {
		t.Errorf("check = %v with exit code %d, want %d", err, exitCode(err), exitFailed)
	}
	want := map[string]preflight.State{
		"settings": preflight.OK, "token": preflight.OK, "brokers": preflight.OK, "schema registry": preflight.OK,
		"clock": preflight.OK, "endpoints": preflight.OK, "transactional ids": preflight.OK, "group pylon-kafka": preflight.OK, "values": preflight.OK, "cursors": preflight.OK,
		"topic pylon.offsets": preflight.Failed, "topic pylon.issues": preflight.Warning, "topic pylon.deadletter": preflight.OK, "topic pylon.index": preflight.OK,
		"topic pylon.schemas": preflight.OK,
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
func checkLines(t *testing.T, env settings.Environment) (map[string]preflight.State, error) {
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

func TestWriteChecks_printsEachFixOnce(t *testing.T) {
	t.Parallel()
	denied := func(name string) preflight.Check {
		return preflight.Check{Name: name, State: preflight.Failed, Detail: "no", Fix: "grant read\ngrant write", Err: errors.New("no")}
	}
	checks := []preflight.Check{
		{Name: "settings", State: preflight.OK},
		denied("topic a"), denied("topic b"),
		{Name: "group", State: preflight.Failed, Detail: "no", Fix: "grant group", Err: errors.New("no")},
	}
	var out bytes.Buffer
	if err := writeChecks(terminal.Screen{W: &out}, checks, false); err != nil {
		t.Fatal(err)
	}
	_, fixes, _ := strings.Cut(out.String(), "\n\n")
	if want := "topic a:\n  grant read\n  grant write\n\ngroup:\n  grant group\n"; fixes != want {
		t.Errorf("below the table:\n%s\nwant\n%s", fixes, want)
	}
	if err := failedChecks(checks); err == nil || err.Error() != "3 of 4 checks failed" {
		t.Errorf("error %v", err)
	}
}
