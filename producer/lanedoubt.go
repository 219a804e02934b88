package producer

import (
	"context"
	"errors"
	"time"

	"pylon-kafka/extract"
)

// knownChildren tells how a reading of an issue's children stands to what consumers
// have.
type knownChildren interface {
	// lacks tells how many of those that consumers have are not among records.
	lacks(issue string, records []extract.Record) tally
}

// children returns what a lane is to hold its readings against: nothing where
// tombstones are off.
func (s *session) children() knownChildren {
	if !s.tombstones {
		return newKnown(true)
	}
	return s.known
}

const (
	// secondReading is how long a lane waits before it reads once more what it doubts.
	secondReading = 5 * time.Second
	// enoughOthers is how many other issues must be whole, at least, for the loss of
	// one to be its own.
	enoughOthers = 4
)

// doubt looks closer at an issue that lacks so many of its children that the
// safeguard would stop the stream for it. What a second reading says is believed if
// other issues are whole; if many lack children, that is left to the safeguard; and
// if nothing can be said of others, the error has the issue parked.
func (r *laneRun) doubt(ctx context.Context, j *job) error {
	if !r.guard.doubts(r.known.lacks(j.issue, j.records)) {
		return nil
	}
	err := sleep(ctx, secondReading)
	if err != nil {
		return err
	}
	if j.records, err = r.ask(ctx, j); err != nil || j.gone {
		return err
	}
	t := r.known.lacks(j.issue, j.records)
	if !r.guard.doubts(t) {
		return nil
	}
	others, issues := r.others(ctx, j.issue)
	const few = 10 // of which one may be missing
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case r.guard.tooMany(others):
		j.doubted = true
		return nil
	case issues >= enoughOthers && others.known >= enoughKnown && others.missing*few <= others.known && !r.guard.lackedLately():
		r.log.Warn("an issue lacks most of its children, and was read twice; those of others are whole, so that is believed",
			"issue", j.issue, "known", t.known, "missing", t.missing)
		j.believed = true
		return nil
	default:
		return refuse("issue %s lacks %d of %d objects that the topic holds, a larger share than TOMBSTONES_MAX_SHARE (%v), and other issues "+
			"do not tell whether the token lost a permission; if they are deleted, set TOMBSTONES_MAX_SHARE=1 until they are gone",
			j.issue, t.missing, t.known, r.guard.share)
	}
}

// others asks now for the children of issues that were served last, until enough is
// known, and returns what they lack and how many issues that were. What it reads is
// published by nobody.
func (r *laneRun) others(ctx context.Context, but string) (sum tally, issues int) {
	for _, issue := range r.memory.lastServed() {
		if issue == but || r.known.lacks(issue, nil).known == 0 {
			continue
		}
		records, err := r.api.children(ctx, issue, r.role.priority, parkedPatience)
		if err != nil && !errors.Is(err, extract.ErrNotFound) { // not found is all that is missing
			r.api.parked(issue) // its own job says so
			continue
		}
		sum = sum.plus(r.known.lacks(issue, records))
		if issues++; issues >= enoughOthers && sum.known >= enoughKnown {
			break
		}
	}
	return sum, issues
}
