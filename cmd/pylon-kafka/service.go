package main

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"os"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"pylon-kafka/cmd/pylon-kafka/internal/settings"
	"pylon-kafka/cmd/pylon-kafka/internal/tracing"
	"pylon-kafka/cmd/pylon-kafka/internal/web"
	"pylon-kafka/extract"
	"pylon-kafka/producer"
)

// service is one pipeline, wired, and the HTTP server that tells about it.
type service struct {
	pipeline *producer.Pipeline
	client   *extract.Client
	brokers  []string
	server   *web.Server                 // nil: not asked for
	traced   func(context.Context) error // sends what is left of the traces
	log      *slog.Logger
}

// newService wires a pipeline from cfg. With an httpAddr it takes the port, so
// that a port in use is an error before anything was touched. Nothing runs yet.
func newService(ctx context.Context, cfg settings.Config, httpAddr string, log *slog.Logger) (*service, error) {
	registry := web.NewRegistry(buildInfo())
	traces, traced, err := tracing.Start(ctx, os.LookupEnv, buildInfo().Version, log)
	if err != nil {
		return nil, err
	}
	client, err := extract.NewClient(cfg.Extract, extract.Options{Logger: log, Registerer: registry, Traces: traces})
	if err != nil {
		return nil, err
	}
	pipeline, err := producer.New(producer.Options{
		Config:     cfg.Producer,
		Extract:    cfg.Extract,
		Client:     client,
		Logger:     log,
		Registerer: registry,
		Traces:     traces,
	})
	if err != nil {
		return nil, err
	}
	s := &service{pipeline: pipeline, client: client, brokers: cfg.Producer.Kafka.Brokers, log: log, traced: traced}
	if httpAddr != "" {
		pages := &web.Pages{Status: pipeline.Status, Ready: pipeline.Ready, Metrics: registry, Started: time.Now(), Build: buildInfo()}
		if s.server, err = web.Listen(ctx, httpAddr, pages.Handler(), log); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// do runs work, a pass or the whole service, beside the HTTP server. The server
// ends last, so that probes and metrics are answered until the work is done; a
// server that breaks ends the work.
func (s *service) do(ctx context.Context, work func(context.Context) error) error {
	group, ctx := errgroup.WithContext(ctx)
	if s.server != nil {
		s.log.Info("serving HTTP", "url", s.server.URL())
		group.Go(s.server.Serve)
	}
	group.Go(func() error {
		if s.server != nil {
			defer s.server.Close(ctx)
		}
		defer s.endTraces(ctx)
		if err := s.checkToken(ctx); err != nil {
			return err
		}
		return work(ctx)
	})
	return group.Wait()
}

// endTraces sends the spans that are left, for a few seconds at the most.
func (s *service) endTraces(ctx context.Context) {
	const most = 3 * time.Second
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), most)
	defer cancel()
	if err := s.traced(ctx); err != nil {
		s.log.Warn("the last traces are not sent", "error", err)
	}
}

// checkToken asks Pylon whose the token is, so that one that it refuses is known
// before topics are made. Every other failure is left to the work, which knows
// what may be tried again.
func (s *service) checkToken(ctx context.Context) error {
	const patience = 5 * time.Second
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if _, err := s.client.Me(ctx); errors.Is(err, extract.ErrUnauthorized) {
		return err
	}
	return nil
}

const (
	waitingAfter = 2 * time.Second // a start that takes longer is told
	waitingAgain = 5 * time.Second
	waitingLooks = 200 * time.Millisecond // between two looks at what has been open
)

// tellWaiting says in the log which streams of a sync have not begun, and why as
// far as that is known, soon after the start and then every few seconds, until ctx
// ends or each has been open once or has failed for good.
func (s *service) tellWaiting(ctx context.Context) {
	tick := time.NewTicker(waitingLooks)
	defer tick.Stop()
	begun := make(map[string]bool)
	for next := time.Now().Add(waitingAfter); ; {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		waiting := notBegun(s.pipeline.Status(), begun)
		if len(waiting) == 0 {
			return
		}
		if time.Now().Before(next) {
			continue
		}
		next = time.Now().Add(waitingAgain)
		s.tellOf(waiting)
	}
}

// notBegun returns the streams that are still to be opened for the first time, and
// adds the others to begun: what fails after it was open is no longer waited for.
func notBegun(streams []producer.Status, begun map[string]bool) []producer.Status {
	var waiting []producer.Status
	for _, stream := range streams {
		triedAgain := stream.State == producer.Failed && !stream.NextTry.IsZero()
		if stream.State != producer.Starting && !triedAgain {
			begun[stream.Stream] = true
		}
		if !begun[stream.Stream] {
			waiting = append(waiting, stream)
		}
	}
	return waiting
}

// tellOf writes one line about all streams that are waited for, with the reason of
// the first that has one: mostly it is the same for all, and each stream's own is
// told when it goes down.
func (s *service) tellOf(waiting []producer.Status) {
	names, reason := make([]string, len(waiting)), ""
	for i, stream := range waiting {
		names[i], reason = stream.Stream, cmp.Or(reason, stream.Reason)
	}
	attributes := []any{"streams", strings.Join(names, ","), "brokers", strings.Join(s.brokers, ",")}
	if reason != "" {
		attributes = append(attributes, "error", reason)
	}
	s.log.Warn("waiting for streams to begin", attributes...)
}
