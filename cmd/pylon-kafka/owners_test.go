package main

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"pylon-kafka/cmd/pylon-kafka/internal/cli"
	"pylon-kafka/extract/extracttest"
	"pylon-kafka/producer"
)

// TestStreams_owners asks before anything has run, while a replica runs, and after
// it has stopped.
func TestStreams_owners(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t, extracttest.Options{})
	owners := func(args ...string) (string, error) {
		var out, errOut bytes.Buffer
		err := run(t.Context(), append([]string{"streams", "--owners"}, args...), w.env, &out, &errOut)
		return out.String(), err
	}
	if _, err := owners(); err == nil || !strings.Contains(err.Error(), "topic pylon.offsets is not there: nothing has run with these settings yet") {
		t.Errorf("before anything has run: %v", err)
	}
	w.env["KAFKA_CLIENT_ID"] = "one"
	r := w.start(t)
	r.waitFor(t, "/readyz", func(status int, _ string) bool { return status == 200 })
	out, err := owners("--json")
	if err != nil {
		t.Fatal(err)
	}
	var all []producer.Ownership
	if err := json.Unmarshal([]byte(out), &all); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	if len(all) != len(cli.Streams()) || slices.ContainsFunc(all, func(o producer.Ownership) bool { return !strings.HasPrefix(o.Owner, "one@") || o.Host == "" }) {
		t.Errorf("owners %s", out)
	}
	if out, err = owners(); err != nil || strings.Count(out, " one@") != len(all) {
		t.Errorf("the table is (%v)\n%s", err, out)
	}
	r.stop()
	if err := <-r.ended; err != nil {
		t.Fatal(err)
	}
	if out, err = owners(); err != nil || strings.Count(out, " nobody") != len(all) {
		t.Errorf("after it has stopped the table is (%v)\n%s", err, out)
	}
}
