package producer_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/wait"
	"github.com/twmb/franz-go/pkg/kgo"

	"pylon-kafka/extract/extracttest"
)

// kafkaImage is the Kafka that tests run against. Where it cannot be pulled,
// an image of that name made from the same jars does as well.
const kafkaImage = "apache/kafka:4.3.1"

// realKafka is a container with Kafka, shared by the tests of this package: each
// has topics and transactional ids of its own. It is started by the first test
// that wants it, and stopped by TestMain.
type realKafka struct {
	container testcontainers.Container
	brokers   string
	wire      *wire // with the broker's second address behind it
}

// sharedKafka is the one container for all tests of the package.
var sharedKafka struct {
	sync.Once

	kafka *realKafka
	err   error
}

// needKafka returns the real Kafka. Where there is none to be had it skips the
// test and says why, or fails it if PYLON_KAFKA_REQUIRE_CONTAINERS is 1.
func needKafka(t *testing.T) *realKafka {
	t.Helper()
	if testing.Short() {
		t.Skip("needs a real Kafka, which takes long: not in a short run")
	}
	sharedKafka.Do(func() { sharedKafka.kafka, sharedKafka.err = startRealKafka() })
	switch {
	case sharedKafka.err == nil:
	case os.Getenv("PYLON_KAFKA_REQUIRE_CONTAINERS") == "1":
		t.Fatalf("needs a real Kafka in a container (PYLON_KAFKA_REQUIRE_CONTAINERS is 1): %v", sharedKafka.err)
	default:
		t.Skipf("needs a real Kafka in a container, and there is none: %v", sharedKafka.err)
	}
	return sharedKafka.kafka
}

// stopRealKafka ends the container, if there is one.
func stopRealKafka() {
	k := sharedKafka.kafka
	if k == nil {
		return
	}
	k.wire.close()
	if err := testcontainers.TerminateContainer(k.container); err != nil {
		fmt.Fprintf(os.Stderr, "stop the container with Kafka: %v\n", err)
	}
}

// longest is how long the container lives if nobody stops it: nothing else
// clears up after a test that was killed.
const longest = time.Hour

// startRealKafka starts the container. As soon as one setting is given, those of
// the image count no more, so all are here. The advertised addresses hold ports
// that are known only once the container runs: its command waits for a script
// with them.
func startRealKafka() (k *realKafka, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	if err := dockerAnswers(ctx); err != nil {
		return nil, err
	}
	between, err := openWire(ctx)
	if err != nil {
		return nil, err
	}
	k = &realKafka{wire: between}
	const script = "/tmp/start.sh"
	ctr, err := testcontainers.Run(ctx, kafkaImage,
		testcontainers.WithExposedPorts("9092/tcp", "9094/tcp"),
		testcontainers.WithEntrypoint("sh", "-c", "while [ ! -x "+script+" ]; do sleep 0.05; done; exec timeout "+fmt.Sprint(longest.Seconds())+" "+script),
		testcontainers.WithHostConfigModifier(func(c *container.HostConfig) { c.AutoRemove = true }),
		testcontainers.WithEnv(map[string]string{
			"KAFKA_NODE_ID":                                  "1",
			"KAFKA_PROCESS_ROLES":                            "broker,controller",
			"KAFKA_CONTROLLER_QUORUM_VOTERS":                 "1@localhost:9093",
			"KAFKA_CONTROLLER_LISTENER_NAMES":                "CONTROLLER",
			"KAFKA_LISTENERS":                                "HOST://:9092,CONTROLLER://:9093,WIRE://:9094,INSIDE://:19092",
			"KAFKA_LISTENER_SECURITY_PROTOCOL_MAP":           "HOST:PLAINTEXT,CONTROLLER:PLAINTEXT,WIRE:PLAINTEXT,INSIDE:PLAINTEXT",
			"KAFKA_INTER_BROKER_LISTENER_NAME":               "INSIDE",
			"KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR":         "1",
			"KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR": "1",
			"KAFKA_TRANSACTION_STATE_LOG_MIN_ISR":            "1",
		}),
		testcontainers.WithAdditionalLifecycleHooks(testcontainers.ContainerLifecycleHooks{
			PostStarts: []testcontainers.ContainerHook{func(ctx context.Context, c testcontainers.Container) error {
				var err error
				if k.brokers, err = reachable(ctx, c, "9092/tcp"); err != nil {
					return err
				}
				behind, err := reachable(ctx, c, "9094/tcp")
				if err != nil {
					return err
				}
				between.connect(behind)
				text := "#!/bin/sh\nexport KAFKA_ADVERTISED_LISTENERS=" +
					"HOST://" + k.brokers + ",WIRE://" + between.addr() + ",INSIDE://localhost:19092\nexec /etc/kafka/docker/run\n"
				return c.CopyToContainer(ctx, []byte(text), script, 0o755)
			}},
		}),
		testcontainers.WithWaitStrategyAndDeadline(2*time.Minute, wait.ForLog("Kafka Server started")),
	)
	if err != nil {
		between.close()
		return nil, errors.Join(err, testcontainers.TerminateContainer(ctr))
	}
	k.container = ctr
	return k, nil
}

