package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pylon-kafka/cmd/pylon-kafka/internal/cli"
	"pylon-kafka/extract/extracttest"
)

// do runs one invocation and returns what it prints.
func (w *workspace) do(t *testing.T, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	var out, errOut bytes.Buffer
	err = run(t.Context(), args, w.env, &out, &errOut)
	return out.String(), errOut.String(), err
}

// mustDo is do that must succeed.
func (w *workspace) mustDo(t *testing.T, args ...string) string {
	t.Helper()
	out, errOut, err := w.do(t, args...)
	if err != nil {
		t.Fatalf("%v: %v\n%s%s", args, err, out, errOut)
	}
	return out
}

// synced does one pass that must succeed, and returns what was published of a stream.
func (w *workspace) synced(t *testing.T, stream string) (records, tombstones int64) {
	t.Helper()
	reports, err := w.sync(t)
	if err != nil {
		t.Fatalf("sync: %v", err)
	}
	for _, r := range reports {
		if r.Stream == stream {
			return r.Records, r.Tombstones
		}
	}
	t.Fatalf("sync says nothing of %s", stream)
	return 0, 0
}

func (w *workspace) wantSynced(t *testing.T, stream string, records int) {
	t.Helper()
	if got, tombstones := w.synced(t, stream); got != int64(records) || tombstones != 0 {
		t.Errorf("sync publishes %d records and %d tombstones of %s, want %d and none", got, tombstones, stream, records)
	}
}

// cursorsOf takes what an export says without the times of writing.
func cursorsOf(t *testing.T, export string) map[string]string {
	t.Helper()
	cursors := make(map[string]string)
	for line := range strings.Lines(export) {
		var entry struct {
			Stream string          `json:"stream"`
			Cursor json.RawMessage `json:"cursor"`
		}
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			t.Fatalf("export prints %q: %v", line, err)
		}
		cursors[entry.Stream] = string(entry.Cursor)
	}
	return cursors
}

func TestOffsets_exportResetImport(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t, extracttest.Options{})
	if got := w.mustDo(t, "offsets", "export"); got != "" {
		t.Errorf("export of nothing prints %q", got)
	}
	w.synced(t, "tags")
	exported := w.mustDo(t, "offsets", "export")
	before := cursorsOf(t, exported)
	if len(before) != len(cli.Streams()) {
		t.Errorf("export prints %d streams", len(before))
	}
	if out := w.mustDo(t, "offsets", "reset", "tags", "--dry-run"); !strings.HasPrefix(out, "tags: {") || !strings.Contains(out, "-> no cursor") {
		t.Errorf("reset --dry-run prints %q", out)
	}
	if diff := cmp.Diff(before, cursorsOf(t, w.mustDo(t, "offsets", "export"))); diff != "" {
		t.Errorf("a dry run changes (-want +got):\n%s", diff)
	}
	w.mustDo(t, "offsets", "reset", "tags")
	if now := cursorsOf(t, w.mustDo(t, "offsets", "export")); now["tags"] != "" || len(now) != len(before)-1 {
		t.Errorf("after reset: %v", now)
	}
	file := filepath.Join(t.TempDir(), "cursors")
	if err := os.WriteFile(file, []byte(exported), 0o600); err != nil {
		t.Fatal(err)
	}
	var changes []changeReport
	if err := json.Unmarshal([]byte(w.mustDo(t, "offsets", "import", file, "-o", "json")), &changes); err != nil {
		t.Fatal(err)
	}
	for _, c := range changes {
		if c.Changes != (c.Stream == "tags") || !c.Done {
			t.Errorf("import reports %+v", c)
		}
	}
	if diff := cmp.Diff(before, cursorsOf(t, w.mustDo(t, "offsets", "export"))); diff != "" {
		t.Errorf("after import (-want +got):\n%s", diff)
	}
	w.wantSynced(t, "tags", 0)
}

func TestOffsets_resetReadsOnceMoreAndPublishesNothing(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t, extracttest.Options{})
	w.synced(t, "issues")
	w.mustDo(t, "offsets", "reset", "--all")
	w.wantSynced(t, "issues", 0)
}

func TestOffsets_setFromReadsWhatWasUpdatedSince(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t, extracttest.Options{})
	w.synced(t, "issues")
	out := w.mustDo(t, "offsets", "set", "issues", "--from", "2025-01-01T00:00:00Z")
	_, after, shown := strings.Cut(out, " -> ")
	if !shown || !strings.Contains(after, `"poll":{"cursor":{"from":"2025-01-01T00:00:00Z"}}`) {
		t.Errorf("set prints %q", out)
	}
	// The rest of the cursor stays: the topic, and when the issues were reconciled last.
	var list []cursorReport
	if err := json.Unmarshal([]byte(w.mustDo(t, "offsets", "list", "issues", "-o", "json")), &list); err != nil {
		t.Fatal(err)
	}
	if text := string(list[0].Cursor); !strings.Contains(text, "topic_id") || !strings.Contains(text, "reconcile") {
		t.Errorf("the cursor is %s", text)
	}
	w.pylon.API.ResetCounts()
	w.wantSynced(t, "issues", 0)
	if got := w.pylon.API.Requests()["issues_search"]; got < 2 {
		t.Errorf("sync made %d searches: the windows since then were not read", got)
	}
}

