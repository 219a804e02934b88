package producer_test

import (
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"pylon-kafka/extract/extracttest"
)

// mostTransaction has the brokers refuse longer transactions, as
// transaction.max.timeout.ms does.
func (w *world) mostTransaction(most time.Duration) {
	w.cluster.ControlKey(int16(kmsg.InitProducerID), func(kreq kmsg.Request) (kmsg.Response, error, bool) {
		w.cluster.KeepControl()
		req, _ := kreq.(*kmsg.InitProducerIDRequest)
		if time.Duration(req.TransactionTimeoutMillis)*time.Millisecond <= most {
			return nil, nil, false
		}
		resp, _ := req.ResponseKind().(*kmsg.InitProducerIDResponse)
		resp.ErrorCode = kerr.InvalidTransactionTimeout.Code
		return resp, nil, true
	})
}

// TestTransactions_shorterThanUsual are what the cluster allows: all is copied, with
// a warning, down to what is of use.
func TestTransactions_shorterThanUsual(t *testing.T) {
	t.Parallel()
	for most, says := range map[time.Duration]string{
		40 * time.Second: "", 30 * time.Second: "may take 20s", 10 * time.Second: "may take 10s", 5 * time.Second: "may take 5s",
	} {
		t.Run(most.String(), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, extracttest.Options{Seed: 209, Issues: -1})
			w.settings["PYLON_STREAMS"] = "tags"
			w.mostTransaction(most)
			s := w.sync(t)["tags"]
			w.wantTruth(t, "tags")
			if warnings := strings.Join(s.Warnings, "\n"); (says == "") != (warnings == "") || !strings.Contains(warnings, says) {
				t.Errorf("warnings %q, want one that says %q", warnings, says)
			}
		})
	}
	t.Run("too short", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, extracttest.Options{Seed: 209, Issues: -1})
		w.settings["PYLON_STREAMS"] = "tags"
		w.mostTransaction(time.Second)
		began := time.Now()
		w.syncFails(t, []string{"tags", "transaction.max.timeout.ms must be at least 5s"})
		if took := time.Since(began); took > slowdown*10*time.Second {
			t.Errorf("after %v", took)
		}
	})
}