// dockerAnswers returns why there is no Docker to be used.
func dockerAnswers(ctx context.Context) (err error) {
	defer func() {
		if cause := recover(); cause != nil { // instead of an error, where it finds no socket
			err = fmt.Errorf("no Docker: %v", cause)
		}
	}()
	// What is started here is stopped here, or by itself; the reaper would be one
	// more image to pull.
	if os.Getenv("TESTCONTAINERS_RYUK_DISABLED") == "" {
		if err := os.Setenv("TESTCONTAINERS_RYUK_DISABLED", "true"); err != nil {
			return err
		}
	}
	provider, err := testcontainers.ProviderDocker.GetProvider()
	if err != nil {
		return fmt.Errorf("no Docker: %w", err)
	}
	defer func() { _ = provider.Close() }()
	if err := provider.Health(ctx); err != nil {
		return fmt.Errorf("no Docker: %w", err)
	}
	return nil
}

// reachable returns the address of a container's port as seen from here. On a
// machine that looks like a container without being one, the gateway that
// testcontainers takes for the host does not answer, and the machine itself does.
func reachable(ctx context.Context, c testcontainers.Container, port string) (string, error) {
	mapped, err := c.MappedPort(ctx, port)
	if err != nil {
		return "", err
	}
	host, err := c.Host(ctx)
	if err != nil {
		return "", err
	}
	var errs []error
	for _, h := range []string{host, "127.0.0.1"} {
		addr := net.JoinHostPort(h, mapped.Port())
		conn, err := (&net.Dialer{Timeout: 2 * time.Second}).DialContext(ctx, "tcp", addr)
		if err == nil {
			return addr, conn.Close()
		}
		errs = append(errs, err)
	}
	return "", fmt.Errorf("port %s of the container: %w", port, errors.Join(errs...))
}

// newRealWorld is newWorld with the real Kafka, and topics and transactional ids
// of the test's own.
func newRealWorld(t *testing.T, opts extracttest.Options) (*world, *realKafka) {
	t.Helper()
	k := needKafka(t)
	w := newWorld(t, opts)
	w.cluster.Close()
	w.cluster = nil
	name := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' {
			return r
		}
		return '-'
	}, strings.ToLower(t.Name())) + "-" + fmt.Sprint(time.Now().UnixMilli())
	w.on(k.brokers)
	w.settings["KAFKA_TOPIC_PREFIX"] = name + "."
	w.settings["KAFKA_TRANSACTIONAL_ID_PREFIX"] = name
	return w, k
}

// on makes the address the one at which Kafka is reached.
func (w *world) on(brokers string) {
	w.opts = []kgo.Opt{kgo.SeedBrokers(brokers)}
	w.settings["KAFKA_BROKERS"] = brokers
}

// topicOf is the name of a stream's topic, or of another of ours.
func (w *world) topicOf(name string) string {
	return cmp.Or(w.settings["KAFKA_TOPIC_PREFIX"], "pylon.") + name
}
