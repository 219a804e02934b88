package producer_test

import (
	"context"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/sync/errgroup"

	"pylon-kafka/extract/extracttest"
	"pylon-kafka/producer"
	"pylon-kafka/producer/producertest"
)

// replicaStreams are the streams of the tests of replicas; their leases are 5 of
// the 16 partitions of the offsets topic.
var replicaStreams = []string{"issues", "issue_messages", "tags", "accounts", "contacts", "teams"}

// replica is an instance with a network of its own.
type replica struct {
	*instance

	name    string
	network *producertest.Proxy
}

// replicas are some of one deployment, and a watch over what they own.
type replicas struct {
	*world

	session time.Duration

	mu      sync.Mutex
	all     []*replica                          // that live
	orphans map[string]time.Time                // streams that nobody works, since when
	worst   map[string]map[string]time.Duration // by phase and stream
	phase   string
	stop    func() // ends the watch and the changes
}

// newReplicas starts the changes and the watch.
func newReplicas(t *testing.T, w *world) *replicas {
	t.Helper()
	const session = 6 * time.Second // the least that brokers take
	w.settings["PYLON_STREAMS"] = strings.Join(replicaStreams, ",")
	w.settings["PYLON_POLL_INTERVAL"], w.settings["PYLON_REFRESH_INTERVAL"] = "50ms", "100ms"
	w.settings["PYLON_RECONCILE_INTERVAL"], w.settings["PYLON_SWEEP_INTERVAL"] = "2s", "2s"
	w.settings["KAFKA_SESSION_TIMEOUT"] = session.String()
	r := &replicas{world: w, session: session, orphans: make(map[string]time.Time), worst: make(map[string]map[string]time.Duration)}
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	every := func(pause time.Duration, do func()) {
		running.Go(func() {
			tick := time.NewTicker(pause)
			defer tick.Stop()
			for {
				select {
				case <-tick.C:
					do()
				case <-ctx.Done():
					return
				}
			}
		})
	}
	rng := rand.New(rand.NewPCG(41, 0))
	every(30*time.Millisecond, func() { w.api.Mutate(rng, 2) })
	every(5*time.Millisecond, r.look)
	r.stop = func() {
		cancel()
		running.Wait()
	}
	t.Cleanup(r.stop)
	return r
}

// add starts a replica.
func (r *replicas) add(t *testing.T, name string) *replica {
	t.Helper()
	network := producertest.StartProxy(t)
	network.Connect(r.settings["KAFKA_BROKERS"])
	direct := r.opts
	r.opts = append(slices.Clone(direct), kgo.Dialer(network.Dial))
	added := &replica{name: name, network: network, instance: r.launch(t, "KAFKA_CLIENT_ID", name)}
	r.opts = direct
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = append(r.all, added)
	return added
}

// gone takes a replica that is about to stop or to die out of the watch.
func (r *replicas) gone(dead *replica, how func()) {
	r.mu.Lock()
	r.all = slices.DeleteFunc(r.all, func(other *replica) bool { return other == dead })
	r.mu.Unlock()
	how()
}

// works returns which streams a replica works.
func (r *replica) works() []string {
	var streams []string
	for _, s := range r.pipeline.Status() {
		if s.Owned && s.State != producer.Starting && s.State != producer.Failed {
			streams = append(streams, s.Stream)
		}
	}
	return streams
}

// look notes for how long which stream is with nobody.
func (r *replicas) look() {
	r.mu.Lock()
	defer r.mu.Unlock()
	owned := make(map[string]bool)
	for _, one := range r.all {
		for _, stream := range one.works() {
			owned[stream] = true
		}
	}
	now := time.Now()
	for _, stream := range replicaStreams {
		since, orphan := r.orphans[stream]
		switch {
		case owned[stream]:
			delete(r.orphans, stream)
		case !orphan:
			r.orphans[stream] = now
		case r.phase != "":
			r.worst[r.phase][stream] = max(r.worst[r.phase][stream], now.Sub(since))
		}
	}
}

// begin begins a phase.
func (r *replicas) begin(phase string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.phase = phase
	clear(r.orphans) // what was with nobody before was seen by shared since
	r.worst[phase] = make(map[string]time.Duration)
}

