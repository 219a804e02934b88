package producer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/sync/errgroup"

	"pylon-kafka/extract"
	"pylon-kafka/offsets"
	"pylon-kafka/offsets/lease"
	"pylon-kafka/producer/connect"
)

// sighting is who had a lease, and when that was seen last.
type sighting struct {
	owner string
	at    time.Time
}

// ownersLook is how often a replica asks the group who has the leases that it has
// not. A description of the group is one request.
const ownersLook = 2 * time.Second

// standBy asks who has the streams that are not this replica's, and shows it.
func (r *replica) standBy(ctx context.Context) {
	if len(r.idle()) == 0 {
		return
	}
	limited, cancel := context.WithTimeout(ctx, ownersLook)
	defer cancel()
	k := &r.p.cfg.Kafka
	owners, err := lease.Owners(limited, kadm.NewClient(r.p.keeper.cl), k.Group(), k.Offsets())
	if err != nil {
		r.unsure(ctx, k.Explain(err))
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	r.told = now
	for partition, owner := range owners {
		if _, held := r.held[partition]; !held && owner != r.name {
			r.seen[partition] = sighting{owner, now}
		}
	}
	for _, t := range r.p.tasks {
		if run := r.running[t]; run == nil || run.stopping {
			t.state.standby(owners[r.lease(t)])
		}
	}
}

// cursorsLook is how often a replica reads the cursors of the streams that are
// not its own. It reads what is new of the offsets topic.
const cursorsLook = time.Minute

// showCursors shows how far the streams are that this replica does not work, so
// that none is "never" on a page or in a metric because another replica has it.
func (r *replica) showCursors(ctx context.Context) {
	idle := r.idle()
	if len(idle) == 0 {
		return
	}
	limited, cancel := context.WithTimeout(ctx, ownersLook)
	defer cancel()
	contents, err := r.cursors.Read(limited)
	if err != nil {
		r.p.log.Debug("the cursors of the streams that others work are not read", "error", err)
		return
	}
	for _, t := range idle {
		found, ok := contents.Streams[t.set.stream.Name]
		if !ok || found.Err != nil {
			continue
		}
		if doc, err := parseDocument(t.set.stream.Name, found.Entry.Cursor); err == nil {
			t.state.seen(doc)
		}
	}
}

// unsure shows that it cannot be told who works the streams that are not this
// replica's, once that has lasted.
func (r *replica) unsure(ctx context.Context, err error) {
	r.mu.Lock()
	told := r.told
	r.mu.Unlock()
	if ctx.Err() != nil || time.Since(told) < troubleShown {
		return
	}
	for _, t := range r.idle() {
		t.state.unleased(fmt.Errorf("who works the stream cannot be told: group %s: %w", r.p.cfg.Kafka.Group(), err))
		t.outages.tell()
	}
}

// idle returns the tasks that this replica does not work.
func (r *replica) idle() []*task {
	r.mu.Lock()
	defer r.mu.Unlock()
	var idle []*task
	for _, t := range r.p.tasks {
		if run := r.running[t]; run == nil || run.stopping {
			idle = append(idle, t)
		}
	}
	return idle
}

// sawOwn notes that this replica itself had the leases until now.
func (r *replica) sawOwn(partitions []int32) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range partitions {
		r.seen[p] = sighting{r.name, time.Now()}
	}
}

// arrival is the coming of a stream to this replica.
type arrival struct {
	to   string
	last sighting // the zero value: nobody was seen with it
	once sync.Once
}

// log tells of the hand-over, once, when the stream is open. What can be known of
// the time that the stream was with nobody are two bounds: the group had an owner
// for it at the last sighting (who died counts as owner until the session times
// out), and somebody committed its cursor.
func (a *arrival) log(s *session) {
	a.once.Do(func() {
		var facts []any
		add := func(name string, since time.Time) {
			if !since.IsZero() {
				facts = append(facts, slog.Duration(name, time.Since(since).Round(time.Millisecond)))
			}
		}
		from := a.last.owner
		if from == "" {
			from = "nobody that was seen"
		}
		add("without_owner", a.last.at)
		add("since_last_commit", s.left)
		s.log.Info("stream handed over", append([]any{"from", from, "to", a.to}, facts...)...)
	})
}

