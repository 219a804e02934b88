package web

import (
	"context"
	"flag"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"pylon-kafka/extract"
	"pylon-kafka/producer"
)

// update rewrites the screenshots that the README shows:
//
//	go test ./cmd/pylon-kafka/internal/web -run Browser -update
var update = flag.Bool("update", false, "rewrite the screenshots in testdata")

// newBrowser starts a headless Chromium, or skips the test where there is none.
// With PYLON_KAFKA_REQUIRE_BROWSER it must be there.
func newBrowser(t *testing.T) context.Context {
	t.Helper()
	var path string
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		const need = "there is no Chromium here (Debian: apt-get install chromium)"
		if os.Getenv("PYLON_KAFKA_REQUIRE_BROWSER") != "" {
			t.Fatal(need)
		}
		t.Skip(need)
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path),
		chromedp.NoSandbox, // a root user, as in a container, gets no sandbox; the pages are our own
		chromedp.DisableGPU, chromedp.WSURLReadTimeout(time.Minute))
	ctx, stop := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(stop)
	ctx, cancel := chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	do(ctx, t) // starts it; a context with a deadline would end it
	ctx, done := context.WithTimeout(ctx, 2*time.Minute)
	t.Cleanup(done)
	return ctx
}

// do runs actions in the browser.
func do(ctx context.Context, t *testing.T, actions ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	if err := chromedp.Do(ctx, actions...); err != nil {
		t.Fatalf("browser: %v", err)
	}
}

// get runs an action in the browser and returns what comes of it.
func get[T any](ctx context.Context, t *testing.T, action chromedp.Action[T]) T {
	t.Helper()
	value, err := chromedp.Run(ctx, action)
	if err != nil {
		t.Fatalf("browser: %v", err)
	}
	return value
}

// exampleStreams are all streams in many states, for a picture.
func exampleStreams(now time.Time) []producer.Status {
	all := extract.Streams()
	streams := make([]producer.Status, 0, len(all))
	for i, stream := range all {
		name := stream.Name
		s := producer.Status{
			Stream: name, Topic: "pylon." + name,
			Condition: producer.Condition{State: producer.Idle, Up: true, Owned: true, Resumed: true},
			Counts:    producer.Counts{Records: int64(120 + 37*i), Unchanged: int64(900 * (i + 1)), Requests: int64(24 + i)},
			Times: producer.Times{
				Interval: time.Hour, LastSuccess: now.Add(-time.Duration(3+2*i) * time.Minute), NextPass: now.Add(time.Duration(57-2*i) * time.Minute),
				Cursor: now.Add(-time.Duration(3+2*i) * time.Minute),
			},
			Work: producer.Work{Progress: -1, BudgetUsed: 0.02},
		}
		for minute := range 60 {
			s.Throughput = append(s.Throughput, int64((minute*minute*(i+3)+7*minute)%23/20*(i+2)))
		}
		switch name {
		case "issues":
			s.State, s.Interval, s.LastSuccess, s.NextPass, s.BudgetUsed = producer.Live, 15*time.Second, now.Add(-6*time.Second), now.Add(9*time.Second), 0.04
		case "issue_messages":
			s.State, s.Progress, s.Backlog, s.BacklogLeft, s.BudgetUsed = producer.Backfill, 0.41, 1680, 14*time.Minute, 0.98
			s.Interval = 15 * time.Second
			for minute := range s.Throughput {
				s.Throughput[minute] = int64(300 + (minute*61)%83)
			}
		case "issue_threads":
			s.State, s.Interval, s.LastSuccess, s.NextPass = producer.Live, 15*time.Second, now.Add(-6*time.Second), now.Add(9*time.Second)
		case "tags":
			s.State, s.Up, s.Since, s.NextTry = producer.Failed, false, now.Add(-26*time.Minute), now.Add(4*time.Minute)
			s.Reason = "GET /tags: 403 Forbidden: the token may not read tags (request 5f1c…); give it the right, or leave tags out of PYLON_STREAMS"
			s.LastError, s.LastErrorAt = s.Reason, now.Add(-6*time.Minute)
		case "users":
			s.LastError, s.LastErrorAt = "GET /users: 502 Bad Gateway", now.Add(-41*time.Minute)
		}
		streams = append(streams, s)
	}
	return streams
}

