package producer_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestFiles_areNamedWhereTheyAreListed compares the files of packages with the
// lists that tell a reader which of them holds what.
func TestFiles_areNamedWhereTheyAreListed(t *testing.T) {
	t.Parallel()
	for list, of := range map[string]struct {
		pattern string
		name    func(path string) string // as it is written in the list
	}{
		"doc.go":                       {"*.go", filepath.Base},
		"../offsets/README.md":         {"../offsets/*.go", quoted},
		"../extract/README.md":         {"../extract/*.go", quoted},
		"../cmd/pylon-kafka/README.md": {"../cmd/pylon-kafka/internal/*", quoted},
	} {
		text, err := os.ReadFile(list)
		must(t, err)
		paths, err := filepath.Glob(of.pattern)
		must(t, err)
		if len(paths) == 0 {
			t.Errorf("nothing is like %s", of.pattern)
		}
		for _, path := range paths {
			if base := filepath.Base(path); base == "doc.go" || strings.HasSuffix(base, "_test.go") {
				continue
			}
			if name := of.name(path); !strings.Contains(string(text), name) {
				t.Errorf("%s does not name %s", list, name)
			}
		}
	}
}

// quoted is a file's name as READMEs have it.
func quoted(path string) string { return "`" + filepath.Base(path) + "`" }
