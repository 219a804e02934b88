package producer

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.opentelemetry.io/otel/trace"

	"pylon-kafka/avro"
	"pylon-kafka/extract"
	"pylon-kafka/offsets"
	"pylon-kafka/offsets/lease"
	"pylon-kafka/offsets/topic"
	"pylon-kafka/producer/connect"
	"pylon-kafka/producer/registry"
	"pylon-kafka/producer/topics"
)

// Options is what a [Pipeline] is made of. Config, Extract and Client are
// needed; both configs must have been validated.
type Options struct {
	Config     Config
	Extract    extract.Config
	Client     *extract.Client
	Logger     *slog.Logger          // nil: none
	Registerer prometheus.Registerer // nil: none
	Traces     trace.TracerProvider  // nil: none
	Kafka      []kgo.Opt             // beyond what Config says, such as a dialer; for every client
}

// Pipeline copies the chosen streams into Kafka, each in a task of its own. A
// Pipeline is run once, by Run or by Sync; Status and Ready may be called at
// any time.
type Pipeline struct {
	cfg      Config
	client   *extract.Client
	log      *slog.Logger
	tasks    []*task
	opts     []kgo.Opt
	store    offsets.Store
	reach    time.Duration  // how long a sync waits for what does not answer
	registry *registryWatch // nil: there is no registry

	// Set by prepare.
	keeper  *topicKeeper
	group   groupState
	unready atomic.Bool // the log says that the cluster is not ready

	clockOff atomic.Bool // the log says that Pylon's clock is another one
}

// reach is how long a sync waits for a cluster or a registry that does not
// answer. With what comes before and after, a sync ends within a minute.
const reach = 45 * time.Second

// New returns a pipeline for the streams that opts choose. It touches neither
// Pylon nor Kafka.
func New(opts Options) (*Pipeline, error) {
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	if opts.Registerer == nil {
		opts.Registerer = prometheus.NewRegistry()
	}
	kopts, err := opts.Config.Kafka.Options(opts.Kafka...)
	if err != nil {
		return nil, err
	}
	codec, ok := opts.Config.Kafka.Codec()
	if !ok {
		return nil, fmt.Errorf("KAFKA_COMPRESSION is %q", opts.Config.Kafka.Compression)
	}
	var schemas *registrar
	reg, err := registry.New(opts.Config.Registry)
	if err != nil {
		return nil, fmt.Errorf("schema registry client: %w", err)
	}
	if reg != nil {
		schemas = newRegistrar(reg)
	}
	p := &Pipeline{
		cfg: opts.Config, client: opts.Client, log: opts.Logger, opts: kopts, reach: reach,
		store: offsets.Store{Topic: opts.Config.Kafka.Offsets(), Connector: opts.Config.Connector, Options: kopts},
	}
	p.keeper = &topicKeeper{k: &p.cfg.Kafka, limits: usualLimits, shared: newSharedTopics(&p.cfg, p.log)}
	clients := clientOptions{cluster: kopts, compression: codec, registerer: opts.Registerer}
	if err := p.newTasks(opts, clients, schemas); err != nil {
		return nil, err
	}
	states := make([]*state, len(p.tasks))
	for i, t := range p.tasks {
		states[i] = t.state
	}
	if err := opts.Registerer.Register(newCollector(states, p.Status)); err != nil {
		return nil, err
	}
	if schemas != nil {
		p.registry, err = newRegistryWatch(schemas, states, p.log, opts.Registerer)
	}
	return p, err
}

