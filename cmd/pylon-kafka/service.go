package main

import (
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
)

// tellWaiting says in the log which streams have not begun, and why as far as
// that is known, soon after the start and then every few seconds, until ctx ends
// or none is left.
func (s *service) tellWaiting(ctx context.Context) {
	timer := time.NewTimer(waitingAfter)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		waiting := make(map[string][]string) // streams by reason
		for _, stream := range s.pipeline.Status() {
			if stream.State == producer.Starting {
				waiting[stream.Reason] = append(waiting[stream.Reason], stream.Stream)
			}
		}
		for reason, streams := range waiting {
			attributes := []any{"streams", strings.Join(streams, ","), "brokers", strings.Join(s.brokers, ",")}
			if reason != "" {
				attributes = append(attributes, "error", reason)
			}
			s.log.Warn("waiting for streams to begin", attributes...)
		}
		if len(waiting) == 0 {
			return
		}
		timer.Reset(waitingAgain)
	}
}
