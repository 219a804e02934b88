package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"pylon-kafka/cmd/pylon-kafka/internal/demo"
	"pylon-kafka/cmd/pylon-kafka/internal/report"
	"pylon-kafka/cmd/pylon-kafka/internal/settings"
	"pylon-kafka/cmd/pylon-kafka/internal/terminal"
	"pylon-kafka/cmd/pylon-kafka/internal/web"
	"pylon-kafka/extract/extracttest"
)

// sandboxOptions are the flags of sandbox.
type sandboxOptions struct {
	addr   string
	mutate time.Duration
	noLims bool
	faults []string
	api    extracttest.Options
}

func newSandboxCommand(a *app) *cobra.Command {
	var o sandboxOptions
	cmd := &cobra.Command{
		Use:   "sandbox",
		Short: "Serve a sandbox of the Pylon API on a port",
		Long: `Serves a Pylon workspace that is made up from a seed: pages, filters, rate limits
and errors as the real API has them. It prints the settings to paste for a
pylon-kafka that reads it, and requests that change something in it. What is
changed is lost when it ends.

--fault lets it fail as real ones were seen to fail, from its start until it ends
or the fault is taken back (DELETE /_sandbox/fail):

` + faultHelp(),
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.noLims {
				o.api.Limits = map[string]int{"*": 0}
			}
			return a.sandbox(cmd.Context(), o)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&o.addr, "addr", "127.0.0.1:8090", "address to listen on; port 0 takes a free one")
	flags.IntVar(&o.api.Issues, "issues", 1000, "number of issues")
	flags.Int64Var(&o.api.Seed, "seed", 1, "what the workspace is made up from")
	flags.IntVar(&o.api.IssueBytes, "issue-bytes", 2400, "mean size of an issue; of a real workspace it was 7200")
	flags.StringArrayVar(&o.faults, "fault", nil, "a `NAME` or NAME=ARGUMENT of those above; may be given more than once")
	flags.TextVar(&o.api.LimitWindow, "limiter", extracttest.LimitSliding, "how requests are counted, a `KIND`: sliding or aligned minutes, or a bucket as the live API seems to have")
	flags.BoolVar(&o.noLims, "no-limits", false, "no rate limits, instead of the documented ones")
	flags.DurationVar(&o.api.Latency, "latency", 0, "added to every answer, e.g. 200ms")
	flags.DurationVar(&o.api.SearchLag, "search-lag", 0, "how long after a change the issue search shows it")
	flags.StringVar(&o.api.Token, "token", "", "the only token to accept; any, if left out")
	flags.DurationVar(&o.mutate, "mutate", 0, "change something by chance this often, e.g. 5s; never, if left out")
	return cmd
}

// sandbox serves the API until ctx ends.
func (a *app) sandbox(ctx context.Context, o sandboxOptions) error {
	if o.api.Issues < 0 || o.api.Latency < 0 || o.api.SearchLag < 0 || o.mutate < 0 {
		return &usageError{errors.New("--issues, --latency, --search-lag and --mutate cannot be negative")}
	}
	if o.api.IssueBytes <= 0 {
		return &usageError{errors.New("--issue-bytes must be positive")}
	}
	if o.api.Issues == 0 {
		o.api.Issues = -1 // 0 is extracttest's default number
	}
	o.api.Now = time.Now().UTC().Truncate(time.Second)
	o.api.Start = o.api.Now.Add(-demo.Span)
	process := settings.Process{}
	api := extracttest.New(o.api)
	if err := failBy(api, o.faults); err != nil {
		return err
	}
	s, err := web.Listen(ctx, o.addr, api, process.Logger(a.stderr, terminal.IsTerminal(a.stderr)))
	if err != nil {
		return err
	}
	s.Delay(o.api.Latency)
	printSandbox(a.stdout, s, api, &o.api)

	group, ctx := errgroup.WithContext(ctx)
	group.Go(s.Serve)
	group.Go(func() error {
		defer s.Close(ctx)
		a.mutate(ctx, api, &o)
		return nil
	})
	return group.Wait()
}

// mutate changes the workspace now and then until ctx ends.
func (a *app) mutate(ctx context.Context, api *extracttest.API, o *sandboxOptions) {
	if o.mutate == 0 {
		<-ctx.Done()
		return
	}
	rng := rand.New(rand.NewPCG(uint64(o.api.Seed), 0))
	tick := time.NewTicker(o.mutate)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			for _, c := range api.Mutate(rng, 1) {
				fmt.Fprintf(a.stdout, "%s  %s %s %s\n", c.At.UTC().Format(time.TimeOnly), c.Kind, c.Stream, c.Key)
			}
		}
	}
}

// printSandbox tells a person how to use it.
func printSandbox(w io.Writer, s *web.Server, api *extracttest.API, o *extracttest.Options) {
	url := s.URL()
	if host, port, err := net.SplitHostPort(s.Addr().String()); err == nil && net.ParseIP(host).IsUnspecified() {
		url = "http://" + net.JoinHostPort("localhost", port)
	}
	token := o.Token
	if token == "" {
		token = "anything"
	}
	fmt.Fprintf(w, `A sandbox of the Pylon API with %s issues answers on %s until Ctrl-C.

For pylon-kafka in another shell:

  export PYLON_API_URL=%s
  export PYLON_API_TOKEN=%s
  export PYLON_START_DATE=%s
`, report.Count(int64(api.Count("issues"))), url, url, token, o.Start.Add(-24*time.Hour).Format(time.RFC3339))
	if len(o.Limits) > 0 {
		fmt.Fprintln(w, "  export PYLON_RATE_LIMITS=0 # the sandbox has no limits either")
	}
	printPace(w, api, o)
	if api.Count("issues") == 0 {
		return
	}
	last := api.IssueID(api.Count("issues") - 1)
	issue := api.IssueID(0)
	fmt.Fprintf(w, `
To change something:

  curl -X PATCH  -H 'Authorization: Bearer %[2]s' -d '{"state":"closed"}' %[1]s/issues/%[3]s
  curl -X POST   -H 'Authorization: Bearer %[2]s' -d '{"title":"Help","body_html":"<p>It broke</p>"}' %[1]s/issues
  curl -X DELETE -H 'Authorization: Bearer %[2]s' %[1]s/issues/%[4]s
`, url, token, issue, last)
	if messages := api.Children("issue_messages", issue); len(messages) > 0 {
		fmt.Fprintf(w, "  curl -X DELETE -H 'Authorization: Bearer %s' %s/issues/%s/messages/%s\n", token, url, issue, messages[0])
	}
	for key := range api.Objects("tags") {
		fmt.Fprintf(w, "  curl -X DELETE -H 'Authorization: Bearer %s' %s/tags/%s\n", token, url, key)
		break
	}
	fmt.Fprintf(w, `
To let it fail as real ones do (GET lists what there is, DELETE ends it):

  curl -X POST   -d '{"name":"parent-5xx"}' %[1]s/_sandbox/fail
  curl -X DELETE %[1]s/_sandbox/fail

`, url)
}
