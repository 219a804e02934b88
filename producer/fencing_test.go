package producer_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"pylon-kafka/extract/extracttest"
	"pylon-kafka/producer"
)

// kafkas are the brokers that fencing is tested on, each behind a wire.
var kafkas = map[string]func(*testing.T, extracttest.Options) (*world, *wire){
	"kfake": func(t *testing.T, opts extracttest.Options) (*world, *wire) {
		t.Helper()
		return newWiredWorld(t, opts)
	},
	"real Kafka": func(t *testing.T, opts extracttest.Options) (*world, *wire) {
		t.Helper()
		w, k := newRealWorld(t, opts)
		w.on(k.wire.Addr())
		return w, k.wire
	},
}

// instance is a pipeline that runs.
type instance struct {
	pipeline *producer.Pipeline
	stop     func() error
	ended    chan struct{}
	result   error // once ended is closed
}

// launch starts the service.
func (w *world) launch(t *testing.T, overrides ...string) *instance {
	t.Helper()
	i := &instance{pipeline: w.pipeline(t, overrides...), ended: make(chan struct{})}
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		defer close(i.ended)
		i.result = i.pipeline.Run(ctx)
	}()
	i.stop = func() error {
		cancel()
		select {
		case <-i.ended:
		case <-time.After(20 * time.Second):
			t.Fatal("the pipeline does not stop")
		}
		return i.result
	}
	t.Cleanup(func() { _ = i.stop() })
	return i
}

// wantFenced waits until the instance has ended because of a newer one.
func (i *instance) wantFenced(t *testing.T) {
	t.Helper()
	select {
	case <-i.ended:
		if !errors.Is(i.result, producer.ErrTakenOver) {
			t.Fatalf("the older instance ends with %v, want ErrTakenOver", i.result)
		}
		if text := i.result.Error(); !strings.Contains(text, "KAFKA_TRANSACTIONAL_ID_PREFIX") {
			t.Errorf("error %q does not say what to look at", text)
		}
	case <-time.After(30 * time.Second):
		t.Fatal("the older instance is not fenced within 30 s")
	}
}

// wantRunning fails if the instance has ended.
func (i *instance) wantRunning(t *testing.T) {
	t.Helper()
	select {
	case <-i.ended:
		t.Fatalf("the newer instance ends with %v", i.result)
	default:
	}
}

// up waits until every stream of the instance is open.
func (i *instance) up(t *testing.T) {
	t.Helper()
	eventually(t, "every stream is open", func() bool {
		i.wantRunning(t)
		for _, s := range i.pipeline.Status() {
			if !s.Up {
				return false
			}
		}
		return true
	})
}

// countFences counts the requests that take over one of the world's
// transactional ids.
func (w *world) countFences(between *wire) *atomic.Int64 {
	var n atomic.Int64
	between.meddle(&rule{key: kmsg.InitProducerID, lose: true, when: func(req kmsg.Request) bool {
		r, ok := req.(*kmsg.InitProducerIDRequest)
		if ok && r.TransactionalID != nil && strings.HasPrefix(*r.TransactionalID, w.txnID("")) {
			n.Add(1)
		}
		return false // only looks
	}})
	return &n
}

