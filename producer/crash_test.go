package producer_test

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"pylon-kafka/extract/extracttest"
)

// Flags of the crash tests, such as
//
//	go test ./producer -run Crash -crashes 200 -seed 7
var (
	crashes    = flag.Int("crashes", 30, "TestCrash: how often pylon-kafka is killed")
	crashSeed  = flag.Uint64("seed", 0, "TestCrash: replay the run with this seed; 0 draws one")
	crashKafka = flag.String("crash-kafka", "real", "TestCrash: the Kafka, real (in a container) or kfake (in this process)")
)

// crashStreams are the streams that the crash tests copy: issues, what hangs on
// them, and three that are lists, one of them with parents.
var crashStreams = []string{"issues", "issue_messages", "issue_threads", "tags", "accounts", "knowledge_base_articles"}

// TestCrash kills the real binary at random moments, again and again, while the
// sandbox keeps changing, and then compares the topics with the sandbox's own
// history: nothing lost, nothing repeated, order by key kept, tombstones for
// exactly what was deleted.
func TestCrash(t *testing.T) {
	seed := *crashSeed
	if seed == 0 {
		seed = rand.Uint64N(1 << 32)
	}
	t.Run("killed", func(t *testing.T) {
		c := newCrash(t, seed)
		for range *crashes {
			c.killOnce(t)
		}
		c.finish(t, fmt.Sprintf("kills %d, within a transaction %d", c.kills, c.within))
	})
	t.Run("two groups with the same ids", func(t *testing.T) {
		c := newCrash(t, seed)
		for range max(1, *crashes/15) {
			c.rival(t)
		}
		c.finish(t, fmt.Sprintf("rivals %d, exit code 4 %d times, kills %d", c.rivals, c.fenced, c.kills))
	})
}

// crash is one run of a crash test.
type crash struct {
	*world

	binary string
	seed   uint64
	rng    *rand.Rand // of the moments
	began  time.Time
	stop   func() // ends the changes
	admin  *kadm.Client

	kills, within  int // within: a transaction was open
	rivals, fenced int
	starts         int
}

// newCrash starts a sandbox that changes all the time.
func newCrash(t *testing.T, seed uint64) *crash {
	t.Helper()
	t.Logf("replay with -seed %d", seed)
	opts := extracttest.Options{
		Seed: int64(seed), Issues: 60, MessagesPerIssue: 2, ThreadsPerIssue: 0.5,
		Latency: 2 * time.Millisecond, SearchLag: 1500 * time.Millisecond, RandomSearchLag: true,
		Bounds: extracttest.BoundsInclusive, MaxListRange: 20 * 365 * 24 * time.Hour,
		Mistyped: 13, RecordServed: true,
	}
	if seed%2 == 1 {
		opts.Bounds = extracttest.BoundsExclusive
	}
	c := &crash{seed: seed, rng: rand.New(rand.NewPCG(seed, 1))}
	switch *crashKafka {
	case "real":
		c.world, _ = newRealWorld(t, opts)
	case "kfake":
		c.world = newWorld(t, opts)
	default:
		t.Fatalf("-crash-kafka is %q: use real or kfake", *crashKafka)
	}
	c.binary = buildBinary(t)
	c.settings["PYLON_STREAMS"] = strings.Join(crashStreams, ",")
	c.settings["PYLON_POLL_INTERVAL"] = "100ms"
	c.settings["PYLON_REFRESH_INTERVAL"] = "200ms"
	c.settings["PYLON_SWEEP_INTERVAL"], c.settings["PYLON_RECONCILE_INTERVAL"] = "1s", "1s"
	c.settings["PYLON_LOOKBACK"] = "5s"
	c.settings["KAFKA_TOPIC_PARTITIONS"] = "2"
	c.began = time.Now()
	c.mutate(t, 20*time.Millisecond)
	return c
}

// mutate changes the sandbox, with pauses of up to most.
func (c *crash) mutate(t *testing.T, most time.Duration) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() {
		rng := rand.New(rand.NewPCG(c.seed, 2))
		for ctx.Err() == nil {
			c.api.Mutate(rng, 1+rng.IntN(3))
			pause := time.NewTimer(time.Duration(rng.Int64N(int64(most))))
			select {
			case <-pause.C:
			case <-ctx.Done():
			}
		}
	})
	c.stop = func() {
		cancel()
		running.Wait()
	}
	t.Cleanup(c.stop)
}

