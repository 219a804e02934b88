package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"pylon-kafka/cmd/pylon-kafka/internal/cli"
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
		"usage":                   {fmt.Errorf("x: %w", cli.Usagef("y")), 2},
		"refused":                 {fmt.Errorf("x: %w", extract.ErrUnauthorized), 3},
		"fenced":                  {fmt.Errorf("x: %w", producer.ErrTakenOver), 4},
		"one of several failures": {errors.Join(errors.New("x"), fmt.Errorf("y: %w", producer.ErrTakenOver)), 4},
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
		{"tail", "issues", "--json=false"},
		{"tail", "issues", "--since", "yesterday"},
		{"tail", "issues", "--since", "-1h"},
		{"tail", "issues", "--since", "1h", "--offset", "3"},
		{"tail", "issues", "isues"},
		{"streams", "-o", "yaml"},
		{"offsets"},
		{"offsets", "reset"},
		{"offsets", "reset", "tags", "--all"},
		{"offsets", "set", "issues", "--from", "x"},
		{"offsets", "set", "issues", "--from", "2999-01-01T00:00:00Z"},
		{"offsets", "import", "/nonexistent"},
		{"schemas", "--format", "flin"},
		{"schemas", "register"},
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
			if help := "Try: pylon-kafka"; err == nil || strings.Count(err.Error(), help) != 1 || !strings.HasSuffix(err.Error(), " --help") {
				t.Errorf("it does not name the help once, at its end: %v", err)
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
		"streams":     {[]string{"streams", "-o", "wide"}, []string{"pylon.issues ", "/issues/{id}/messages", "issues_search", "object_type:id", "slug"}},
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

// TestRun_namesTheHelpOfTheCommand holds what a person sees who has mistyped.
func TestRun_namesTheHelpOfTheCommand(t *testing.T) {
	t.Parallel()
	for args, wants := range map[string][]string{
		"rnu":              {`unknown command "rnu"`, "run", "Try: pylon-kafka --help"},
		"sync isues":       {`unknown stream "isues": did you mean issues?`, "Try: pylon-kafka sync --help"},
		"sync zebra":       {`unknown stream "zebra"`, "issue_statuses", "Try: pylon-kafka sync --help"},
		"tail":             {"Try: pylon-kafka tail --help"},
		"streams -o yaml":  {"-o yaml: want wide or json", "Try: pylon-kafka streams --help"},
		"streams --fast":   {"unknown flag: --fast", "Try: pylon-kafka streams --help"},
		"schemas issue":    {`unknown stream "issue": did you mean issues?`},
		"tail issues -n x": {"Try: pylon-kafka tail --help"},
		"tail issues -n 0": {"-n must be 1 or more", "Try: pylon-kafka tail --help"},
		"offsets reset":    {"name the streams, or give --all", "Try: pylon-kafka offsets reset --help"},
	} {
		t.Run(args, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			err := run(t.Context(), strings.Fields(args), settings.Environment{}, &out, &out)
			if exitCode(err) != exitUsage {
				t.Fatalf("run = %v with exit code %d, want %d", err, exitCode(err), exitUsage)
			}
			for _, want := range wants {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q is not in %q", want, err)
				}
			}
		})
	}
}

// TestRun_fitsHelpInto80Columns asks every command for its help.
func TestRun_fitsHelpInto80Columns(t *testing.T) {
	t.Parallel()
	root, _ := newRootCommand(&app{})
	for _, args := range append([]*cobra.Command{root}, root.Commands()...) {
		var out bytes.Buffer
		if err := run(t.Context(), append(strings.Fields(args.CommandPath())[1:], "--help"), settings.Environment{}, &out, &out); err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(out.String()) {
			if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > 80 {
				t.Errorf("%s: %d columns: %s", args.CommandPath(), n, line)
			}
		}
	}
}

// TestFlags_showNoArgumentWhereNoneIsTaken looks at the flags of all commands as
// their help prints them: backquotes in a text name an argument, which a boolean
// flag does not take.
func TestFlags_showNoArgumentWhereNoneIsTaken(t *testing.T) {
	t.Parallel()
	root, _ := newRootCommand(&app{})
	seen := 0
	for commands := []*cobra.Command{root}; len(commands) > 0; commands = commands[1:] {
		cmd := commands[0]
		commands = append(commands, cmd.Commands()...)
		cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
			seen++
			if argument, _ := pflag.UnquoteUsage(f); f.Value.Type() == "bool" && argument != "" {
				t.Errorf("%s --help prints --%s %s, which takes no argument", cmd.CommandPath(), f.Name, argument)
			}
		})
	}
	if seen < 30 {
		t.Errorf("%d flags were looked at", seen)
	}
}

// TestRun_fitsTablesInto80Columns holds every table that needs no service.
func TestRun_fitsTablesInto80Columns(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"streams"}, {"schemas"}, {"config"}} {
		t.Run(args[0], func(t *testing.T) {
			t.Parallel()
			var narrow, wide bytes.Buffer
			if err := run(t.Context(), args, goodEnvironment(), &narrow, &narrow); err != nil {
				t.Fatal(err)
			}
			for line := range strings.Lines(narrow.String()) {
				if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > 80 {
					t.Errorf("%d columns: %s", n, line)
				}
			}
			if err := run(t.Context(), append(args, "-o", "wide"), goodEnvironment(), &wide, &wide); err != nil {
				t.Fatal(err)
			}
			if strings.Contains(wide.String(), "…") {
				t.Errorf("-o wide cuts:\n%s", wide.String())
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
			var also bytes.Buffer
			if err := run(t.Context(), append(args, "-o", "json"), goodEnvironment(), &also, &also); err != nil || also.String() != out.String() {
				t.Errorf("-o json prints %s, %v", also.String(), err)
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
