package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kgo"

	"pylon-kafka/producer"
)

// tailConfig is what tail needs: the cluster and the schema registry, no token.
type tailConfig struct {
	Producer producer.Config
}

// Validate reports every setting that cannot work, joined.
func (c *tailConfig) Validate() error { return c.Producer.Validate() }

// tailOptions are the flags of tail.
type tailOptions struct {
	fromBeginning bool
	limit         int64 // records to print; negative: no limit
	exit          bool
	key           string
	keySet        bool
	headers       bool
	value         bool
	merge         bool
}

// ownTopics are the topics beside those of the streams that tail reads too.
// Their values are JSON already.
var ownTopics = []string{"offsets", "deadletter", "schemas"}

func newTailCommand(a *app) *cobra.Command {
	var o tailOptions
	cmd := &cobra.Command{
		Use:   "tail STREAM",
		Short: "Read a stream's topic and print each record as one line of JSON",
		Long: `Reads the topic of a stream (or offsets, deadletter, schemas), committed records
only and without a consumer group, decodes either framing of Avro, and prints one
line of JSON a record:

  {"key":"...","partition":0,"offset":7,"timestamp":"...","headers":{...},"value":{...}}

The value of a tombstone is null. With --value the line is the value alone. A
record that cannot be decoded has an "error" and its bytes as "raw" (base64).

Where it begins and ends:
  tail STREAM                        what is published from now on, until Ctrl-C
  tail STREAM -n N                   the last N records, then ends
  tail STREAM --from-beginning       everything and what follows, until Ctrl-C
  tail STREAM --from-beginning -n N  the first N records, then ends
With --exit it also ends where the topic ended when it began.

It needs the KAFKA_ and SCHEMA_REGISTRY_ settings only.`,
		Example: `  pylon-kafka tail issues -n 1 --value | jq .
  pylon-kafka tail issue_messages --from-beginning --exit --key 1b0a2c1b-...`,
		Args:              cobra.MatchAll(cobra.ExactArgs(1), topicName),
		ValidArgsFunction: completeTopics,
		RunE: func(cmd *cobra.Command, args []string) error {
			if !cmd.Flags().Changed("lines") {
				o.limit = -1
			}
			o.keySet = cmd.Flags().Changed("key")
			return a.tail(cmd.Context(), args[0], o)
		},
	}
	flags := cmd.Flags()
	flags.BoolVar(&o.fromBeginning, "from-beginning", false, "begin with the oldest record")
	flags.Int64VarP(&o.limit, "lines", "n", 0, "end after so many records")
	flags.BoolVarP(&o.exit, "exit", "e", false, "end at the end of the topic instead of waiting for more")
	flags.StringVar(&o.key, "key", "", "only records with this key")
	flags.BoolVar(&o.headers, "headers", true, "print the headers")
	flags.BoolVar(&o.value, "value", false, "print the value alone")
	flags.BoolVar(&o.merge, "merge", false, "put the fields under `unmapped` back in their places")
	return cmd
}

// tail prints a topic's records until what o asks for is done or ctx ends.
func (a *app) tail(ctx context.Context, stream string, o tailOptions) error {
	if o.limit < -1 || o.limit == 0 {
		return &usageError{errors.New("-n must be 1 or more")}
	}
	cfg, err := load[tailConfig](ctx, a.env)
	if err != nil {
		return err
	}
	kafka := &cfg.Producer.Kafka
	topic := kafka.Topic(stream)
	if stream == "offsets" {
		topic = kafka.Offsets()
	}
	reader, err := newTopicReader(ctx, kafka, topic)
	if err != nil {
		return err
	}
	var decode valueDecoder = plainValues{}
	if !slices.Contains(ownTopics, stream) {
		if decode, err = newAvroValues(&cfg.Producer, stream, o.merge); err != nil {
			return err
		}
	}
	p := &recordPrinter{out: bufio.NewWriter(a.stdout), options: o, decode: decode}
	if o.limit > 0 && !o.fromBeginning {
		records, err := reader.last(ctx, int(o.limit), p.wanted)
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

	from, end := reader.end, reader.end
	if o.fromBeginning {
		from = reader.start
	}
	if !o.exit {
		end = nil
	}
	left := o.limit
	err = reader.read(ctx, from, end, func(rec *kgo.Record) error {
		if !p.wanted(rec) {
			return nil
		}
		if err := p.print(ctx, rec); err != nil {
			return err
		}
		if left--; left == 0 {
			return errEnough
		}
		return nil
	}, p.out.Flush)
	return errors.Join(err, p.out.Flush())
}

// recordPrinter prints records as lines of JSON.
type recordPrinter struct {
	out     *bufio.Writer
	options tailOptions
	decode  valueDecoder
}

// wanted reports whether the record is one that was asked for.
func (p *recordPrinter) wanted(rec *kgo.Record) bool {
	return !p.options.keySet || string(rec.Key) == p.options.key
}

// recordLine is one record as tail prints it.
type recordLine struct {
	Key       string            `json:"key"`
	Partition int32             `json:"partition"`
	Offset    int64             `json:"offset"`
	Timestamp string            `json:"timestamp"`
	Headers   map[string]string `json:"headers,omitempty"`
	Error     string            `json:"error,omitempty"`
	Raw       []byte            `json:"raw,omitempty"`
	Value     json.RawMessage   `json:"value"` // null for a tombstone
}

// print writes the line of one record. A record that cannot be decoded is told
// in its line and is no error: those after it are wanted too.
func (p *recordPrinter) print(ctx context.Context, rec *kgo.Record) error {
	line := recordLine{
		Key:       string(rec.Key),
		Partition: rec.Partition,
		Offset:    rec.Offset,
		Timestamp: rec.Timestamp.UTC().Format("2006-01-02T15:04:05.000Z07:00"),
		Value:     json.RawMessage("null"),
	}
	if rec.Value != nil {
		value, err := p.decode.json(ctx, rec.Value)
		var unreadable *unreadableError
		switch {
		case err == nil:
			line.Value = value
		case errors.As(err, &unreadable):
			line.Error, line.Raw = unreadable.Error(), rec.Value
		default:
			return fmt.Errorf("decode record %s-%d@%d: %w", rec.Topic, rec.Partition, rec.Offset, err)
		}
	}
	if p.options.headers && len(rec.Headers) > 0 {
		line.Headers = make(map[string]string, len(rec.Headers))
		for _, h := range rec.Headers {
			line.Headers[h.Key] = string(h.Value)
		}
	}
	encoder := json.NewEncoder(p.out)
	encoder.SetEscapeHTML(false)
	if p.options.value && line.Error == "" {
		return encoder.Encode(line.Value)
	}
	return encoder.Encode(line)
}

// topicName accepts streams and the topics of our own.
func topicName(cmd *cobra.Command, args []string) error {
	if slices.Contains(ownTopics, args[0]) {
		return nil
	}
	return streamNames(cmd, args)
}

func completeTopics(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return append(allStreamNames(), ownTopics...), cobra.ShellCompDirectiveNoFileComp
}

// byTime orders records as they were published, as far as that can be told over
// several partitions.
func byTime(a, b *kgo.Record) int {
	return cmp.Or(a.Timestamp.Compare(b.Timestamp), cmp.Compare(a.Partition, b.Partition), cmp.Compare(a.Offset, b.Offset))
}
