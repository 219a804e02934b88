package sandbox

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"pylon-kafka/cmd/pylon-kafka/internal/cli"
	"pylon-kafka/cmd/pylon-kafka/internal/demo"
	"pylon-kafka/cmd/pylon-kafka/internal/web"
	"pylon-kafka/extract/extracttest"
)

// Options say what is served, where, and how it fails.
type Options struct {
	Addr     string        // host and port; port 0 takes a free one
	Mutate   time.Duration // how often something is changed by chance; 0: never
	NoLimits bool
	Faults   []string            // as [extracttest.API.FailByName] reads them
	API      extracttest.Options // without the times, and Issues as they are: 0 is none
}

// validate returns what is wrong with the flags.
func (o *Options) validate() error {
	switch {
	case o.API.Issues < 0 || o.API.Latency < 0 || o.API.SearchLag < 0 || o.Mutate < 0:
		return cli.Usagef("--issues, --latency, --search-lag and --mutate cannot be negative")
	case o.API.IssueBytes <= 0:
		return cli.Usagef("--issue-bytes must be positive")
	default:
		return nil
	}
}

// Serve serves the API until ctx ends, which is no error. What a person may paste
// and what is changed goes to w.
func Serve(ctx context.Context, o Options, w io.Writer, log *slog.Logger) error {
	if err := o.validate(); err != nil {
		return err
	}
	if o.NoLimits {
		o.API.Limits = map[string]int{"*": 0}
	}
	if o.API.Issues == 0 {
		o.API.Issues = -1 // 0 is extracttest's default number
	}
	o.API.Now = time.Now().UTC().Truncate(time.Second)
	o.API.Start = o.API.Now.Add(-demo.Span)
	api := extracttest.New(o.API)
	for _, f := range o.Faults {
		if err := api.FailByName(f); err != nil {
			return cli.Usagef("--fault: %w", err)
		}
	}
	s, err := web.Listen(ctx, o.Addr, api, log)
	if err != nil {
		return err
	}
	s.Delay(o.API.Latency)
	greet(w, s, api, &o.API)

	group, ctx := errgroup.WithContext(ctx)
	group.Go(s.Serve)
	group.Go(func() error {
		defer s.Close(ctx)
		mutate(ctx, w, api, &o)
		return nil
	})
	return group.Wait()
}

// mutate changes the workspace now and then until ctx ends.
func mutate(ctx context.Context, w io.Writer, api *extracttest.API, o *Options) {
	if o.Mutate == 0 {
		<-ctx.Done()
		return
	}
	rng := rand.New(rand.NewPCG(uint64(o.API.Seed), 0))
	tick := time.NewTicker(o.Mutate)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			for _, c := range api.Mutate(rng, 1) {
				fmt.Fprintf(w, "%s  %s %s %s\n", c.At.UTC().Format(time.TimeOnly), c.Kind, c.Stream, c.Key)
			}
		}
	}
}

// FaultHelp lists the faults that there are, with what each does.
func FaultHelp() string {
	var b strings.Builder
	for _, f := range extracttest.NamedFaults() {
		fmt.Fprintf(&b, "  %s\n      %s\n", f.Name, f.About)
		if f.Argument != "" {
			fmt.Fprintf(&b, "      =%s\n", f.Argument)
		}
	}
	return b.String()
}
