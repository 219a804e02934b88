package demo

import (
	"os"
	"path/filepath"
	"testing"
)

func TestRemove_leavesFoldersOfOthersAlone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	mine := filepath.Join(dir, "kafka")
	if err := os.WriteFile(mine, []byte("not a demo's"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Remove(dir); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(mine); err != nil {
		t.Errorf("a file that no demo made was deleted: %v", err)
	}
}
