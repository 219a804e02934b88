package extracttest

import (
	"net/http"
	"slices"
	"strings"
)

// endpoint says how the API serves a small stream.
type endpoint struct {
	path string                         // "" is the stream's name with dashes
	list func(a *API, t *table) handler // nil: every object in one answer
	// What requests that make or change an object set: members of the object by
	// those of the request. Others are ignored.
	writable map[string]string
	verbs    []string // that change something
}

// endpoints are the small streams that are not only listed whole.
var endpoints = map[string]endpoint{
	streamAccounts: {
		list: (*API).listPages, verbs: []string{"POST", "PATCH", "DELETE"},
		writable: map[string]string{
			"name": "name", "account_type": "type", "domains": "domains", "primary_domain": "primary_domain",
			"is_disabled": "is_disabled", "tags": "tags", "channels": "channels", "external_ids": "external_ids",
		},
	},
	streamContacts: {
		list: (*API).listPages, verbs: []string{"POST", "PATCH", "DELETE"},
		writable: map[string]string{
			"name": "name", "email": "email", "avatar_url": "avatar_url", "phone_numbers": "phone_numbers",
			"primary_phone_number": "primary_phone_number", "portal_role": "portal_role",
			"portal_role_id": "portal_role_id", "external_ids": "external_ids",
		},
	},
	streamTags: {
		verbs:    []string{"POST", "PATCH", "DELETE"},
		writable: map[string]string{"value": "value", "hex_color": "hex_color", "object_type": "object_type"},
	},
	streamTeams: {verbs: []string{"POST", "PATCH"}, writable: map[string]string{"name": "name"}},
	streamUsers: {
		list: (*API).listUsers, verbs: []string{"PATCH"},
		writable: map[string]string{"name": "name", "status": "status", "avatar_url": "avatar_url", "role_id": "role_id"},
	},
	streamCustomFields: {
		list: (*API).listCustomFields, verbs: []string{"POST", "PATCH"},
		writable: map[string]string{
			"label": "label", "description": "description", "slug": "slug", "type": "type",
			"default_value": "default_value", "default_values": "default_values",
		},
	},
	streamArticles: {
		path: "/knowledge-bases/{base}/articles", list: (*API).listArticles, verbs: []string{"POST", "PATCH", "DELETE"},
		writable: map[string]string{
			"title": "title", "slug": "slug", "body_html": "current_draft_content_html",
			"is_published": "is_published", "is_unlisted": "is_unlisted", "visibility_config": "visibility_config",
		},
	},
}

// routeSmallStreams adds what reads and changes the small streams. What changes
// something costs a budget of its own.
func (a *API) routeSmallStreams(mux *http.ServeMux) {
	for _, s := range specs {
		t, e := a.tables[s.stream], endpoints[s.stream]
		path := orElse(e.path, "/"+strings.ReplaceAll(s.stream, "_", "-"))
		list := a.listAll(t)
		if e.list != nil {
			list = e.list(a, t)
		}
		a.route(mux, "GET "+path, s.stream, list)
		a.route(mux, "GET "+path+"/{id}", s.stream+"_get", a.getObject(t))
		for _, verb := range e.verbs {
			switch verb {
			case http.MethodPost:
				a.route(mux, "POST "+path, s.stream+"_write", a.postObject(t, e.writable))
			case http.MethodPatch:
				a.route(mux, "PATCH "+path+"/{id}", s.stream+"_write", a.patchObject(t, e.writable))
			case http.MethodDelete:
				a.route(mux, "DELETE "+path+"/{id}", s.stream+"_write", a.deleteByID(s.stream))
			}
		}
	}
}

func unknownPath(x *exchange) *apiError {
	x.api.violate(x, "unknown path")
	return notFound("Not found")
}

// meJSON is the answer to GET /me: whose token it is.
type meJSON struct {
	ID   string    `json:"id"`
	Name string    `json:"name"`
	User reference `json:"user"`
}

func (a *API) me(x *exchange) *apiError {
	user := reference{a.gen.ids.id(kindUser, 0).String()}
	x.one(appendJSON(nil, meJSON{a.gen.organization.String(), "Sandbox & Söhne", user}))
	return nil
}

// addObject adds an object of a small stream to a page.
func (p *pageWriter) addObject(t *table, o *object) {
	p.item(position{o.created, o.id}, func(dst []byte) []byte { return t.appendObject(p.x.api.gen, dst, o) })
	p.x.show(t.stream, o.key, o.rev)
}

// sees is true of an object that the token sees.
func (x *exchange) sees(o *object) bool { return !x.hides(func() string { return o.key }) }

// listWhole writes every object that take chooses, without pagination.
func (a *API) listWhole(x *exchange, t *table, take func(*object) bool) *apiError {
	a.store.RLock()
	defer a.store.RUnlock()
	p := pageWriter{x: x}
	for _, o := range t.list {
		if take(o) && x.sees(o) {
			p.addObject(t, o)
		}
	}
	p.end(false)
	return nil
}

func everything(*object) bool { return true }

func (a *API) listAll(t *table) handler {
	return func(x *exchange) *apiError { return a.listWhole(x, t, everything) }
}

// listUsers leaves deactivated users out unless they are asked for.
func (a *API) listUsers(t *table) handler {
	return func(x *exchange) *apiError {
		all := x.r.URL.Query().Get("include_deactivated") == "true"
		return a.listWhole(x, t, func(o *object) bool { return all || !deactivated(o) })
	}
}

func (a *API) listCustomFields(t *table) handler {
	return func(x *exchange) *apiError {
		want := x.asked.parent
		if !slices.Contains(objectTypes, want) {
			return badRequest("object_type is required: one of " + strings.Join(objectTypes, ", "))
		}
		return a.listWhole(x, t, func(o *object) bool { return o.group == want })
	}
}

// writePage writes a page of the objects that take chooses, newest first. The
// caller holds the store's lock.
func (a *API) writePage(x *exchange, t *table, take func(*object) bool) *apiError {
	limit, err := readLimit(x.r.URL.Query().Get("limit"), 1, maxLimit, defaultLimit)
	if err != nil {
		return err
	}
	after, err := parseCursor(x.asked.cursor)
	if err != nil {
		return err
	}
	p := pageWriter{x: x}
	for i := t.before(after) - 1; i >= 0; i-- {
		o := t.list[i]
		if !take(o) || !x.sees(o) {
			continue
		}
		if p.full(limit) {
			p.more = true
			break
		}
		p.addObject(t, o)
	}
	p.end(true)
	return nil
}

func (a *API) listPages(t *table) handler {
	return func(x *exchange) *apiError {
		a.store.RLock()
		defer a.store.RUnlock()
		return a.writePage(x, t, everything)
	}
}

func (a *API) listArticles(t *table) handler {
	return func(x *exchange) *apiError {
		a.store.RLock()
		defer a.store.RUnlock()
		base := x.asked.parent
		if a.tables[streamBases].byKey[base] == nil {
			return notFound("Knowledge base not found!")
		}
		return a.writePage(x, t, func(o *object) bool { return o.group == base })
	}
}

func (a *API) getObject(t *table) handler {
	return func(x *exchange) *apiError {
		a.store.RLock()
		defer a.store.RUnlock()
		o := t.lookup(x.r.PathValue("id"))
		if o == nil || t.parent && o.group != x.asked.parent || !x.sees(o) {
			return notFound("Object not found!")
		}
		x.one(t.appendObject(a.gen, nil, o))
		x.show(t.stream, o.key, o.rev)
		return nil
	}
}
