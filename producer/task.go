package producer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/plugin/kprom"
	"golang.org/x/sync/errgroup"

	"pylon-kafka/avro"
	"pylon-kafka/extract"
	"pylon-kafka/offsets"
	"pylon-kafka/producer/connect"
	"pylon-kafka/producer/topics"
)

// task copies one stream into its topic. It is the only writer of the topic and
// of the stream's cursor: it has a Kafka client and a transactional id of its
// own.
type task struct {
	p      *Pipeline
	stream extract.Stream
	log    *slog.Logger
	board  *board
	codec  *avro.Codec

	// Known for as long as the process lives.
	tooLarge   map[string]oversize // what the topic refused for its size, by key
	buried     map[uint64]struct{} // content that is in the dead-letter topic
	unmapped   map[string]struct{} // paths logged
	schemaSent bool                // the schemas topic has the schema from us

	// Of one attempt, set by open.
	cl      *kgo.Client
	topic   topics.Topic
	entry   offsets.Entry // as committed
	header  []byte        // what the wire format puts before the Avro
	schema  *kgo.Record   // to publish with the first transaction, where the schemas topic lacks it
	viewMu  sync.Mutex    // guards what follows: the sweep looks into the view too
	view    *view
	polled  map[string]time.Time // issues that a poll published lately
	forgot  time.Time            // when old entries of polled were dropped
	gone    map[string]time.Time // issues that a sweep buried lately, which the search may still show
	keyless uint16               // the pass that held an object without its key

	// Of one batch, used by encode alone.
	buf         []byte
	extractedAt []byte
}

// oversize is a record that its topic does not take.
type oversize struct {
	hash uint64 // of its content
	size int    // uncompressed
}

func newTask(p *Pipeline, s extract.Stream) (*task, error) {
	codec, err := avro.NewCodec(s.Name)
	if err != nil {
		return nil, fmt.Errorf("schema of %s: %w", s.Name, err)
	}
	return &task{
		p: p, stream: s, codec: codec,
		log:      p.log.With("stream", s.Name),
		board:    newBoard(s.Name, p.cfg.Kafka.Topic(s.Name)),
		tooLarge: make(map[string]oversize),
		buried:   make(map[uint64]struct{}),
		unmapped: make(map[string]struct{}),
	}, nil
}

