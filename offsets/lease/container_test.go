package lease_test

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"pylon-kafka/offsets/lease"
	"pylon-kafka/producer/producertest"
)

// newRealScene is a scene on the real Kafka, with a topic and a group of the
// test's own.
func newRealScene(t *testing.T, k *producertest.Kafka) *scene {
	t.Helper()
	name := producertest.Name(t)
	s := newSceneAt(t, k.Brokers, name, name+".offsets")
	compact := "compact"
	_, err := s.adm.CreateTopic(t.Context(), partitions, 1, map[string]*string{"cleanup.policy": &compact}, s.config.Topic)
	must(t, err)
	return s
}

// joinedBehindProxy is joined, with a proxy between the replica and the broker.
func (s *scene) joinedBehindProxy(t *testing.T, k *producertest.Kafka, name string, holds int) (*replica, *producertest.Proxy) {
	t.Helper()
	p := producertest.StartProxy(t)
	p.Connect(k.Brokers)
	direct := s.config.Options
	defer func() { s.config.Options = direct }()
	s.config.Options = slices.Concat(direct, []kgo.Opt{kgo.Dialer(p.Dial)})
	return s.joined(t, name, holds), p
}

// TestContainer_handsOver starts, adds, stops and kills replicas that are
// processes of their own, and measures for how long a partition is nobody's.
func TestContainer_handsOver(t *testing.T) {
	t.Parallel()
	k := sharedKafka.Kafka(t)
	s := newRealScene(t, k)
	began := time.Now()
	a := s.start(t, "a", k.Brokers)
	eventually(t, "a holds everything", func() bool { return a.holds() == 16 })
	t.Logf("alone: everything %v after the start", since(began, s.all()[0].At))

	began = time.Now()
	b := s.start(t, "b", k.Brokers)
	eventually(t, "b has its half", func() bool { return a.holds() == 8 && b.holds() == 8 })
	wantMoved(t, s, began, "a second replica", 8)
	began = time.Now()
	c := s.start(t, "c", k.Brokers)
	eventually(t, "c has its part", func() bool { return a.holds()+b.holds()+c.holds() == 16 && c.holds() == 5 })
	wantMoved(t, s, began, "a third replica", 5)

	began = c.signal(t, syscall.SIGTERM)
	<-c.done
	eventually(t, "c's are taken over", func() bool { return a.holds()+b.holds() == 16 })
	wantGap(t, s, "clean stop", began, "c", 3*time.Second)

	began = b.signal(t, os.Kill)
	eventually(t, "b's are taken over", func() bool { return a.holds() == 16 })
	wantGap(t, s, "kill -9", began, "b", s.config.SessionTimeout+3*time.Second)

	a.signal(t, syscall.SIGTERM)
	<-a.done
	began = time.Now()
	d := s.start(t, "d", k.Brokers)
	eventually(t, "d holds everything", func() bool { return d.holds() == 16 })
	t.Logf("alone, on a warm broker: everything %v after the start", since(began, time.Now()))
}

// TestContainer_aStoppedProcessHearsThatItLost stops a process for longer than
// its session and lets it go on.
func TestContainer_aStoppedProcessHearsThatItLost(t *testing.T) {
	t.Parallel()
	k := sharedKafka.Kafka(t)
	s := newRealScene(t, k)
	s.config.SessionTimeout = 6 * time.Second
	a := s.start(t, "a", k.Brokers)
	b := s.start(t, "b", k.Brokers)
	eventually(t, "a and b share", func() bool { return a.holds() == 8 && b.holds() == 8 })
	began := b.signal(t, syscall.SIGSTOP)
	eventually(t, "b's are taken over", func() bool { return a.holds() == 16 })
	wantGap(t, s, "SIGSTOP, session of 6 s", began, "b", s.config.SessionTimeout+3*time.Second)
	began = b.signal(t, syscall.SIGCONT)
	eventually(t, "b hears of it", func() bool { return s.count("b", "lost") == 1 })
	for _, e := range s.all() {
		if e.What == "lost" {
			t.Logf("SIGCONT: b hears after %v that it lost", since(began, e.At))
		}
	}
	eventually(t, "a and b share again", func() bool { return a.holds() == 8 && b.holds() == 8 })
}

