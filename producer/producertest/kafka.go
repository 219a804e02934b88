package producertest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/wait"
)

// Image is the Kafka that tests run against. Where it cannot be pulled, an image
// of that name made from the same jars does as well.
const Image = "apache/kafka:4.3.1"

// longest is how long a container lives if nobody stops it: nothing else clears
// up after a test that was killed.
const longest = time.Hour

// Options says what is special about a Kafka. The zero value is one broker that
// is reached directly.
type Options struct {
	// Fronts stand between some clients and the broker. Each has a listener of
	// its own, which advertises the front's address: who starts there stays there.
	Fronts []Front
	// Listeners are further ones, each with a port of its own.
	Listeners []Listener
	// Files are put into the container, by their paths, before the broker starts.
	Files map[string][]byte
	// Env are settings of the broker (KAFKA_…), beside ours or instead of them.
	Env map[string]string
}

// Listener is where clients connect in a way of its own, which Options.Env sets.
type Listener struct {
	Name     string // as in the settings KAFKA_LISTENER_NAME_…
	Protocol string // such as SASL_SSL
}

// Front is what clients connect to instead of the broker, such as a [Proxy].
type Front interface {
	// Addr is the address for clients, known before the broker is started.
	Addr() string
	// Connect tells where the broker is. It is called once, before the broker
	// answers.
	Connect(broker string)
}

// Kafka is a running container with one broker. Its methods are safe for
// concurrent use.
type Kafka struct {
	// Brokers is the address at which the broker is reached directly, without
	// security.
	Brokers string
	// Listeners are the addresses of those in Options, by name.
	Listeners map[string]string

	container testcontainers.Container
}

// StartKafka starts a Kafka for this test alone, and stops it after the test.
// Without Docker the test is skipped, or fails if PYLON_KAFKA_REQUIRE_CONTAINERS
// is 1. It takes 5 to 10 s; most tests do with a [Shared].
func StartKafka(tb testing.TB, opts Options) *Kafka {
	tb.Helper()
	skipShort(tb)
	k, err := start(opts)
	need(tb, err)
	tb.Cleanup(func() {
		if err := k.stop(); err != nil {
			tb.Errorf("stop the container with Kafka: %v", err)
		}
	})
	return k
}

// Shared is a Kafka for all the tests of a package, each with topics, groups and
// transactional ids of its own. Keep one in a variable of the test package; the
// first test that asks for it starts it. Its methods are safe for concurrent use.
type Shared struct {
	// Options are those of the Kafka, set before the first test asks for it.
	Options Options

	once  sync.Once
	kafka *Kafka
	err   error
}

// Kafka returns the Kafka, or skips or fails the test as [StartKafka] does.
func (s *Shared) Kafka(tb testing.TB) *Kafka {
	tb.Helper()
	skipShort(tb)
	s.once.Do(func() { s.kafka, s.err = start(s.Options) })
	need(tb, s.err)
	return s.kafka
}

// Stop ends the container, if there is one. TestMain calls it after the tests.
func (s *Shared) Stop() error {
	if s.kafka == nil {
		return nil
	}
	return s.kafka.stop()
}

// Name returns a name for this test alone, on a Kafka that tests share: it does
// for topics, groups and transactional ids.
func Name(tb testing.TB) string {
	tb.Helper()
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' {
			return r
		}
		return '-'
	}, strings.ToLower(tb.Name())) + "-" + fmt.Sprint(time.Now().UnixMilli())
}

// skipShort skips the test in a short run.
func skipShort(tb testing.TB) {
	tb.Helper()
	if testing.Short() {
		tb.Skip("needs a real Kafka, which takes long: not in a short run")
	}
}

// need skips or fails a test for which there is no Kafka.
func need(tb testing.TB, err error) {
	tb.Helper()
	switch {
	case err == nil:
	case os.Getenv("PYLON_KAFKA_REQUIRE_CONTAINERS") == "1":
		tb.Fatalf("needs a real Kafka in a container (PYLON_KAFKA_REQUIRE_CONTAINERS is 1): %v", err)
	default:
		tb.Skipf("needs a real Kafka in a container, and there is none: %v", err)
	}
}

