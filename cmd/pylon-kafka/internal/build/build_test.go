package build

import (
	"strings"
	"testing"
)

func TestRead_prefersWhatTheLinkerWasTold(t *testing.T) {
	t.Parallel()
	told := Read("v1.2.3", "abc")
	if told.Version != "v1.2.3" || told.Commit != "abc" || !strings.HasPrefix(told.Go, "go1.") || !strings.Contains(told.Platform, "/") {
		t.Errorf("build = %+v", told)
	}
	if got := told.String(); !strings.HasPrefix(got, "v1.2.3 (commit abc, go1.") {
		t.Errorf("build = %s", got)
	}
	if noted := Read("", ""); noted.Version == "" || noted.Commit == "" {
		t.Errorf("build = %+v, want nothing empty", noted)
	}
}
