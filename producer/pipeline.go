package producer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/sync/errgroup"

	"pylon-kafka/avro"
	"pylon-kafka/extract"
	"pylon-kafka/offsets"
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
	Kafka      []kgo.Opt             // beyond what Config says, such as a dialer; for every client
}

// Pipeline copies the chosen streams into Kafka, each in a task of its own. A
// Pipeline is run once, by Run or by Sync; Status and Ready may be called at
// any time.
type Pipeline struct {
	cfg         Config
	extract     extract.Config
	client      *extract.Client
	log         *slog.Logger
	reg         prometheus.Registerer
	metrics     *metrics
	tasks       []*task
	opts        []kgo.Opt
	compression kgo.CompressionCodec
	store       offsets.Store
	registry    *registry.Registry // nil: none is set
	reach       time.Duration      // how long a sync waits for what does not answer

	// Set by prepare.
	cl          *kgo.Client // for questions
	deadLetters topics.Topic
	schemas     topics.Topic        // without a registry
	known       map[string]struct{} // fingerprints in the schemas topic
	once        bool                // a sync
	issuesDone  chan struct{}       // a sync: closed when no more issues will come
}

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
	reg, err := registry.New(opts.Config.Registry)
	if err != nil {
		return nil, fmt.Errorf("schema registry client: %w", err)
	}
	p := &Pipeline{
		cfg: opts.Config, extract: opts.Extract, client: opts.Client, log: opts.Logger, reg: opts.Registerer,
		metrics: newMetrics(opts.Registerer, opts.Extract.ChosenStreams()),
		opts:    kopts, compression: codec, registry: reg,
		store:      offsets.Store{Topic: opts.Config.Kafka.Offsets(), Connector: opts.Config.Connector, Options: kopts},
		reach:      reach,
		issuesDone: make(chan struct{}),
	}
	for _, s := range opts.Extract.ChosenStreams() {
		t, err := newTask(p, s)
		if err != nil {
			return nil, err
		}
		p.tasks = append(p.tasks, t)
	}
	return p, nil
}

// Run copies until ctx ends, and then returns nil once every open transaction
// is ended, which takes some seconds at the most. A stream that fails is shown
// as down and tried again, ever more slowly, while the others go on; so is a
// cluster that cannot be reached. Run returns early only for what ends the whole
// process: [ErrFenced], extract.ErrUnauthorized, and an offsets topic that
// cannot keep cursors.
func (p *Pipeline) Run(ctx context.Context) error {
	for attempt := 0; ; attempt++ {
		err := p.prepare(ctx)
		if err == nil {
			break
		}
		if ctx.Err() != nil {
			return nil
		}
		if refused(err) {
			return err
		}
		p.log.Error("Kafka is not ready; trying again", "brokers", p.cfg.Kafka.BrokerList(), "err", err)
		for _, t := range p.tasks { // alive, but not ready
			t.board.update(func(s *Status) { s.State, s.Up, s.Reason = Starting, false, err.Error() })
		}
		if !rest(ctx, backoff(attempt)) {
			return nil
		}
	}
	defer p.cl.Close()
	group, ctx := errgroup.WithContext(ctx)
	for _, t := range p.tasks {
		group.Go(func() error { return p.supervise(ctx, t) })
	}
	return group.Wait()
}

// reach is how long a sync waits for a cluster or a registry that does not answer.
//
// With what comes before and after, a sync ends within a minute.
const reach = 50 * time.Second

