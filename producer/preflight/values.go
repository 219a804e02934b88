package preflight

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"pylon-kafka/avro"
)

const (
	// sampleTime is how long the values of all topics may take to be read.
	sampleTime = 2 * time.Second
	// tail is how many offsets before the end the second sample begins: an end
	// holds markers of transactions and tombstones too.
	tail = 50
)

// framing checks whether the first and the last records in the topics of the
// streams have keys and values as the settings would make the next, in the same
// layout, with ids that this registry has given: a topic with both is one that
// nobody can read.
func (c *cluster) framing(ctx context.Context, opts *Options) Check {
	const name = "values"
	limited, cancel := context.WithTimeout(ctx, sampleTime)
	defer cancel()
	j := judge{c: c, opts: opts, streams: make(map[string]string), named: make(map[avro.Header]string)}
	for _, s := range opts.Extract.ChosenStreams() {
		j.streams[c.k.Topic(s.Name)] = s.Name
	}
	samples, err := c.samples(limited, opts, slices.Sorted(maps.Keys(j.streams)))
	if err != nil {
		return warn(name, fmt.Sprintf("what is in the topics could not be read: %v", c.k.Explain(err)), "")
	}
	var errs []error
	for _, rec := range samples {
		if err := j.record(ctx, rec); err != nil {
			errs = append(errs, err)
		}
	}
	if err := errors.Join(errs...); err != nil {
		return fail(name, err, "pylon-kafka publish-anew STREAM, or another KAFKA_TOPIC_PREFIX")
	}
	return good(name, fmt.Sprintf("framed as the settings say in %d of %d topics; the others are empty or cannot be read", len(countTopics(samples)), len(j.streams)))
}

func countTopics(samples []*kgo.Record) map[string]struct{} {
	topics := make(map[string]struct{})
	for _, rec := range samples {
		topics[rec.Topic] = struct{}{}
	}
	return topics
}

// samples returns the first value of each partition of the topics and the last
// of its end, as far as there are values. Topics that cannot be read are left
// out: their own checks say so.
func (c *cluster) samples(ctx context.Context, opts *Options, topics []string) ([]*kgo.Record, error) {
	adm := kadm.NewClient(c.cl)
	starts, err := adm.ListStartOffsets(ctx, topics...)
	if err != nil {
		return nil, err
	}
	ends, err := adm.ListEndOffsets(ctx, topics...)
	if err != nil {
		return nil, err
	}
	first, last := newSample(false), newSample(true)
	ends.Each(func(end kadm.ListedOffset) {
		start, ok := starts.Lookup(end.Topic, end.Partition)
		if ok && cmp.Or(end.Err, start.Err) == nil && start.Offset < end.Offset {
			first.add(end, start.Offset)
			last.add(end, max(start.Offset, end.Offset-tail))
		}
	})
	var all []*kgo.Record
	for _, s := range []*sample{first, last} {
		if err := c.read(ctx, opts, s); err != nil {
			return nil, err
		}
		all = slices.AppendSeq(all, maps.Values(s.found))
	}
	return all, nil
}

// place is one partition of one topic.
type place struct {
	topic     string
	partition int32
}

// sample is a value of each of some partitions.
type sample struct {
	last  bool // the last value up to the end, and not the first
	from  map[string]map[int32]kgo.Offset
	left  map[place]int64 // where the partitions end that are not done
	found map[place]*kgo.Record
}

func newSample(last bool) *sample {
	return &sample{last: last, from: make(map[string]map[int32]kgo.Offset), left: make(map[place]int64), found: make(map[place]*kgo.Record)}
}

// add adds a partition that is read from an offset on.
func (s *sample) add(end kadm.ListedOffset, from int64) {
	if s.from[end.Topic] == nil {
		s.from[end.Topic] = make(map[int32]kgo.Offset)
	}
	s.from[end.Topic][end.Partition] = kgo.NewOffset().At(from)
	s.left[place{end.Topic, end.Partition}] = end.Offset
}

// take looks at one record.
func (s *sample) take(rec *kgo.Record) {
	at := place{rec.Topic, rec.Partition}
	end, ok := s.left[at]
	if !ok {
		return
	}
	isValue := rec.Value != nil && !rec.Attrs.IsControl()
	if isValue {
		s.found[at] = rec
	}
	if isValue && !s.last || rec.Offset+1 >= end {
		delete(s.left, at)
	}
}

// read reads until the sample is complete, or time is up.
func (c *cluster) read(ctx context.Context, opts *Options, s *sample) error {
	if len(s.left) == 0 {
		return nil
	}
	options, err := c.k.Options(append([]kgo.Opt{
		kgo.ConsumePartitions(s.from), kgo.FetchMaxBytes(1 << 20), kgo.FetchMaxPartitionBytes(64 << 10), kgo.KeepControlRecords(),
		kgo.MaxConcurrentFetches(1),
	}, opts.Dial...)...)
	if err != nil {
		return err
	}
	cl, err := kgo.NewClient(options...)
	if err != nil {
		return err
	}
	defer cl.Close()
	for len(s.left) > 0 && ctx.Err() == nil {
		cl.PollFetches(ctx).EachRecord(s.take)
	}
	return nil
}