func TestOffsets_refusesWhatCannotBe(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t, extracttest.Options{})
	bad := filepath.Join(t.TempDir(), "cursors")
	line := `{"version":1,"stream":"tags","cursor":{"parts":{"poll":{}}},"records":1,"updated_at":"2025-01-01T00:00:00Z"}`
	if err := os.WriteFile(bad, []byte(line), 0o600); err != nil {
		t.Fatal(err)
	}
	for args, want := range map[string]struct {
		code int
		says string
	}{
		"offsets":       {exitUsage, "list, set, reset, export or import"},
		"offsets reset": {exitUsage, "--all"},
		"offsets set issues --from 2019-01-01T00:00:00Z": {exitUsage, "PYLON_START_DATE"},
		"offsets set issues --from yesterday":            {exitUsage, "2025-01-01T00:00:00Z"},
		"offsets set issues --from 2999-01-01T00:00:00Z": {exitUsage, "future"},
		"offsets set tags --from 2025-01-01T00:00:00Z":   {exitFailed, "only issues"},
		"offsets set tags --cursor {\"page\":1}":         {exitFailed, "cannot be read"},
		"offsets set tag --from 2025-01-01T00:00:00Z":    {exitUsage, "did you mean tags"},
		"offsets import " + bad:                          {exitFailed, `"poll" is no part`},
		"offsets import /nowhere":                        {exitUsage, "/nowhere"},
		"publish-anew tags":                              {exitFailed, "topic pylon.tags does not exist"},
		"publish-anew":                                   {exitUsage, "at least 1"},
	} {
		_, _, err := w.do(t, strings.Fields(args)...)
		if exitCode(err) != want.code || !strings.Contains(err.Error(), want.says) {
			t.Errorf("%s = %v with exit code %d, want %d and %q", args, err, exitCode(err), want.code, want.says)
		}
	}
	if got := w.mustDo(t, "offsets", "export"); got != "" {
		t.Errorf("there are cursors now: %s", got)
	}
}

func TestOffsets_refuseBesideALiveInstance(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t, extracttest.Options{})
	w.env["KAFKA_CLIENT_ID"] = "replica-7"
	w.env["PYLON_REFRESH_INTERVAL"] = "200ms"
	r := w.start(t)
	r.waitFor(t, "/readyz", func(status int, _ string) bool { return status == 200 })
	r.waitFor(t, "/api/streams", func(_ int, body string) bool { return publishedTags(t, body) == w.pylon.API.Count("tags") })
	exported := cursorsOf(t, w.mustDo(t, "offsets", "export"))
	for _, args := range []string{"offsets reset tags", "publish-anew tags", "offsets set issues --from 2025-01-01T00:00:00Z", "reread 1"} {
		_, _, err := w.do(t, strings.Fields(args)...)
		if exitCode(err) != exitFailed || !strings.Contains(err.Error(), "replica-7") || !strings.Contains(err.Error(), "group pylon-kafka") {
			t.Errorf("%s = %v with exit code %d", args, err, exitCode(err))
		}
	}
	if cursorsOf(t, w.mustDo(t, "offsets", "export"))["tags"] == "" {
		t.Errorf("there is no cursor of tags any more; it was %s", exported["tags"])
	}
	if _, stderr, err := w.do(t, "publish-anew", "tags", "--force"); err != nil || !strings.Contains(stderr, "fenced") || !strings.Contains(stderr, "replica-7") {
		t.Fatalf("publish-anew --force = %v, it says %q", err, stderr)
	}
	r.waitFor(t, "/api/streams", func(_ int, body string) bool {
		return publishedTags(t, body) >= 2*w.pylon.API.Count("tags")
	})
	r.stop()
	if err := r.end(t); err != nil {
		t.Errorf("run: %v", err)
	}
}

// publishedTags takes from /api/streams how many records of tags were published.
func publishedTags(t *testing.T, body string) int {
	t.Helper()
	var streams []passReport
	if err := json.Unmarshal([]byte(body), &streams); err != nil {
		t.Fatalf("/api/streams is %q: %v", body, err)
	}
	for _, s := range streams {
		if s.Stream == "tags" {
			return int(s.Records)
		}
	}
	return 0
}
