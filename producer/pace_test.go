package producer_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"pylon-kafka/extract/extracttest"
)

// newBubble is a world without a network, for a synctest bubble: hours of pacing
// pass in a moment, and what is measured is what the design costs, not the
// machine. The API has its documented limits and a latency of 300 ms.
func newBubble(t *testing.T, opts extracttest.Options) *world {
	t.Helper()
	// A bubble begins in the year 2000, which is before Pylon.
	pass(time.Until(time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)))
	opts.Latency = 300 * time.Millisecond
	api := extracttest.New(opts)
	var network kfake.VirtualNetwork
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.Ports(9092), kfake.ListenFn(network.Listen))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	return &world{
		api: api, cluster: cluster, logs: &logBuffer{}, pylon: api.Transport(),
		opts: []kgo.Opt{kgo.SeedBrokers(cluster.ListenAddrs()...), kgo.Dialer(network.DialContext)},
		settings: map[string]string{
			"PYLON_API_TOKEN":  "token",
			"PYLON_START_DATE": "2026-01-01T00:00:00Z",
			"PYLON_API_URL":    "http://pylon.example",
			"KAFKA_BROKERS":    "localhost:9092",
			// Finalizers of its decoders would run outside of the bubble.
			"KAFKA_COMPRESSION": "none",
		},
	}
}

// pass lets the bubble's time pass.
func pass(d time.Duration) {
	time.Sleep(d) //nolint:forbidigo // Moves the bubble's clock; nothing waits.
}

// watch reads a topic, read_committed, from its end on and notes when each key
// came for the last time.
type watch struct {
	mu   sync.Mutex
	seen map[string]time.Time
}

func (w *world) watch(ctx context.Context, t *testing.T, topics ...string) *watch {
	t.Helper()
	cl, err := kgo.NewClient(append(w.opts[:len(w.opts):len(w.opts)], kgo.ConsumeTopics(topics...),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.FetchMaxWait(100*time.Millisecond),
		kgo.DisableClientMetrics())...) // which a client sends when it closes, for longer than a bubble may last
	if err != nil {
		t.Fatal(err)
	}
	watch := &watch{seen: make(map[string]time.Time)}
	go func() { // ends with ctx
		defer cl.Close()
		for ctx.Err() == nil {
			cl.PollFetches(ctx).EachRecord(func(rec *kgo.Record) {
				watch.mu.Lock()
				defer watch.mu.Unlock()
				watch.seen[string(rec.Key)] = time.Now()
			})
		}
	}()
	return watch
}

func (w *watch) at(key string) time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.seen[key]
}

// TestRun_freshness measures, with default settings and limits on, from a change
// in Pylon to a read_committed consumer that holds it, ten changes a minute, while
// a backlog of many hours of children is being read.
func TestRun_freshness(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const changes = 200
		w := newBubble(t, extracttest.Options{Seed: 40, Issues: 20_000})
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		watch := w.watch(ctx, t, "pylon.issues", "pylon.issue_messages")
		p, stop := w.run(t)
		pass(5 * time.Minute)
		if s := byStream(p.Status())["issue_messages"]; s.Backlog < 10_000 {
			t.Fatalf("no backlog: %+v", s)
		}

		updated := make(map[string]time.Time) // issues
		added := make(map[string]time.Time)   // messages
		for i := range changes {
			pass(6*time.Second + time.Duration(i%7)*10*time.Millisecond)
			id := w.api.IssueID(i * 3)
			if i%2 == 0 {
				must(t, w.api.UpdateIssue(id, extracttest.IssueChange{}))
				updated[id] = time.Now()
				continue
			}
			key, err := w.api.AddMessage(id, extracttest.MessageChange{})
			must(t, err)
			added[key] = time.Now()
		}
		pass(time.Minute)
		for _, c := range []struct {
			what          string
			made          map[string]time.Time
			median, worst time.Duration
		}{
			{"issue", updated, 10 * time.Second, 17 * time.Second},
			{"message", added, 11 * time.Second, 19 * time.Second},
		} {
			var took []time.Duration
			for key, at := range c.made {
				seen := watch.at(key)
				if !seen.After(at) {
					t.Fatalf("%s %s has not come", c.what, key)
				}
				took = append(took, seen.Sub(at))
			}
			slices.Sort(took)
			median, worst := took[len(took)/2], took[len(took)-1]
			t.Logf("%s: median %v, worst %v of %d", c.what, median, worst, len(took))
			if median > c.median || worst > c.worst {
				t.Errorf("%s: median %v, worst %v; want at most %v and %v", c.what, median, worst, c.median, c.worst)
			}
		}
		if n := w.api.Rejected(); n != 0 {
			t.Errorf("the API refused %d requests for their rate", n)
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

// TestRun_childrenUseTheBudget reads a backlog for an hour.
func TestRun_childrenUseTheBudget(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const minutes, limit = 30, 120
		w := newBubble(t, extracttest.Options{Seed: 41, Issues: 10_000})
		_, stop := w.run(t)
		pass(2 * time.Minute)
		before := maps.Clone(w.api.Requests())
		pass(minutes * time.Minute)
		after := w.api.Requests()
		for _, endpoint := range []string{"issue_messages", "issue_threads"} {
			n := after[endpoint] - before[endpoint]
			t.Logf("%s: %d of %d requests, %.1f %%", endpoint, n, minutes*limit, 100*float64(n)/(minutes*limit))
			if n < minutes*limit*95/100 {
				t.Errorf("%s: %d requests in %d minutes, want 95 %% of %d", endpoint, n, minutes, minutes*limit)
			}
		}
		if n := w.api.Rejected(); n != 0 {
			t.Errorf("the API refused %d requests for their rate", n)
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

// TestSync_takesNoLongerThanTheBudgetPermits backfills with the documented
// limits: the children of n issues need n requests, of which a window of 60 s
// permits 120, the first ones at once.
func TestSync_takesNoLongerThanTheBudgetPermits(t *testing.T) {
	t.Parallel()
	for _, window := range []extracttest.LimitWindow{extracttest.LimitSliding, extracttest.LimitAligned} {
		t.Run(fmt.Sprint(window), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				const issues, limit = 1000, 120
				w := newBubble(t, extracttest.Options{Seed: 42, Issues: issues, LimitWindow: window})
				began := time.Now()
				if err := w.pipeline(t).Sync(t.Context()); err != nil {
					t.Fatal(err)
				}
				took := time.Since(began)
				permitted := time.Duration((issues-1)/limit) * time.Minute
				t.Logf("took %v, the budget permits %v: %.3f times", took, permitted, float64(took)/float64(permitted))
				if took > permitted*105/100 {
					t.Errorf("took %v, want at most 1.05 times %v", took, permitted)
				}
				if n := w.api.Rejected(); n != 0 {
					t.Errorf("the API refused %d requests for their rate", n)
				}
				w.wantTruth(t, allStreams()...)
			})
		})
	}
}
