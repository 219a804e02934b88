package main

import (
	"io"

	"pylon-kafka/cmd/pylon-kafka/internal/cli"
	"pylon-kafka/cmd/pylon-kafka/internal/settings"
	"pylon-kafka/cmd/pylon-kafka/internal/terminal"
)

// app is what every subcommand gets: where settings come from and where output
// goes. Results go to stdout, logs, progress and questions to stderr.
type app struct {
	env    settings.Environment
	stdout io.Writer
	stderr io.Writer
}

// screen is where tables are printed.
func (a *app) screen(o *cli.Output) terminal.Screen { return o.Screen(a.stdout, a.env.Lookup) }
