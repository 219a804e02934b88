package producer

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"pylon-kafka/extract"
)

// fetch reads the children of one job's issue.
func (r *laneRun) fetch(ctx context.Context, j *job) {
	if j.claim = r.quarrel.begin(ctx, j.issue, j.at, r.role.live); j.claim == nil {
		return
	}
	defer r.quarrel.readOver(j.claim)
	if j.gone {
		return
	}
	if j.records, j.err = r.ask(ctx, j); j.err == nil && !j.gone {
		j.err = r.doubt(ctx, j)
	}
}

// ask asks for the children of a job's issue. One that does not exist was deleted if
// those of others are served meanwhile. If not, it has none: the safeguard counts
// them as missing, since a token that does not see issues any more is answered so.
func (r *laneRun) ask(ctx context.Context, j *job) ([]extract.Record, error) {
	records, err := r.api.children(ctx, j.issue, r.role.priority, j.patience())
	switch {
	case err == nil:
		r.memory.noteServed(j.issue)
		j.served = true
		return records, nil
	case !errors.Is(err, extract.ErrNotFound):
		return nil, fmt.Errorf("children of issue %s: %w", j.issue, err)
	}
	exists, cannot := r.api.exists(ctx, j.issue, j.patience())
	switch {
	case cannot != nil:
		return nil, fmt.Errorf("issue %s, whose children are not found: %w", j.issue, cannot)
	case exists:
		// The issue is there and its children are not to be had: nothing is known
		// of them, so nothing is published, and they are tried again later.
		return nil, fmt.Errorf("children of issue %s, which exists: %w", j.issue, err)
	default:
		j.gone = r.memory.servedSince(j.claim.began)
		return nil, nil
	}
}

// mostRecords is how many records a chunk is made of.
const mostRecords = 5000

// issueOf returns the issue whose record it is, and the record's origin; false of a
// record that says nothing of an issue.
func (r *laneRun) issueOf(rec *kgo.Record) (issue, origin string, ok bool) {
	h := readHeaders(rec)
	key, _ := r.keys.decode(rec.Key)
	if h.connector != r.connector || h.origin == "" || key == "" {
		r.odd.Do(func() {
			r.log.Warn("the issues topic holds a record that this connector did not write; such records are passed over",
				"topic", rec.Topic, "partition", rec.Partition, "offset", rec.Offset)
		})
		return "", "", false
	}
	return key, h.origin, !h.moved // a record that was moved stands elsewhere: the issue is there
}

// takes tells whether an issue's record is for this lane.
func (r *laneRun) takes(rec *kgo.Record, origin string) bool {
	if rec.Value == nil && r.role.live {
		return true // costs no request, and must not wait for a backlog of many hours
	}
	polled := origin == originPoll
	return polled == r.role.live || !r.role.live && rec.Offset < r.cursor.SweepTo[rec.Partition]
}

// next reads the next chunk. Of several records of one issue only the last is a
// job: its children are read as they are now.
func (r *laneRun) next(ctx context.Context) (chunk, error) {
	records, end, err := r.queue.next(ctx, r.cursor.Position, mostRecords)
	if err != nil {
		return chunk{}, err
	}
	c := chunk{end: maps.Clone(r.cursor.Position)}
	maps.Copy(c.end, end)
	last, seen := make(map[string]*job), make(sightings)
	var order []*job
	for _, rec := range records {
		issue, origin, ok := r.issueOf(rec)
		if !ok {
			continue
		}
		seen.note(rec, issue)
		if !r.takes(rec, origin) {
			continue
		}
		j := &job{issue: issue, lastSeen: seeing(rec), parked: r.isParked(issue), done: make(chan struct{})}
		if before := last[issue]; before == nil || before.before(j.lastSeen) {
			last[issue] = j
		}
		order = append(order, j)
	}
	c.jobs = slices.DeleteFunc(order, func(j *job) bool { return last[j.issue] != j })
	err = r.withoutRestored(ctx, &c, seen)
	return c, err
}

// look looks where the queue ends now, if that was long ago.
func (r *laneRun) look(ctx context.Context) error {
	if time.Since(r.looked) < laneLook {
		return nil
	}
	b, err := r.queue.bounds(ctx)
	if err != nil {
		return err
	}
	if b.id != r.cursor.Queue {
		return againError{fmt.Errorf("topic %s was deleted and made anew", b.name)}
	}
	if len(b.written) != len(r.written) {
		return againError{fmt.Errorf("topic %s has %d partitions now, and not %d", b.name, len(b.written), len(r.written))}
	}
	r.written, r.looked = b.written, time.Now()
	return nil
}

// left is how many issues are still to be worked: the jobs of a chunk from next
// on, and what comes after the chunk, which is counted in records.
func (r *laneRun) left(c chunk, next int) int64 {
	n := int64(len(c.jobs) - next)
	for p, end := range r.written {
		n += max(0, end-c.end[p])
	}
	return n
}

// progress tells how much of the queue is worked, from 0 to 1, by its offsets:
// so it goes on after a restart where it stood.
func (r *laneRun) progress(left int64) float64 {
	var all int64
	for p, end := range r.written {
		all += end - r.begin[p]
	}
	return 1 - float64(left)/float64(max(all, left, 1))
}

// send emits what the jobs of a chunk from first up to next have read.
func (r *laneRun) send(ctx context.Context, c chunk, first, next int) error {
	if err := r.look(ctx); err != nil {
		return err
	}
	pos, left := c.before(next), r.left(c, next)
	b := batch{
		rule: &families{quarrel: r.quarrel, guard: r.guard}, origin: originPoll,
		note: note{lane: r.role.name, left: left, progress: r.progress(left)},
	}
	for _, j := range c.jobs[first:next] {
		r.unpark(j)
		if j.claim == nil || j.skip {
			continue
		}
		b.families = append(b.families, family{
			issue: j.issue, records: j.records, gone: j.gone, believed: j.believed, doubted: j.doubted, claim: j.claim,
		})
	}
	r.cursor.Position = pos
	if !r.role.live {
		b.origin = originBackfill
		if len(r.cursor.SweepTo) > 0 {
			b.origin = originSweep
			if reached(pos, r.cursor.SweepTo) {
				r.cursor.SweepTo, b.ended = nil, time.Now().UTC().Truncate(time.Second)
				r.swept = b.ended
				r.log.Info("sweep ends")
			}
		}
	}
	b.note.worked, b.note.parked = int64(len(b.families)), slices.Clone(r.cursor.Parked)
	b.note.upTo, b.note.caughtUp = r.claims.reached(ctx, r.role.name, r.looked, left == 0)
	var err error
	if b.cursor, err = r.cursor.encode(r.role.name); err != nil {
		return err
	}
	return r.emit(b)
}

const (
	inFlight      = 16              // requests of a lane
	maxBatch      = 1000            // children of a transaction
	batchInterval = 1 * time.Second // between transactions while children come in slowly
)

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