// newTasks makes a task of each chosen stream.
func (p *Pipeline) newTasks(opts Options, clients clientOptions, reg *registrar) error {
	ext := opts.Extract
	states := make(map[string]*state)
	done := make(map[string]chan struct{}) // by stream: a sync of it is finished
	for _, s := range ext.ChosenStreams() {
		codec, err := avro.NewCodec(s.Name, p.cfg.Layout())
		if err != nil {
			return fmt.Errorf("schema of %s: %w", s.Name, err)
		}
		keys, err := p.cfg.keyCodec(s.Name)
		if err != nil {
			return err
		}
		if reg != nil {
			reg.schemas = append(reg.schemas, p.cfg.schemasOf(s.Name, codec, keys)...)
		}
		log := p.log.With("stream", s.Name)
		states[s.Name], done[s.Name] = newState(s.Name, p.cfg.Kafka.Topic(s.Name), ext.Interval(s)), make(chan struct{})
		clients.tracing = newTracing(opts.Traces, s.Name)
		clients.txnID = p.cfg.Kafka.TransactionalID(s.Name)
		t := &task{
			state: states[s.Name], client: p.client, done: done[s.Name],
			outages: &outageLog{state: states[s.Name], log: log},
			wire:    &wire{registry: reg, schemas: p.keeper.shared.schemas, layout: p.cfg.Layout()},
			guard:   newSafeguard(s.Name, p.cfg.TombstonesMaxShare),
			cfg:     taskConfig{extract: ext, snapshot: p.cfg.Publish == PublishSnapshot, mostLetters: p.cfg.MaxDeadLetters, watch: watchInterval},
			set: streamSettings{
				stream: s, codec: codec, keyCodec: keys, connector: p.cfg.Connector, letters: topics.DeadLetters(&p.cfg.Kafka).Name,
				tombstones: p.cfg.Tombstones, store: p.store, memory: newStreamMemory(), log: log,
				// The index of the search may still show an issue as it was before a change for as long as the
				// lookback, and as long again what was read and is not committed yet.
				unsettled: 2 * ext.Lookback,
				topics:    p.keeper, opts: clients,
			},
		}
		t.wire.wait.trouble = func(trouble extract.Trouble) {
			trouble.Err = fmt.Errorf("schema registry: %w", trouble.Err)
			t.state.fail(trouble)
			t.outages.tell()
			log.Debug("the schema registry gives no id; trying again", "error", trouble.Err, "next_try", trouble.Next)
		}
		switch s.Sync {
		case extract.SyncIssues:
			t.readers = t.readIssues
		case extract.SyncChildren:
			t.readers = t.readChildren
		default:
			t.readers = t.readList
		}
		p.tasks = append(p.tasks, t)
	}
	for _, t := range p.tasks {
		parent := t.set.stream.Parent
		if parent == "" {
			continue
		}
		var err error
		if t.parent.state, t.parent.done = states[parent], done[parent]; t.parent.done == nil {
			closed := make(chan struct{})
			close(closed)
			t.parent.done = closed
		}
		if t.parent.keys.codec, err = p.cfg.keyCodec(parent); err != nil {
			return err
		}
		name := p.cfg.Kafka.Topic(parent)
		t.queue = func() queue { return &topicQueue{name: name, parent: parent, opts: p.opts, topics: p.keeper} }
	}
	return nil
}

// notReady shows that the cluster is not ready.
func (p *Pipeline) notReady(t extract.Trouble) {
	level := slog.LevelDebug
	if p.unready.CompareAndSwap(false, true) { // the first time; then the status says so
		level = slog.LevelError
	}
	attrs := []slog.Attr{slog.String("brokers", p.cfg.Kafka.BrokerList()), slog.Any("error", t.Err), slog.Time("since", t.Since), slog.Time("next_try", t.Next)}
	if isRegistryError(t.Err) {
		p.log.LogAttrs(context.Background(), level, "the schema registry is not ready; trying again", attrs[1:]...)
	} else {
		p.log.LogAttrs(context.Background(), level, "Kafka is not ready; trying again", attrs...)
	}
	for _, task := range p.tasks { // alive, but not ready
		task.state.waiting(t)
	}
}

// prepare reaches the cluster and makes sure of the topics that all tasks share.
func (p *Pipeline) prepare(ctx context.Context) error {
	const patience = 15 * time.Second
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	cl, err := kgo.NewClient(p.opts...)
	if err != nil {
		return fmt.Errorf("kafka client: %w", err)
	}
	if err := p.shareTopics(ctx, cl); err != nil {
		cl.Close()
		if isRegistryError(err) {
			return err
		}
		return p.cfg.Kafka.Explain(err)
	}
	p.keeper.cl = cl
	if p.unready.CompareAndSwap(true, false) {
		p.log.Info("Kafka is ready", "brokers", p.cfg.Kafka.BrokerList())
	}
	return nil
}

