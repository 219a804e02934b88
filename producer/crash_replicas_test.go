package producer_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"pylon-kafka/extract/extracttest"
	"pylon-kafka/producer/producertest"
)

// faults is how many faults the replicas get, such as
//
//	go test ./producer -run TestCrashReplicas -faults 200 -timeout 2h
var faults = flag.Int("faults", 8, "TestCrashReplicas: how many faults")

// crashReplicas is how many replicas there are while none is down.
const crashReplicas = 3

// TestCrashReplicas has three replicas that are processes of their own share the
// streams, on a real Kafka, while the sandbox changes. At random they are killed,
// stopped, made to stand still for longer than the session, cut off from the
// broker, and started again. Nothing is lost, nothing repeated, and no stream is
// without an owner for longer than the session timeout and 5 s.
func TestCrashReplicas(t *testing.T) {
	seed := *crashSeed
	if seed == 0 {
		seed = rand.Uint64N(1 << 32)
	}
	f := newFleet(t, seed)
	for slot := range f.slots {
		f.start(t, slot)
	}
	for n := range *faults {
		f.fault(t)
		if n%20 == 19 {
			t.Logf("%d faults after %v: %v; %v", n+1, time.Since(f.began).Round(time.Second), f.counts, f.watch)
		}
	}
	for slot := range f.slots {
		f.mend(t, slot)
	}
	f.settle(t)
}

// fleet is the replicas of one deployment.
type fleet struct {
	*crash

	session time.Duration
	slots   [crashReplicas]slot
	watch   *ownership
	counts  map[string]int // faults by kind
}

// slot is a place for a replica, with a network of its own.
type slot struct {
	network *producertest.Proxy
	process *process  // nil: none
	since   time.Time // when it was started, or went on
	mended  time.Time // when what is wrong with it ends
	fault   string    // what is wrong with it; "" is nothing
}

func newFleet(t *testing.T, seed uint64) *fleet {
	t.Helper()
	t.Logf("replay with -seed %d", seed)
	const session = 6 * time.Second // the least that brokers take
	f := &fleet{session: session, watch: newOwnership(crashStreams), counts: make(map[string]int)}
	var fronts []producertest.Front
	for i := range f.slots {
		f.slots[i].network = producertest.StartProxy(t)
		fronts = append(fronts, f.slots[i].network)
	}
	k := producertest.StartKafka(t, producertest.Options{Fronts: fronts})
	w := newWorld(t, extracttest.Options{
		Seed: int64(seed), Issues: 60, MessagesPerIssue: 2, ThreadsPerIssue: 0.5, Latency: 2 * time.Millisecond,
		SearchLag: 1500 * time.Millisecond, RandomSearchLag: true, RecordServed: true,
	})
	w.cluster.Close()
	w.cluster = nil
	w.on(k.Brokers)
	f.crash = &crash{world: w, seed: seed, rng: rand.New(rand.NewPCG(seed, 3)), binary: buildBinary(t), began: time.Now()}
	for name, value := range map[string]string{
		"PYLON_STREAMS":       strings.Join(crashStreams, ","),
		"PYLON_POLL_INTERVAL": "200ms", "PYLON_REFRESH_INTERVAL": "500ms",
		"PYLON_SWEEP_INTERVAL": "5s", "PYLON_RECONCILE_INTERVAL": "5s", "PYLON_LOOKBACK": "5s",
		"KAFKA_SESSION_TIMEOUT": session.String(), "KAFKA_TOPIC_PARTITIONS": "2",
	} {
		w.settings[name] = value
	}
	f.mutate(t, 200*time.Millisecond)
	return f
}

// start starts a replica in an empty slot.
func (f *fleet) start(t *testing.T, n int) {
	t.Helper()
	s := &f.slots[n]
	f.settings["KAFKA_BROKERS"], f.settings["KAFKA_CLIENT_ID"] = s.network.Addr(), fmt.Sprint("replica-", n)
	s.process = f.startTelling(t, f.binary, func(line string) { f.watch.read(n, line) })
	s.since, s.fault = time.Now(), ""
	f.watch.healthy(n, true)
}

// well reports whether a slot has a replica that has been in order for a while.
func (s *slot) well() bool {
	const while = 3 * time.Second
	return s.process != nil && s.fault == "" && time.Since(s.since) > while
}