// run copies the stream into its topic until ctx ends or, in a sync, until one
// pass is done. Records and the cursor that follows them are committed together
// or not at all, so a crash anywhere repeats at most what is in flight, which
// the view then recognises.
func (t *task) run(ctx context.Context) error {
	if err := t.open(ctx); err != nil {
		return err
	}
	defer t.cl.Close()
	src := t.source()
	group, ctx := errgroup.WithContext(ctx)
	batches := make(chan batch)
	group.Go(func() error { // reads ahead: the next page is fetched while this one commits
		defer close(batches)
		return src.read(ctx, t.entry.Cursor, func(b batch) error {
			select {
			case batches <- b:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
	})
	group.Go(func() error {
		for b := range batches {
			if err := t.copy(ctx, b); err != nil {
				return err
			}
		}
		return nil
	})
	return group.Wait()
}

// copy encodes a batch, commits it, and then notes what was committed.
func (t *task) copy(ctx context.Context, b batch) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	box, err := t.encode(b)
	if err != nil {
		return fmt.Errorf("encode: %w", err)
	}
	if err := t.publish(ctx, box, b.cursor); err != nil {
		return fmt.Errorf("publish: %w", err)
	}
	t.apply(b, box)
	t.report(b, box)
	return nil
}

// open makes the task the owner of its stream, in the one order that loses
// nothing: take over the transactional id, which ends what a predecessor may
// still have open and keeps it from committing; only then read the cursor and
// what the topic holds.
func (t *task) open(ctx context.Context) error {
	t.board.update(func(s *Status) { s.State = Starting })
	var err error
	if t.topic, err = t.p.topic(ctx, t.stream.Name); err != nil {
		return err
	}
	cl, err := kgo.NewClient(append(t.p.opts[:len(t.p.opts):len(t.p.opts)],
		kgo.TransactionalID(t.p.cfg.Kafka.TransactionalID(t.stream.Name)),
		kgo.TransactionTimeout(transactionTimeout),
		kgo.ProducerBatchCompression(t.p.compression),
		kgo.ProducerBatchMaxBytes(topics.MaxBytesDeadLetter),
		kgo.ProducerLinger(0), // a page is flushed at once
		kgo.WithHooks(kprom.NewMetrics(namespace,
			kprom.Registerer(t.p.reg), kprom.WithStaticLabel(map[string]string{"stream": t.stream.Name}))),
	)...)
	if err != nil {
		return fmt.Errorf("kafka client: %w", err)
	}
	t.cl = cl
	if err := t.load(ctx); err != nil {
		cl.Close()
		return err
	}
	t.log.Info("stream opened", "topic", t.topic.Name, "objects", t.view.len(), "resumed", t.entry.Cursor != nil, "cursor", string(t.entry.Cursor))
	return nil
}

// load takes over the transactional id, then reads cursor, topic and schema id.
func (t *task) load(ctx context.Context) error {
	if _, _, err := t.cl.ProducerID(ctx); err != nil {
		id := t.p.cfg.Kafka.TransactionalID(t.stream.Name)
		return fmt.Errorf("take over transactional id %s: %w", id,
			t.p.cfg.Kafka.Denied(fenced(err), connect.Right{Operation: "Write", Resource: connect.OnTransactionalID, Name: id}))
	}
	entry, err := t.p.store.Load(ctx, t.stream.Name)
	switch {
	case errors.Is(err, offsets.ErrNoCursor):
		entry = offsets.Entry{}
	case errors.Is(err, offsets.ErrUnreadable):
		return refusedError{err}
	case err != nil:
		return t.p.cfg.Kafka.Denied(err, connect.Right{Operation: "Read", Name: t.p.store.Topic})
	}
	t.entry = entry
	if err := t.rebuild(ctx); err != nil {
		return err
	}
	if t.header, err = t.p.wireHeader(ctx, t); err != nil {
		return err
	}
	t.board.update(func(s *Status) {
		s.State, s.Up, s.Reason = Idle, true, ""
		s.Resumed = s.Resumed || entry.Cursor != nil
	})
	t.p.metrics.up.WithLabelValues(t.stream.Name).Set(1)
	return nil
}

// rebuild learns from the topic what consumers have.
func (t *task) rebuild(ctx context.Context) error {
	grouped := t.stream.Sync == extract.SyncChildren
	v := newView(grouped)
	gone := make(map[string]time.Time)
	strangers := 0
	err := offsets.Scan(ctx, t.p.opts, t.topic.Name, func(rec *kgo.Record) error {
		h := readHeaders(rec)
		key := string(rec.Key)
		switch {
		case rec.Value == nil && grouped && h.parent == "":
			v.removeEverywhere(key)
		case rec.Value == nil:
			v.remove(h.parent, key)
			if t.stream.Sync == extract.SyncIssues && time.Since(rec.Timestamp) < t.p.unsettled() {
				gone[key] = rec.Timestamp
			}
		case !h.ours || key == "":
			strangers++
		default:
			v.set(h.parent, key, h.hash, h.createdDay)
		}
		return nil
	})
	if err != nil {
		return t.p.cfg.Kafka.Denied(err, connect.Right{Operation: "Read", Name: t.topic.Name})
	}
	if strangers > 0 {
		t.log.Warn("the topic holds records that pylon-kafka did not write; they are left alone", "topic", t.topic.Name, "records", strangers)
	}
	t.view = v
	t.polled = make(map[string]time.Time)
	t.gone = gone
	t.keyless = 0
	return nil
}

// headers are what the view needs of a record.
type headers struct {
	ours       bool // it has our hash
	hash       uint64
	parent     string // of a child
	origin     string
	createdDay uint16
}

func readHeaders(rec *kgo.Record) headers {
	var h headers
	for _, header := range rec.Headers {
		switch header.Key {
		case headerHash:
			h.hash, h.ours = parseHash(header.Value)
		case headerParent:
			h.parent = string(header.Value)
		case headerOrigin:
			h.origin = string(header.Value)
		case headerCreatedAt:
			h.createdDay = createdDay(string(header.Value))
		}
	}
	return h
}

// source returns what reads this stream.
func (t *task) source() source {
	switch t.stream.Sync {
	case extract.SyncIssues:
		return newIssuesSource(t)
	case extract.SyncChildren:
		return newChildrenSource(t)
	default:
		return &refreshSource{t}
	}
}

// report shows a committed batch in metrics and status.
func (t *task) report(b batch, box *outbox) {
	m, name := t.p.metrics, t.stream.Name
	m.published.WithLabelValues(name).Add(float64(box.published))
	m.tombstones.WithLabelValues(name).Add(float64(box.tombstones))
	m.unchanged.WithLabelValues(name).Add(float64(box.unchanged))
	m.deadLetters.WithLabelValues(name).Add(float64(box.deadLetters))
	m.unmapped.WithLabelValues(name).Add(float64(box.unmapped))
	now := time.Now()
	if !b.upTo.IsZero() {
		m.cursor.WithLabelValues(name).Set(float64(b.upTo.Unix()))
	}
	if b.caughtUp {
		m.lastSuccess.WithLabelValues(name).Set(float64(now.Unix()))
	}
	t.board.update(func(s *Status) {
		s.Records += box.published
		s.Tombstones += box.tombstones
		s.Unchanged += box.unchanged
		s.DeadLetters += box.deadLetters
		s.State, s.Progress = b.state, b.progress
		if !b.upTo.IsZero() {
			s.Cursor = b.upTo
		}
		if b.caughtUp {
			s.LastSuccess = now
		}
	})
	if box.published+box.tombstones+box.deadLetters > 0 {
		t.log.Debug("committed", "records", box.published, "tombstones", box.tombstones, "unchanged", box.unchanged, "origin", b.origin)
	}
}

// fail shows that the stream is down, and why.
func (t *task) fail(err error) {
	t.p.metrics.up.WithLabelValues(t.stream.Name).Set(0)
	t.board.update(func(s *Status) { s.State, s.Up, s.Reason = Failed, false, err.Error() })
}

// decodeCursor reads a cursor of ours. One that cannot be read stops the
// stream: where to go on is not guessed.
func decodeCursor(stream string, cursor json.RawMessage, into any) error {
	if len(cursor) == 0 {
		return nil
	}
	if err := json.Unmarshal(cursor, into); err != nil {
		return refusedError{fmt.Errorf("cursor of %s in the offsets topic cannot be read (%w): "+
			"reset the stream by a record without a value for its key, or run the version that wrote it", stream, err)}
	}
	return nil
}
