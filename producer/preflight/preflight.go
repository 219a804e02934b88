package preflight

import (
	"context"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"pylon-kafka/avro"
	"pylon-kafka/extract"
	"pylon-kafka/producer/connect"
	"pylon-kafka/producer/registry"
)

// limit is how long all checks take at the most.
const limit = 9 * time.Second

// State is the outcome of a check.
type State string

// The outcomes.
const (
	OK      State = "ok"
	Warning State = "warning" // it works, though not as well as it could
	Failed  State = "failed"
)

// Check is one thing that was looked at.
type Check struct {
	Name   string `json:"check"`
	State  State  `json:"result"`
	Detail string `json:"detail"`
	Fix    string `json:"fix,omitempty"` // commands, one a line, or a setting, where they would mend it
	Err    error  `json:"-"`             // of a failed check, for errors.Is
}

// Options is what is checked. Kafka, Connector, Extract and Pylon are needed.
type Options struct {
	Kafka     *connect.Kafka
	Connector string // first half of the keys in the offsets topic
	Extract   extract.Config
	Pylon     *extract.Client
	Registry  *registry.Registry // nil: none is set
	Schemas   []registry.Schema  // that would be registered, with a registry
	Layout    avro.Layout        // of the values
	AvroKeys  bool               // KAFKA_KEY_FORMAT is avro
	Dial      []kgo.Opt          // beyond what Kafka says, such as a dialer
}

// Run checks everything at the same time and returns the checks in an order that
// does not change. It ends within nine seconds, or when ctx does.
func Run(ctx context.Context, opts Options) []Check {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	var parts [3][]Check
	var running sync.WaitGroup
	running.Go(func() { parts[0] = pylon(ctx, &opts) })
	running.Go(func() { parts[1] = kafka(ctx, &opts) })
	running.Go(func() { parts[2] = schemas(ctx, &opts) })
	running.Wait()
	return append(append(parts[0], parts[1]...), parts[2]...)
}

func good(name, detail string) Check { return Check{Name: name, State: OK, Detail: detail} }

func warn(name, detail, fix string) Check {
	return Check{Name: name, State: Warning, Detail: detail, Fix: fix}
}

func fail(name string, err error, fix string) Check {
	return Check{Name: name, State: Failed, Detail: err.Error(), Fix: fix, Err: err}
}
