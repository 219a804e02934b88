package producer_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"pylon-kafka/avro"
	"pylon-kafka/extract/extracttest"
)

// TestWithoutRegistry_schemasArePublishedOnce reads the records of every stream
// as a consumer must who has nothing but the topics.
func TestWithoutRegistry_schemasArePublishedOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, extracttest.Options{Seed: 40, Issues: 10})
	w.sync(t)
	schemas := make(map[string]string)
	for _, rec := range w.rawRecords(t, "pylon.schemas") {
		if _, twice := schemas[string(rec.Key)]; twice {
			t.Errorf("schema %s is published twice", rec.Key)
		}
		schemas[string(rec.Key)] = string(rec.Value)
	}
	for _, stream := range allStreams() {
		codec := newCodec(t, stream)
		key := fmt.Sprintf("%016x", codec.Fingerprint())
		if schemas[key] != codec.Schema() {
			t.Errorf("%s: pylon.schemas holds %q under %s", stream, schemas[key], key)
		}
		fingerprint, err := hex.DecodeString(key)
		must(t, err)
		slices.Reverse(fingerprint) // the header has the least significant byte first
		header := append([]byte{0xc3, 0x01}, fingerprint...)
		records := w.rawRecords(t, "pylon."+stream)
		for _, rec := range records {
			if !strings.HasPrefix(string(rec.Value), string(header)) {
				t.Errorf("%s %s: value begins with % x, want % x", stream, rec.Key, rec.Value[:10], header)
			}
		}
		if len(records) == 0 {
			t.Errorf("%s: no records", stream)
		}
	}
	w.sync(t)
	if n := len(w.rawRecords(t, "pylon.schemas")); n != len(allStreams()) {
		t.Errorf("pylon.schemas holds %d records after a second sync, want %d", n, len(allStreams()))
	}
}

// TestWithoutRegistry_aStreamThatStartsOverRepeatsNoSchema lets a commit fail
// after the schema is in its topic.
func TestWithoutRegistry_aStreamThatStartsOverRepeatsNoSchema(t *testing.T) {
	t.Parallel()
	w := newWorld(t, extracttest.Options{Seed: 41, Issues: -1})
	p, stop := w.run(t, "PYLON_STREAMS", "tags", "PYLON_REFRESH_INTERVAL", "50ms")
	eventually(t, "the first pass is committed", func() bool { return byStream(p.Status())["tags"].Records > 0 })
	first := byStream(p.Status())["tags"].Records
	failed := failEndTxn(w.cluster, kerr.UnknownServerError)
	_, err := w.api.Create("tags", "")
	must(t, err)
	eventually(t, "the new tag is published", func() bool { return byStream(p.Status())["tags"].Records == first+1 })
	if !failed.Load() {
		t.Fatal("no commit has failed")
	}
	must(t, stop())
	w.wantTruth(t, "tags")
	if n := len(w.rawRecords(t, "pylon.schemas")); n != 1 {
		t.Errorf("pylon.schemas holds %d records, want 1", n)
	}
}

// failEndTxn lets the cluster refuse the next end of a transaction.
func failEndTxn(cluster *kfake.Cluster, why *kerr.Error) *atomic.Bool {
	var failed atomic.Bool
	cluster.ControlKey(int16(kmsg.EndTxn), func(request kmsg.Request) (kmsg.Response, error, bool) {
		failed.Store(true)
		response, _ := request.ResponseKind().(*kmsg.EndTxnResponse)
		response.ErrorCode = why.Code
		return response, nil, true
	})
	return &failed
}

// TestSync_leavesRecordsOfOthersAlone begins with a topic that somebody else has
// written to.
func TestSync_leavesRecordsOfOthersAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, extracttest.Options{Seed: 42, Issues: -1})
	w.newRegistry(t)
	others := []*kgo.Record{
		{Topic: "pylon.tags", Key: []byte("x"), Value: []byte("plain text")},
		{Topic: "pylon.tags", Key: []byte("z"), Value: append(avro.AppendConfluent(nil, 4711), "of another schema"...)},
		{Topic: "pylon.tags", Value: []byte(`{"no":"key"}`)},
		{Topic: "pylon.tags", Key: []byte("y"), Value: []byte{0}, Headers: []kgo.RecordHeader{{Key: "hash", Value: []byte("sha256:1")}}},
	}
	w.createTopic(t, "pylon.tags", nil)
	w.produce(t, others...)

	if s := w.sync(t, "PYLON_STREAMS", "tags")["tags"]; s.Records != int64(w.api.Count("tags")) || s.Tombstones != 0 {
		t.Errorf("status %+v, want all %d tags published and no tombstone", s, w.api.Count("tags"))
	}
	records := w.rawRecords(t, "pylon.tags")
	for i, rec := range others {
		if !bytes.Equal(records[i].Key, rec.Key) || !bytes.Equal(records[i].Value, rec.Value) {
			t.Errorf("record %d is %q %q, want it as it was", i, records[i].Key, records[i].Value)
		}
	}
	if want := len(others) + w.api.Count("tags"); len(records) != want {
		t.Errorf("%d records, want %d", len(records), want)
	}
	log := w.logs.String()
	if !strings.Contains(log, "did not write") || !strings.Contains(log, "topic=pylon.tags") || !strings.Contains(log, "records=4") {
		t.Error("the log does not say that records of others are in the topic")
	}
	if s := w.sync(t, "PYLON_STREAMS", "tags")["tags"]; s.Records != 0 || s.Tombstones != 0 {
		t.Errorf("second sync: %+v", s)
	}
}
