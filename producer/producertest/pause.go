package producertest

import (
	"context"
	"fmt"

	"github.com/moby/moby/client"
	"github.com/testcontainers/testcontainers-go"
)

// Pause makes the broker stand still: it keeps its connections and answers
// nothing, until Unpause. (Docker freezes the container, as SIGSTOP freezes a
// process.) Use it only on a Kafka of the test's own.
func (k *Kafka) Pause(ctx context.Context) error {
	return docker(ctx, func(cl *testcontainers.DockerClient) error {
		if _, err := cl.ContainerPause(ctx, k.container.GetContainerID(), client.ContainerPauseOptions{}); err != nil {
			return fmt.Errorf("pause the container with Kafka: %w", err)
		}
		return nil
	})
}

// Unpause ends Pause: the broker answers what has come meanwhile.
func (k *Kafka) Unpause(ctx context.Context) error {
	return docker(ctx, func(cl *testcontainers.DockerClient) error {
		if _, err := cl.ContainerUnpause(ctx, k.container.GetContainerID(), client.ContainerUnpauseOptions{}); err != nil {
			return fmt.Errorf("unpause the container with Kafka: %w", err)
		}
		return nil
	})
}

// docker calls f with a client of Docker.
func docker(ctx context.Context, f func(*testcontainers.DockerClient) error) error {
	cl, err := testcontainers.NewDockerClientWithOpts(ctx)
	if err != nil {
		return fmt.Errorf("no Docker: %w", err)
	}
	defer func() { _ = cl.Close() }()
	return f(cl)
}
