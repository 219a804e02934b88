package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"pylon-kafka/cmd/pylon-kafka/internal/settings"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	// The first signal asks for a clean stop. Giving the signals back at that
	// moment lets a second one kill a process that does not want to end.
	context.AfterFunc(ctx, stop)

	go tuneMemory(ctx)
	err := run(ctx, os.Args[1:], settings.FromOS(), os.Stdout, os.Stderr)
	if err != nil {
		fmt.Fprintf(os.Stderr, "pylon-kafka: %v\n", err)
	}
	os.Exit(exitCode(err))
}
