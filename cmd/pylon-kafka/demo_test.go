package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pylon-kafka/cmd/pylon-kafka/internal/cli"
	"pylon-kafka/cmd/pylon-kafka/internal/settings"
	"pylon-kafka/extract"
)

// demoOutput runs a demo and returns what it prints.
func demoOutput(t *testing.T, args ...string) string {
	t.Helper()
	var out, errOut bytes.Buffer
	if err := run(t.Context(), append([]string{"demo"}, args...), settings.Environment{}, &out, &errOut); err != nil {
		t.Fatalf("demo: %v\n%s%s", err, out.String(), errOut.String())
	}
	if errOut.Len() > 0 {
		t.Errorf("on standard error, which is no terminal: %s", errOut.String())
	}
	return out.String()
}

// cells returns the rows of the output that begin with first, as words.
func cells(output, first string) [][]string {
	var rows [][]string
	for line := range strings.Lines(output) {
		if words := strings.Fields(line); len(words) > 1 && words[0] == first {
			rows = append(rows, words[1:])
		}
	}
	return rows
}

func TestDemo_resumesAndPublishesOnlyWhatChanged(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first := demoOutput(t, "--dir", dir, "--issues", "30")
	for _, stream := range cli.Streams() {
		if rows := cells(first, stream); len(rows) != 1 || rows[0][0] != "done" || rows[0][1] == "0" {
			t.Errorf("%s in the table: %v", stream, rows)
		}
	}
	checkChanges(t, first)

	second := demoOutput(t, "--dir", dir)
	for _, want := range []string{"This demo resumes", fmt.Sprintf("%d of %[1]d streams went on from their cursors", len(extract.Streams())), "0 records were published"} {
		if !strings.Contains(strings.Join(strings.Fields(second), " "), want) {
			t.Errorf("the second demo does not say %q:\n%s", want, second)
		}
	}
	checkChanges(t, second)
}

// checkChanges compares what a demo says that it changed with what it says that
// it found in the topics afterwards.
func checkChanges(t *testing.T, output string) {
	t.Helper()
	want := make(map[string]string) // key: record
	for _, m := range regexp.MustCompile(`(?m)^  (issue|message|account|tag) (\S+) .*(closed|opened|came in|deleted|changed|made)\b`).FindAllStringSubmatch(output, -1) {
		want[m[2]] = "new or changed"
		if m[3] == "deleted" {
			want[m[2]] = "tombstone"
		}
	}
	if len(want) < 6 {
		t.Errorf("the demo says of %d changes, want 6 or more:\n%s", len(want), output)
	}
	issues := regexp.MustCompile(`for issue (\S+)|of issue (\S+)`).FindAllStringSubmatch(output, -1)
	for _, m := range issues { // their messages moved updated_at
		want[m[1]+m[2]] = "new or changed"
	}
	got := make(map[string]string)
	for _, stream := range cli.Streams() {
		for _, words := range cells(output, "pylon."+stream) {
			key, record := words[0], strings.Join(words[1:], " ")
			if _, known := want[key]; !known && stream == "issue_messages" && record == "new or changed" {
				continue // the first message of the issue that was opened
			}
			if got[key] != "" {
				t.Errorf("%s was published twice", key)
			}
			got[key] = record
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("records (-changed +published):\n%s\nin\n%s", diff, output)
	}
}

func TestDemo_beginsAnewAndRefusesAnotherSize(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	demoOutput(t, "--dir", dir, "--issues", "3")
	var out bytes.Buffer
	err := run(t.Context(), []string{"demo", "--dir", dir, "--issues", "5"}, settings.Environment{}, &out, &out)
	if exitCode(err) != exitUsage || !strings.Contains(err.Error(), "--fresh") {
		t.Errorf("a demo of another size = %v with exit code %d, want %d", err, exitCode(err), exitUsage)
	}
	if fresh := demoOutput(t, "--dir", dir, "--issues", "5", "--fresh"); strings.Contains(fresh, "resumes:") || len(cells(fresh, "issues")) != 1 {
		t.Errorf("--fresh prints\n%s", fresh)
	}
}

func TestDemo_goesOnAfterItWasStopped(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	timer := time.AfterFunc(300*time.Millisecond, stop) // somewhere on its way
	defer timer.Stop()
	if err := run(ctx, []string{"demo", "--dir", dir, "--issues", "500"}, settings.Environment{}, io.Discard, io.Discard); exitCode(err) != 130 {
		t.Fatalf("demo = %v with exit code %d, want 130 after it was stopped", err, exitCode(err))
	}
	if again := demoOutput(t, "--dir", dir); !strings.Contains(again, "This demo resumes") || len(cells(again, "all")) != 1 {
		t.Errorf("the next demo prints\n%s", again)
	}
}

func TestDemo_keepsOnAndLetsTopicsBeRead(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	reader, writer := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := run(ctx, []string{"demo", "--keep", "--issues", "5", "--dir", t.TempDir()}, settings.Environment{}, writer, io.Discard)
		_ = writer.Close()
		ended <- err
	}()
	env := settings.Environment{}
	for scanner := bufio.NewScanner(reader); scanner.Scan() && len(env) == 0; {
		if strings.Contains(scanner.Text(), " tail issues ") {
			for _, word := range strings.Fields(scanner.Text()) {
				if name, value, ok := strings.Cut(word, "="); ok {
					env[name] = value
				}
			}
		}
	}
	go func() { _, _ = io.Copy(io.Discard, reader) }()
	if lines := tailLines(t, env, "issues", "-n", "1"); len(lines) != 1 {
		t.Errorf("tail prints %v, want one line", lines)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("demo --keep = %v, want nil after it was stopped", err)
	}
}