// shared waits until these replicas work all streams, each at least some.
func (r *replicas) shared(t *testing.T, among ...*replica) {
	t.Helper()
	eventually(t, "the streams are shared out", func() bool {
		var all []string
		for _, one := range among {
			one.wantRunning(t)
			streams := one.works()
			if len(streams) == 0 {
				return false
			}
			all = append(all, streams...)
		}
		return len(all) == len(replicaStreams)
	})
}

// wantNoLonger fails if a stream was with nobody for longer than that in a phase.
func (r *replicas) wantNoLonger(t *testing.T, phase string, most time.Duration) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	var longest time.Duration
	for stream, took := range r.worst[phase] {
		longest = max(longest, took)
		if took > most {
			t.Errorf("%s: %s is with nobody for %v, want at most %v", phase, stream, took, most)
		}
	}
	t.Logf("%s: streams with nobody for at most %v", phase, longest.Round(time.Millisecond))
}

const (
	// handOver is for how long a stream may be with nobody when its replica stops.
	handOver = slowdown * 3 * time.Second
	// margin is what may come to the session timeout when it dies.
	margin = slowdown * 5 * time.Second
)

// both stops two at the same time.
func both(t *testing.T, one, other func() error) {
	t.Helper()
	var group errgroup.Group
	group.Go(one)
	group.Go(other)
	must(t, group.Wait())
}

// TestReplicas_shareTheStreams has replicas come, stop and die while the sandbox
// changes all the time: a read_committed reader finds nothing lost and nothing
// repeated, and no stream is with nobody for longer than is allowed. It is not
// beside other tests, for it measures.
func TestReplicas_shareTheStreams(t *testing.T) { //nolint:tparallel // See above.
	opts := extracttest.Options{Seed: 41, Issues: 40, MessagesPerIssue: 2, RecordServed: true}
	for name, open := range map[string]func(*testing.T) *replicas{
		"kfake": func(t *testing.T) *replicas {
			t.Helper()
			return newReplicas(t, newWorld(t, opts))
		},
		"real Kafka": func(t *testing.T) *replicas {
			t.Helper()
			w, _ := newRealWorld(t, opts)
			return newReplicas(t, w)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := open(t)
			a := r.add(t, "a")
			r.shared(t, a)

			r.begin("added")
			b := r.add(t, "b")
			r.shared(t, a, b)
			r.wantNoLonger(t, "added", handOver)

			r.begin("clean stop")
			r.gone(b, func() {
				if err := b.stop(); err != nil {
					t.Errorf("b ends with %v", err)
				}
			})
			r.shared(t, a)
			r.wantNoLonger(t, "clean stop", handOver)

			c := r.add(t, "c")
			r.shared(t, a, c)
			r.begin("killed")
			r.gone(a, a.network.Cut)
			r.shared(t, c)
			r.wantNoLonger(t, "killed", r.session+margin)

			d := r.add(t, "d")
			r.shared(t, c, d)
			if !d.pipeline.Ready() || !c.pipeline.Ready() {
				t.Error("a replica that has some of the streams is not ready")
			}
			e := r.add(t, "e")
			r.shared(t, c, d, e)
			r.begin("two stop together")
			r.gone(e, func() { r.gone(d, func() { both(t, d.stop, e.stop) }) })
			r.shared(t, c)
			r.wantNoLonger(t, "two stop together", 2*handOver)

			r.stop()
			eventually(t, "everything is in Kafka", func() bool { return r.settled(t, replicaStreams) })
			must(t, c.stop())
			r.judge(t, replicaStreams).report(t, "replicas")
			for _, stream := range replicaStreams {
				r.wantWholeTransactions(t, stream)
			}
			r.wantHandOvers(t)
		})
	}
}

// wantHandOvers looks for the lines that tell of hand-overs.
func (r *replicas) wantHandOvers(t *testing.T) {
	t.Helper()
	for _, part := range []string{`msg="stream handed over" stream=`, "from=a@", "to=c@", "without_owner=", "since_last_commit="} {
		if !strings.Contains(r.logs.String(), part) {
			t.Errorf("the log has no %q", part)
		}
	}
}
