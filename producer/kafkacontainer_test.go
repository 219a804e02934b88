package producer_test

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"sync"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"pylon-kafka/extract/extracttest"
	"pylon-kafka/producer/producertest"
)

// realKafka is a container with Kafka, and a wire with the broker's second
// address behind it.
type realKafka struct {
	*producertest.Kafka

	wire *wire
}

// sharedKafka is the one container for all tests of the package. TestMain stops
// it.
var sharedKafka struct {
	sync.Once

	shared producertest.Shared
	wire   *wire
	err    error
}

// needKafka returns the real Kafka, or skips or fails the test where there is
// none.
func needKafka(t *testing.T) *realKafka {
	t.Helper()
	sharedKafka.Do(func() {
		if sharedKafka.wire, sharedKafka.err = openWire(context.Background()); sharedKafka.err == nil {
			sharedKafka.shared.Options.Fronts = []producertest.Front{sharedKafka.wire}
		}
	})
	must(t, sharedKafka.err)
	return &realKafka{sharedKafka.shared.Kafka(t), sharedKafka.wire}
}

// stopRealKafka ends the container, if there is one.
func stopRealKafka() {
	if w := sharedKafka.wire; w != nil {
		w.close()
	}
	if err := sharedKafka.shared.Stop(); err != nil {
		fmt.Fprintf(os.Stderr, "stop the container with Kafka: %v\n", err)
	}
}

// newRealWorld is newWorld with the real Kafka, and topics and transactional ids
// of the test's own.
func newRealWorld(t *testing.T, opts extracttest.Options) (*world, *realKafka) {
	t.Helper()
	k := needKafka(t)
	w := newWorld(t, opts)
	w.cluster.Close()
	w.cluster = nil
	name := producertest.Name(t)
	w.on(k.Brokers)
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
