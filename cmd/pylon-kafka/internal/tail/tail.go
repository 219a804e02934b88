package tail

import (
	"bufio"
	"context"
	"errors"
	"io"
	"slices"

	"github.com/twmb/franz-go/pkg/kgo"

	"pylon-kafka/producer"
)

// Options say what of a topic is printed, and how.
type Options struct {
	FromBeginning bool
	Limit         int64 // records to print; negative: no limit
	Exit          bool  // end where the topic ended at the start
	Key           string
	OnlyKey       bool // only the records with Key
	Headers       bool
	Value         bool // the value alone
	Merge         bool // the fields under unmapped are put back in their places
}

// OwnTopics are the topics beside those of the streams that can be read too.
// Their values are JSON already.
func OwnTopics() []string { return []string{"offsets", "deadletter", "schemas"} }

// Run writes the records of the topic of stream, or of one of OwnTopics, to w as
// lines of JSON, until what o asks for is done or ctx ends, which is no error.
// It asks the Kafka and the schema registry of cfg, which must be valid.
func Run(ctx context.Context, cfg *producer.Config, stream string, o Options, w io.Writer) error {
	kafka := &cfg.Kafka
	topic := kafka.Topic(stream)
	if stream == "offsets" {
		topic = kafka.Offsets()
	}
	reader, err := NewReader(ctx, kafka, topic)
	if err != nil {
		return err
	}
	var decode valueDecoder = plainValues{}
	if !slices.Contains(OwnTopics(), stream) {
		if decode, err = newAvroValues(cfg, stream, o.Merge); err != nil {
			return err
		}
	}
	p := &recordPrinter{out: bufio.NewWriter(w), options: o, decode: decode}
	if o.Limit > 0 && !o.FromBeginning {
		records, err := reader.Last(ctx, int(o.Limit), p.wanted)
		if err != nil {
			return err
		}
		for _, rec := range records {
			if err := p.print(ctx, rec); err != nil {
				return err
			}
		}
		return p.out.Flush()
	}

	from, end := reader.End, reader.End
	if o.FromBeginning {
		from = reader.Start
	}
	if !o.Exit {
		end = nil
	}
	left := o.Limit
	err = reader.Read(ctx, from, end, func(rec *kgo.Record) error {
		if !p.wanted(rec) {
			return nil
		}
		if err := p.print(ctx, rec); err != nil {
			return err
		}
		if left--; left == 0 {
			return ErrEnough
		}
		return nil
	}, p.out.Flush)
	return errors.Join(err, p.out.Flush())
}