// await lets a process run up to a moment.
func (c *crash) await(t *testing.T, p *process, m moment) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := p.until(ctx, m.opened, m.committed); err != nil {
		t.Errorf("process %d is not there within %v: %v", p.cmd.Process.Pid, patience, m)
	}
	timer := time.NewTimer(m.after)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-p.logged:
	}
}

// killOnce starts the service and kills it at a random moment.
func (c *crash) killOnce(t *testing.T) {
	t.Helper()
	m := randomMoment(c.rng, len(crashStreams))
	p := c.alone(t)
	c.await(t, p, m)
	p.kill()
	c.kills++
	if c.open(t) {
		c.within++
	}
	if code, err := p.wait(); code != -1 || err != nil {
		t.Errorf("the process ended by itself with code %d (%v), before %v; its log:\n%s", code, err, m, p.log())
	}
}

// open reports whether Kafka has a transaction of ours that is not ended.
func (c *crash) open(t *testing.T) bool {
	t.Helper()
	if c.admin == nil {
		cl, err := kgo.NewClient(c.opts...)
		must(t, err)
		t.Cleanup(cl.Close)
		c.admin = kadm.NewClient(cl)
	}
	all, err := c.admin.ListTransactions(t.Context(), nil, []string{"Ongoing"})
	must(t, err)
	return slices.ContainsFunc(all.TransactionalIDs(), func(id string) bool { return strings.HasPrefix(id, c.txnID("")) })
}

// rival starts two instances that do not know of each other, for they are in
// groups of their own: they fence each other until one has had enough and ends
// with the exit code for that, while the other goes on.
func (c *crash) rival(t *testing.T) {
	t.Helper()
	const fencedCode = 4
	c.rivals++
	pair := []*process{c.alone(t), c.alone(t)}
	select {
	case <-pair[0].logged:
	case <-pair[1].logged:
	case <-time.After(patience):
		t.Error("two instances with the same ids go on for a minute")
	}
	for _, p := range pair {
		p.kill()
		code, err := p.wait()
		switch {
		case err != nil:
			t.Error(err)
		case code == fencedCode:
			c.fenced++
			if !strings.Contains(p.log(), "another program uses the same KAFKA_TRANSACTIONAL_ID_PREFIX (producer id ") {
				t.Errorf("an instance does not say what it lost against; its log:\n%s", p.log())
			}
		case code == -1:
			c.kills++
		default:
			t.Errorf("an instance ends with exit code %d; its log:\n%s", code, p.log())
		}
	}
}

// alone starts the service in a group of its own: it does not wait until the group
// has missed the one that was killed before.
func (c *crash) alone(t *testing.T) *process {
	t.Helper()
	c.starts++
	c.settings["KAFKA_GROUP_ID"] = fmt.Sprintf("%s-%d", c.txnID("group"), c.starts)
	return c.start(t, c.binary)
}

// finish ends the changes, lets the service run until nothing is left to do,
// and judges what the topics hold.
func (c *crash) finish(t *testing.T, what string) {
	t.Helper()
	c.stop()
	p := c.alone(t)
	deadline := time.Now().Add(90 * time.Second)
	for !c.settled(t, crashStreams) && time.Now().Before(deadline) {
		c.await(t, p, moment{after: 300 * time.Millisecond})
	}
	settled := time.Since(c.began)
	// Two sweeps more: what is repeated or gets a tombstone without a cause would be it now.
	c.await(t, p, moment{after: 2500 * time.Millisecond})
	if code := p.stop(t); code != 0 {
		t.Errorf("the service ends with exit code %d after SIGTERM; its log:\n%s", code, p.log())
	}
	v := c.judge(t, crashStreams)
	v.report(t, fmt.Sprintf("%s, %v until settled, -seed %d", what, settled.Round(time.Second), c.seed))
	for _, stream := range crashStreams {
		c.wantWholeTransactions(t, stream)
	}
	if bad := c.api.Violations(); len(bad) > 0 {
		t.Errorf("the sandbox saw requests that the API does not allow: %v", bad)
	}
}