// settings are the broker's. As soon as one is given, those of the image count no
// more, so all are here. The delay of the first rebalance is the image's own
// (0); the default of a broker is 3 s.
func (o Options) settings() map[string]string {
	var listeners, protocols strings.Builder
	for i := range o.Fronts {
		fmt.Fprintf(&listeners, ",FRONT%d://:%d", i, frontPort(i))
		fmt.Fprintf(&protocols, ",FRONT%d:PLAINTEXT", i)
	}
	for i, l := range o.Listeners {
		fmt.Fprintf(&listeners, ",%s://:%d", l.Name, listenerPort(i))
		fmt.Fprintf(&protocols, ",%s:%s", l.Name, l.Protocol)
	}
	env := map[string]string{
		"KAFKA_NODE_ID":                                  "1",
		"KAFKA_PROCESS_ROLES":                            "broker,controller",
		"KAFKA_CONTROLLER_QUORUM_VOTERS":                 "1@localhost:9093",
		"KAFKA_CONTROLLER_LISTENER_NAMES":                "CONTROLLER",
		"KAFKA_LISTENERS":                                "HOST://:9092,CONTROLLER://:9093,INSIDE://:19092" + listeners.String(),
		"KAFKA_LISTENER_SECURITY_PROTOCOL_MAP":           "HOST:PLAINTEXT,CONTROLLER:PLAINTEXT,INSIDE:PLAINTEXT" + protocols.String(),
		"KAFKA_INTER_BROKER_LISTENER_NAME":               "INSIDE",
		"KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR":         "1",
		"KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR": "1",
		"KAFKA_TRANSACTION_STATE_LOG_MIN_ISR":            "1",
		"KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS":         "0",
	}
	maps.Copy(env, o.Env)
	return env
}

// frontPort is the port of a front's listener inside the container.
func frontPort(i int) int { return 9100 + i }

// listenerPort is the same for a further listener.
func listenerPort(i int) int { return 9200 + i }

// start starts the container. The advertised addresses hold ports that are known
// only once it runs: its command waits for a script with them.
func start(opts Options) (*Kafka, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	if err := dockerAnswers(ctx); err != nil {
		return nil, err
	}
	// A script must not be run while it is written ("Text file busy"), so another
	// file tells that it is whole.
	const script, whole = "/tmp/start.sh", "/tmp/start.whole"
	k := &Kafka{Listeners: make(map[string]string)}
	ports := []string{"9092/tcp"}
	for i := range opts.Fronts {
		ports = append(ports, fmt.Sprintf("%d/tcp", frontPort(i)))
	}
	for i := range opts.Listeners {
		ports = append(ports, fmt.Sprintf("%d/tcp", listenerPort(i)))
	}
	ctr, err := testcontainers.Run(ctx, Image,
		testcontainers.WithExposedPorts(ports...),
		testcontainers.WithEntrypoint("sh", "-c", "while [ ! -e "+whole+" ]; do sleep 0.05; done; exec timeout "+fmt.Sprint(longest.Seconds())+" "+script),
		testcontainers.WithHostConfigModifier(func(c *container.HostConfig) { c.AutoRemove = true }),
		testcontainers.WithEnv(opts.settings()),
		testcontainers.WithAdditionalLifecycleHooks(testcontainers.ContainerLifecycleHooks{
			PostStarts: []testcontainers.ContainerHook{func(ctx context.Context, c testcontainers.Container) error {
				advertised, err := k.connect(ctx, c, opts)
				if err != nil {
					return err
				}
				for path, data := range opts.Files {
					if err := c.CopyToContainer(ctx, data, path, 0o644); err != nil {
						return err
					}
				}
				text := "#!/bin/sh\nexport KAFKA_ADVERTISED_LISTENERS=" + advertised + "\nexec /etc/kafka/docker/run\n"
				if err := c.CopyToContainer(ctx, []byte(text), script, 0o755); err != nil {
					return err
				}
				return c.CopyToContainer(ctx, nil, whole, 0o644)
			}},
		}),
		testcontainers.WithWaitStrategyAndDeadline(2*time.Minute, wait.ForLog("Kafka Server started")),
	)
	if err != nil {
		return nil, errors.Join(err, testcontainers.TerminateContainer(ctr))
	}
	k.container = ctr
	return k, nil
}

// connect finds the ports of the container, tells the fronts theirs, and returns
// what the broker advertises.
func (k *Kafka) connect(ctx context.Context, c testcontainers.Container, opts Options) (string, error) {
	var err error
	if k.Brokers, err = reachable(ctx, c, "9092/tcp"); err != nil {
		return "", err
	}
	advertised := "HOST://" + k.Brokers + ",INSIDE://localhost:19092"
	for i, front := range opts.Fronts {
		behind, err := reachable(ctx, c, fmt.Sprintf("%d/tcp", frontPort(i)))
		if err != nil {
			return "", err
		}
		front.Connect(behind)
		advertised += fmt.Sprintf(",FRONT%d://%s", i, front.Addr())
	}
	for i, l := range opts.Listeners {
		addr, err := reachable(ctx, c, fmt.Sprintf("%d/tcp", listenerPort(i)))
		if err != nil {
			return "", err
		}
		k.Listeners[l.Name] = addr
		advertised += fmt.Sprintf(",%s://%s", l.Name, addr)
	}
	return advertised, nil
}

func (k *Kafka) stop() error { return testcontainers.TerminateContainer(k.container) }

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
