package terminal

import (
	"context"
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
	"golang.org/x/sync/errgroup"
	"golang.org/x/term"

	"pylon-kafka/cmd/pylon-kafka/internal/report"
	"pylon-kafka/producer"
)

// Progress draws a bar a stream while a pass runs, on a terminal only. It is
// also the writer that logs go to: what is written to it appears above the bars
// while there are some, and goes straight through otherwise.
type Progress struct {
	w    io.Writer
	draw bool
	rows int // of bars that the terminal has room for

	mu   sync.Mutex
	bars *mpb.Progress // nil: nothing is drawn now
}

const (
	// leastBars is the width below which one bar stands for all streams.
	leastBars = 60
	// otherRows is what a terminal must have room for beside the bars.
	otherRows = 4
)

// NewProgress draws on w, where w is a terminal.
func NewProgress(w io.Writer) *Progress {
	p := &Progress{w: w, draw: IsTerminal(w), rows: 1}
	if file, ok := w.(*os.File); ok && p.draw {
		if width, height, err := term.GetSize(int(file.Fd())); err == nil && width >= leastBars {
			p.rows = height - otherRows
		}
	}
	return p
}

// Write writes log lines. It is safe for concurrent use.
func (p *Progress) Write(line []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bars != nil {
		if n, err := p.bars.Write(line); err == nil {
			return n, nil
		}
	}
	return p.w.Write(line)
}

func (p *Progress) set(bars *mpb.Progress) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.bars = bars
}

// Follow runs work and draws what status says of it until it returns. Nothing of
// what was drawn stays.
func (p *Progress) Follow(ctx context.Context, status func() []producer.Status, work func(context.Context) error) error {
	if !p.draw {
		return work(ctx)
	}
	container := mpb.New(mpb.WithOutput(p.w), mpb.WithRefreshRate(100*time.Millisecond), mpb.WithWidth(60))
	p.set(container)
	defer p.set(nil)

	view := func() []producer.Status { return status() }
	if streams := status(); len(streams) > p.rows {
		view = func() []producer.Status { return []producer.Status{together(status())} }
	}
	var bars []*streamBar
	for _, s := range view() {
		bars = append(bars, newStreamBar(container, s))
	}
	done := make(chan struct{})
	var group errgroup.Group
	group.Go(func() error {
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return nil
			case <-tick.C:
				for i, s := range view() {
					bars[i].show(s)
				}
			}
		}
	})
	err := work(ctx)
	close(done)
	_ = group.Wait() // it returns nil
	for _, bar := range bars {
		bar.bar.Abort(true)
	}
	container.Wait()
	return err
}

// barLength is what a bar counts to; progress is a share of it.
const barLength = 1000

// streamBar is the bar of one stream.
type streamBar struct {
	bar   *mpb.Bar
	last  atomic.Pointer[producer.Status]
	began time.Time
}

func newStreamBar(container *mpb.Progress, s producer.Status) *streamBar {
	b := &streamBar{began: time.Now()}
	b.last.Store(&s)
	words := func(text func(*producer.Status) string, wc decor.WC) decor.Decorator {
		return decor.Any(func(decor.Statistics) string { return text(b.last.Load()) }, wc)
	}
	b.bar = container.AddBar(barLength,
		mpb.PrependDecorators(decor.Name(s.Stream, decor.WCSyncSpaceR)),
		mpb.AppendDecorators(
			words(func(s *producer.Status) string { return report.Count(s.Records) }, decor.WCSyncSpace),
			words(func(s *producer.Status) string { return b.rate(s, time.Now()) }, decor.WCSyncSpace),
			words(func(s *producer.Status) string { return " " + b.left(s, time.Now()) }, decor.WCSyncSpaceR),
		),
	)
	return b
}

// show moves the bar.
func (b *streamBar) show(s producer.Status) {
	b.last.Store(&s)
	b.bar.SetCurrent(min(int64(share(s)*barLength), barLength-1))
}

// rate is how many records a second the stream publishes, on the whole.
func (b *streamBar) rate(s *producer.Status, now time.Time) string {
	took := s.Elapsed
	if s.State != producer.Done {
		took = now.Sub(b.began)
	}
	if s.Records == 0 || took < time.Second {
		return ""
	}
	return report.Count(int64(float64(s.Records)/took.Seconds())) + "/s"
}

// left is how long the stream will take, or else what it does.
func (b *streamBar) left(s *producer.Status, now time.Time) string {
	done := share(*s)
	switch {
	case s.State == producer.Done || s.State == producer.Failed || s.State == producer.Retrying:
		return string(s.State)
	case s.BacklogLeft > 0:
		return report.Duration(s.BacklogLeft) + " left"
	case done > 0.02 && now.Sub(b.began) > 2*time.Second:
		return report.Duration(time.Duration(float64(now.Sub(b.began))*(1-done)/done)) + " left"
	default:
		return string(s.State)
	}
}

// share is how much of the stream is done, 0 to 1. Where the stream itself
// cannot tell, it goes by the issues whose children are still to be read, each
// of which takes about one request.
func share(s producer.Status) float64 {
	switch {
	case s.State == producer.Done:
		return 1
	case s.Progress >= 0:
		return s.Progress
	case s.Backlog > 0:
		return float64(s.Requests) / float64(s.Requests+s.Backlog)
	default:
		return 0
	}
}

// together is all streams as one.
func together(streams []producer.Status) producer.Status {
	var all producer.Status
	done := 0
	for _, s := range streams {
		all.Records += s.Records
		all.Requests += s.Requests
		all.Backlog += s.Backlog
		all.BacklogLeft = max(all.BacklogLeft, s.BacklogLeft)
		all.Progress += share(s) / float64(len(streams))
		all.Elapsed = max(all.Elapsed, s.Elapsed)
		if s.State == producer.Done {
			done++
		}
	}
	all.Stream = "all"
	all.State = producer.State(fmt.Sprintf("%d of %d done", done, len(streams)))
	return all
}