// Ownership says which replica works a stream, as the cluster has it.
type Ownership struct {
	Stream    string `json:"stream"`
	Partition int32  `json:"partition"` // of the offsets topic: the lease
	Owner     string `json:"owner"`     // client id; "" for nobody, or while the group is being rebalanced
	Host      string `json:"host"`
}

// Owners asks the cluster which replicas of the deployment with these settings
// work which streams, in the order of the streams. opts go beyond cfg, as in
// [Options].
func Owners(ctx context.Context, cfg Config, opts ...kgo.Opt) ([]Ownership, error) {
	k := &cfg.Kafka
	all, err := k.Options(opts...)
	if err != nil {
		return nil, err
	}
	cl, err := kgo.NewClient(all...)
	if err != nil {
		return nil, fmt.Errorf("kafka client: %w", err)
	}
	defer cl.Close()
	adm := kadm.NewClient(cl)
	found, err := adm.ListTopics(ctx, k.Offsets())
	if err == nil {
		err = found[k.Offsets()].Err
	}
	switch {
	case errors.Is(err, kerr.UnknownTopicOrPartition):
		return nil, fmt.Errorf("topic %s is not there: nothing has run with these settings yet", k.Offsets())
	case err != nil:
		return nil, k.Explain(k.Denied(fmt.Errorf("topic %s: %w", k.Offsets(), err), connect.Right{Operation: "Describe", Name: k.Offsets()}))
	}
	members, err := lease.Members(ctx, adm, k.Group())
	if err != nil {
		return nil, k.Explain(err)
	}
	if err := cfg.group("").Foreign(members); err != nil {
		return nil, err
	}
	holders := make(map[int32]lease.Info)
	for _, m := range members {
		for _, partition := range m.Partitions[k.Offsets()] {
			holders[partition] = m
		}
	}
	store := offsets.Store{Connector: cfg.Connector}
	owners := make([]Ownership, 0, len(extract.Streams()))
	for _, s := range extract.Streams() {
		partition := offsets.Partition(store.Key(s.Name), int32(len(found[k.Offsets()].Partitions)))
		holder := holders[partition]
		owners = append(owners, Ownership{Stream: s.Name, Partition: partition, Owner: holder.ClientID, Host: strings.TrimPrefix(holder.Host, "/")})
	}
	return owners, nil
}

// replica works the streams whose leases this process holds. A lease is a
// partition of the offsets topic: it is on the streams whose cursors the partition
// holds, by the number of partitions that the topic has now.
type replica struct {
	p      *Pipeline
	name   string // in the group
	group  *errgroup.Group
	ctx    context.Context //nolint:containedctx // Of the run: the group's events have others.
	member *lease.Member   // set before the first event is worked
	// cursors are those of the streams that others work. hold alone uses it.
	cursors *offsets.Follower

	mu         sync.Mutex
	partitions int32              // of the offsets topic, as it was looked at last
	held       map[int32]struct{} // the leases
	running    map[*task]*running // the last run of each stream, which may have ended
	seen       map[int32]sighting // who had a lease last, of those that others have or had
	told       time.Time          // when the group was described last
}

// running is a stream that this replica works, or has worked.
type running struct {
	cancel   context.CancelFunc
	done     chan struct{}
	stopping bool // cancelled
}

// lease is the partition of the offsets topic that a stream's lease is. The
// caller holds mu.
func (r *replica) lease(t *task) int32 {
	return offsets.Partition(r.p.store.Key(t.set.stream.Name), r.partitions)
}