// TestBrowser_showsThePageAtEveryWidth looks at the page as a person does: on a
// desk and on a telephone, light and dark.
func TestBrowser_showsThePageAtEveryWidth(t *testing.T) {
	ctx := newBrowser(t)
	now := time.Now()
	example := serve(t, newPages(func() []producer.Status { return exampleStreams(now) }, true))
	worst := serve(t, newPages(func() []producer.Status { return manyStreams(now) }, false))
	shown := map[int64]string{1280: "light", 390: "dark"} // of which there is a picture
	for width := range shown {
		for _, scheme := range []string{"light", "dark"} {
			_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
				Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
			})
			if err != nil {
				t.Fatal(err)
			}
			for name, url := range map[string]string{"example": example, "worst": worst} {
				do(ctx, t, chromedp.EmulateViewport(width, 800), chromedp.Navigate(url),
					// The widest that it gets.
					chromedp.Evaluate[chromedp.Void](`document.querySelectorAll("details").forEach(d => d.open = true)`))
				scroll := get(ctx, t, chromedp.Evaluate[int64](`document.documentElement.scrollWidth`))
				if client := get(ctx, t, chromedp.Evaluate[int64](`document.documentElement.clientWidth`)); scroll > client || client > width {
					t.Errorf("%s at %d, %s: %d wide in a window of %d", name, width, scheme, scroll, client)
				}
				if get(ctx, t, chromedp.Evaluate[string](`document.getElementById("summary").innerText`)) == "" {
					t.Errorf("%s at %d, %s: no summary", name, width, scheme)
				}
				do(ctx, t, chromedp.Navigate(url))
				picture := get(ctx, t, chromedp.FullScreenshot(100))
				if *update && name == "example" && scheme == shown[width] {
					file := filepath.Join("testdata", fmt.Sprintf("status-%d.png", width))
					if err := os.WriteFile(file, picture, 0o600); err != nil {
						t.Fatal(err)
					}
				}
			}
		}
	}
}

// TestBrowser_updatesThePageInPlace holds what a person does not want to lose
// when the page changes under them, and what they want to see when the process
// is gone.
func TestBrowser_updatesThePageInPlace(t *testing.T) {
	ctx := newBrowser(t)
	now := time.Now()
	var failed atomic.Bool
	pages := newPages(func() []producer.Status {
		streams := exampleStreams(now)
		if failed.Load() {
			users := &streams[7]
			users.State, users.Up, users.Reason = producer.Failed, false, "the newest reason"
		}
		return streams
	}, true)
	server := httptest.NewServer(pages.Handler())
	t.Cleanup(server.Close)
	do(ctx, t, chromedp.EmulateViewport(390, 800), chromedp.Navigate(server.URL),
		chromedp.Evaluate[chromedp.Void](`document.getElementById("d-users").open = true; window.scrollTo(0, 700)`))
	before := get(ctx, t, chromedp.Evaluate[float64](`window.scrollY`))
	failed.Store(true)
	get(ctx, t, chromedp.Poll[bool](`document.querySelector("#s-users").innerText.includes("the newest reason")`))
	if after := get(ctx, t, chromedp.Evaluate[float64](`window.scrollY`)); after != before || after == 0 {
		t.Errorf("scrolled to %v after the update, to %v before", after, before)
	}
	if got := get(ctx, t, chromedp.Evaluate[string](`[...document.querySelectorAll("details[open]")].map(d => d.id).join()`)); got != "d-users" {
		t.Errorf("unfolded after the update: %q, want d-users", got)
	}
	server.Close()
	get(ctx, t, chromedp.Poll[bool](`!document.getElementById("lost").hidden`))
}
