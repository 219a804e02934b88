package producer

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"pylon-kafka/extract"
)

// lane works the issues topic from a position of its own: it reads records,
// fetches the children of their issues, several at once, and emits them in the
// order of the records, with the position that follows.
type lane struct {
	src      *childrenSource
	name     string
	takes    func(partition int32, offset int64, h headers) bool // is this record for the lane
	priority extract.Priority
	inFlight int

	pos map[int32]int64 // everything before is worked, by partition
}

// job is one issue of a chunk.
type job struct {
	issue     string
	partition int32
	offset    int64
	at        time.Time // of the issue's record
	gone      bool      // the issue is gone: its record is a tombstone, or Pylon says so

	done    chan struct{} // closed when the fields below are set
	records []extract.Record
	skip    bool // nothing to publish
	err     error

	began time.Time // when reading began; guarded by the source
	stale bool      // the other lane has sent what it read later; likewise
}

// chunk is what one poll of the topic gave: the jobs in their order, and how
// far it goes.
type chunk struct {
	jobs []*job
	end  map[int32]int64 // position after the chunk, by partition
}

const (
	maxChunk      = 5000            // records of a poll
	maxBatch      = 1000            // children of a transaction
	batchInterval = 1 * time.Second // between transactions while children come in slowly
)

// open returns a consumer of the issues topic from the lane's position on.
func (l *lane) open(topicName string, opts []kgo.Opt) (*kgo.Client, error) {
	from := make(map[int32]kgo.Offset, len(l.pos))
	for p, o := range l.pos {
		from[p] = kgo.NewOffset().At(o)
	}
	return kgo.NewClient(append(opts[:len(opts):len(opts)],
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topicName: from}),
		kgo.ConsumeResetOffset(kgo.NoResetOffset()), // a position that is gone is an error; place sees to it
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.KeepControlRecords(), // they take up offsets, so the end is only reached with them
		kgo.FetchMaxWait(time.Second),
		kgo.FetchMaxBytes(4<<20), // two lanes for each of two streams: little each
		kgo.FetchMaxPartitionBytes(1<<20),
		kgo.MaxConcurrentFetches(1),
	)...)
}

// next reads the next chunk. Of several records of one issue only the last is a
// job: its children are read as they are now. It returns an empty chunk when
// wake ends.
func (l *lane) next(ctx, wake context.Context, cl *kgo.Client) (chunk, error) {
	fetches := cl.PollRecords(wake, maxChunk)
	if err := ctx.Err(); err != nil {
		return chunk{}, err
	}
	c := chunk{end: maps.Clone(l.pos)}
	if wake.Err() != nil && fetches.NumRecords() == 0 {
		return c, nil
	}
	for _, e := range fetches.Errors() {
		if !errors.Is(e.Err, wake.Err()) {
			return chunk{}, fmt.Errorf("read topic %s: %w", e.Topic, e.Err)
		}
	}
	last := make(map[string]*job)
	var order []*job
	for rec := range fetches.RecordsAll() {
		c.end[rec.Partition] = rec.Offset + 1
		if rec.Attrs.IsControl() {
			continue
		}
		h := readHeaders(rec)
		if h.origin == "" || len(rec.Key) == 0 {
			l.src.stranger(rec)
			continue
		}
		if !l.takes(rec.Partition, rec.Offset, h) {
			continue
		}
		j := &job{
			issue: string(rec.Key), partition: rec.Partition, offset: rec.Offset, at: rec.Timestamp, gone: rec.Value == nil,
			done: make(chan struct{}),
		}
		last[j.issue] = j
		order = append(order, j)
	}
	for _, j := range order {
		if last[j.issue] == j {
			c.jobs = append(c.jobs, j)
		}
	}
	fetches.EachPartition(func(p kgo.FetchTopicPartition) { l.src.saw(p.Partition, p.LastStableOffset) })
	return c, nil
}

// work fetches the children of a chunk's issues and emits them in order, in
// batches of a second or of a thousand children. The last batch carries the
// chunk's end.
func (l *lane) work(ctx context.Context, c chunk) error {
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	running.Go(func() { l.start(ctx, c.jobs, &running) })

	first, children := 0, 0 // first: the first job that is not sent
	flush := func(next int) error {
		if next == first && next < len(c.jobs) {
			return nil
		}
		jobs := c.jobs[first:next]
		first, children = next, 0
		return l.src.send(l, jobs, positionBefore(c, next), l.src.left(c, next))
	}
	timer := time.NewTicker(batchInterval)
	defer timer.Stop()
	for i, j := range c.jobs {
		for waiting := true; waiting; {
			select {
			case <-j.done:
				waiting = false
			case <-timer.C:
				if err := flush(i); err != nil {
					return err
				}
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		if j.err != nil {
			return fmt.Errorf("children of issue %s: %w", j.issue, j.err)
		}
		if children += len(j.records); children >= maxBatch {
			if err := flush(i + 1); err != nil {
				return err
			}
		}
	}
	return flush(len(c.jobs))
}

// start starts every job, at most inFlight at once.
func (l *lane) start(ctx context.Context, jobs []*job, running *sync.WaitGroup) {
	free := make(chan struct{}, l.inFlight)
	for _, j := range jobs {
		select {
		case free <- struct{}{}:
		case <-ctx.Done():
			return
		}
		running.Go(func() {
			l.src.fetch(ctx, l, j)
			close(j.done)
			<-free
		})
	}
}

// positionBefore is the position before the job of that number: everything that
// comes before it in its partition is worked, or worked again by a later job.
func positionBefore(c chunk, number int) map[int32]int64 {
	pos := maps.Clone(c.end)
	for _, j := range c.jobs[number:] {
		if j.offset < pos[j.partition] {
			pos[j.partition] = j.offset
		}
	}
	return pos
}
