package topic

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	// grace is how long a partition may have no leader before it is an error: an
	// election takes a moment.
	grace = 10 * time.Second
	// answer is how long a cluster may take to describe a topic and its ends.
	answer = 30 * time.Second
	// again is the pause between two looks at a topic whose partition has no leader.
	again = 500 * time.Millisecond
)

// Ends are the offsets that bound a partition, as they were when it was asked.
type Ends struct {
	Start   int64 // of the first record that may be there
	Stable  int64 // of the first record of a transaction that is open; no later than Written
	Written int64 // of the record that is written next
}

// End names one of a partition's [Ends].
type End int

const (
	// Start is where a partition begins.
	Start End = iota
	// Stable is the last stable offset: before the first transaction that is open.
	Stable
	// Written is behind the last record, committed or not.
	Written
)

// Info is what a topic is like.
type Info struct {
	Name string
	ID   string         // another one once the topic is deleted and made anew; "" where the cluster gives topics no id
	Ends map[int32]Ends // by partition
}

// Partitions returns the number of partitions.
func (i Info) Partitions() int32 { return int32(len(i.Ends)) }

// At returns one end of every partition, for [Read] and [Open].
func (i Info) At(end End) map[int32]int64 {
	offsets := make(map[int32]int64, len(i.Ends))
	for p, ends := range i.Ends {
		switch end {
		case Stable:
			offsets[p] = ends.Stable
		case Written:
			offsets[p] = ends.Written
		default:
			offsets[p] = ends.Start
		}
	}
	return offsets
}

// Find asks the cluster what a topic is like now. It never creates one. The error
// wraps [ErrAbsent] where there is no such topic, and [ErrNoLeader] where a
// partition has had no leader for ten seconds; it ends within a minute whatever is
// down. It is safe for concurrent use.
func Find(ctx context.Context, cl *kgo.Client, name string) (Info, error) {
	info, err := describe(ctx, cl, name)
	if err != nil {
		return Info{}, err
	}
	bounded, cancel := context.WithTimeout(ctx, answer)
	defer cancel()
	// In this order: the ends of a topic only grow, so that each is no larger than
	// the next.
	adm := kadm.NewClient(cl)
	for _, ask := range []struct {
		what string
		list func(context.Context, ...string) (kadm.ListedOffsets, error)
		note func(*Ends, int64)
	}{
		{"list start offsets", adm.ListStartOffsets, func(e *Ends, o int64) { e.Start = o }},
		{"list last stable offsets", adm.ListCommittedOffsets, func(e *Ends, o int64) { e.Stable = o }},
		{"list end offsets", adm.ListEndOffsets, func(e *Ends, o int64) { e.Written = o }},
	} {
		listed, err := ask.list(bounded, name)
		if err != nil {
			return Info{}, topicError(name, fmt.Errorf("%s: %w", ask.what, err))
		}
		for p, ends := range info.Ends {
			o, ok := listed.Lookup(name, p)
			switch {
			case !ok:
				return Info{}, &PartitionError{name, p, -1, fmt.Errorf("%s: no answer", ask.what)}
			case o.Err != nil:
				return Info{}, &PartitionError{name, p, -1, fmt.Errorf("%s: %w", ask.what, kind(o.Err))}
			}
			ask.note(&ends, o.Offset)
			info.Ends[p] = ends
		}
	}
	return info, nil
}

// describe returns the topic with its id and partitions, whose ends are not
// known yet, once each partition has a leader.
func describe(ctx context.Context, cl *kgo.Client, name string) (Info, error) {
	ctx, cancel := context.WithTimeout(ctx, answer)
	defer cancel()
	patience := time.NewTimer(grace)
	defer patience.Stop()
	for {
		info, err := look(ctx, cl, name)
		if !errors.Is(err, ErrNoLeader) {
			return info, err
		}
		pause := time.NewTimer(again)
		select {
		case <-pause.C:
		case <-patience.C:
			pause.Stop()
			return Info{}, err
		case <-ctx.Done():
			pause.Stop()
			return Info{}, errors.Join(err, ctx.Err())
		}
	}
}

// look asks once. It asks the cluster: the client's cache would not see that a
// topic was made anew.
func look(ctx context.Context, cl *kgo.Client, name string) (Info, error) {
	req := kmsg.NewPtrMetadataRequest()
	req.AllowAutoTopicCreation = false
	asked := kmsg.NewMetadataRequestTopic()
	asked.Topic = &name
	req.Topics = append(req.Topics, asked)
	resp, err := req.RequestWith(ctx, cl)
	if err != nil {
		return Info{}, topicError(name, fmt.Errorf("describe: %w", err))
	}
	at := slices.IndexFunc(resp.Topics, func(t kmsg.MetadataResponseTopic) bool { return t.Topic != nil && *t.Topic == name })
	if at < 0 {
		return Info{}, topicError(name, ErrAbsent)
	}
	t := resp.Topics[at]
	switch err := kerr.ErrorForCode(t.ErrorCode); {
	case errors.Is(err, kerr.UnknownTopicOrPartition):
		return Info{}, topicError(name, fmt.Errorf("%w (%w)", ErrAbsent, err))
	case err != nil:
		return Info{}, topicError(name, fmt.Errorf("describe: %w", kind(err)))
	}
	info := Info{Name: name, Ends: make(map[int32]Ends, len(t.Partitions))}
	if t.TopicID != [16]byte{} {
		info.ID = kadm.TopicID(t.TopicID).String()
	}
	for _, p := range t.Partitions {
		// Other errors of a partition are about replicas that are away: it can be read.
		if p.Leader < 0 || isLeaderless(kerr.ErrorForCode(p.ErrorCode)) {
			return Info{}, &PartitionError{name, p.Partition, -1, ErrNoLeader}
		}
		info.Ends[p.Partition] = Ends{}
	}
	return info, nil
}
