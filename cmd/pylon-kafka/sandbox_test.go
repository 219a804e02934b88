package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"

	"pylon-kafka/cmd/pylon-kafka/internal/settings"
)

// sandboxOutput is what a sandbox with these flags prints before it is stopped.
func sandboxOutput(t *testing.T, flags ...string) string {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out bytes.Buffer
	if err := run(ctx, append([]string{"sandbox", "--addr", "127.0.0.1:0"}, flags...), settings.Environment{}, &out, &out); err != nil {
		t.Fatalf("run: %v", err)
	}
	return out.String()
}

func TestSandbox_saysHowLongTheLimitsMakeAFirstPass(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		flags []string
		want  string // "" is no word of it
	}{
		{"1000 issues", nil, "take at least 8 minutes: 1,000 requests\nfor issue_messages. --no-limits turns them off."},
		{"121 issues", []string{"--issues", "121"}, "at least a minute: 121 requests"},
		{"within the limits", []string{"--issues", "120"}, ""},
		{"no limits", []string{"--no-limits"}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			out := sandboxOutput(t, tt.flags...)
			if tt.want != "" && !strings.Contains(out, tt.want) || tt.want == "" && strings.Contains(out, "--no-limits") {
				t.Errorf("want %q in:\n%s", tt.want, out)
			}
		})
	}
}

// A sandbox fails as its flags say, over HTTP, and until it is told otherwise.
func TestSandbox_failsAsAsked(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	reader, writer := io.Pipe()
	var group errgroup.Group
	group.Go(func() error {
		err := run(ctx, []string{
			"sandbox", "--addr", "127.0.0.1:0", "--issues", "5", "--no-limits", "--fault", "lost-permission=tags", "--fault", "parent-403=task",
		}, settings.Environment{}, writer, io.Discard)
		_ = writer.CloseWithError(err)
		return err
	})
	url := ""
	lines := bufio.NewScanner(reader)
	for url == "" && lines.Scan() {
		_, url, _ = strings.Cut(lines.Text(), "PYLON_API_URL=")
	}
	group.Go(func() error {
		_, err := io.Copy(io.Discard, reader)
		return err
	})
	send := func(method, path string) (int, string) {
		t.Helper()
		req, err := http.NewRequestWithContext(ctx, method, url+path, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer x")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = resp.Body.Close() }()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(body)
	}
	if status, body := send(http.MethodGet, "/tags"); status != 200 || strings.Contains(body, "data") {
		t.Errorf("tags that must not be seen: %d %.200s", status, body)
	}
	if status, _ := send(http.MethodGet, "/custom-fields?object_type=task"); status != 403 {
		t.Errorf("custom fields of tasks: %d, want 403", status)
	}
	if status, _ := send(http.MethodDelete, "/_sandbox/fail"); status != 204 {
		t.Errorf("DELETE /_sandbox/fail: %d", status)
	}
	if status, body := send(http.MethodGet, "/tags"); status != 200 || !strings.Contains(body, "data") {
		t.Errorf("tags after the fault: %d %.200s", status, body)
	}
	cancel()
	if err := group.Wait(); err != nil {
		t.Errorf("sandbox: %v", err)
	}
}
