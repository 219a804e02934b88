package producer

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	"pylon-kafka/extract"
)

const (
	inFlight      = 16              // requests of a lane
	maxBatch      = 1000            // children of a transaction
	batchInterval = 1 * time.Second // between transactions while children come in slowly
)

// job is one issue of a chunk.
type job struct {
	issue   string
	at      place     // of the issue's record
	version time.Time // when that was published
	gone    bool      // the issue was deleted: its record is a tombstone, or Pylon says so
	parked  bool      // its children could not be read before

	done    chan struct{} // closed when the fields below are set
	claim   *claim        // nil: the other lane has worked the issue
	records []extract.Record
	skip    bool // nothing to publish
	err     error
}

// chunk is a piece of the queue: the jobs in their order, and how far it goes.
type chunk struct {
	jobs []*job
	end  map[int32]int64 // position after the chunk, by partition
}

// patience is how long the children are tried, 429 not counted; 0 is as long as
// the stream's own.
func (j *job) patience() time.Duration {
	if j.parked {
		return parkedPatience
	}
	return 0
}

// before is the position before the job of that number: everything that comes
// before it in its partition is worked, or worked again by a later job.
func (c chunk) before(number int) map[int32]int64 {
	pos := maps.Clone(c.end)
	for _, j := range c.jobs[number:] {
		if j.at.offset < pos[j.at.partition] {
			pos[j.at.partition] = j.at.offset
		}
	}
	return pos
}

// work fetches the children of a chunk's issues and emits them in order, in
// batches of a second or of a thousand children. The last batch carries the
// chunk's end.
func (r *laneRun) work(ctx context.Context, c chunk) (err error) {
	ctx, end := r.pass(ctx)
	defer func() { end(err) }()
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	running.Go(func() { r.start(ctx, c.jobs, &running) })

	first, children := 0, 0 // first: the first job that is not sent
	flush := func(next int) error {
		if next == first && next < len(c.jobs) {
			return nil
		}
		from := first
		first, children = next, 0
		return r.send(ctx, c, from, next)
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
			if err := r.park(ctx, c.jobs[i:]); err != nil {
				return err
			}
		}
		if children += len(j.records); children >= maxBatch {
			if err := flush(i + 1); err != nil {
				return err
			}
		}
	}
	return flush(len(c.jobs))
}

// start starts every job, at most inFlight at a time.
func (r *laneRun) start(ctx context.Context, jobs []*job, running *sync.WaitGroup) {
	free := make(chan struct{}, inFlight)
	for _, j := range jobs {
		select {
		case free <- struct{}{}:
		case <-ctx.Done():
			return
		}
		running.Go(func() {
			r.fetch(ctx, j)
			close(j.done)
			<-free
		})
	}
}

// fetch reads the children of one job's issue.
func (r *laneRun) fetch(ctx context.Context, j *job) {
	if j.claim = r.quarrel.begin(j.issue, j.at, r.role.live); j.claim == nil || j.gone {
		return
	}
	j.records, j.err = r.api.children(ctx, j.issue, r.role.priority, j.patience())
	switch {
	case j.err == nil:
		r.memory.noteServed(j.issue)
		return
	case !errors.Is(j.err, extract.ErrNotFound):
		j.err = fmt.Errorf("children of issue %s: %w", j.issue, j.err)
		return
	}
	exists, err := r.api.exists(ctx, j.issue)
	switch {
	case err != nil:
		j.err = fmt.Errorf("issue %s, whose children are not found: %w", j.issue, err)
	case exists:
		// The issue is there and its children are not to be had: nothing is known
		// of them, so nothing is published, and they are tried again later.
		j.err = fmt.Errorf("children of issue %s, which exists: %w", j.issue, j.err)
	default:
		r.memory.noteServed(j.issue)
		j.gone, j.err = true, nil
	}
}
