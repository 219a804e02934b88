package offsets

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Version is the version of an [Entry]'s layout that this code writes. It
// reads this one and those before it.
const Version = 1

// ErrNoCursor is returned by [Store.Load] for a stream that has none: it was
// never run, or was reset.
var ErrNoCursor = errors.New("no cursor")

// ErrUnreadable is wrapped by the error for an entry that is there and cannot be
// read: no JSON, of a later version, or another stream's. It stays so until
// somebody resets the stream or runs the program that wrote it.
var ErrUnreadable = errors.New("cursor cannot be read")

// Entry is the value of a record of the offsets topic.
type Entry struct {
	Version   int             `json:"version"`    // layout of this document
	Stream    string          `json:"stream"`     // e.g. "issues"
	Cursor    json.RawMessage `json:"cursor"`     // where to go on; opaque here
	Records   int64           `json:"records"`    // published for the stream so far, over all restarts
	UpdatedAt time.Time       `json:"updated_at"` // when this entry was written
}

// Store reads and lays out the cursors of one connector. Its fields are set
// once; its methods may be called at once.
type Store struct {
	Topic     string    // the offsets topic
	Connector string    // first half of every key
	Options   []kgo.Opt // how to reach the cluster
}

// Key returns the key of stream's records, e.g. "pylon/issues".
func (s Store) Key(stream string) string { return s.Connector + "/" + stream }

// Record returns the record that sets stream's cursor once the transaction it
// is produced in commits. The entry's version and stream are filled in.
func (s Store) Record(stream string, e Entry) (*kgo.Record, error) {
	e.Version, e.Stream = Version, stream
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
// be behind it. So Load reads up to the end of the topic as it is when Load
// begins, and waits for the transactions that are open there to end, which takes
// no longer than their timeout.
//
// An entry that cannot be read
// (no JSON, of a later version, another stream's) is an error that names the
// key and what would do, and wraps [ErrUnreadable]; nothing is guessed, since a
// wrong cursor loses data.
func (s Store) Load(ctx context.Context, stream string) (Entry, error) {
	var value []byte
	key := []byte(s.Key(stream))
	err := scan(ctx, s.Options, s.Topic, lastWritten, func(rec *kgo.Record) error {
		if bytes.Equal(rec.Key, key) {
			value = bytes.Clone(rec.Value)
		}
		return nil
	})
	if err != nil {
		return Entry{}, fmt.Errorf("load cursor of %s: %w", stream, err)
	}
	return s.decode(stream, value)
}

// List returns the last committed entries of all the connector's streams by
// stream; the error joins what [Store.Load] would have said of each.
func (s Store) List(ctx context.Context) (map[string]Entry, error) {
	values := make(map[string][]byte)
	err := Scan(ctx, s.Options, s.Topic, func(rec *kgo.Record) error {
		if stream, ok := strings.CutPrefix(string(rec.Key), s.Connector+"/"); ok {
			values[stream] = bytes.Clone(rec.Value)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list cursors: %w", err)
	}
	entries := make(map[string]Entry, len(values))
	var errs []error
	for stream, value := range values {
		switch e, err := s.decode(stream, value); {
		case err == nil:
			entries[stream] = e
		case !errors.Is(err, ErrNoCursor):
			errs = append(errs, err)
		}
	}
	return entries, errors.Join(errs...)
}

func (s Store) decode(stream string, value []byte) (Entry, error) {
	if value == nil {
		return Entry{}, ErrNoCursor
	}
	const remedy = "run a version of pylon-kafka that knows it, or reset the stream by a record with this key and no value"
	var e Entry
	if err := json.Unmarshal(value, &e); err != nil {
		return Entry{}, fmt.Errorf("%w: topic %s: value of key %q is no cursor entry (%w): %s", ErrUnreadable, s.Topic, s.Key(stream), err, remedy)
	}
	switch {
	case e.Version < 1 || e.Version > Version:
		return Entry{}, fmt.Errorf("%w: topic %s: entry of key %q has version %d, this program reads 1 to %d: %s",
			ErrUnreadable, s.Topic, s.Key(stream), e.Version, Version, remedy)
	case e.Stream != stream:
		return Entry{}, fmt.Errorf("%w: topic %s: entry of key %q is of stream %q: %s", ErrUnreadable, s.Topic, s.Key(stream), e.Stream, remedy)
	case len(e.Cursor) == 0:
		return Entry{}, fmt.Errorf("%w: topic %s: entry of key %q has no cursor: %s", ErrUnreadable, s.Topic, s.Key(stream), remedy)
	}
	return e, nil
}
