package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"pylon-kafka/cmd/pylon-kafka/internal/memory"
	"pylon-kafka/cmd/pylon-kafka/internal/settings"
)

func main() {
	ctx := stopOnSignal(context.Background())
	go memory.Tune(ctx)
	err := run(ctx, os.Args[1:], settings.FromOS(), os.Stdout, os.Stderr)
	if err != nil && !isLogged(err) {
		fmt.Fprintf(os.Stderr, "pylon-kafka: %v\n", err)
	}
	os.Exit(exitCode(err))
}

// stopOnSignal returns a context that ends with the first SIGINT or SIGTERM, its
// cause a [signalError]. The first signal asks for a clean stop. Giving the
// signals back at that moment lets a second one kill a process that does not
// want to end.
func stopOnSignal(ctx context.Context) context.Context {
	ctx, cancel := context.WithCancelCause(ctx)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	go func() {
		s := <-signals
		signal.Stop(signals)
		cancel(signalError{s})
	}()
	return ctx
}
