package preflight

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"

	"pylon-kafka/producer/connect"
	"pylon-kafka/producer/topics"
)

// cluster is what the checks of Kafka share. It is safe for concurrent use.
type cluster struct {
	k      *connect.Kafka
	cl     *kgo.Client
	old    *kgo.Client // speaks as Kafka 3.0 did, where records are asked for by the topic's name
	broker int32       // one that answers
}

const (
	// requestTimeout is how long the client waits for one answer.
	requestTimeout = 4 * time.Second
	// grace is for what ends with ctx to say so.
	grace = 300 * time.Millisecond
)

// kafka checks the brokers, and then the topics and the rights. The client does
// not end every wait with ctx (the first answer of a connection has a timeout of
// its own), so kafka does not wait for it for longer.
func kafka(ctx context.Context, opts *Options) []Check {
	dials := &lastDial{}
	c, err := newCluster(opts, dials)
	if err != nil {
		return []Check{fail("brokers", err, "")}
	}
	done := make(chan []Check, 1)
	go func() {
		defer c.close()
		done <- c.check(ctx, opts, dials)
	}()
	select {
	case checks := <-done:
		return checks
	case <-ctx.Done():
	}
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case checks := <-done:
		return checks
	case <-timer.C:
		return []Check{fail("brokers", fmt.Errorf("KAFKA_BROKERS %s: %w", c.k.BrokerList(), c.late(ctx, ctx.Err(), dials)), "")}
	}
}

func newCluster(opts *Options, dials *lastDial) (*cluster, error) {
	options, err := opts.Kafka.Options(append([]kgo.Opt{kgo.WithHooks(dials), kgo.RequestTimeoutOverhead(requestTimeout)}, opts.Dial...)...)
	if err != nil {
		return nil, err
	}
	cl, err := kgo.NewClient(options...)
	if err != nil {
		return nil, err
	}
	old, err := kgo.NewClient(append(options[:len(options):len(options)], kgo.MaxVersions(kversion.V3_0_0()))...)
	if err != nil {
		cl.Close()
		return nil, err
	}
	return &cluster{k: opts.Kafka, cl: cl, old: old}, nil
}

func (c *cluster) close() {
	c.cl.Close()
	c.old.Close()
}

// check checks the brokers, and if they are reached the rest at the same time.
func (c *cluster) check(ctx context.Context, opts *Options, dials *lastDial) []Check {
	brokers := c.brokers(ctx, dials)
	if brokers.State == Failed {
		return []Check{brokers}
	}
	readWrite := []kmsg.ACLOperation{kmsg.ACLOperationRead, kmsg.ACLOperationWrite}
	wanted := []wantedTopic{
		{spec: topics.Offsets(c.k), ops: readWrite},
		{spec: topics.DeadLetters(c.k), ops: readWrite[1:]},
		{spec: topics.Index(c.k), ops: readWrite, lack: "without it a hand-over of a large stream reads its topic whole"},
	}
	if opts.Registry == nil {
		wanted = append(wanted, wantedTopic{spec: topics.Schemas(c.k), ops: readWrite})
	}
	var ids []string
	for _, s := range opts.Extract.ChosenStreams() {
		ids = append(ids, c.k.TransactionalID(s.Name))
		wanted = append(wanted, wantedTopic{spec: topics.Stream(c.k, s.Name), ops: readWrite})
	}
	var ofTopics []Check
	var ofIDs, ofGroup, ofValues, ofCursors Check
	var running sync.WaitGroup
	running.Go(func() { ofTopics = c.topics(ctx, wanted) })
	running.Go(func() { ofIDs = c.transactionalIDs(ctx, ids) })
	running.Go(func() { ofGroup = c.group(ctx) })
	running.Go(func() { ofValues = c.framing(ctx, opts) })
	running.Go(func() { ofCursors = c.cursors(ctx, opts) })
	running.Wait()
	return append(append([]Check{brokers}, ofTopics...), ofIDs, ofGroup, ofCursors, ofValues)
}

// brokers reaches the cluster and then each of its brokers: an address that a
// broker advertises need not be one that can be reached from here.
func (c *cluster) brokers(ctx context.Context, dials *lastDial) Check {
	const name = "brokers"
	adm := kadm.NewClient(c.cl)
	err := c.cl.Ping(ctx)
	var details kadm.BrokerDetails
	if err == nil {
		details, err = adm.ListBrokers(ctx)
	}
	if err != nil {
		err = c.k.Explain(c.late(ctx, err, dials))
		return fail(name, fmt.Errorf("KAFKA_BROKERS %s: %w", c.k.BrokerList(), err), "")
	}
	errs := make([]error, len(details))
	var asking sync.WaitGroup
	for i, d := range details {
		asking.Go(func() {
			if _, err := c.cl.Broker(int(d.NodeID)).Request(ctx, kmsg.NewPtrApiVersionsRequest()); err != nil {
				addr := net.JoinHostPort(d.Host, strconv.Itoa(int(d.Port)))
				errs[i] = fmt.Errorf("broker %d advertises %s, where it is not reached: %w", d.NodeID, addr, c.k.Explain(c.late(ctx, err, dials)))
			}
		})
	}
	asking.Wait()
	if err := errors.Join(errs...); err != nil {
		return fail(name, err, "let the broker advertise an address that is reached from here (advertised.listeners)")
	}
	c.broker = details[0].NodeID
	return good(name, strconv.Itoa(len(details))+" in the cluster, each reached")
}

// late puts what the last connection failed of in the place of an error that
// says no more than that the time is up.
func (c *cluster) late(ctx context.Context, err error, dials *lastDial) error {
	if ctx.Err() == nil || !errors.Is(err, ctx.Err()) {
		return err
	}
	if last := dials.read(); last != nil {
		return fmt.Errorf("not reached within %v: %w", limit, last)
	}
	return fmt.Errorf("no answer within %v", limit)
}

// lastDial remembers why a connection was not made.
type lastDial struct {
	mu  sync.Mutex
	err error
}

var _ kgo.HookBrokerConnect = (*lastDial)(nil)

// OnBrokerConnect is called by the client after each attempt to connect.
func (d *lastDial) OnBrokerConnect(_ kgo.BrokerMetadata, _ time.Duration, _ net.Conn, err error) {
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.err = err
}

func (d *lastDial) read() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.err
}

// lacking is a failed check for rights that are missing: it names each, and the
// commands that grant them, those of our topics for all of them at once.
func (c *cluster) lacking(name string, rights []connect.Right, cause error) Check {
	names, grants := make([]string, len(rights)), make([]string, len(rights))
	for i, r := range rights {
		names[i] = r.String()
		if r.Resource == connect.OnTopic && c.k.TopicPrefix != "" && strings.HasPrefix(r.Name, c.k.TopicPrefix) {
			r.Name, r.Prefix = c.k.TopicPrefix, true
		}
		grants[i] = c.k.Grant(r)
	}
	return fail(name, fmt.Errorf("the cluster's ACLs do not allow %s: %w", strings.Join(names, ", "), cause), strings.Join(grants, "\n"))
}
