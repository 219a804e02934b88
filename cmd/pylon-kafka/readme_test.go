package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pylon-kafka/cmd/pylon-kafka/internal/settings"
)

// TestREADME_buildsAnImageThatKnowsItsCommit holds that the command for the image
// says what is built, and that none is built without.
func TestREADME_buildsAnImageThatKnowsItsCommit(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, command, found := strings.Cut(string(text), "`docker buildx build ")
	command, _, _ = strings.Cut(command, "`")
	for _, argument := range []string{"--build-arg VERSION=$(git describe --tags --always)", "--build-arg COMMIT=$(git rev-parse HEAD)"} {
		if !found || !strings.Contains(command, argument) {
			t.Errorf("README.md builds an image without %s: %s", argument, command)
		}
	}
	cmd := exec.CommandContext(t.Context(), "../../.ci/rootfs", t.TempDir())
	cmd.Env = append(os.Environ(), "COMMIT=")
	if output, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(output), "COMMIT is not set") {
		t.Errorf("rootfs without a commit: %v\n%s", err, output)
	}
}

//go:generate go test . -run TestREADME -update

// update rewrites what the READMEs have of this program.
var update = flag.Bool("update", false, "rewrite the generated parts of the READMEs")

// TestREADME_saysWhatTheProgramSays holds the parts of the READMEs that are made
// from the program, each between two comments:
//
//	<!-- generated: settings --> … <!-- end -->
//
// go generate ./cmd/pylon-kafka rewrites them.
func TestREADME_saysWhatTheProgramSays(t *testing.T) {
	parts := map[string]string{"help": helpText(t), "settings": settingsTable(), "streams": streamsTable()}
	found := make(map[string]bool)
	for _, file := range []string{"README.md", "../../README.md"} {
		old, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		text := string(old)
		for name, part := range parts {
			begin, end := "<!-- generated: "+name+" -->\n", "<!-- end -->"
			before, rest, ok := strings.Cut(text, begin)
			if !ok {
				continue
			}
			_, after, ok := strings.Cut(rest, end)
			if !ok {
				t.Fatalf("%s: %s has no %s", file, begin, end)
			}
			found[name] = true
			text = before + begin + part + end + after
		}
		if *update {
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil { //nolint:gosec // The names are literals, a few lines above.
				t.Fatal(err)
			}
			continue
		}
		if diff := cmp.Diff(string(old), text); diff != "" {
			t.Errorf("%s (-is +should be): go generate ./cmd/pylon-kafka writes it\n%s", file, diff)
		}
	}
	for name := range parts {
		if !found[name] {
			t.Errorf("no README has the part %s", name)
		}
	}
}

// helpText is what --help prints, as a block.
func helpText(t *testing.T) string {
	t.Helper()
	var out bytes.Buffer
	if err := run(t.Context(), []string{"--help"}, settings.Environment{}, &out, &out); err != nil {
		t.Fatal(err)
	}
	return "```text\n" + out.String() + "```\n"
}

// settingsTable is every setting, its default and what it is for.
func settingsTable() string {
	var text strings.Builder
	text.WriteString("| name | default | |\n|---|---|---|\n")
	for _, s := range settings.Known() {
		fmt.Fprintf(&text, "| `%s` | %s | %s |\n", s.Name, s.DefaultText(), s.Meaning())
	}
	return text.String()
}

// streamsTable is every stream and how it is read.
func streamsTable() string {
	var text strings.Builder
	text.WriteString("| stream | read | request | a minute | key |\n|---|---|---|---|---|\n")
	for _, s := range streamInfos(settings.Environment{}) {
		fmt.Fprintf(&text, "| %s | %s | `%s` | %d | `%s` |\n", s.Stream, s.Sync, s.Request, s.PerMinute, s.Key)
	}
	return text.String()
}

// TestMan_writesAPageForEachCommand looks for what each page must say.
func TestMan_writesAPageForEachCommand(t *testing.T) {
	t.Parallel()
	dir := t.TempDir() + "/man1"
	var out bytes.Buffer
	if err := run(t.Context(), []string{"man", dir}, settings.Environment{}, &out, &out); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"", "-run", "-sync", "-check", "-demo", "-sandbox", "-tail", "-streams", "-schemas", "-config", "-version", "-man"} {
		text, err := os.ReadFile(dir + "/pylon-kafka" + name + ".1")
		if err != nil {
			t.Error(err)
			continue
		}
		if !bytes.Contains(text, []byte(".SH NAME")) || !bytes.Contains(text, []byte("SEE ALSO")) {
			t.Errorf("%s is no man page:\n%s", name, text)
		}
	}
	file := t.TempDir() + "/file"
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := run(t.Context(), []string{"man", file}, settings.Environment{}, &out, &out); exitCode(err) != exitFailed {
		t.Errorf("man pages into a file: %v", err)
	}
}
