package extracttest

import (
	"encoding/json"
	"errors"
	"net/http"
	"time"
)

// routeIssueWrites adds the verbs of the real API that change issues and their
// children: those which a person would try. They cost a budget of their own, and
// need the token.
func (a *API) routeIssueWrites(mux *http.ServeMux) {
	const issues = "issues_write"
	a.route(mux, "POST /issues", issues, a.postIssue)
	a.route(mux, "PATCH /issues/{id}", issues, a.patchIssue)
	a.route(mux, "DELETE /issues/{id}", issues, func(x *exchange) *apiError {
		return x.finish(a.DeleteIssue(x.r.PathValue("id")))
	})
	a.route(mux, "POST /issues/{issue}/reply", issues, a.postMessage(MessageChange{}))
	a.route(mux, "POST /issues/{issue}/note", issues, a.postMessage(MessageChange{Private: true}))
	a.route(mux, "DELETE /issues/{issue}/messages/{message}", issues, func(x *exchange) *apiError {
		return x.finish(a.DeleteMessage(x.r.PathValue("issue"), x.r.PathValue("message"), ""))
	})
	a.route(mux, "POST /issues/{issue}/messages/{message}/redact", issues, func(x *exchange) *apiError {
		return x.finish(a.EditMessage(x.r.PathValue("issue"), x.r.PathValue("message"), MessageChange{HTML: "<p>[redacted]</p>"}))
	})
	a.route(mux, "POST /issues/{issue}/threads", issues, a.postThread)
}

// decode reads the request's body into v. Unknown members are ignored.
func (x *exchange) decode(v any) *apiError {
	if len(x.asked.body) == 0 {
		return nil
	}
	if err := json.Unmarshal(x.asked.body, v); err != nil {
		return badRequest("invalid request body: " + err.Error())
	}
	return nil
}

// finish answers a change without data.
func (x *exchange) finish(err error) *apiError {
	if errors.Is(err, ErrNotFound) {
		return notFound(err.Error())
	}
	if err != nil {
		return badRequest(err.Error())
	}
	x.done()
	return nil
}

// answer writes the object that a change has left.
func (x *exchange) answer(stream, key string) *apiError {
	object, ok := x.api.Object(stream, key)
	if !ok {
		return notFound("it was deleted again")
	}
	x.one(object)
	return nil
}

// issueRequest is a request that makes or changes an issue.
type issueRequest struct {
	Title      string    `json:"title"`
	BodyHTML   string    `json:"body_html"`
	State      string    `json:"state"`
	Type       string    `json:"type"`
	Tags       []string  `json:"tags"`
	AccountID  string    `json:"account_id"`
	AssigneeID string    `json:"assignee_id"`
	TeamID     string    `json:"team_id"`
	CreatedAt  time.Time `json:"created_at"`
}

func (x *exchange) issueChange() (IssueChange, *apiError) {
	var in issueRequest
	err := x.decode(&in)
	return IssueChange{
		Title: in.Title, BodyHTML: in.BodyHTML, State: in.State, Type: in.Type, Tags: in.Tags,
		AccountID: in.AccountID, AssigneeID: in.AssigneeID, TeamID: in.TeamID, CreatedAt: in.CreatedAt,
	}, err
}

func (a *API) postIssue(x *exchange) *apiError {
	a.violate(x, "creates an issue")
	c, err := x.issueChange()
	if err != nil {
		return err
	}
	return x.answer(streamIssues, a.CreateIssue(c))
}

func (a *API) patchIssue(x *exchange) *apiError {
	c, err := x.issueChange()
	if err != nil {
		return err
	}
	c.BodyHTML = "" // the real API does not change it
	id := x.r.PathValue("id")
	if err := x.finish(a.UpdateIssue(id, c)); err != nil {
		return err
	}
	return x.answer(streamIssues, id)
}

// newMessage is the answer to a new message.
type newMessage struct {
	ID      string `json:"id"`
	IssueID string `json:"issue_id"`
}

// postMessage adds a reply or a note.
func (a *API) postMessage(c MessageChange) handler {
	return func(x *exchange) *apiError {
		var in struct {
			BodyHTML string `json:"body_html"`
			ThreadID string `json:"thread_id"`
		}
		if err := x.decode(&in); err != nil {
			return err
		}
		change := c
		change.HTML, change.ThreadID = in.BodyHTML, in.ThreadID
		id, err := a.AddMessage(x.r.PathValue("issue"), change)
		if err != nil {
			return x.finish(err)
		}
		x.one(appendJSON(nil, newMessage{id, a.Parent(streamMessages, id)}))
		return nil
	}
}

func (a *API) postThread(x *exchange) *apiError {
	var in struct {
		Name string `json:"name"`
	}
	if err := x.decode(&in); err != nil {
		return err
	}
	id, err := a.AddThread(x.r.PathValue("issue"), ThreadChange{Name: in.Name})
	if err != nil {
		return x.finish(err)
	}
	return x.answer(streamThreads, id)
}

// objectMembers reads what a request sets of an object.
func (x *exchange) objectMembers(writable map[string]string) (members, *apiError) {
	in := members{}
	if err := x.decode(&in); err != nil {
		return nil, err
	}
	out := members{}
	for from, to := range writable {
		if v, ok := in[from]; ok && string(v) != "null" {
			out[to] = v
		}
	}
	return out, nil
}

// postObject creates an object. What it is listed by is in the path or, of a
// custom field, in the body.
func (a *API) postObject(t *table, writable map[string]string) handler {
	return func(x *exchange) *apiError {
		set, fail := x.objectMembers(writable)
		if fail != nil {
			return fail
		}
		group := ""
		if t.groups != nil {
			var in struct {
				ObjectType string `json:"object_type"`
			}
			if err := x.decode(&in); err != nil {
				return err
			}
			group = orElse(x.asked.parent, in.ObjectType)
		}
		a.store.Lock()
		o, err := a.createObject(t, group, set)
		a.store.Unlock()
		if err != nil {
			return x.finish(err)
		}
		return x.answer(t.stream, o.key)
	}
}

func (a *API) patchObject(t *table, writable map[string]string) handler {
	return func(x *exchange) *apiError {
		set, fail := x.objectMembers(writable)
		if fail != nil {
			return fail
		}
		a.store.Lock()
		o, err := a.updateObject(t, x.r.PathValue("id"), set)
		a.store.Unlock()
		if err != nil {
			return x.finish(err)
		}
		return x.answer(t.stream, o.key)
	}
}

func (a *API) deleteByID(stream string) handler {
	return func(x *exchange) *apiError { return x.finish(a.Delete(stream, x.r.PathValue("id"))) }
}
