package tail

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/sync/errgroup"

	"pylon-kafka/avro"
	"pylon-kafka/producer"
)

// Options say what of a topic is printed, and how. Of FromBeginning, Since and
// Offset one may be set; without them reading begins at the end of the topic.
type Options struct {
	FromBeginning bool
	Since         time.Time // begin with what was published then or later
	Offset        *int64    // begin at this offset of each partition; negative: so many before its end
	Limit         int64     // records of each topic to print; negative: no limit
	Exit          bool      // end where the topic ended at the start
	Key           string
	OnlyKey       bool // only the records with Key
	Headers       bool
	Value         bool // the value alone
	Merge         bool // the fields under unmapped are put back in their places
	Log           *slog.Logger
}

// begins reports whether it is said where reading begins.
func (o *Options) begins() bool { return o.FromBeginning || !o.Since.IsZero() || o.Offset != nil }

// ends reports whether reading ends by itself before or at the end of the topic.
func (o *Options) ends() bool { return o.Exit || o.Limit > 0 && !o.begins() }

// OwnTopics are the topics beside those of the streams that can be read too.
// Their values are JSON already.
func OwnTopics() []string { return []string{"offsets", "deadletter", "schemas"} }

// Run writes the records of the topics of the streams, or of OwnTopics, to w as
// lines of JSON, until what o asks for is done or ctx ends, which is no error.
// What ends by itself is written topic after topic; several topics that are
// followed are mixed as their records come. It asks the Kafka and the schema
// registry of cfg, which must be valid. A key that is in none of what was read to
// its end is an error, and of topics that are followed one line in the log.
func Run(ctx context.Context, cfg *producer.Config, streams []string, o Options, w io.Writer) error {
	out := newPrinter(w, o, len(streams) > 1)
	looked := newSearch(&o, streams, out)
	group, reading := errgroup.WithContext(ctx)
	if o.ends() {
		group.SetLimit(1)
	}
	for _, stream := range streams {
		group.Go(func() error { return one(reading, cfg, stream, &o, out, looked) })
	}
	err := errors.Join(group.Wait(), out.flush())
	if err == nil && o.OnlyKey && o.ends() && out.count() == 0 && ctx.Err() == nil {
		return fmt.Errorf("no record with the key %q in what was read of %v", o.Key, streams)
	}
	return err
}

// one writes the records of one topic.
func one(ctx context.Context, cfg *producer.Config, stream string, o *Options, out *printer, looked *search) error {
	kafka := &cfg.Kafka
	topic := kafka.Topic(stream)
	if stream == "offsets" {
		topic = kafka.Offsets()
	}
	reader, err := NewReader(ctx, kafka, topic)
	if err != nil {
		return err
	}
	var keys keyReader
	var decode valueDecoder = plainValues{}
	if !slices.Contains(OwnTopics(), stream) {
		if keys.codec, err = avro.NewKeyCodec(stream); err != nil {
			return err
		}
		if decode, err = newAvroValues(cfg, stream, o.Merge); err != nil {
			return err
		}
	}
	wanted := func(rec *kgo.Record) bool { return !o.OnlyKey || keys.plain(rec.Key) == o.Key }
	if o.Limit > 0 && !o.begins() {
		records, err := reader.last(ctx, int(o.Limit), wanted)
		if err != nil {
			return err
		}
		for _, rec := range records {
			if err := out.print(ctx, rec, keys, decode); err != nil {
				return err
			}
		}
		return nil
	}
	from, err := reader.begin(ctx, o)
	if err != nil {
		return err
	}
	left := o.Limit
	show := func(rec *kgo.Record) error {
		if !wanted(rec) || o.Offset != nil && rec.Offset < *o.Offset {
			return nil
		}
		if err := out.print(ctx, rec, keys, decode); err != nil {
			return err
		}
		if left--; left == 0 {
			return errEnough
		}
		return nil
	}
	if o.Exit {
		return reader.Read(ctx, from, show)
	}
	return reader.Follow(ctx, from, o.Log, show, looked.follow(reader))
}
