package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"pylon-kafka/cmd/pylon-kafka/internal/settings"
	"pylon-kafka/extract"
	"pylon-kafka/producer"
)

func TestExitCode(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		err  error
		want int
	}{
		"nothing wrong":           {nil, 0},
		"anything":                {errors.New("x"), 1},
		"usage":                   {fmt.Errorf("x: %w", &usageError{errors.New("y")}), 2},
		"refused":                 {fmt.Errorf("x: %w", extract.ErrUnauthorized), 3},
		"fenced":                  {fmt.Errorf("x: %w", producer.ErrFenced), 4},
		"one of several failures": {errors.Join(errors.New("x"), fmt.Errorf("y: %w", producer.ErrFenced)), 4},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := exitCode(test.err); got != test.want {
				t.Errorf("exitCode(%v) = %d, want %d", test.err, got, test.want)
			}
		})
	}
}

func TestRun_refusesBadUsage(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{
		{"rnu"},
		{"run", "now"},
		{"run", "--fast"},
		{"sync", "isues"},
		{"tail"},
		{"tail", "isues"},
		{"tail", "issues", "-n", "x"},
		{"tail", "issues", "-n", "0"},
		{"schemas", "issues", "tags"},
		{"schemas", "isues"},
		{"streams", "issues"},
		{"sandbox", "--issues", "-1"},
		{"sandbox", "--issue-bytes", "0"},
		{"sandbox", "--limiter", "fixed"},
		{"sandbox", "--fault", "parent-6xx"},
		{"sandbox", "--fault", "bare-429=1"},
		{"demo", "--issues", "0", "--dir", "/nonexistent"},
	} {
		t.Run(strings.Join(args, " "), func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			err := run(t.Context(), args, goodEnvironment(), &out, &out)
			if exitCode(err) != exitUsage {
				t.Errorf("run = %v with exit code %d, want %d", err, exitCode(err), exitUsage)
			}
			if out.Len() > 0 {
				t.Errorf("output: %s", out.String())
			}
		})
	}
}

func TestRun_needsNoSettingsForWhatThereIs(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		args []string
		want []string
	}{
		"help":        {[]string{"--help"}, []string{"demo", "sandbox", "Exit codes"}},
		"no command":  {nil, []string{"Usage:"}},
		"version":     {[]string{"version"}, []string{"pylon-kafka ", "commit"}},
		"--version":   {[]string{"--version"}, []string{"pylon-kafka "}},
		"streams":     {[]string{"streams"}, []string{"pylon.issues ", "/issues/{id}/messages", "issues_search", "object_type:id", "slug"}},
		"schemas":     {[]string{"schemas"}, []string{"issues", "FINGERPRINT", "com.usepylon."}},
		"one schema":  {[]string{"schemas", "tags"}, []string{`"fields"`, `"unmapped"`}},
		"completions": {[]string{"__complete", "sync", "issue_"}, []string{"issue_messages"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			if err := run(t.Context(), test.args, settings.Environment{}, &out, &out); err != nil {
				t.Fatalf("run: %v", err)
			}
			for _, want := range test.want {
				if !strings.Contains(out.String(), want) {
					t.Errorf("%q is not in\n%s", want, out.String())
				}
			}
		})
	}
}

func TestRun_printsJSONWhereverATableIsPrinted(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"version"}, {"streams"}, {"schemas"}, {"schemas", "issues"}, {"config"}} {
		t.Run(strings.Join(args, " "), func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			if err := run(t.Context(), append(args, "--json"), goodEnvironment(), &out, &out); err != nil {
				t.Fatalf("run: %v", err)
			}
			if !json.Valid(out.Bytes()) {
				t.Errorf("not JSON: %s", out.String())
			}
		})
	}
}

func TestRun_takesTheEndOfItsContextForARequestToStop(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out bytes.Buffer
	if err := run(ctx, []string{"sandbox", "--addr", "127.0.0.1:0", "--issues", "3"}, settings.Environment{}, &out, &out); err != nil {
		t.Errorf("run = %v, want nil", err)
	}
}

func TestStreams_listsEveryStreamWithTheTopicsOfThisEnvironment(t *testing.T) {
	t.Parallel()
	infos := streamInfos(settings.Environment{"KAFKA_TOPIC_PREFIX": "crm-"})
	if len(infos) != len(extract.Streams()) {
		t.Fatalf("%d streams, want %d", len(infos), len(extract.Streams()))
	}
	for _, i := range infos {
		if i.Topic != "crm-"+i.Stream || i.PerMinute == 0 || i.Key == "" || i.Request == "" {
			t.Errorf("incomplete: %+v", i)
		}
	}
}
