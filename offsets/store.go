package offsets

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"pylon-kafka/offsets/topic"
)

// Store reads and lays out the cursors of one connector. Its fields are set
// once; its methods are safe for concurrent use.
type Store struct {
	Topic     string    // the offsets topic
	Connector string    // first half of every key
	Options   []kgo.Opt // how to reach the cluster
}

// Contents is what the offsets topic holds for a connector.
type Contents struct {
	Partitions int32            // of the topic
	Streams    map[string]Found // every stream that has a record, a tombstone too
}

// Found is what the offsets topic holds for one stream. Several partitions may
// hold a record for its key: somebody has added partitions to the topic, and each
// of them is compacted by itself. The newest record counts; of two of the same
// time, the one that stands where the key belongs.
type Found struct {
	Entry     Entry   // where Err is nil
	Err       error   // [ErrNoCursor] for a tombstone, or wraps [ErrUnreadable]
	Partition int32   // in which the record stands that counts
	Older     []int32 // the other partitions that hold an older cursor, in order

	value []byte // of the record that counts
}

// Key returns the key of stream's records, e.g. "pylon/issues".
func (s Store) Key(stream string) string { return s.Connector + "/" + stream }

// Record returns the record that sets stream's cursor once the transaction it
// is produced in commits. The entry's version and stream are filled in. The
// partition is left to the client's partitioner, which is the default one or that
// of [Partition].
func (s Store) Record(stream string, e Entry) (*kgo.Record, error) {
	e.Version, e.Stream = version, stream
	e.UpdatedAt = e.UpdatedAt.UTC()
	value, err := json.Marshal(e)
	if err != nil {
		return nil, fmt.Errorf("cursor of %s: %w", stream, err)
	}
	return &kgo.Record{Topic: s.Topic, Key: []byte(s.Key(stream)), Value: value}, nil
}

// Load returns the last committed entry of stream, or [ErrNoCursor]. It reads
// the whole topic, which compaction keeps small.
//
// All streams share the topic, and the last stable offset stands still at the
// first transaction that is open, whichever stream's it is: a committed entry may
// be behind it. Where it is, Load waits for the transactions before it to end,
// which takes no longer than their timeout. The stream's own must have ended: take
// over its transactional id before.
//
// An entry that cannot be read (no JSON, of a later version, another stream's) is
// an error that names the key and what would do, and wraps [ErrUnreadable];
// nothing is guessed, since a wrong cursor loses data.
func (s Store) Load(ctx context.Context, stream string) (Entry, error) {
	contents, err := s.read(ctx, func(info topic.Info) (map[int32]int64, error) { return s.settled(ctx, info, stream) })
	if err != nil {
		return Entry{}, fmt.Errorf("load cursor of %s: %w", stream, err)
	}
	found, ok := contents.Streams[stream]
	if !ok {
		return Entry{}, ErrNoCursor
	}
	return found.Entry, found.Err
}

// Read returns all that the topic holds for the connector up to an end:
// [topic.Stable], or [topic.Written] to wait for open transactions.
func (s Store) Read(ctx context.Context, to topic.End) (Contents, error) {
	return s.read(ctx, func(info topic.Info) (map[int32]int64, error) { return info.At(to), nil })
}

// read reads up to where to says.
func (s Store) read(ctx context.Context, to func(topic.Info) (map[int32]int64, error)) (Contents, error) {
	info, err := s.find(ctx)
	if err != nil {
		return Contents{}, err
	}
	ends, err := to(info)
	if err != nil {
		return Contents{}, err
	}
	last := make(lastRecords)
	if err := s.collect(ctx, info, info.At(topic.Start), ends, last); err != nil {
		return Contents{}, err
	}
	return s.contents(info, last), nil
}

// find asks what the offsets topic is like now.
func (s Store) find(ctx context.Context) (topic.Info, error) {
	cl, err := kgo.NewClient(s.Options...)
	if err != nil {
		return topic.Info{}, fmt.Errorf("make a Kafka client: %w", err)
	}
	defer cl.Close()
	return topic.Find(ctx, cl, s.Topic)
}

// lastRecords are the last records of each stream, by stream and partition.
type lastRecords map[string]map[int32]record

// record is the last one of a key in a partition.
type record struct {
	partition int32
	at        time.Time
	value     []byte
}

// collect brings last up to date with the records from some offsets to others.
func (s Store) collect(ctx context.Context, info topic.Info, from, to map[int32]int64, last lastRecords) error {
	return topic.Read(ctx, s.Options, info, from, to, func(rec *kgo.Record) error {
		stream, ours := strings.CutPrefix(string(rec.Key), s.Connector+"/")
		if !ours {
			return nil
		}
		if last[stream] == nil {
			last[stream] = make(map[int32]record, 1)
		}
		last[stream][rec.Partition] = record{rec.Partition, rec.Timestamp, bytes.Clone(rec.Value)}
		return nil
	})
}

func (s Store) contents(info topic.Info, last lastRecords) Contents {
	contents := Contents{Partitions: info.Partitions(), Streams: make(map[string]Found, len(last))}
	for stream, records := range last {
		contents.Streams[stream] = s.choose(stream, Partition(s.Key(stream), info.Partitions()), records)
	}
	return contents
}

// choose takes the newest of a stream's records; home is the partition where its
// key belongs.
func (s Store) choose(stream string, home int32, records map[int32]record) Found {
	newest, ok := records[home]
	if !ok {
		newest.at = time.Time{}.Add(-1) // older than any
	}
	for _, r := range records {
		later := r.at.Compare(newest.at)
		if later > 0 || later == 0 && newest.partition != home && r.partition > newest.partition {
			newest = r
		}
	}
	f := Found{Partition: newest.partition, value: newest.value}
	for _, r := range records {
		if r.partition != newest.partition && r.value != nil {
			f.Older = append(f.Older, r.partition)
		}
	}
	slices.SortFunc(f.Older, cmp.Compare)
	if f.value == nil {
		f.Err = ErrNoCursor
		return f
	}
	if f.Entry, f.Err = parse(f.value, stream); f.Err != nil {
		f.Err = fmt.Errorf("topic %s: key %q: %w: "+
			"run a version of pylon-kafka that knows it, or reset the stream (pylon-kafka offsets reset %s)", s.Topic, s.Key(stream), f.Err, stream)
	}
	return f
}
