package producer

import (
	"context"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// An issue that was gone and came back has a tombstone in the issues topic and a
// record behind it: its children are deleted no more. The record may stand in a
// later chunk than the tombstone, and be for the other lane. So before a lane works
// a tombstone it looks at what follows, which costs a reading of the topic where
// that is long, and nothing where the lane is at its end.

// lastSeen is a record of an issue, the last one so far.
type lastSeen struct {
	at   place
	time time.Time // when it was published
	gone bool      // it is a tombstone: the issue was deleted
}

func seeing(rec *kgo.Record) lastSeen {
	return lastSeen{place{rec.Partition, rec.Offset}, rec.Timestamp, rec.Value == nil}
}

// before tells whether the record is older than another one of the same issue. Only
// where partitions were added do the two stand in different ones.
func (l lastSeen) before(other lastSeen) bool {
	if l.at.partition == other.at.partition {
		return l.at.offset < other.at.offset
	}
	return l.time.Before(other.time)
}

// sightings are the last records of those issues that have a tombstone in a piece
// of the queue.
type sightings map[string]lastSeen

func (s sightings) note(rec *kgo.Record, issue string) {
	now := seeing(rec)
	last, known := s[issue]
	if known && last.before(now) || !known && now.gone {
		s[issue] = now
	}
}

// ahead is what is known of the queue behind a chunk.
type ahead struct {
	seen sightings
	to   map[int32]int64 // up to where the queue was looked through
}

// withoutRestored takes those jobs out of a chunk whose issues were deleted and are
// there again. seen is of the chunk.
func (r *laneRun) withoutRestored(ctx context.Context, c *chunk, seen sightings) error {
	if !slices.ContainsFunc(c.jobs, func(j *job) bool { return j.gone }) {
		return nil
	}
	if !reached(c.end, r.written) {
		if !reached(r.ahead.to, c.end) {
			if err := r.lookAhead(ctx, *c, seen); err != nil {
				return err
			}
		}
		seen = r.ahead.seen
	}
	c.jobs = slices.DeleteFunc(c.jobs, func(j *job) bool {
		last, ok := seen[j.issue]
		return j.gone && ok && !last.gone
	})
	return nil
}

// lookAhead looks through the queue from the end of a chunk to its own.
func (r *laneRun) lookAhead(ctx context.Context, c chunk, seen sightings) error {
	at := c.end
	for !reached(at, r.written) {
		records, end, err := r.queue.next(ctx, at, mostRecords)
		if err != nil {
			return err
		}
		for _, rec := range records {
			if issue, _, ok := r.issueOf(rec); ok {
				seen.note(rec, issue)
			}
		}
		at = end
	}
	r.ahead = ahead{seen: seen, to: at}
	return nil
}
