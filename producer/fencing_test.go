package producer_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
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

// fence takes over the transactional id of a stream, as a program with the same
// ids does, and as Kafka itself does with a transaction that stayed open for too
// long: its open transaction is aborted.
func (w *world) fence(t *testing.T, stream string) {
	t.Helper()
	cl, err := kgo.NewClient(append(w.opts[:len(w.opts):len(w.opts)], kgo.TransactionalID(w.txnID(stream)))...)
	must(t, err)
	defer cl.Close()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	_, _, err = cl.ProducerID(ctx)
	must(t, err)
}

// TestFencing_whoHoldsTheLeaseGoesOn fences a stream once, while a transaction is
// under way: the replica opens the stream anew, and nothing is lost or repeated.
func TestFencing_whoHoldsTheLeaseGoesOn(t *testing.T) {
	t.Parallel()
	held := map[string]struct {
		key kmsg.Key
		is  func(w *world, stream string) func(kmsg.Request) bool
	}{
		"records": {kmsg.Produce, (*world).produces},
		"commit":  {kmsg.EndTxn, (*world).commits},
	}
	for what, h := range held {
		for name, open := range kafkas {
			t.Run(what+" on "+name, func(t *testing.T) {
				t.Parallel()
				const stream = "issues"
				w, between := open(t, extracttest.Options{Seed: 23, Issues: 20})
				w.settings["PYLON_STREAMS"] = stream
				waiting := newHold()
				hold := between.meddle(&rule{key: h.key, hold: waiting, when: h.is(w, stream)})
				defer hold.Remove()
				one := w.launch(t)
				select {
				case <-waiting.held:
				case <-time.After(patience):
					t.Fatal("the transaction does not come that far")
				}
				w.fence(t, stream)
				waiting.letGo()
				eventually(t, "everything is published", func() bool { return w.settled(t, []string{stream}) })
				one.wantRunning(t)
				if err := one.stop(); err != nil {
					t.Errorf("it ends with %v", err)
				}
				if s := one.pipeline.Status()[0]; !strings.Contains(s.LastError, "fenced, though this replica holds the lease") {
					t.Errorf("the last error shown is %q", s.LastError)
				}
				w.wantTruth(t, stream)
				w.wantNoRepeats(t, stream)
				w.wantWholeTransactions(t, stream)
			})
		}
	}
}

// TestFencing_againAndAgainIsAnotherProgram fences a stream each time that it was
// opened: the replica gives up, and names who has the transactional id now.
func TestFencing_againAndAgainIsAnotherProgram(t *testing.T) {
	t.Parallel()
	for name, open := range kafkas {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, _ := open(t, extracttest.Options{Seed: 24, Issues: 10})
			w.settings["PYLON_STREAMS"] = "issues"
			one := w.launch(t)
			opened := func() int { return strings.Count(w.logs.String(), `msg="stream opened"`) }
			fenced := 0
			eventually(t, "it ends", func() bool {
				must(t, w.api.UpdateIssue(w.api.IssueID(1), extracttest.IssueChange{})) // it has to write to notice
				select {
				case <-one.ended:
					return true
				default:
				}
				if opened() > fenced {
					fenced++
					w.fence(t, "issues")
				}
				return false
			})
			if !errors.Is(one.result, producer.ErrTakenOver) {
				t.Fatalf("it ends with %v, want ErrTakenOver", one.result)
			}
			for _, part := range []string{"issues: another instance has taken over", w.txnID("issues"), "fenced 5 times", "KAFKA_TRANSACTIONAL_ID_PREFIX (producer id "} {
				if !strings.Contains(one.result.Error(), part) {
					t.Errorf("error %q does not say %q", one.result, part)
				}
			}
			if most := 10; fenced < 5 || fenced > most { // a fence that meets no transaction may go unnoticed until the next
				t.Errorf("fenced %d times, want 5 or few more", fenced)
			}
			w.wantNoRepeats(t, "issues")
		})
	}
}

// TestFencing_whoHasLostTheLeaseStandsBy holds all that a replica sends and gets
// back for longer than its session: it loses its streams, and takes part again.
func TestFencing_whoHasLostTheLeaseStandsBy(t *testing.T) {
	t.Parallel()
	w := newWorld(t, extracttest.Options{Seed: 25, Issues: 10})
	r := newReplicas(t, w)
	a, b := r.add(t, "a"), r.add(t, "b")
	r.shared(t, a, b)
	a.network.Pause() // it stands still, as far as the group can see
	r.begin("stands still")
	r.gone(a, func() {})
	r.shared(t, b)
	r.wantNoLonger(t, "stands still", r.session+15*time.Second) // .ci/replicas measures; this machine may be busy
	a.network.Mend()
	r.mu.Lock()
	r.all = append(r.all, a)
	r.mu.Unlock()
	r.shared(t, a, b)
	r.stop()
	eventually(t, "everything is in Kafka", func() bool { return r.settled(t, replicaStreams) })
	for _, one := range []*replica{a, b} {
		one.wantRunning(t)
		if err := one.stop(); err != nil {
			t.Errorf("%s ends with %v", one.name, err)
		}
	}
	r.judge(t, replicaStreams).report(t, "a replica that stood still")
}
