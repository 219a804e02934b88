package producer_test

import (
	"encoding/json"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"pylon-kafka/offsets"
	"pylon-kafka/offsets/topic"
)

// transaction names a Kafka transaction: since Kafka 4 each has an epoch of its
// own.
type transaction struct {
	producer int64
	epoch    int16
}

// wantWholeTransactions fails unless every committed transaction of a stream
// holds one cursor and just the records that the cursor counts.
func (w *world) wantWholeTransactions(t *testing.T, stream string) {
	t.Helper()
	records := make(map[transaction]int64)
	err := topic.ReadAll(t.Context(), w.opts, w.topicOf(stream), topic.Stable, func(rec *kgo.Record) error {
		records[transaction{rec.ProducerID, rec.ProducerEpoch}]++
		return nil
	})
	must(t, err)
	store := offsets.Store{Topic: w.topicOf("offsets"), Connector: "pylon", Options: w.opts}
	cursors := make(map[transaction]bool)
	var total int64
	err = topic.ReadAll(t.Context(), w.opts, store.Topic, topic.Stable, func(rec *kgo.Record) error {
		if string(rec.Key) != store.Key(stream) {
			return nil
		}
		var entry offsets.Entry
		if err := json.Unmarshal(rec.Value, &entry); err != nil {
			return err
		}
		id := transaction{rec.ProducerID, rec.ProducerEpoch}
		if cursors[id] {
			t.Errorf("%s: transaction %v holds two cursors", stream, id)
		}
		cursors[id] = true
		if got := entry.Records - total; got != records[id] {
			t.Errorf("%s: transaction %v counts %d records and holds %d", stream, id, got, records[id])
		}
		total = entry.Records
		return nil
	})
	must(t, err)
	for id, n := range records {
		if !cursors[id] {
			t.Errorf("%s: transaction %v holds %d records and no cursor", stream, id, n)
		}
	}
}