// TestFencing_theNewestInstanceWins starts one instance after the other while
// the sandbox changes all the time: each ends the one before, which never begins
// again, and nothing is lost or repeated.
func TestFencing_theNewestInstanceWins(t *testing.T) {
	t.Parallel()
	const instances = 4
	streams := []string{"contacts", "issues", "issue_messages"}
	opts := extracttest.Options{Seed: 21, Issues: 40, MessagesPerIssue: 2, RecordServed: true}
	for name, open := range kafkas {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, between := open(t, opts)
			w.settings["PYLON_STREAMS"] = strings.Join(streams, ",")
			w.settings["PYLON_REFRESH_INTERVAL"] = "50ms"
			w.settings["PYLON_SWEEP_INTERVAL"], w.settings["PYLON_RECONCILE_INTERVAL"] = "1s", "1s"
			fences := w.countFences(between)
			rng := rand.New(rand.NewPCG(21, 0))
			change := func() { w.api.Mutate(rng, 2) }

			var last *instance
			for n := range instances {
				next := w.launch(t)
				if last != nil {
					eventually(t, "the older instance ends", func() bool {
						change() // it has to write to notice
						select {
						case <-last.ended:
							return true
						default:
							return false
						}
					})
					last.wantFenced(t)
				}
				next.up(t)
				if got, want := fences.Load(), int64((n+1)*len(streams)); got != want && w.cluster != nil {
					t.Errorf("%d instances took over %d times, want %d: once for each stream", n+1, got, want)
				}
				began := time.Now()
				eventually(t, "it follows changes for a while", func() bool {
					change()
					return time.Since(began) > 300*time.Millisecond
				})
				last = next
			}
			eventually(t, "everything is in Kafka", func() bool { return w.settled(t, streams) })
			last.wantRunning(t)
			if err := last.stop(); err != nil {
				t.Errorf("the last instance ends with %v", err)
			}
			w.judge(t, streams).report(t, "instances one after the other")
			for _, stream := range streams {
				w.wantWholeTransactions(t, stream)
			}
		})
	}
}

// TestFencing_anIdleInstance takes over from an instance that has no
// transaction open.
func TestFencing_anIdleInstance(t *testing.T) {
	t.Parallel()
	for name, open := range kafkas {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, between := open(t, extracttest.Options{Seed: 22})
			w.settings["PYLON_STREAMS"] = "contacts"
			fences := w.countFences(between)
			older := w.launch(t, "PYLON_REFRESH_INTERVAL", "1s")
			eventually(t, "the older instance is idle", func() bool {
				s := older.pipeline.Status()[0]
				return s.State == producer.Idle && !s.LastSuccess.IsZero()
			})
			newer := w.launch(t, "PYLON_REFRESH_INTERVAL", "1h")
			newer.up(t)
			older.wantFenced(t)
			newer.wantRunning(t)
			if err := newer.stop(); err != nil {
				t.Errorf("the newer instance ends with %v", err)
			}
			if got := fences.Load(); got != 2 && w.cluster != nil {
				t.Errorf("two instances took over %d times", got)
			}
			w.wantTruth(t, "contacts")
			w.wantNoRepeats(t, "contacts")
			w.wantWholeTransactions(t, "contacts")
		})
	}
}

// TestFencing_withinATransaction takes over while a transaction of the older
// instance is under way: what it had not committed is published by the newer
// one, once.
func TestFencing_withinATransaction(t *testing.T) {
	t.Parallel()
	held := map[string]struct {
		key kmsg.Key
		is  func(w *world, stream string) func(kmsg.Request) bool
	}{
		"records": {kmsg.Produce, (*world).produces},
		"commit":  {kmsg.EndTxn, (*world).commits},
	}
	for what, h := range held {
		for kind, stream := range kinds {
			if kind == "children" {
				continue // its transactions are like the others'
			}
			t.Run(what+" of "+stream, func(t *testing.T) {
				t.Parallel()
				for name, open := range kafkas {
					t.Run(name, func(t *testing.T) {
						t.Parallel()
						w, between := open(t, extracttest.Options{Seed: 23})
						w.settings["PYLON_STREAMS"] = stream
						w.settings["PYLON_REFRESH_INTERVAL"] = "50ms"
						waiting := newHold()
						hold := between.meddle(&rule{key: h.key, hold: waiting, when: h.is(w, stream)})
						defer hold.Remove()
						older := w.launch(t)
						select {
						case <-waiting.held:
						case <-time.After(30 * time.Second):
							t.Fatal("the transaction does not come that far")
						}
						newer := w.launch(t)
						newer.up(t)
						eventually(t, "the newer instance has published everything", func() bool { return w.settled(t, []string{stream}) })
						waiting.letGo()
						older.wantFenced(t)
						newer.wantRunning(t)
						if err := newer.stop(); err != nil {
							t.Errorf("the newer instance ends with %v", err)
						}
						w.wantTruth(t, stream)
						w.wantNoRepeats(t, stream)
						w.wantWholeTransactions(t, stream)
						if got, want := len(w.messages(t, stream)), w.api.Count(stream); got != want {
							t.Errorf("%d records, want one for each of %d objects", got, want)
						}
					})
				}
			})
		}
	}
}