// TestContainer_aReplicaThatIsCutOff breaks and blocks the network of one of two
// replicas for longer than its session.
func TestContainer_aReplicaThatIsCutOff(t *testing.T) {
	t.Parallel()
	for name, cut := range map[string]func(*producertest.Proxy){
		"connections break":   (*producertest.Proxy).Cut,
		"packets are dropped": (*producertest.Proxy).Pause,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := sharedKafka.Kafka(t)
			s := newRealScene(t, k)
			s.config.SessionTimeout = 6 * time.Second
			a := s.joined(t, "a", 16)
			b, p := s.joinedBehindProxy(t, k, "b", 8)
			cut(p)
			began := time.Now()
			eventually(t, "b's are taken over", func() bool { return len(a.Partitions()) == 16 })
			wantGap(t, s, name, began, "b", s.config.SessionTimeout+3*time.Second)
			eventually(t, "b gives up what it has", func() bool { return s.count("b", "lost") == 1 })
			took := since(began, time.Now())
			t.Logf("b gives up %v after the cut", took)
			if took > s.config.SessionTimeout+3*time.Second {
				t.Errorf("b believes in what it lost for %v", took)
			}
			if b.Ready() {
				t.Error("b is ready without a coordinator")
			}
			p.Mend()
			eventually(t, "a and b share again", func() bool {
				return len(a.Partitions()) == 8 && len(b.Partitions()) == 8 && b.Ready() && b.Err() == nil
			})
		})
	}
}

// TestContainer_silence has a replica that waits, in the group's round, for another
// one whose streams take their time to stop, and so hears nothing for longer than
// its session: that is no loss while the coordinator answers, and is one when it
// does not. (kfake forgets a member that waits for so long; Kafka does not.)
func TestContainer_silence(t *testing.T) {
	t.Parallel()
	for name, cutOff := range map[string]bool{"others take their time": false, "packets are dropped": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := sharedKafka.Kafka(t)
			s := newRealScene(t, k)
			s.config.SessionTimeout = 6 * time.Second
			s.config.RebalanceTimeout = 10 * patience
			var slow atomic.Bool
			stopped := make(chan struct{})
			s.stopIt = func(context.Context, []int32) {
				if slow.Load() {
					<-stopped
				}
			}
			s.joined(t, "a", 16)
			s.stopIt = nil
			b, network := s.joinedBehindProxy(t, k, "b", 8)
			slow.Store(true)
			s.join(t, "c")
			eventually(t, "b has given back and waits for a", func() bool {
				return s.count("b", "revoked") == 1 && s.count("a", "revoking") == 2
			})
			if cutOff {
				network.Pause()
				began := time.Now()
				eventually(t, "b gives up what it has", func() bool { return s.count("b", "lost") == 1 })
				if took := time.Since(began); took > s.config.SessionTimeout+3*time.Second {
					t.Errorf("b gives up %v after the cut", took)
				}
				if err := b.Err(); b.Ready() || err == nil || !strings.Contains(err.Error(), "has not answered for 6s (KAFKA_SESSION_TIMEOUT)") {
					t.Errorf("ready %v, error %v", b.Ready(), err)
				}
				network.Mend()
			} else {
				passes(t, 2*s.config.SessionTimeout)
				if n := s.count("b", "lost"); n > 0 || !b.Ready() || len(b.Partitions()) == 0 {
					t.Errorf("b lost %d times, ready %v, holds %v", n, b.Ready(), b.Partitions())
				}
			}
			close(stopped)
			eventually(t, "all have their part", func() bool { return len(b.Partitions()) >= 5 && b.Ready() && b.Err() == nil })
		})
	}
}

// TestContainer_holdsAfterStandingStill asks, after a cut that ends when the
// replica has hardly noticed, whether a partition is still its.
func TestContainer_holdsAfterStandingStill(t *testing.T) {
	t.Parallel()
	k := sharedKafka.Kafka(t)
	s := newRealScene(t, k)
	s.config.SessionTimeout = 6 * time.Second
	a := s.joined(t, "a", 16)
	b, p := s.joinedBehindProxy(t, k, "b", 8)
	partition := b.Partitions()[0]
	holds, err := b.Holds(t.Context(), partition)
	must(t, err)
	if !holds {
		t.Error("b does not hold what was assigned to it")
	}
	p.Pause()
	eventually(t, "b's are taken over", func() bool { return len(a.Partitions()) == 16 })
	p.Mend()
	holds, err = b.Holds(t.Context(), partition)
	must(t, err)
	if holds {
		t.Error("b believes that it holds what a holds")
	}
}

// TestContainer_theBrokerStandsStill stops the broker for longer than the
// session: whoever held what, afterwards everything is held, once.
func TestContainer_theBrokerStandsStill(t *testing.T) {
	t.Parallel()
	k := producertest.StartKafka(t, producertest.Options{Env: map[string]string{"KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS": "3000"}})
	s := newRealScene(t, k)
	s.config.SessionTimeout = 6 * time.Second
	must(t, s.joined(t, "warm", 16).Close(t.Context()))
	began := time.Now()
	a := s.joined(t, "a", 16)
	t.Logf("alone, with a broker that has the default delay of the first rebalance: everything %v after the start", since(began, time.Now()))
	b := s.joined(t, "b", 8)
	must(t, k.Pause(t.Context()))
	passes(t, 8*time.Second)
	must(t, k.Unpause(t.Context()))
	began = time.Now()
	eventually(t, "everything is held", func() bool {
		owners, err := lease.Owners(t.Context(), s.adm, s.config.Group, s.config.Topic)
		return err == nil && len(owners) == 16 && len(a.Partitions()) == 8 && len(b.Partitions()) == 8
	})
	t.Logf("everything is held again %v after the broker stood still for 8 s; lost %d and %d times", since(began, time.Now()), s.count("a", "lost"), s.count("b", "lost"))
}

