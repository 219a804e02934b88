package producer_test

import (
	"bytes"
	"context"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/sethvargo/go-envconfig"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.opentelemetry.io/otel/trace"

	"pylon-kafka/avro"
	"pylon-kafka/extract"
	"pylon-kafka/extract/extracttest"
	"pylon-kafka/offsets/topic"
	"pylon-kafka/producer"
)

// world is a Pylon and a Kafka to copy between.
type world struct {
	api        *extracttest.API
	cluster    *kfake.Cluster
	settings   map[string]string // environment of the next pipeline
	logs       *logBuffer
	opts       []kgo.Opt             // how to reach the broker
	pylon      http.RoundTripper     // nil: over the network
	registerer prometheus.Registerer // nil: none
	normals    sync.Map              // what normal has made of an object
	traces     trace.TracerProvider  // nil: none
	// usualIndex leaves the limits of the index as they are. Else they are so low that
	// every test with some objects has one.
	usualIndex bool
}

// newWorld starts a sandbox with opts, its limits off unless opts set them, and
// a broker.
func newWorld(t *testing.T, opts extracttest.Options) *world {
	t.Helper()
	if opts.Limits == nil {
		opts.Limits = map[string]int{"*": 0}
	}
	server := extracttest.NewServer(t, opts)
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	return &world{
		api: server.API, cluster: cluster, logs: &logBuffer{},
		opts: []kgo.Opt{kgo.SeedBrokers(cluster.ListenAddrs()...)},
		settings: map[string]string{
			"PYLON_API_TOKEN":     "token",
			"PYLON_START_DATE":    "2020-01-01T00:00:00Z",
			"PYLON_WINDOW":        "87600h", // one window: tests of windows set their own
			"PYLON_API_URL":       server.URL,
			"PYLON_RATE_LIMITS":   "0",
			"PYLON_POLL_INTERVAL": "20ms",
			"KAFKA_BROKERS":       cluster.ListenAddrs()[0],
		},
	}
}

// pipeline returns a pipeline with the world's settings, and overrides in pairs.
func (w *world) pipeline(t *testing.T, overrides ...string) *producer.Pipeline {
	t.Helper()
	settings := maps.Clone(w.settings)
	for pair := range slices.Chunk(overrides, 2) {
		settings[pair[0]] = pair[1]
	}
	var cfg struct {
		Extract  extract.Config
		Producer producer.Config
	}
	lookuper := envconfig.MapLookuper(settings)
	if err := envconfig.ProcessWith(t.Context(), &envconfig.Config{Target: &cfg, Lookuper: lookuper}); err != nil {
		t.Fatal(err)
	}
	if err := cfg.Extract.Validate(); err != nil {
		t.Fatal(err)
	}
	if err := cfg.Producer.Validate(); err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.NewTextHandler(w.logs, &slog.HandlerOptions{Level: slog.LevelDebug}))
	client, err := extract.NewClient(cfg.Extract, extract.Options{Logger: log, Transport: w.pylon, Traces: w.traces})
	if err != nil {
		t.Fatal(err)
	}
	p, err := producer.New(producer.Options{Config: cfg.Producer, Extract: cfg.Extract, Client: client, Logger: log, Registerer: w.registerer, Traces: w.traces, Kafka: w.opts})
	if err != nil {
		t.Fatal(err)
	}
	if !w.usualIndex {
		p.SetIndex(20, 100)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("log:\n%s", w.logs.String())
		}
	})
	return p
}

// sync makes one pass and returns what the streams report.
func (w *world) sync(t *testing.T, overrides ...string) map[string]producer.Status {
	t.Helper()
	p := w.pipeline(t, overrides...)
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	if err := p.Sync(ctx); err != nil {
		t.Fatalf("sync: %v", err)
	}
	return byStream(p.Status())
}

func byStream(all []producer.Status) map[string]producer.Status {
	m := make(map[string]producer.Status, len(all))
	for _, s := range all {
		m[s.Stream] = s
	}
	return m
}

// run starts the service and returns a function that stops it and returns what
// Run did.
func (w *world) run(t *testing.T, overrides ...string) (p *producer.Pipeline, stop func() error) {
	t.Helper()
	p = w.pipeline(t, overrides...)
	return p, w.running(t, p)
}

// running starts a pipeline, as run does.
func (w *world) running(t *testing.T, p *producer.Pipeline) (stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx) }()
	var result error
	stopped := false
	stop = func() error {
		if !stopped {
			stopped = true
			cancel()
			select {
			case result = <-done:
			case <-time.After(patience):
				t.Fatal("the pipeline does not stop")
			}
		}
		return result
	}
	t.Cleanup(func() { _ = stop() })
	return stop
}

// patience is how long a test waits for what must happen; it is for machines that
// have much else to do, and costs nothing where all is well.
const patience = time.Minute

// eventually waits until ok holds.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(patience)
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("not within %v: %s", patience, what)
		}
	}
}

