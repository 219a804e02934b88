package main

import (
	"context"
	"strconv"
	"time"

	"pylon-kafka/cmd/pylon-kafka/internal/settings"
	"pylon-kafka/cmd/pylon-kafka/internal/terminal"
	"pylon-kafka/producer"
)

// owners prints which replica works which stream, as the cluster has it.
func (a *app) owners(ctx context.Context, o *output) error {
	cfg, err := settings.Load[tailConfig](ctx, a.env)
	if err != nil {
		return err
	}
	const patience = 30 * time.Second
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	owners, err := producer.Owners(ctx, cfg.Producer)
	if err != nil {
		return err
	}
	if o.json {
		return terminal.PrintJSON(a.stdout, owners)
	}
	t := terminal.NewTable(terminal.Column{Title: "STREAM"}, terminal.Column{Title: "LEASE", Right: true},
		terminal.Column{Title: "REPLICA", Cut: true}, terminal.Column{Title: "HOST"})
	for _, one := range owners {
		replica := one.Owner
		if replica == "" {
			replica = "nobody"
		}
		t.Add(one.Stream, strconv.Itoa(int(one.Partition)), replica, one.Host)
	}
	return t.Write(a.screen(o))
}
