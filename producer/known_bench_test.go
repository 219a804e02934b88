package producer_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"pylon-kafka/offsets"
)

// BenchmarkKnown measures a start with a million issues and three million
// messages in the topics: how fast the view is rebuilt, and the program's largest
// resident memory.
func BenchmarkKnown(b *testing.B) {
	const issues, messages = 1_000_000, 3_000_000
	binary := buildBinary(b)
	kafka := startHelper(b, "kafka")
	pylon := startHelper(b, "pylon -1")
	fill(b, kafka, issues, messages)
	for b.Loop() {
		ctx, cancel := context.WithTimeout(b.Context(), 5*time.Minute)
		took, _, resident := runSync(ctx, b, binary, pylon, kafka, "issues", "issue_messages")
		cancel()
		b.ReportMetric((issues+messages)/took.Seconds(), "records/s")
		b.ReportMetric(resident, "MiB-rss")
	}
}

// fill writes small records with the headers of real ones, and cursors that say
// that all of them are read.
func fill(b *testing.B, kafka string, issues, messages int) {
	b.Helper()
	opts := []kgo.Opt{kgo.SeedBrokers(kafka)}
	cl, err := kgo.NewClient(append(opts[:1:1], kgo.TransactionalID("fill"), kgo.MaxBufferedRecords(100_000))...)
	if err != nil {
		b.Fatal(err)
	}
	defer cl.Close()
	adm := kadm.NewClient(cl)
	compact := "compact"
	created, err := adm.CreateTopics(b.Context(), 1, 1, map[string]*string{"cleanup.policy": &compact}, "pylon.issues", "pylon.issue_messages", "pylon.offsets")
	if err != nil || created.Error() != nil {
		b.Fatal(err, created.Error())
	}
	key := func(kind byte, n int) string {
		var id uuid.UUID
		id[0] = kind
		binary.BigEndian.PutUint64(id[8:], uint64(n)*0x9e3779b97f4a7c15)
		return id.String()
	}
	const each = 100_000
	value := make([]byte, 400) // about what an issue comes to when compressed
	rng := rand.NewChaCha8([32]byte{})
	for n := 0; n < issues+messages; n += each {
		if err := cl.BeginTransaction(); err != nil {
			b.Fatal(err)
		}
		for i := n; i < n+each; i++ {
			if i%100 == 0 {
				value = make([]byte, len(value))
				_, _ = rng.Read(value)
			}
			rec := &kgo.Record{Topic: "pylon.issues", Key: []byte(key(1, i)), Value: value, Headers: []kgo.RecordHeader{
				{Key: "origin", Value: []byte("backfill")},
				{Key: "extracted_at", Value: []byte("2026-01-02T03:04:05.678Z")},
				{Key: "hash", Value: fmt.Appendf(nil, "%016x", i)},
			}}
			if i >= issues {
				rec.Topic, rec.Key = "pylon.issue_messages", []byte(key(2, i))
				rec.Headers = append(rec.Headers, kgo.RecordHeader{Key: "parent", Value: []byte(key(1, (i-issues)/3))})
			}
			cl.Produce(b.Context(), rec, nil)
		}
		if err := cl.Flush(b.Context()); err != nil {
			b.Fatal(err)
		}
		if err := cl.EndTransaction(b.Context(), kgo.TryCommit); err != nil {
			b.Fatal(err)
		}
	}
	_, end, err := offsets.Bounds(b.Context(), cl, "pylon.issues")
	if err != nil {
		b.Fatal(err)
	}
	store := offsets.Store{Topic: "pylon.offsets", Connector: "pylon"}
	now := time.Now().UTC().Format(time.RFC3339)
	id := created["pylon.issues"].ID.String()
	if err := cl.BeginTransaction(); err != nil {
		b.Fatal(err)
	}
	for stream, cursor := range map[string]string{
		"issues": fmt.Sprintf(`{"from":%q,"topic_id":%q,"sweep":{"ended_at":%q}}`, now, id, now),
		"issue_messages": fmt.Sprintf(`{"topic_id":%q,"issues_topic_id":%q,"live":{"0":%d},"backlog":{"0":%d},"swept_at":%q}`,
			created["pylon.issue_messages"].ID.String(), id, end[0], end[0], now),
	} {
		rec, err := store.Record(stream, offsets.Entry{Cursor: []byte(cursor), UpdatedAt: time.Now()})
		if err != nil {
			b.Fatal(err)
		}
		if err := cl.ProduceSync(b.Context(), rec).FirstErr(); err != nil {
			b.Fatal(err)
		}
	}
	if err := cl.EndTransaction(b.Context(), kgo.TryCommit); err != nil {
		b.Fatal(err)
	}
}