// message is a committed record of a topic.
type message struct {
	key, value string // value is plain JSON, with unmapped in its place
	tombstone  bool
	headers    map[string]string
	partition  int32
}

// messages returns every committed record of a stream's topic.
func (w *world) messages(t *testing.T, stream string) []message {
	t.Helper()
	codec, err := avro.NewCodec(stream, avro.LayoutNested)
	if err != nil {
		t.Fatal(err)
	}
	decoder, err := avro.NewDecoder(codec.Schema())
	if err != nil {
		t.Fatal(err)
	}
	var all []message
	err = topic.ReadAll(t.Context(), w.opts, w.topicOf(stream), topic.Stable, func(rec *kgo.Record) error {
		m := message{key: string(rec.Key), tombstone: rec.Value == nil, headers: make(map[string]string), partition: rec.Partition}
		for _, h := range rec.Headers {
			m.headers[h.Key] = string(h.Value)
		}
		if rec.Value != nil {
			_, body, err := avro.ParseHeader(rec.Value)
			if err != nil {
				t.Errorf("%s %s: %v", stream, rec.Key, err)
				return nil
			}
			text, err := decoder.JSON(nil, body, avro.DecodeOptions{Merge: true})
			if err != nil {
				t.Errorf("%s %s: %v", stream, rec.Key, err)
				return nil
			}
			m.value = string(text)
		}
		all = append(all, m)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// place is where the records of one key follow each other in order: those of
// another partition may be read before them or after them.
type place struct {
	key       string
	partition int32
}

// last returns the last word on each key in each partition.
func (w *world) last(t *testing.T, stream string) map[place]message {
	t.Helper()
	last := make(map[place]message)
	for _, m := range w.messages(t, stream) {
		last[place{m.key, m.partition}] = m
	}
	return last
}

// table returns what a compacted topic comes to: the last value by key, in the
// form in which versions are compared. An object that was moved to another
// partition has a tombstone in the old one, so each partition is taken by itself.
func (w *world) table(t *testing.T, stream string) map[string]string {
	t.Helper()
	table := make(map[string]string)
	for at, m := range w.last(t, stream) {
		if m.tombstone {
			continue
		}
		if _, again := table[at.key]; again {
			t.Errorf("%s %s stands in two partitions", stream, at.key)
		}
		table[at.key] = w.normal(t, stream, []byte(m.value))
	}
	return table
}

// truth returns what the sandbox holds, in the same form.
func (w *world) truth(t *testing.T, stream string) map[string]string {
	t.Helper()
	truth := make(map[string]string)
	for key, object := range w.api.Objects(stream) {
		truth[key] = w.normal(t, stream, object)
	}
	return truth
}

// normal is normal, and remembers: most objects are looked at again and again.
func (w *world) normal(t *testing.T, stream string, object []byte) string {
	t.Helper()
	key := stream + string(object)
	if text, ok := w.normals.Load(key); ok {
		if text, ok := text.(string); ok {
			return text
		}
	}
	text := normal(t, stream, object)
	w.normals.Store(key, text)
	return text
}

func normal(t *testing.T, stream string, object []byte) string {
	t.Helper()
	text, err := extracttest.Normalize(stream, object)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// wantTruth fails unless the streams' topics hold what the sandbox holds.
func (w *world) wantTruth(t *testing.T, streams ...string) {
	t.Helper()
	for _, stream := range streams {
		if diff := cmp.Diff(w.truth(t, stream), w.table(t, stream)); diff != "" {
			t.Errorf("%s: topic is not what Pylon holds (-pylon +topic):\n%.2000s", stream, diff)
		}
	}
}

// wantNoRepeats fails if a topic holds the same version of an object twice in
// a row.
func (w *world) wantNoRepeats(t *testing.T, streams ...string) {
	t.Helper()
	for _, stream := range streams {
		last := make(map[place]string)
		for _, m := range w.messages(t, stream) {
			now, at := m.headers["hash"], place{m.key, m.partition}
			if before, ok := last[at]; ok && before == now {
				t.Errorf("%s: %s is published twice in a row with hash %q", stream, m.key, now)
			}
			last[at] = now
		}
	}
}

func allStreams() []string {
	var names []string
	for _, s := range extract.Streams() {
		names = append(names, s.Name)
	}
	return names
}

// deleteTopic removes a topic, as an operator might.
func (w *world) deleteTopic(t *testing.T, topic string) {
	t.Helper()
	cl, err := kgo.NewClient(w.opts...)
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	if _, err := kadm.NewClient(cl).DeleteTopic(t.Context(), topic); err != nil {
		t.Fatal(err)
	}
}

// totals adds up what streams published.
func totals(all map[string]producer.Status) (records, tombstones int64) {
	for _, s := range slices.Collect(maps.Values(all)) {
		records += s.Records
		tombstones += s.Tombstones
	}
	return records, tombstones
}

// logBuffer collects log lines.
type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