func (p *Pipeline) shareTopics(ctx context.Context, cl *kgo.Client) error {
	k := &p.cfg.Kafka
	if err := cl.Ping(ctx); err != nil {
		return fmt.Errorf("reach the cluster: %w", err)
	}
	if err := p.registryFirst(ctx, cl); err != nil {
		return err
	}
	shared, began := p.keeper.shared, time.Now()
	found, err := topics.Ensure(ctx, cl, k, append([]topics.Spec{topics.Offsets(k)}, shared.specs...)...)
	if err != nil {
		return finally(err)
	}
	p.keeper.leases = found[0].Partitions
	shared.note(began, found[1:], nil)
	for _, t := range found {
		for _, w := range t.Warnings {
			p.log.Warn("a topic is not as it should be", "topic", t.Name, "warning", w)
		}
	}
	if p.cfg.Registry.URL != "" {
		return nil
	}
	return p.knownSchemas(ctx)
}

// knownSchemas reads which schemas the schemas topic holds. It does not wait for
// transactions that are open: one that was left by a process that died stays open
// until its stream is opened anew, which comes later; and a schema that is there
// twice does no harm.
func (p *Pipeline) knownSchemas(ctx context.Context) error {
	schemas := p.keeper.shared.schemas
	err := topic.ReadAll(ctx, p.opts, schemas.name, topic.Stable, func(rec *kgo.Record) error {
		if rec.Value != nil {
			schemas.add(string(rec.Key), string(rec.Value))
		}
		return nil
	})
	return p.cfg.Kafka.Denied(err, connect.Right{Operation: "Read", Name: schemas.name})
}

// Status returns every chosen stream's status, in the order of the streams.
func (p *Pipeline) Status() []Status {
	usage := p.client.Usage()
	all := make([]Status, len(p.tasks))
	for i, t := range p.tasks {
		all[i] = t.state.read()
		spent := streamUsage(t.set.stream, usage)
		all[i].Requests = spent.Requests
		if spent.Limit > 0 && spent.Remaining >= 0 {
			all[i].BudgetUsed = 1 - float64(spent.Remaining)/float64(spent.Limit)
		}
	}
	return all
}

// Ready reports whether the group of the replicas is joined, and every stream
// that is this replica's has loaded its cursor, or failed alone.
func (p *Pipeline) Ready() bool {
	if !p.group.isJoined() {
		return false
	}
	for _, t := range p.tasks {
		if !t.state.ready() {
			return false
		}
	}
	return true
}

// groupConfig is how this process takes part in the group of the replicas.
func (p *Pipeline) groupConfig(name string) lease.Config {
	c := p.cfg.group(name)
	c.Options, c.Logger = p.opts, p.log
	return c
}

// tellOutages has the log follow the status of all streams until ctx ends.
func (p *Pipeline) tellOutages(ctx context.Context) {
	const every = 500 * time.Millisecond
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			p.tellClock()
			for _, t := range p.tasks {
				t.outages.tell()
			}
		}
	}
}

// tellClock warns while Pylon's clock and this machine's differ: what is read of
// issues is bounded by both.
func (p *Pipeline) tellClock() {
	warning := p.client.ClockWarning()
	if warning != "" {
		warning += ": " + extract.ClockAdvice
	}
	for _, t := range p.tasks {
		if !t.state.standsBy() {
			t.state.warn("clock", warning)
		}
	}
	if off := warning != ""; p.clockOff.Swap(off) != off {
		if off {
			p.log.Warn("the clocks differ", "warning", warning)
		} else {
			p.log.Info("the clocks agree again")
		}
	}
}

// telling begins tellOutages; the function that it returns ends it.
func (p *Pipeline) telling(ctx context.Context) (end func()) {
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() { p.tellOutages(ctx) })
	return func() {
		cancel()
		running.Wait()
	}
}

// groupDenied names the right to the group, if err says that it lacks. Read
// implies Describe (https://kafka.apache.org/documentation/#operations_resources_and_protocols).
func (p *Pipeline) groupDenied(err error) error {
	return p.cfg.Kafka.Denied(err, connect.Right{Operation: "Read", Resource: connect.OnGroup, Name: p.cfg.Kafka.Group()})
}

// replicaName is what the group calls this process: the client id, the host (in
// Kubernetes that is the pod) unless the client id has it, and the process.
func (p *Pipeline) replicaName() string {
	name := p.cfg.Kafka.ClientID
	if host, err := os.Hostname(); err == nil && !strings.Contains(name, host) {
		name += "@" + host
	}
	const first = 1 // in a container
	if pid := os.Getpid(); pid != first {
		name += fmt.Sprint(":", pid)
	}
	return name
}
