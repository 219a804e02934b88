package producer

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"pylon-kafka/extract"
)

const (
	// firstPause is how long an issue that was parked waits for its next try; the
	// pause doubles up to lastPause.
	firstPause = 5 * time.Minute
	lastPause  = 24 * time.Hour
	// maxReason bounds what the cursor keeps of an error.
	maxReason = 300
)

// park parks the first of jobs, whose children Pylon refuses, if it serves those
// of other issues; if not, the refusal is the stream's failure.
func (r *laneRun) park(ctx context.Context, jobs []*job) error {
	j := jobs[0]
	if err := ctx.Err(); err != nil {
		return err
	}
	if errors.Is(j.err, extract.ErrUnauthorized) {
		return j.err
	}
	serves, err := r.servesOthers(ctx, jobs)
	if err != nil {
		return err
	}
	if !serves {
		return j.err
	}
	r.quarrel.drop(j.claim)
	r.notePark(j)
	j.skip = true
	return nil
}

// servesOthers tells whether Pylon gives the children of another issue, now that
// it refuses those of the first of jobs. An issue that was deleted tells nothing.
func (r *laneRun) servesOthers(ctx context.Context, jobs []*job) (bool, error) {
	refused, neighbours := jobs[0], min(len(jobs), inFlight)
	if r.memory.servedSince(refused.claim.began) {
		return true, nil
	}
	for _, other := range jobs[1:neighbours] {
		select {
		case <-other.done:
		case <-ctx.Done():
			return false, ctx.Err()
		}
		if other.served {
			return true, nil
		}
	}
	last := r.memory.lastServed()
	others := slices.Concat(last[:min(len(last), probed)], spread(jobs[neighbours:], probed))
	serves := r.anyServed(ctx, slices.DeleteFunc(others, func(issue string) bool { return issue == refused.issue }))
	return serves, ctx.Err()
}

// probed is how many of the issues that were served last, and of those that are
// still to be worked, are asked for.
const probed = 8

// spread returns up to most issues of jobs that were not deleted, from the first
// one to the last.
func spread(jobs []*job, most int) []string {
	var issues []string
	for i := range most {
		part := jobs[i*len(jobs)/most : (i+1)*len(jobs)/most]
		if at := slices.IndexFunc(part, func(j *job) bool { return !j.gone }); at >= 0 {
			issues = append(issues, part[at].issue)
		}
	}
	return issues
}

// anyServed asks for the children of all these issues at once, and tells whether
// Pylon gives those of one. What it reads is published by nobody.
func (r *laneRun) anyServed(ctx context.Context, issues []string) bool {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	answers := make(chan error, len(issues))
	var running sync.WaitGroup
	defer running.Wait()
	for _, issue := range issues {
		running.Go(func() {
			_, err := r.api.children(ctx, issue, r.role.priority, parkedPatience)
			if err == nil {
				r.memory.noteServed(issue)
			} else {
				r.api.parked(issue) // its own job says so
			}
			answers <- err
		})
	}
	for range issues {
		if <-answers == nil {
			cancel()
			return true
		}
	}
	return false
}

// notePark notes in the cursor that the children of a job's issue could not be read.
func (r *laneRun) notePark(j *job) {
	r.api.parked(j.issue)
	now := time.Now().UTC().Truncate(time.Second)
	i := slices.IndexFunc(r.cursor.Parked, func(p Parked) bool { return p.Issue == j.issue })
	if i < 0 {
		r.cursor.Parked = append(slices.Clone(r.cursor.Parked), Parked{Issue: j.issue, Since: now})
		i = len(r.cursor.Parked) - 1
	} else {
		r.cursor.Parked = slices.Clone(r.cursor.Parked)
	}
	p := &r.cursor.Parked[i]
	p.Tries++
	p.Next = now.Add(min(firstPause<<min(p.Tries-1, 10), lastPause))
	p.Reason = j.err.Error()
	if len(p.Reason) > maxReason {
		p.Reason = strings.ToValidUTF8(p.Reason[:maxReason], "") + "…"
	}
	r.log.Error("the children of an issue cannot be read; it is parked and tried again later",
		"issue", j.issue, "tries", p.Tries, "next", p.Next, "error", j.err)
}

// tryParked tries the parked issues whose time has come.
func (r *laneRun) tryParked(ctx context.Context) error {
	c := chunk{end: maps.Clone(r.cursor.Position)}
	now := time.Now()
	for _, p := range r.cursor.Parked {
		if p.Next.After(now) && !r.allParked {
			continue
		}
		c.jobs = append(c.jobs, &job{issue: p.Issue, lastSeen: lastSeen{at: place{partition: -1}}, parked: true, done: make(chan struct{})})
	}
	if len(c.jobs) == 0 {
		return nil
	}
	return r.workParked(ctx, c)
}

// workParked works a chunk of parked issues: one that is refused again waits on,
// whatever the others do.
func (r *laneRun) workParked(ctx context.Context, c chunk) error {
	var running sync.WaitGroup
	r.start(ctx, c.jobs, &running)
	running.Wait()
	if err := ctx.Err(); err != nil {
		return err
	}
	for _, j := range c.jobs {
		if errors.Is(j.err, extract.ErrUnauthorized) {
			return j.err
		}
		if j.err != nil {
			r.quarrel.drop(j.claim)
			r.notePark(j)
			j.skip = true
		}
	}
	return r.send(ctx, c, 0, len(c.jobs))
}

// parkedError says which issues a sync leaves without their children.
func parkedError(parked []Parked) error {
	if len(parked) == 0 {
		return nil
	}
	texts := make([]string, len(parked))
	for i, p := range parked {
		texts[i] = fmt.Sprintf("%s (%s)", p.Issue, p.Reason)
	}
	return refuse("the children of %d issues cannot be read; they are parked, and the next sync tries them again: %s",
		len(parked), strings.Join(texts, "; "))
}
