package producer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"pylon-kafka/extract"
)

// existsFunc asks Pylon whether an issue exists.
type existsFunc func(ctx context.Context, issue string) (bool, error)

// existence returns what asks for an issue and gives up after patience, so that one
// issue for which Pylon gives no answer does not hold up the others. What ask would
// tell of troubles is not told: see doubts.
func existence(c *extract.Client, ask extract.Ask, patience time.Duration) existsFunc {
	const waits = 10 // that do not count as patience, such as for the budget, come to this much of it
	ask.Prepare, ask.Trouble = nil, nil
	if ask.Patience == 0 || ask.Patience > patience {
		ask.Patience = patience
	}
	return func(ctx context.Context, issue string) (bool, error) {
		limited, cancel := context.WithTimeout(ctx, waits*patience)
		defer cancel()
		return c.IssueExists(limited, issue, ask)
	}
}

// doubts are the issues of which Pylon did not say whether they exist. Nothing
// follows for them: they are asked for again at the next occasion.
type doubts struct {
	most    int // of questions that are given up; then no more are asked
	givenUp int
	issues  int
	first   string
	why     error // of the first
}

// ask asks whether an issue exists; not sure means that Pylon does not say. The
// error is one that holds for all, or ctx's.
func (d *doubts) ask(ctx context.Context, exists existsFunc, issue string) (there, sure bool, err error) {
	if d.givenUp >= d.most {
		d.issues++
		return false, false, nil
	}
	there, err = exists(ctx, issue)
	switch {
	case err == nil:
		return there, true, nil
	case ctx.Err() != nil:
		return false, false, ctx.Err()
	case fatal(err):
		return false, false, err
	case errors.Is(err, extract.ErrGaveUp), errors.Is(err, context.DeadlineExceeded):
		d.givenUp++ // it has cost time
	}
	if d.why == nil {
		d.first, d.why = issue, err
	}
	d.issues++
	return false, false, nil
}

// text says what is shown of the doubts; "": there are none.
func (d *doubts) text() string {
	if d.issues == 0 {
		return ""
	}
	return fmt.Sprintf("Pylon does not say whether %d issues exist that it does not list, or lists after their tombstone; "+
		"they stay as they are in the topic and are asked for again; the first is %s: %v", d.issues, d.first, d.why)
}
