package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"pylon-kafka/avro"
	"pylon-kafka/cmd/pylon-kafka/internal/settings"
)

// newCluster starts an in-process Kafka with one broker.
func newCluster(t *testing.T) *kfake.Cluster {
	t.Helper()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.DefaultNumPartitions(1))
	if err != nil {
		t.Fatalf("start kfake: %v", err)
	}
	t.Cleanup(cluster.Close)
	return cluster
}

// topicWriter writes transactions to one topic.
type topicWriter struct {
	t     *testing.T
	cl    *kgo.Client
	topic string
	codec *avro.Codec
}

func newTopicWriter(t *testing.T, cluster *kfake.Cluster, stream string, partitions int32) *topicWriter {
	t.Helper()
	topic := "pylon." + stream
	if err := cluster.CreateTopic(topic, partitions, nil); err != nil {
		t.Fatalf("create topic: %v", err)
	}
	cl, err := kgo.NewClient(kgo.SeedBrokers(cluster.ListenAddrs()...), kgo.TransactionalID(topic), kgo.DefaultProduceTopic(topic))
	if err != nil {
		t.Fatalf("make client: %v", err)
	}
	t.Cleanup(cl.Close)
	w := &topicWriter{t: t, cl: cl, topic: topic}
	if stream != "schemas" {
		if w.codec, err = avro.NewCodec(stream, avro.LayoutNested); err != nil {
			t.Fatalf("make codec: %v", err)
		}
	}
	return w
}

// commit writes the records in one transaction.
func (w *topicWriter) commit(records ...*kgo.Record) { w.end(kgo.TryCommit, records) }

// abort writes the records in a transaction that is aborted.
func (w *topicWriter) abort(records ...*kgo.Record) { w.end(kgo.TryAbort, records) }

func (w *topicWriter) end(how kgo.TransactionEndTry, records []*kgo.Record) {
	w.t.Helper()
	if err := w.cl.BeginTransaction(); err != nil {
		w.t.Fatalf("begin: %v", err)
	}
	if err := w.cl.ProduceSync(w.t.Context(), records...).FirstErr(); err != nil {
		w.t.Fatalf("produce: %v", err)
	}
	if err := w.cl.EndTransaction(w.t.Context(), how); err != nil {
		w.t.Fatalf("end: %v", err)
	}
}

// tag is a record of the stream tags in single-object encoding.
func (w *topicWriter) tag(key, value string) *kgo.Record {
	return w.framed(key, value, avro.AppendSingleObject(nil, w.codec.Fingerprint()))
}

func (w *topicWriter) framed(key, value string, header []byte) *kgo.Record {
	w.t.Helper()
	encoded, _, err := w.codec.Encode(header, fmt.Appendf(nil, `{"id":%q,"value":%q,"new_field":{"a":[1]}}`, key, value))
	if err != nil {
		w.t.Fatalf("encode: %v", err)
	}
	return &kgo.Record{Key: []byte(key), Value: encoded, Headers: []kgo.RecordHeader{{Key: "origin", Value: []byte("refresh")}}}
}

func tombstone(key string) *kgo.Record { return &kgo.Record{Key: []byte(key)} }

// tailed is what a line of tail says, as far as the tests compare it.
type tailed struct {
	Key     string
	Value   string // of a tag; "null" for a tombstone
	Headers map[string]string
}

// tailLines runs tail and returns its lines.
func tailLines(t *testing.T, env settings.Environment, args ...string) []tailed {
	t.Helper()
	var out, errOut bytes.Buffer
	if err := run(t.Context(), append([]string{"tail"}, args...), env, &out, &errOut); err != nil {
		t.Fatalf("tail %v: %v", args, err)
	}
	var lines []tailed
	for line := range strings.Lines(out.String()) {
		lines = append(lines, parseTailed(t, line))
	}
	return lines
}

func parseTailed(t *testing.T, text string) tailed {
	t.Helper()
	var line struct {
		Key     string
		Headers map[string]string
		Error   string
		Value   *struct{ Value string }
	}
	if err := json.Unmarshal([]byte(text), &line); err != nil {
		t.Fatalf("line %q: %v", text, err)
	}
	got := tailed{Key: line.Key, Headers: line.Headers, Value: "null"}
	switch {
	case line.Error != "":
		got.Value = "error"
	case line.Value != nil:
		got.Value = line.Value.Value
	}
	return got
}

// keysAndValues writes lines as "key=value".
func keysAndValues(lines []tailed) string {
	var words []string
	for _, line := range lines {
		words = append(words, line.Key+"="+line.Value)
	}
	return strings.Join(words, " ")
}

func brokersOf(cluster *kfake.Cluster) settings.Environment {
	return settings.Environment{"KAFKA_BROKERS": strings.Join(cluster.ListenAddrs(), ",")}
}
