package producer_test

import (
	"cmp"
	"net"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"pylon-kafka/extract/extracttest"
)

// newWiredWorld is newWorld with a wire between the pipelines and the broker.
func newWiredWorld(t *testing.T, opts extracttest.Options, more ...kfake.Opt) (*world, *wire) {
	t.Helper()
	w := newWorld(t, opts)
	between, err := openWire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(between.close)
	behind := make(chan string, 1)
	cluster, err := kfake.NewCluster(append(more, kfake.NumBrokers(1), kfake.ListenFn(func(network, address string) (net.Listener, error) {
		ln, err := (&net.ListenConfig{}).Listen(t.Context(), network, address)
		if err != nil {
			return nil, err
		}
		behind <- ln.Addr().String()
		return advertised{ln, between.front.Addr()}, nil
	}))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	between.Connect(<-behind)
	w.cluster = cluster
	w.on(between.Addr())
	return w, between
}

// advertised is a listener that gives another address as its own.
type advertised struct {
	net.Listener

	as net.Addr
}

func (a advertised) Addr() net.Addr { return a.as }

// txnID is the transactional id of a stream's task.
func (w *world) txnID(stream string) string {
	return cmp.Or(w.settings["KAFKA_TRANSACTIONAL_ID_PREFIX"], "pylon-kafka") + "-" + stream
}

// commits accepts the requests to commit a transaction of a stream.
func (w *world) commits(stream string) func(kmsg.Request) bool {
	return func(req kmsg.Request) bool {
		r, ok := req.(*kmsg.EndTxnRequest)
		return ok && r.TransactionalID == w.txnID(stream) && r.Commit
	}
}

// produces accepts the produce requests of a stream.
func (w *world) produces(stream string) func(kmsg.Request) bool {
	return func(req kmsg.Request) bool {
		r, ok := req.(*kmsg.ProduceRequest)
		return ok && r.TransactionID != nil && *r.TransactionID == w.txnID(stream)
	}
}

// failCommit makes the answer to a commit that was done an error.
func failCommit(resp kmsg.Response) bool {
	r, ok := resp.(*kmsg.EndTxnResponse)
	if ok = ok && r.ErrorCode == 0; ok {
		r.ErrorCode = kerr.UnknownServerError.Code
	}
	return ok
}
