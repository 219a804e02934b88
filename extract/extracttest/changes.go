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
func (a *API) lag() time.Duration {
	if a.opts.RandomSearchLag && a.opts.SearchLag > 0 {
		return time.Duration(a.lagRand.Int64N(int64(a.opts.SearchLag)))
	}
	return a.opts.SearchLag
}

// publishIssue makes v the current version of the issue. The caller holds the lock.
func (a *API) publishIssue(r *issueRecord, v *issue, at time.Time) {
	v.visible = time.Now().Add(a.lag())
	r.versions = append(r.versions, v)
	a.logIssue(v, at)
}

func (a *API) issueRef(is *issue) objectRef { return objectRef{streamIssues, is.id.String()} }

func (a *API) logIssue(v *issue, at time.Time) {
	if v.deleted {
		a.log.add(a.issueRef(v), "", v.rev, at, nil)
		return
	}
	a.log.add(a.issueRef(v), "", v.rev, at, a.issueRenderer(v, at))
}

func (a *API) issueRenderer(v *issue, at time.Time) func() []byte {
	return func() []byte { return a.gen.appendIssue(nil, v, at.UnixMilli()) }
}

// changeIssue makes a new version of an issue.
func (a *API) changeIssue(is *issue, change func(v *issue, e *issueEdit, now time.Time)) {
	now := a.Now()
	r := a.record(is)
	old := r.current()
	a.log.began(a.issueRef(old), "", a.issueRenderer(old, now))
	v, e := *old, issueEdit{}
	if old.edit != nil {
		e = *old.edit
	}
	v.edit, v.rev = &e, old.rev+1
	change(&v, &e, now)
	a.publishIssue(r, &v, now)
}

// UpdateIssue changes an issue, named by id or number.
func (a *API) UpdateIssue(id string, c IssueChange) error {
	a.store.Lock()
	defer a.store.Unlock()
	return a.updateIssue(id, c)
}

func (a *API) updateIssue(id string, c IssueChange) error {
	is := a.resolveIssue(id)
	if is == nil {
		return fmt.Errorf("update issue %q: %w", id, ErrNotFound)
	}
	a.changeIssue(is, func(v *issue, e *issueEdit, now time.Time) {
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
func (a *API) CreateIssue(c IssueChange) string {
	a.store.Lock()
	defer a.store.Unlock()
	return a.createIssue(c).id.String()
}

func (a *API) createIssue(c IssueChange) *issue {
	now := a.Now()
	index := a.issues.next
	a.issues.next++
	is := &issue{
		index: index, id: a.gen.ids.id(kindIssue, index), random: mix(a.gen.hash(kindIssue, index)),
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
	r := &issueRecord{children: &children{}}
	if a.gen.messages > 0 {
		is.latest = is.created
		r.children.nextMessage = 1
		r.children.messages = []message{{id: a.gen.ids.id(kindMessage, childIndex(index, 0)), at: is.created, html: is.edit.body}}
	}
	a.publishIssue(r, is, now)
	a.insertIssue(r)
	for i := range r.children.messages {
		a.logMessage(is, &r.children.messages[i], now)
	}
	return is
}

// DeleteIssue deletes an issue with its messages and threads.
func (a *API) DeleteIssue(id string) error {
	a.store.Lock()
	defer a.store.Unlock()
	return a.deleteIssue(id)
}

func (a *API) deleteIssue(id string) error {
	is := a.resolveIssue(id)
	if is == nil {
		return fmt.Errorf("delete issue %q: %w", id, ErrNotFound)
	}
	now := a.Now()
	kids := a.childrenOf(is)
	for i := range kids.messages {
		a.dropMessage(is, &kids.messages[i], now)
	}
	for i := range kids.threads {
		a.dropThread(is, &kids.threads[i], now)
	}
	kids.messages, kids.threads = nil, nil
	a.changeIssue(is, func(v *issue, _ *issueEdit, _ time.Time) { v.deleted = true })
	a.issues.deleted++
	return nil
}
