package main

import (
	"context"
	"log/slog"
	"time"

	"golang.org/x/sync/errgroup"

	"pylon-kafka/cmd/pylon-kafka/internal/settings"
	"pylon-kafka/cmd/pylon-kafka/internal/web"
	"pylon-kafka/extract"
	"pylon-kafka/producer"
)

// service is one pipeline, wired, and the HTTP server that tells about it.
type service struct {
	pipeline *producer.Pipeline
	server   *web.Server // nil: not asked for
	log      *slog.Logger
}

// newService wires a pipeline from cfg. With an httpAddr it takes the port, so
// that a port in use is an error before anything was touched. Nothing runs yet.
func newService(ctx context.Context, cfg settings.Config, httpAddr string, log *slog.Logger) (*service, error) {
	registry := web.NewRegistry(buildInfo())
	client, err := extract.NewClient(cfg.Extract, extract.Options{Logger: log, Registerer: registry})
	if err != nil {
		return nil, err
	}
	pipeline, err := producer.New(producer.Options{
		Config:     cfg.Producer,
		Extract:    cfg.Extract,
		Client:     client,
		Logger:     log,
		Registerer: registry,
	})
	if err != nil {
		return nil, err
	}
	s := &service{pipeline: pipeline, log: log}
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
		return work(ctx)
	})
	return group.Wait()
}
