package producer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"pylon-kafka/extract"
)

// Reread reads issues, each named by its id or number, and their children now, and
// publishes what differs from what consumers have, whatever a search or a poll
// would say. An issue that Pylon has no more gets its tombstone, and its children
// theirs. Of the chosen streams only issues and their children are worked, one
// after the other, each in a session with a committer as in a pass; where they go
// on does not change.
//
// It refuses to begin while another instance works the streams, and returns
// [ErrTakenOver] when one takes over. An issue that neither Pylon nor the topic has
// is an error that names it; the others are read all the same.
func (p *Pipeline) Reread(ctx context.Context, issues []string) error {
	return p.once(ctx, func(ctx context.Context) error { return p.rereadAll(ctx, issues) })
}

// rereadAll works the streams that hold issues and their children, one after the
// other.
func (p *Pipeline) rereadAll(ctx context.Context, issues []string) error {
	wanted, err := p.resolve(ctx, issues)
	if err != nil {
		return err
	}
	var errs []error
	for _, t := range p.tasks {
		if !ReadsIssues(t.set.stream) {
			continue
		}
		err := p.syncTask(ctx, t, func(ctx context.Context) error { return t.reread(ctx, wanted) })
		if fatal(err) {
			return err
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// wantedIssue is an issue that is to be read again.
type wantedIssue struct {
	id   string
	gone bool // Pylon has it no more
}

// resolve asks Pylon for the ids of issues, and which of them are gone.
func (p *Pipeline) resolve(ctx context.Context, issues []string) ([]wantedIssue, error) {
	var wanted []wantedIssue
	for _, name := range issues {
		rec, err := p.client.Issue(ctx, name, extract.Ask{Patience: p.reach})
		switch {
		case errors.Is(err, extract.ErrNotFound):
			wanted = append(wanted, wantedIssue{id: name, gone: true})
		case err != nil:
			return nil, err
		case !slices.Contains(wanted, wantedIssue{id: rec.Key}):
			wanted = append(wanted, wantedIssue{id: rec.Key})
		}
	}
	return wanted, nil
}

// reread reads again what the stream holds of issues.
func (t *task) reread(ctx context.Context, wanted []wantedIssue) error {
	t.state.starting()
	s, err := openSession(ctx, t.set, t.wire)
	if err != nil {
		return err
	}
	defer s.close()
	t.state.open(s.doc, s.resumed)
	c := t.newCommitter(s)
	if t.set.stream.Sync == extract.SyncChildren {
		return t.rereadChildren(ctx, c, wanted)
	}
	return t.rereadIssues(ctx, c, wanted)
}

// rereadIssues commits the issues as they are now.
func (t *task) rereadIssues(ctx context.Context, c *committer, wanted []wantedIssue) error {
	ask := t.ask(c.s, "reread", false)
	var unknown []string
	for _, w := range wanted {
		rule := &directly{}
		b := batch{rule: rule, origin: originSweep, part: pollPart}
		rec, err := t.client.Issue(ctx, w.id, ask)
		switch {
		case errors.Is(err, extract.ErrNotFound):
			if _, there := c.s.known.view.Hash("", w.id); !there {
				unknown = append(unknown, w.id)
			}
			rule.gone = []string{w.id}
		case err != nil:
			return err
		default:
			b.records = []extract.Record{rec}
		}
		if err := c.commit(ctx, &b); err != nil {
			return err
		}
	}
	if len(unknown) > 0 {
		return refuse("neither Pylon nor topic %s has an issue %s; one that was deleted is named by its id", c.s.topic.Name, strings.Join(unknown, ", "))
	}
	return nil
}

// rereadChildren commits the children of the issues as they are now, and forgets
// that they were parked.
func (t *task) rereadChildren(ctx context.Context, c *committer, wanted []wantedIssue) error {
	api := laneAPI{t.client, t.set.stream, t.ask(c.s, "reread", false), t.state.trouble}
	q := newQuarrel()
	for _, w := range wanted {
		f := family{issue: w.id, gone: w.gone, claim: q.begin(ctx, w.id, place{partition: -1}, true)}
		if !w.gone {
			var err error
			if f.records, err = api.children(ctx, w.id, extract.Foreground, 0); err != nil {
				return fmt.Errorf("children of issue %s: %w", w.id, err)
			}
		}
		q.readOver(f.claim)
		b := batch{rule: &families{quarrel: q, guard: t.guard}, origin: originSweep, families: []family{f}, part: liveLane}
		if err := c.commit(ctx, &b); err != nil {
			return err
		}
		if err := t.unpark(ctx, c, w.id); err != nil {
			return err
		}
	}
	return nil
}

// unpark takes an issue whose children were read out of the cursors that have it
// parked.
func (t *task) unpark(ctx context.Context, c *committer, issue string) error {
	for _, lane := range []string{liveLane, backlogLane} {
		var cur laneCursor
		if err := decodeCursor(t.set.stream.Name, c.s.doc.Parts[lane].Cursor, &cur); err != nil {
			return err
		}
		left := slices.DeleteFunc(slices.Clone(cur.Parked), func(p Parked) bool { return p.Issue == issue })
		if len(left) == len(cur.Parked) {
			continue
		}
		cur.Parked = left
		text, err := cur.encode(lane)
		if err != nil {
			return err
		}
		if err := c.commit(ctx, &batch{rule: &directly{}, origin: originSweep, part: lane, cursor: text}); err != nil {
			return err
		}
	}
	return nil
}

// directly is the rule for issues that were asked for one by one: what differs
// from what consumers have is published, and what Pylon says is gone gets a
// tombstone.
type directly struct{ gone []string }

func (r *directly) decide(d *draft, records []extract.Record, _ []family) error {
	if err := d.issues(records, func(id objectID, rec *extract.Record) bool { return d.compare(id, rec) != same }); err != nil {
		return err
	}
	d.deleted(r.gone)
	return nil
}

func (r *directly) committed(*draft) {}