// Sync copies once: each full-refresh stream has one pass, issues are read up to
// the moment at which Sync began, and the children of every issue published
// until then. It returns nil when all that is committed, and otherwise the
// joined errors of the streams that failed; the others are finished all the
// same. When ctx ends first, it returns ctx's error after ending the open
// transactions. A cluster that cannot be reached is an error within a minute.
func (p *Pipeline) Sync(ctx context.Context) error {
	p.once = true
	if err := p.reachable(ctx); err != nil {
		return err
	}
	defer p.cl.Close()
	if !p.chosen(issuesStream) {
		close(p.issuesDone)
	}
	errs := make([]error, len(p.tasks))
	group, groupCtx := errgroup.WithContext(ctx)
	for i, t := range p.tasks {
		group.Go(func() error {
			errs[i] = p.attempt(groupCtx, t)
			if t.stream.Name == issuesStream {
				close(p.issuesDone)
			}
			if fatal(errs[i]) {
				return errs[i]
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return errors.Join(errs...)
}

// reachable prepares within the time that a sync waits.
func (p *Pipeline) reachable(ctx context.Context) error {
	limited, cancel := context.WithTimeout(ctx, p.reach)
	defer cancel()
	var last error
	for attempt := 0; ; attempt++ {
		err := p.prepare(limited)
		switch {
		case err == nil || refused(err):
			return err
		case ctx.Err() != nil:
			return ctx.Err()
		case last == nil || limited.Err() == nil:
			last = err // the one that time ran out in says less
		}
		if !rest(limited, backoff(attempt)) && ctx.Err() == nil {
			return fmt.Errorf("KAFKA_BROKERS %s: not reached in %v: %w", p.cfg.Kafka.BrokerList(), p.reach, last)
		}
	}
}

func (p *Pipeline) chosen(stream string) bool {
	for _, t := range p.tasks {
		if t.stream.Name == stream {
			return true
		}
	}
	return false
}

// supervise runs a task until ctx ends, again after each failure. A failure is
// logged here and nowhere else.
func (p *Pipeline) supervise(ctx context.Context, t *task) error {
	const healthy = time.Minute
	for attempt := 0; ; attempt++ {
		began := time.Now()
		err := t.run(ctx)
		if err == nil || ctx.Err() != nil && !fatal(err) {
			return nil // done, or asked to stop
		}
		t.fail(err)
		if fatal(err) {
			return fmt.Errorf("%s: %w", t.stream.Name, err)
		}
		if time.Since(began) > healthy {
			attempt = 0
		}
		pause := backoff(attempt)
		switch {
		case outgrown(err):
			pause, attempt = 0, -1
		case refused(err):
			pause = refusedPause
		}
		t.log.Error("stream is down; trying again", "err", err, "pause", pause)
		if !rest(ctx, pause) {
			return nil
		}
	}
}

// attempt runs a task for a sync: a failure that may pass is tried again a few
// times.
func (p *Pipeline) attempt(ctx context.Context, t *task) error {
	const most = 4
	for attempt := 0; ; attempt++ {
		err := t.run(ctx)
		if err == nil {
			t.board.update(func(s *Status) { s.State = Done })
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		t.fail(err)
		err = fmt.Errorf("%s: %w", t.stream.Name, err)
		if fatal(err) || refused(err) || attempt == most && !outgrown(err) {
			return err
		}
		t.log.Error("stream failed; trying again", "err", err)
		if outgrown(err) {
			attempt = -1
			continue
		}
		if !rest(ctx, backoff(attempt)) {
			return err
		}
	}
}

// refusedPause is how long a stream waits that somebody must do something about.
const refusedPause = 10 * time.Minute

// rest waits for d; it returns false if ctx ends before.
func rest(ctx context.Context, d time.Duration) bool { return sleep(ctx, d) == nil }

// backoff is the pause after a failure: it doubles from half a second up to a
// minute, less up to a half at random.
func backoff(attempt int) time.Duration {
	d := min(500*time.Millisecond<<min(attempt, 10), time.Minute)
	return d - rand.N(d/2)
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
		return err
	}
	p.cl = cl
	return nil
}

func (p *Pipeline) shareTopics(ctx context.Context, cl *kgo.Client) error {
	if err := cl.Ping(ctx); err != nil {
		return fmt.Errorf("reach the cluster: %w", p.cfg.Kafka.Explain(err))
	}
	specs := []topics.Spec{topics.Offsets(&p.cfg.Kafka), topics.DeadLetters(&p.cfg.Kafka)}
	if p.registry == nil {
		specs = append(specs, topics.Schemas(&p.cfg.Kafka))
	}
	found, err := p.ensure(ctx, cl, specs...)
	if err != nil {
		return err
	}
	p.deadLetters = found[1]
	if p.registry == nil {
		p.schemas = found[2]
	}
	return p.knownSchemas(ctx)
}

// unsettled is how long the index of the search may still show an issue as it
// was before a change: the lookback, and as much again for what was read and is
// not committed yet.
func (p *Pipeline) unsettled() time.Duration { return 2 * p.extract.Lookback }

// knownSchemas reads which schemas the schemas topic holds.
func (p *Pipeline) knownSchemas(ctx context.Context) error {
	p.known = make(map[string]struct{})
	if p.registry != nil {
		return nil
	}
	err := offsets.Scan(ctx, p.opts, p.schemas.Name, func(rec *kgo.Record) error {
		if rec.Value != nil {
			p.known[string(rec.Key)] = struct{}{}
		}
		return nil
	})
	return p.cfg.Kafka.Denied(err, connect.Right{Operation: "Read", Name: p.schemas.Name})
}

// topic finds or makes a stream's topic.
func (p *Pipeline) topic(ctx context.Context, stream string) (topics.Topic, error) {
	found, err := p.ensure(ctx, p.cl, topics.Stream(&p.cfg.Kafka, stream))
	if err != nil {
		return topics.Topic{}, err
	}
	return found[0], nil
}

// ensure finds or makes topics, and logs what of them loses data.
func (p *Pipeline) ensure(ctx context.Context, cl *kgo.Client, specs ...topics.Spec) ([]topics.Topic, error) {
	found, err := topics.Ensure(ctx, cl, &p.cfg.Kafka, specs...)
	for _, t := range found {
		for _, warning := range t.Warnings {
			p.log.Warn("a topic is not as it should be", "topic", t.Name, "warning", warning)
		}
	}
	return found, err
}

// wireHeader returns what stands before the Avro in every value of t's stream.
// With a registry it waits for it; without one it makes sure that the schemas
// topic has the schema.
func (p *Pipeline) wireHeader(ctx context.Context, t *task) ([]byte, error) {
	if p.registry == nil {
		return p.singleObjectHeader(t), nil
	}
	id, err := p.registryID(ctx, t)
	if err != nil {
		return nil, fmt.Errorf("schema registry: %w", err)
	}
	return avro.AppendConfluent(nil, id), nil
}

func (p *Pipeline) singleObjectHeader(t *task) []byte {
	fingerprint := t.codec.Fingerprint()
	key := hashText(fingerprint) // 16 hex digits, most significant first
	if _, ok := p.known[key]; !ok && !t.schemaSent {
		t.schema = &kgo.Record{Topic: p.schemas.Name, Key: []byte(key), Value: []byte(t.codec.Schema())}
	}
	return avro.AppendSingleObject(nil, fingerprint)
}

// Status returns every chosen stream's status, in the order of the streams.
func (p *Pipeline) Status() []Status {
	requests := p.client.Requests()
	all := make([]Status, len(p.tasks))
	for i, t := range p.tasks {
		all[i] = t.board.read()
		all[i].Requests = requests[t.stream.Endpoint]
		if t.stream.Sync == extract.SyncIssues {
			all[i].Requests += requests["issues_list"] + requests["issues_get"]
		}
	}
	return all
}

// Ready reports whether every stream has loaded its cursor, or failed alone.
func (p *Pipeline) Ready() bool {
	for _, t := range p.tasks {
		if !t.board.ready() {
			return false
		}
	}
	return true
}
