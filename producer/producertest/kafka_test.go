package producertest_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"pylon-kafka/producer/producertest"
)

// shared is the one container for the package. TestMain stops it.
var shared producertest.Shared

func TestMain(m *testing.M) {
	code := m.Run()
	if err := shared.Stop(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// TestShared_isOneKafka asks twice.
func TestShared_isOneKafka(t *testing.T) {
	t.Parallel()
	k := shared.Kafka(t)
	if other := shared.Kafka(t); other != k {
		t.Errorf("the second test gets another Kafka: %v and %v", k.Brokers, other.Brokers)
	}
	must(t, answers(t, k.Brokers))
	if one, other := producertest.Name(t), "testshared-isonekafka-"; len(one) <= len(other) || one[:len(other)] != other {
		t.Errorf("name %q, want one that begins with %q", one, other)
	}
}

// TestStartKafka_hasAListenerForEachFront cuts one client off and not the other,
// then makes the broker stand still for both.
func TestStartKafka_hasAListenerForEachFront(t *testing.T) {
	t.Parallel()
	one, other := producertest.StartProxy(t), producertest.StartProxy(t)
	k := producertest.StartKafka(t, producertest.Options{
		Fronts: []producertest.Front{one, other},
		Env:    map[string]string{"KAFKA_NUM_PARTITIONS": "7"},
	})
	for _, addr := range []string{k.Brokers, one.Addr(), other.Addr()} {
		must(t, answers(t, addr))
	}
	if got := setting(t, k.Brokers, "num.partitions"); got != "7" {
		t.Errorf("num.partitions is %q, want the 7 that the test asked for", got)
	}
	one.Cut()
	if err := answers(t, one.Addr()); err == nil {
		t.Error("a client that is cut off gets an answer")
	}
	must(t, answers(t, other.Addr()))
	one.Mend()
	must(t, answers(t, one.Addr()))

	must(t, k.Pause(t.Context()))
	if err := answers(t, k.Brokers); err == nil {
		t.Error("a broker that stands still answers")
	}
	must(t, k.Unpause(t.Context()))
	must(t, answers(t, k.Brokers))
	if err := k.Unpause(t.Context()); err == nil {
		t.Error("no error from Unpause of a broker that runs")
	}
	must(t, k.Pause(t.Context())) // a test that fails here is cleaned up after all the same
	if err := k.Pause(t.Context()); err == nil {
		t.Error("no error from Pause of a broker that stands still")
	}
}

// answers asks the broker that a client finds at the address for its settings,
// which goes to the address that it advertises.
func answers(t *testing.T, addr string) error {
	t.Helper()
	_, err := settings(t, addr)
	return err
}

// setting returns one of the broker's.
func setting(t *testing.T, addr, name string) string {
	t.Helper()
	all, err := settings(t, addr)
	must(t, err)
	for _, c := range all {
		if c.Key == name {
			return c.MaybeValue()
		}
	}
	return ""
}

func settings(t *testing.T, addr string) ([]kadm.Config, error) {
	t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(addr))
	must(t, err)
	defer cl.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	configs, err := kadm.NewClient(cl).DescribeBrokerConfigs(ctx, 1)
	if err != nil {
		return nil, err
	}
	config, err := configs.On("1", nil)
	return config.Configs, errors.Join(err, config.Err)
}