// fault makes one fault, when two replicas at least are well, and waits a little.
func (f *fleet) fault(t *testing.T) {
	t.Helper()
	var well []int
	f.until(t, "two replicas are well", func() bool {
		well = well[:0]
		for n := range f.slots {
			f.recover(t, n)
			if f.slots[n].well() {
				well = append(well, n)
			}
		}
		return len(well) >= 2
	})
	n := well[f.rng.IntN(len(well))]
	s := &f.slots[n]
	upTo := func(most time.Duration) time.Duration { return time.Duration(f.rng.Int64N(int64(most))) }
	kinds := []string{"kill -9", "SIGSTOP", "cut", "dropped packets", "SIGTERM"}
	s.fault = kinds[f.rng.IntN(len(kinds))]
	f.counts[s.fault]++
	longer := f.session + time.Second + upTo(4*time.Second)
	switch s.fault {
	case "kill -9":
		f.watch.healthy(n, false)
		f.end(t, s, os.Kill, -1)
		longer = upTo(5 * time.Second)
	case "SIGTERM":
		// It tells of each stream that it gives back.
		f.end(t, s, syscall.SIGTERM, 0)
		f.watch.healthy(n, false)
		longer = upTo(5 * time.Second)
	case "SIGSTOP":
		f.watch.healthy(n, false)
		must(t, s.process.cmd.Process.Signal(syscall.SIGSTOP))
	case "cut":
		f.watch.healthy(n, false)
		s.network.Cut()
	default:
		f.watch.healthy(n, false)
		s.network.Pause()
	}
	s.mended = time.Now().Add(longer)
	pause := time.After(upTo(3 * time.Second))
	<-pause
}

// end ends the replica of a slot by a signal.
func (f *fleet) end(t *testing.T, s *slot, sig os.Signal, want int) {
	t.Helper()
	must(t, s.process.cmd.Process.Signal(sig))
	select {
	case <-s.process.logged:
	case <-time.After(patience):
		t.Errorf("a replica does not end in time after %v; its log:\n%s", sig, s.process.log())
		s.process.kill()
	}
	if code, err := s.process.wait(); code != want || err != nil {
		t.Errorf("a replica ends with code %d (%v) after %v; its log:\n%s", code, err, sig, s.process.log())
	}
	s.process = nil
}

// recover mends a slot whose time has come, and looks whether its replica lives.
func (f *fleet) recover(t *testing.T, n int) {
	t.Helper()
	s := &f.slots[n]
	if s.process != nil {
		select {
		case <-s.process.logged:
			t.Fatalf("replica %d has ended by itself; its log:\n%s", n, s.process.log())
		default:
		}
	}
	if s.fault != "" && time.Now().After(s.mended) {
		f.mend(t, n)
	}
}

// mend ends what is wrong with a slot.
func (f *fleet) mend(t *testing.T, n int) {
	t.Helper()
	s := &f.slots[n]
	switch s.fault {
	case "":
		return
	case "kill -9", "SIGTERM":
		f.start(t, n)
		return
	case "SIGSTOP":
		must(t, s.process.cmd.Process.Signal(syscall.SIGCONT))
	default:
		s.network.Mend()
	}
	s.fault, s.since = "", time.Now()
	f.watch.healthy(n, true)
}

// until waits until ok holds.
func (f *fleet) until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(2 * time.Minute)
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("not within 2 min: %s", what)
		}
	}
}

// settle ends the changes, lets the replicas finish, and judges.
func (f *fleet) settle(t *testing.T) {
	t.Helper()
	f.stop()
	f.until(t, "the topics hold what the sandbox holds", func() bool { return f.settled(t, crashStreams) })
	settled := time.Since(f.began)
	for n := range f.slots {
		f.end(t, &f.slots[n], syscall.SIGTERM, 0)
		f.watch.healthy(n, false)
	}
	f.judge(t, crashStreams).report(t, fmt.Sprintf("%d faults in %v: %v; %v; -seed %d", *faults, settled.Round(time.Second), f.counts, f.watch, f.seed))
	for _, stream := range crashStreams {
		f.wantWholeTransactions(t, stream)
	}
	if worst, most := f.watch.longest(), f.session+5*time.Second; worst > most {
		t.Errorf("a stream was without an owner for %v, want at most %v", worst, most)
	}
	if bad := f.api.Violations(); len(bad) > 0 {
		t.Errorf("the sandbox saw requests that the API does not allow: %v", bad)
	}
}
