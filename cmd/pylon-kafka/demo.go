package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/sync/errgroup"

	"pylon-kafka/cmd/pylon-kafka/internal/cli"
	"pylon-kafka/cmd/pylon-kafka/internal/demo"
	"pylon-kafka/cmd/pylon-kafka/internal/report"
	"pylon-kafka/cmd/pylon-kafka/internal/settings"
	"pylon-kafka/cmd/pylon-kafka/internal/tail"
	"pylon-kafka/cmd/pylon-kafka/internal/terminal"
	"pylon-kafka/extract"
	"pylon-kafka/producer"
)

const (
	demoLogLevel       = slog.LevelError
	demoChangeInterval = 10 * time.Second // of demo --keep
)

// demoOptions are the flags of demo.
type demoOptions struct {
	dir    string
	issues int // 0: not given
	keep   bool
	fresh  bool
}

func newDemoCommand(a *app) *cobra.Command {
	var o demoOptions
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Show the whole service with an API, Kafka and registry of its own",
		Long: `Runs the whole service with nothing installed: against a sandbox of the Pylon API,
a Kafka broker and a schema registry inside of this process. It backfills every
stream, then changes a few objects in the sandbox and shows that only these are
published, and ends.

Everything is kept in a folder: a second demo resumes where the first ended. With
--keep it goes on until Ctrl-C, with something changing every few seconds, and
prints addresses for other programs.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if cmd.Flags().Changed("issues") && o.issues < 1 {
				return cli.Usagef("--issues must be 1 or more")
			}
			err := a.demo(cmd.Context(), o)
			if o.keep {
				return untilStopped(cmd.Context(), err)
			}
			return err
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&o.dir, "dir", demo.Folder(), "folder that keeps the demo")
	flags.IntVar(&o.issues, "issues", 0, fmt.Sprintf("number of issues of a new demo (default %d)", demo.DefaultIssues))
	flags.BoolVar(&o.keep, "keep", false, "go on until Ctrl-C and print the addresses")
	flags.BoolVar(&o.fresh, "fresh", false, "begin anew: delete what an earlier demo left in the folder")
	return cmd
}

// demo runs one demo.
func (a *app) demo(ctx context.Context, o demoOptions) error {
	began := time.Now()
	if o.fresh {
		if err := demo.Remove(o.dir); err != nil {
			return err
		}
	}
	bars := terminal.NewProgress(a.stderr)
	quiet := settings.Process{LogFormat: "text", LogLevel: demoLogLevel}
	log := quiet.Logger(bars, true)
	world, err := demo.Open(ctx, o.dir, o.issues, log)
	if err != nil {
		return err
	}
	defer world.Close(ctx)
	d := &demonstration{app: a, world: world, bars: bars}

	if world.Resumed() {
		fmt.Fprintf(a.stdout, "This demo resumes: Kafka and its cursors are as the last one left them in\n  %s\n\n", o.dir)
	} else {
		fmt.Fprintf(a.stdout, "A sandbox of the Pylon API with %s issues, a Kafka and a schema registry,\nall in this process and kept in\n  %s\n\n",
			report.Count(int64(world.Issues())), o.dir)
	}
	reports, err := d.sync(ctx)
	if err != nil {
		return err
	}
	if err := a.printPass(reports, new(cli.Output)); err != nil {
		return err
	}
	d.sayResumed(reports)
	if err := d.showChanges(ctx); err != nil {
		return err
	}
	fmt.Fprintf(a.stdout, "\nDone in %s.", report.Seconds(time.Since(began)))
	if o.keep {
		return d.keep(ctx)
	}
	fmt.Fprintf(a.stdout, " The next demo on this folder resumes here; --keep goes on and lets you read the topics.\n")
	return nil
}

// demonstration is one demo under way.
type demonstration struct {
	*app
	world *demo.World
	bars  *terminal.Progress
}

// service wires a service to the demo's world, just as run and sync do.
func (d *demonstration) service(ctx context.Context, httpAddr string) (*service, error) {
	cfg, err := settings.Load[settings.Config](ctx, d.world.Environment())
	if err != nil {
		return nil, err
	}
	return newService(ctx, cfg, httpAddr, cfg.Process.Logger(d.bars, true))
}

// sync does one pass with progress bars and returns what it did.
func (d *demonstration) sync(ctx context.Context) ([]producer.Status, error) {
	s, err := d.service(ctx, "")
	if err != nil {
		return nil, err
	}
	err = s.do(ctx, func(ctx context.Context) error {
		return d.bars.Follow(ctx, s.pipeline.Status, s.pipeline.Sync)
	})
	if err == nil {
		err = ctx.Err()
	}
	return s.pipeline.Status(), err
}

// sayResumed says of a pass that resumed how little it had to publish.
func (d *demonstration) sayResumed(reports []producer.Status) {
	var resumed int
	var published, unchanged int64
	for _, r := range reports {
		if r.Resumed {
			resumed++
		}
		published += r.Records + r.Tombstones
		unchanged += r.Unchanged
	}
	if resumed > 0 {
		fmt.Fprintf(d.stdout, "\n%d of %d streams went on from their cursors: %s objects were read again\nand found unchanged, %s records were published.\n",
			resumed, len(reports), report.Count(unchanged), report.Count(published))
	}
}

// showChanges changes a few objects, does another pass, and shows what came of
// it in the topics.
func (d *demonstration) showChanges(ctx context.Context) error {
	before, err := d.topics(ctx)
	if err != nil {
		return err
	}
	changes, err := d.world.Change()
	if err != nil {
		return err
	}
	fmt.Fprintf(d.stdout, "\nNow something changes in Pylon:\n")
	for _, change := range changes {
		fmt.Fprintf(d.stdout, "  %s\n", change)
	}
	reports, err := d.sync(ctx)
	if err != nil {
		return err
	}
	after, err := d.topics(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(d.stdout, "\nThe next pass publishes these and nothing else:\n")
	t := terminal.NewTable(terminal.Column{Title: "TOPIC"}, terminal.Column{Title: "KEY", Cut: true}, terminal.Column{Title: "RECORD"})
	for i, reader := range after {
		err := reader.Read(ctx, before[i].End, func(rec *kgo.Record) error {
			what := "new or changed"
			if rec.Value == nil {
				what = "tombstone"
			}
			t.Add(rec.Topic, string(rec.Key), what)
			return nil
		})
		if err != nil {
			return err
		}
	}
	if err := t.Write(d.screen(new(cli.Output))); err != nil {
		return err
	}
	var unchanged, requests int64
	for _, r := range reports {
		unchanged += r.Unchanged
		requests += r.Requests
	}
	fmt.Fprintf(d.stdout, "It took %s requests; %s objects that were read with them had not changed.\n", report.Count(requests), report.Count(unchanged))
	return nil
}

// topics returns a reader for the topic of every stream: where it ends now.
func (d *demonstration) topics(ctx context.Context) ([]*tail.Reader, error) {
	cfg, err := settings.Load[settings.Cluster](ctx, d.world.Environment())
	if err != nil {
		return nil, err
	}
	var readers []*tail.Reader
	for _, s := range extract.Streams() {
		reader, err := tail.NewReader(ctx, &cfg.Producer.Kafka, cfg.Producer.Kafka.Topic(s.Name))
		if err != nil {
			return nil, err
		}
		readers = append(readers, reader)
	}
	return readers, nil
}

// keep runs the service until ctx ends, with changes now and then.
func (d *demonstration) keep(ctx context.Context) error {
	s, err := d.service(ctx, "127.0.0.1:0")
	if err != nil {
		return err
	}
	env := d.world.Environment()
	settings := fmt.Sprintf("KAFKA_BROKERS=%s SCHEMA_REGISTRY_URL=%s", env["KAFKA_BROKERS"], env["SCHEMA_REGISTRY_URL"])
	fmt.Fprintf(d.stdout, ` The service goes on until Ctrl-C.

  Kafka             %s
  schema registry   %s
  Pylon sandbox     %s
  status page       %s

Read a topic from another shell:

  %s %s tail issues -n 1 --value

`, env["KAFKA_BROKERS"], env["SCHEMA_REGISTRY_URL"], env["PYLON_API_URL"], s.server.URL(), settings, programName())

	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return s.do(ctx, s.pipeline.Run) })
	group.Go(func() error { return d.keepChanging(ctx) })
	return group.Wait()
}

// keepChanging changes something every few seconds until ctx ends.
func (d *demonstration) keepChanging(ctx context.Context) error {
	tick := time.NewTicker(demoChangeInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case now := <-tick.C:
			changes, err := d.world.Change()
			if err != nil {
				return err
			}
			for _, change := range changes {
				fmt.Fprintf(d.stdout, "%s  %s\n", now.Format(time.TimeOnly), change)
			}
		}
	}
}

// programName is how to call this program again.
func programName() string {
	if strings.Contains(os.Args[0], "go-build") {
		return "go run ./cmd/pylon-kafka"
	}
	return os.Args[0]
}
