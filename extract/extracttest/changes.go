package extracttest

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"
)

// ErrNotFound is returned, wrapped, by changes of what does not exist.
var ErrNotFound = errors.New("no such object")

// IssueChange says what to set of an issue; empty fields stay as they are. Every
// change makes a version that differs from those before it: number_of_touches
// grows and, if nothing at all is set, the title is marked with the revision.
type IssueChange struct {
	Title, BodyHTML string
	State           string // slug of a status
	Type            string
	Tags            []string // empty and not nil: none
	// Ids of objects.
	AccountID, AssigneeID, TeamID string
	// CreatedAt is for a new issue: zero is now.
	CreatedAt time.Time
	// UpdatedAt is what the change sets updated_at to: zero is now.
	UpdatedAt time.Time
	// KeepUpdatedAt leaves updated_at, as the real API may do for some changes.
	KeepUpdatedAt bool
	// LatestMessageAt is what the change sets latest_message_time to, as a message
	// does: zero leaves it.
	LatestMessageAt time.Time
	// SearchLag is how long after this change the search shows it: zero is what
	// Options say.
	SearchLag time.Duration
}

// set is true if anything but a time is to be set.
func (c *IssueChange) set() bool {
	return c.Title != "" || c.BodyHTML != "" || c.State != "" || c.Type != "" || c.Tags != nil ||
		c.AccountID != "" || c.AssigneeID != "" || c.TeamID != ""
}

func (c *IssueChange) apply(e *issueEdit) {
	e.title = orElse(c.Title, e.title)
	e.body = orElse(c.BodyHTML, e.body)
	e.state = orElse(c.State, e.state)
	e.kind = orElse(c.Type, e.kind)
	e.account = orElse(c.AccountID, e.account)
	e.assignee = orElse(c.AssigneeID, e.assignee)
	e.team = orElse(c.TeamID, e.team)
	if c.Tags != nil {
		e.tags = slices.Clone(c.Tags)
	}
}

// lag draws how long the search index takes for a change.
func (w *workspace) lag() time.Duration {
	if w.opts.RandomSearchLag && w.opts.SearchLag > 0 {
		return time.Duration(w.lagRand.Int64N(int64(w.opts.SearchLag)))
	}
	return w.opts.SearchLag
}

// publishIssue makes v the current version of the issue. The caller holds the lock.
// The search index shows it after the lag.
func (w *workspace) publishIssue(r *issueRecord, v *issue, at time.Time, lag time.Duration) {
	v.visible = time.Now().Add(lag)
	r.versions = append(r.versions, v)
	w.logIssue(v, at)
}

func (w *workspace) issueRef(is *issue) objectRef { return objectRef{streamIssues, is.id.String()} }

func (w *workspace) logIssue(v *issue, at time.Time) {
	if v.deleted {
		w.log.add(w.issueRef(v), "", v.rev, at, nil)
		return
	}
	w.log.add(w.issueRef(v), "", v.rev, at, w.issueRenderer(v, at))
}

func (w *workspace) issueRenderer(v *issue, at time.Time) func() []byte {
	return func() []byte { return w.gen.appendIssue(nil, v, at.UnixMilli()) }
}

// changeIssue makes a new version of an issue.
func (w *workspace) changeIssue(is *issue, lag time.Duration, change func(v *issue, e *issueEdit)) {
	now := w.Now()
	r := w.record(is)
	old := r.current()
	w.log.began(w.issueRef(old), "", w.issueRenderer(old, now))
	v, e := *old, issueEdit{}
	if old.edit != nil {
		e = *old.edit
	}
	v.edit, v.rev = &e, old.rev+1
	change(&v, &e)
	w.publishIssue(r, &v, now, lag)
}

// UpdateIssue changes an issue, named by id or number.
func (w *workspace) UpdateIssue(id string, c IssueChange) error {
	w.store.Lock()
	defer w.store.Unlock()
	return w.updateIssue(id, c)
}

func (w *workspace) updateIssue(id string, c IssueChange) error {
	is := w.resolveIssue(id)
	if is == nil {
		return fmt.Errorf("update issue %q: %w", id, ErrNotFound)
	}
	now := w.Now()
	w.changeIssue(is, orElse(c.SearchLag, w.lag()), func(v *issue, e *issueEdit) {
		c.apply(e)
		if !c.set() {
			e.title = subjects[v.random>>20%uint64(len(subjects))] + " [r" + strconv.Itoa(v.rev) + "]"
		}
		if c.State != "" {
			e.since, v.resolved = now.UnixMilli(), 0
			if closedState(c.State) {
				v.resolved = now.UnixMilli()
			}
		}
		if !c.LatestMessageAt.IsZero() {
			v.latest = c.LatestMessageAt.UnixMilli()
		}
		switch {
		case !c.UpdatedAt.IsZero():
			v.updated = c.UpdatedAt.UnixMilli()
		case !c.KeepUpdatedAt:
			v.updated = now.UnixMilli()
		}
	})
	return nil
}

func closedState(slug string) bool {
	for _, s := range statuses {
		if s.slug == slug {
			return s.category == "closed"
		}
	}
	return false
}

// CreateIssue makes an issue with one message, and returns its id.
func (w *workspace) CreateIssue(c IssueChange) string {
	w.store.Lock()
	defer w.store.Unlock()
	return w.createIssue(c).id.String()
}

func (w *workspace) createIssue(c IssueChange) *issue {
	now := w.Now()
	index := w.issues.next
	w.issues.next++
	is := &issue{
		index: index, id: w.gen.ids.id(kindIssue, index), random: mix(w.gen.hash(kindIssue, index)),
		edit: &issueEdit{since: now.UnixMilli()}, created: now.UnixMilli(), updated: now.UnixMilli(),
	}
	c.apply(is.edit)
	if !c.CreatedAt.IsZero() {
		is.created = c.CreatedAt.UnixMilli()
		is.updated = is.created
	}
	if !c.UpdatedAt.IsZero() {
		is.updated = c.UpdatedAt.UnixMilli()
	}
	r := &issueRecord{}
	for _, s := range childSpecs {
		r.setChildren(s, &childList{})
	}
	first := child{id: w.gen.ids.id(kindMessage, childIndex(index, 0)), at: is.created, text: is.edit.body}
	if w.gen.messages > 0 {
		is.latest = is.created
		*r.children[messages] = childList{[]child{first}, 1}
	}
	w.publishIssue(r, is, now, orElse(c.SearchLag, w.lag()))
	w.insertIssue(r)
	if w.gen.messages > 0 {
		w.logChild(messages, is, &first)
	}
	return is
}

// DeleteIssue deletes an issue with its messages and threads.
func (w *workspace) DeleteIssue(id string) error {
	w.store.Lock()
	defer w.store.Unlock()
	return w.deleteIssue(id)
}

func (w *workspace) deleteIssue(id string) error {
	is := w.resolveIssue(id)
	if is == nil {
		return fmt.Errorf("delete issue %q: %w", id, ErrNotFound)
	}
	for _, s := range childSpecs {
		kids := w.ownChildren(s, is)
		for i := range kids.list {
			w.dropChild(s, is, &kids.list[i])
		}
		kids.list = nil
	}
	w.changeIssue(is, w.lag(), func(v *issue, _ *issueEdit) { v.deleted = true })
	w.issues.deleted++
	return nil
}
