package main

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"pylon-kafka/producer/preflight"
)

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
	if err := writeChecks(&out, checks, false); err != nil {
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
