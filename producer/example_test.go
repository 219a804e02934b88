package producer_test

import (
	"context"
	"fmt"
	"net/http"

	"github.com/sethvargo/go-envconfig"
	"github.com/twmb/franz-go/pkg/kfake"

	"pylon-kafka/extract"
	"pylon-kafka/extract/extracttest"
	"pylon-kafka/producer"
)

// Two passes from a sandbox of the Pylon API into a Kafka in the process. The
// second one publishes only what changed between them.
func Example() {
	ctx := context.Background()
	api := extracttest.New(extracttest.Options{Tags: 3, Limits: map[string]int{"*": 0}})
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		panic(err)
	}
	defer cluster.Close()
	settings := map[string]string{
		"PYLON_API_TOKEN":  "any",
		"PYLON_START_DATE": "2024-01-31T00:00:00Z",
		"PYLON_STREAMS":    "tags",
		"KAFKA_BROKERS":    cluster.ListenAddrs()[0],
	}
	syncOnce(ctx, settings, api.Transport())

	for key := range api.Objects("tags") {
		if err := api.Delete("tags", key); err != nil {
			panic(err)
		}
		break
	}
	syncOnce(ctx, settings, api.Transport())

	// Output:
	// tags done: 3 records, 0 tombstones, 0 unchanged
	// tags done: 0 records, 1 tombstones, 2 unchanged
}

// syncOnce makes one pass over the chosen streams and prints what came of it.
func syncOnce(ctx context.Context, settings map[string]string, pylon http.RoundTripper) {
	var cfg struct {
		Extract  extract.Config
		Producer producer.Config
	}
	if err := envconfig.ProcessWith(ctx, &envconfig.Config{Target: &cfg, Lookuper: envconfig.MapLookuper(settings)}); err != nil {
		panic(err)
	}
	client, err := extract.NewClient(cfg.Extract, extract.Options{Transport: pylon})
	if err != nil {
		panic(err)
	}
	p, err := producer.New(producer.Options{Config: cfg.Producer, Extract: cfg.Extract, Client: client})
	if err != nil {
		panic(err)
	}
	if err := p.Sync(ctx); err != nil {
		panic(err)
	}
	for _, s := range p.Status() {
		fmt.Printf("%s %s: %d records, %d tombstones, %d unchanged\n", s.Stream, s.State, s.Records, s.Tombstones, s.Unchanged)
	}
}