// TestContainer_refusesAGroupOfAnotherProgram has one of each protocol.
func TestContainer_refusesAGroupOfAnotherProgram(t *testing.T) {
	t.Parallel()
	for name, opts := range map[string][]kgo.Opt{
		"range":              {kgo.Balancers(kgo.RangeBalancer())},
		"cooperative-sticky": nil,
		"uniform":            {kgo.Balancers(kgo.StickyBalancer()), kgo.ServerSideBalancer()},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newRealScene(t, sharedKafka.Kafka(t))
			otherProgram(t, s, append(opts, kgo.ConsumeTopics(s.config.Topic))...)
			eventually(t, "the other program has everything", func() bool {
				owners, err := lease.Owners(t.Context(), s.adm, s.config.Group, s.config.Topic)
				return err == nil && len(owners) == 16
			})
			_, err := lease.Join(t.Context(), s.config, s.events("a"))
			if !errors.Is(err, lease.ErrForeign) || !strings.Contains(err.Error(), "orders-app (") || !strings.Contains(err.Error(), "assignor "+name) {
				t.Errorf("error %v", err)
			}
		})
	}
}

// TestContainer_keepsOthersOut has another program come later.
func TestContainer_keepsOthersOut(t *testing.T) {
	t.Parallel()
	s := newRealScene(t, sharedKafka.Kafka(t))
	a := s.joined(t, "a", 16)
	other := otherProgram(t, s, kgo.ConsumeTopics(s.config.Topic))
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := other.PollFetches(ctx).Err(); !errors.Is(err, kerr.InconsistentGroupProtocol) {
		t.Errorf("the other program hears %v", err)
	}
	if len(a.Partitions()) != 16 || !a.Ready() || a.Err() != nil {
		t.Errorf("a holds %v, error %v", a.Partitions(), a.Err())
	}
}

// TestContainer_namesAProgramThatTheBrokerLetsIn has one of the newer protocol
// come later, which Kafka 4 lets in, and leave.
func TestContainer_namesAProgramThatTheBrokerLetsIn(t *testing.T) {
	t.Parallel()
	s := newRealScene(t, sharedKafka.Kafka(t))
	a := s.joined(t, "a", 16)
	other := otherProgram(t, s, kgo.Balancers(kgo.StickyBalancer()), kgo.ServerSideBalancer(), kgo.ConsumeTopics(s.config.Topic))
	eventually(t, "it is named", func() bool { return errors.Is(a.Err(), lease.ErrForeign) })
	if text := a.Err().Error(); !strings.Contains(text, "orders-app (") || strings.Contains(text, "a (") || !a.Ready() {
		t.Errorf("error %q, ready %v", text, a.Ready())
	}
	other.Close()
	eventually(t, "a has everything again", func() bool { return len(a.Partitions()) == 16 && a.Err() == nil })
	b := s.joined(t, "b", 8)
	if b.Err() != nil {
		t.Errorf("error %v", b.Err())
	}
}

// passes lets time pass where that is what is tested, and no longer than the test.
func passes(t *testing.T, d time.Duration) {
	t.Helper()
	select {
	case <-time.After(d):
	case <-t.Context().Done():
	}
}

func wantMoved(t *testing.T, s *scene, began time.Time, what string, want int) {
	t.Helper()
	longest, count := s.moves(began)
	t.Logf("%s: %d partitions moved, each nobody's for at most %v", what, count, longest.Round(time.Millisecond))
	if count != want || longest > 3*time.Second {
		t.Errorf("%s: %d partitions moved, nobody's for %v; want %d, for at most 3 s", what, count, longest, want)
	}
}

func wantGap(t *testing.T, s *scene, what string, began time.Time, replica string, most time.Duration) {
	t.Helper()
	gap := s.gap(began, replica)
	t.Logf("%s: partitions are nobody's for %v", what, gap.Round(time.Millisecond))
	if gap == 0 || gap > most {
		t.Errorf("%s: partitions are nobody's for %v, want at most %v", what, gap, most)
	}
}

func since(began, at time.Time) time.Duration { return at.Sub(began).Round(time.Millisecond) }
