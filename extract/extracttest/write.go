package extracttest

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"
)

// routeWrites adds the verbs of the real API that change something: those which
// a person would try. They cost a budget of their own, and need the token.
func (a *API) routeWrites(mux *http.ServeMux) {
	const issues = "issues_write"
	a.route(mux, "POST /issues", issues, a.postIssue)
	a.route(mux, "PATCH /issues/{id}", issues, a.patchIssue)
	a.route(mux, "DELETE /issues/{id}", issues, func(x *exchange) *apiError {
		return x.finish(a.DeleteIssue(x.r.PathValue("id")))
	})
	a.route(mux, "POST /issues/{id}/reply", issues, a.postMessage(MessageChange{}))
	a.route(mux, "POST /issues/{id}/note", issues, a.postMessage(MessageChange{Private: true}))
	a.route(mux, "DELETE /issues/{id}/messages/{message}", issues, func(x *exchange) *apiError {
		return x.finish(a.DeleteMessage(x.r.PathValue("id"), x.r.PathValue("message"), ""))
	})
	a.route(mux, "POST /issues/{id}/messages/{message}/redact", issues, func(x *exchange) *apiError {
		return x.finish(a.EditMessage(x.r.PathValue("id"), x.r.PathValue("message"), MessageChange{HTML: "<p>[redacted]</p>"}))
	})
	a.route(mux, "POST /issues/{id}/threads", issues, a.postThread)

	for _, stream := range []string{"accounts", "contacts", "tags", "teams", streamUsers, streamCustomFields} {
		path := "/" + strings.ReplaceAll(stream, "_", "-")
		if stream != streamUsers {
			a.route(mux, "POST "+path, stream+"_write", a.postObject(stream, ""))
		}
		a.route(mux, "PATCH "+path+"/{id}", stream+"_write", a.patchObject(stream))
		if stream == "accounts" || stream == "contacts" || stream == "tags" {
			a.route(mux, "DELETE "+path+"/{id}", stream+"_write", a.deleteByID(stream))
		}
	}
	const articles = "/knowledge-bases/{base}/articles"
	a.route(mux, "POST "+articles, streamArticles+"_write", a.postObject(streamArticles, "base"))
	a.route(mux, "PATCH "+articles+"/{id}", streamArticles+"_write", a.patchObject(streamArticles))
	a.route(mux, "DELETE "+articles+"/{id}", streamArticles+"_write", a.deleteByID(streamArticles))
}

// writable are the members of requests that change a small stream's objects, by
// the members of the object that they set. Others are ignored.
var writable = map[string]map[string]string{
	"accounts": {
		"name": "name", "account_type": "type", "domains": "domains", "primary_domain": "primary_domain",
		"is_disabled": "is_disabled", "tags": "tags", "channels": "channels", "external_ids": "external_ids",
	},
	"contacts": {
		"name": "name", "email": "email", "avatar_url": "avatar_url", "phone_numbers": "phone_numbers",
		"primary_phone_number": "primary_phone_number", "portal_role": "portal_role",
		"portal_role_id": "portal_role_id", "external_ids": "external_ids",
	},
	"tags":      {"value": "value", "hex_color": "hex_color", "object_type": "object_type"},
	"teams":     {"name": "name"},
	streamUsers: {"name": "name", "status": "status", "avatar_url": "avatar_url", "role_id": "role_id"},
	streamCustomFields: {
		"label": "label", "description": "description", "slug": "slug", "type": "type",
		"default_value": "default_value", "default_values": "default_values",
	},
	streamArticles: {
		"title": "title", "slug": "slug", "body_html": "current_draft_content_html",
		"is_published": "is_published", "is_unlisted": "is_unlisted", "visibility_config": "visibility_config",
	},
}

// decode reads the request's body into v. Unknown members are ignored.
func (x *exchange) decode(v any) *apiError {
	if len(x.body) == 0 {
		return nil
	}
	if err := json.Unmarshal(x.body, v); err != nil {
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
		return notFound("it is gone again")
	}
	x.one(object)
	return nil
}

// issueJSON is a request that makes or changes an issue.
type issueJSON struct {
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
	var in issueJSON
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
		id, err := a.AddMessage(x.r.PathValue("id"), change)
		if err != nil {
			return x.finish(err)
		}
		object := append([]byte(`{"id":"`+id+`","issue_id":"`), a.Parent(streamMessages, id)...)
		x.one(append(object, `"}`...))
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
	id, err := a.AddThread(x.r.PathValue("id"), ThreadChange{Name: in.Name})
	if err != nil {
		return x.finish(err)
	}
	return x.answer(streamThreads, id)
}

// objectMembers reads what a request sets of an object.
func (x *exchange) objectMembers(stream string) (members, *apiError) {
	in := members{}
	if err := x.decode(&in); err != nil {
		return nil, err
	}
	out := members{}
	for from, to := range writable[stream] {
		if v, ok := in[from]; ok && string(v) != "null" {
			out[to] = v
		}
	}
	return out, nil
}

// postObject creates an object; its parent is in the path under that name or, of
// a custom field, in the body.
func (a *API) postObject(stream, parentValue string) handler {
	return func(x *exchange) *apiError {
		set, fail := x.objectMembers(stream)
		if fail != nil {
			return fail
		}
		var in struct {
			ObjectType string `json:"object_type"`
		}
		if stream == streamCustomFields {
			if err := x.decode(&in); err != nil {
				return err
			}
		}
		parent := in.ObjectType
		if parentValue != "" {
			parent = x.r.PathValue(parentValue)
		}
		a.store.Lock()
		o, err := a.createObject(stream, parent, set)
		a.store.Unlock()
		if err != nil {
			return x.finish(err)
		}
		return x.answer(stream, o.key)
	}
}

func (a *API) patchObject(stream string) handler {
	return func(x *exchange) *apiError {
		set, fail := x.objectMembers(stream)
		if fail != nil {
			return fail
		}
		a.store.Lock()
		o, err := a.updateObject(stream, x.r.PathValue("id"), set)
		a.store.Unlock()
		if err != nil {
			return x.finish(err)
		}
		return x.answer(stream, o.key)
	}
}

func (a *API) deleteByID(stream string) handler {
	return func(x *exchange) *apiError { return x.finish(a.Delete(stream, x.r.PathValue("id"))) }
}
