//go:build unix

package terminal

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/creack/pty"

	"pylon-kafka/producer"
)

// shown is what a terminal of this size gets, from the moment it is made.
type shown struct {
	tty  *os.File
	mu   sync.Mutex
	text strings.Builder
	more chan struct{}
}

func newShown(t *testing.T, columns, rows uint16) *shown {
	t.Helper()
	master, tty, err := pty.Open()
	if err != nil {
		t.Skipf("no terminal to be had: %v", err)
	}
	t.Cleanup(func() { _, _ = tty.Close(), master.Close() })
	if err := pty.Setsize(tty, &pty.Winsize{Cols: columns, Rows: rows}); err != nil {
		t.Fatal(err)
	}
	s := &shown{tty: tty, more: make(chan struct{}, 1)}
	go func() { _, _ = io.Copy(s, master) }()
	return s
}

func (s *shown) Write(text []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.text.Write(text)
	select {
	case s.more <- struct{}{}:
	default:
	}
	return len(text), nil
}

// waitFor waits until all of the words have been shown, and returns everything.
func (s *shown) waitFor(t *testing.T, words ...string) string {
	t.Helper()
	timeout := time.After(20 * time.Second)
	for {
		s.mu.Lock()
		text := s.text.String()
		s.mu.Unlock()
		missing := ""
		for _, word := range words {
			if !strings.Contains(text, word) {
				missing = word
			}
		}
		if missing == "" {
			return text
		}
		select {
		case <-s.more:
		case <-timeout:
			t.Fatalf("%q is not shown in\n%q", missing, text)
		}
	}
}

// pass is four streams on their way.
func pass() []producer.Status {
	return []producer.Status{
		{Stream: "tags", Condition: producer.Condition{State: producer.Done}, Counts: producer.Counts{Records: 1200}, Times: producer.Times{Elapsed: 4 * time.Second}},
		{Stream: "issues", Condition: producer.Condition{State: producer.Backfill}, Work: producer.Work{Progress: 0.25}},
		{Stream: "issue_messages", Condition: producer.Condition{State: producer.Backfill}, Counts: producer.Counts{Requests: 10}, Work: producer.Work{Progress: -1, Backlog: 30, BacklogLeft: 14 * time.Minute}},
		{Stream: "teams", Condition: producer.Condition{State: producer.Failed}, Work: producer.Work{Progress: -1}},
	}
}

// follow follows a pass on a terminal of this size until the words are there.
func follow(t *testing.T, columns, rows uint16, words ...string) string {
	t.Helper()
	s := newShown(t, columns, rows)
	p := NewProgress(s.tty)
	wanted := errors.New("the pass has ended")
	var text string
	err := p.Follow(t.Context(), pass, func(context.Context) error {
		if _, err := p.Write([]byte("a log line\n")); err != nil {
			t.Errorf("write: %v", err)
		}
		text = s.waitFor(t, append(words, "a log line")...)
		return wanted
	})
	if !errors.Is(err, wanted) {
		t.Errorf("Follow = %v, want what the work returned", err)
	}
	if _, err := p.Write([]byte("after the bars\n")); err != nil {
		t.Errorf("write: %v", err)
	}
	s.waitFor(t, "after the bars")
	return text
}

func TestProgress_drawsABarAStream(t *testing.T) {
	t.Parallel()
	follow(t, 80, 24, "tags", "issues", "issue_messages", "teams", "1,200", "300/s", "done", "14 min left", "failed", " left")
}

func TestProgress_drawsOneBarWhereThereIsNoRoom(t *testing.T) {
	t.Parallel()
	for name, size := range map[string][2]uint16{"narrow": {50, 24}, "low": {80, 6}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if text := follow(t, size[0], size[1], "all", "1,200", "14 min left"); strings.Contains(text, "issues") {
				t.Errorf("a bar a stream:\n%q", text)
			}
		})
	}
}

func TestProgress_drawsNothingWhereNobodyLooks(t *testing.T) {
	t.Parallel()
	var text strings.Builder
	p := NewProgress(&text)
	if err := p.Follow(t.Context(), pass, func(context.Context) error { return nil }); err != nil || text.Len() > 0 {
		t.Errorf("Follow = %v and draws %q", err, text.String())
	}
}

func TestNewScreen_knowsATerminal(t *testing.T) {
	t.Parallel()
	s := newShown(t, 100, 24)
	environment := map[string]string{}
	lookup := func(name string) (string, bool) {
		value, ok := environment[name]
		return value, ok
	}
	if got := NewScreen(s.tty, lookup, false); got.Width != 100 || !got.Colour {
		t.Errorf("a terminal: %+v", got)
	}
	environment["NO_COLOR"] = "1"
	if got := NewScreen(s.tty, lookup, false); got.Colour {
		t.Errorf("with NO_COLOR: %+v", got)
	}
}
