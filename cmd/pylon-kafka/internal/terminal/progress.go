package terminal

import (
	"context"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
	"golang.org/x/sync/errgroup"

	"pylon-kafka/cmd/pylon-kafka/internal/report"
	"pylon-kafka/producer"
)

// Progress draws a bar a stream while a pass runs, on a terminal only. It is
// also the writer that logs go to: what is written to it appears above the bars
// while there are some, and goes straight through otherwise.
type Progress struct {
	w    io.Writer
	draw bool

	mu   sync.Mutex
	bars *mpb.Progress // nil: nothing is drawn now
}

// NewProgress draws on w, where w is a terminal.
func NewProgress(w io.Writer) *Progress { return &Progress{w: w, draw: IsTerminal(w)} }

// Write writes log lines. It may be called at once with everything else.
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

// Follow runs work and draws what status says of it until it returns.
func (p *Progress) Follow(ctx context.Context, status func() []producer.Status, work func(context.Context) error) error {
	if !p.draw {
		return work(ctx)
	}
	container := mpb.New(mpb.WithOutput(p.w), mpb.WithRefreshRate(100*time.Millisecond), mpb.WithWidth(40))
	p.set(container)
	defer p.set(nil)

	var bars []*streamBar
	for _, s := range status() {
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
				for i, s := range status() {
					bars[i].show(s)
				}
			}
		}
	})
	err := work(ctx)
	close(done)
	_ = group.Wait() // it returns nil
	for i, s := range status() {
		bars[i].end(s)
	}
	container.Wait()
	return err
}

// barLength is what a bar counts to; progress is a share of it.
const barLength = 1000

// streamBar is the bar of one stream.
type streamBar struct {
	bar  *mpb.Bar
	last atomic.Pointer[producer.Status]
}

func newStreamBar(container *mpb.Progress, s producer.Status) *streamBar {
	b := new(streamBar)
	b.last.Store(&s)
	b.bar = container.AddBar(barLength,
		mpb.PrependDecorators(decor.Name(s.Stream, decor.WCSyncSpaceR)),
		mpb.AppendDecorators(
			decor.Any(func(decor.Statistics) string { return report.Count(b.last.Load().Records) + " records" }, decor.WCSyncSpace),
			decor.Any(func(decor.Statistics) string { return report.Count(b.last.Load().Requests) + " requests" }, decor.WCSyncSpace),
			decor.Any(func(decor.Statistics) string { return " " + string(b.last.Load().State) }, decor.WCSyncSpaceR),
		),
	)
	return b
}

// show moves the bar, and fills it when the stream is done.
func (b *streamBar) show(s producer.Status) {
	b.last.Store(&s)
	if s.State == producer.Done {
		b.bar.SetTotal(barLength, true)
		return
	}
	b.bar.SetCurrent(min(int64(share(s)*barLength), barLength-1))
}

// end leaves the bar full, or where it stood if the stream did not get there.
func (b *streamBar) end(s producer.Status) {
	if b.show(s); s.State != producer.Done {
		b.bar.Abort(false)
	}
}

// share is how much of the stream is done, 0 to 1. Where the stream itself
// cannot tell, it goes by the issues whose children are still to be read, each
// of which takes about one request.
func share(s producer.Status) float64 {
	switch {
	case s.Progress >= 0:
		return s.Progress
	case s.Backlog > 0:
		return float64(s.Requests) / float64(s.Requests+s.Backlog)
	default:
		return 0
	}
}
