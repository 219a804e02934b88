package extracttest

import (
	"net/http"
	"slices"
	"strings"
)

// routeLists adds what reads the small streams.
func (a *API) routeLists(mux *http.ServeMux) {
	for _, s := range specs {
		path := "/" + strings.ReplaceAll(s.stream, "_", "-")
		t := a.tables[s.stream]
		if s.stream == streamArticles {
			a.route(mux, "GET /knowledge-bases/{base}/articles", s.stream, a.listArticles)
			a.route(mux, "GET /knowledge-bases/{base}/articles/{id}", s.stream+"_get", a.getObject(t))
			continue
		}
		list := a.listAll(t)
		switch s.stream {
		case "accounts", "contacts":
			list = a.listPages(t)
		case streamCustomFields:
			list = a.listCustomFields
		case streamUsers:
			list = a.listUsers
		}
		a.route(mux, "GET "+path, s.stream, list)
		a.route(mux, "GET "+path+"/{id}", s.stream+"_get", a.getObject(t))
	}
	a.route(mux, "GET /me", "me", a.me)
}

func unknownPath(x *exchange) *apiError {
	x.api.violate(x, "unknown path")
	return notFound("Not found")
}

func (a *API) me(x *exchange) *apiError {
	x.one([]byte(`{"id":"` + a.gen.organization.String() + `","name":"Sandbox & Söhne","user":{"id":"` +
		a.gen.ids.id(kindUser, 0).String() + `"}}`))
	return nil
}

// listWhole writes every object that take chooses, without pagination.
func (a *API) listWhole(x *exchange, t *table, take func(*object) bool) *apiError {
	a.store.RLock()
	defer a.store.RUnlock()
	p := pageWriter{x: x}
	for _, o := range t.list {
		if take == nil || take(o) {
			a.writeObject(&p, t, o)
		}
	}
	p.end(false)
	return nil
}

func (a *API) writeObject(p *pageWriter, t *table, o *object) {
	p.item(position{o.created, o.id})
	p.x.buf = t.appendObject(a.gen, p.x.buf, o)
	p.x.showKey(t.stream, o.key, o.rev)
}

func (a *API) listAll(t *table) handler {
	return func(x *exchange) *apiError { return a.listWhole(x, t, nil) }
}

// listUsers leaves deactivated users out unless they are asked for.
func (a *API) listUsers(x *exchange) *apiError {
	all := x.r.URL.Query().Get("include_deactivated") == "true"
	return a.listWhole(x, a.tables[streamUsers], func(o *object) bool { return all || !deactivated(o) })
}

func (a *API) listCustomFields(x *exchange) *apiError {
	want := x.r.URL.Query().Get("object_type")
	if !slices.Contains(objectTypes, want) {
		return badRequest("object_type is required: one of " + strings.Join(objectTypes, ", "))
	}
	return a.listWhole(x, a.tables[streamCustomFields], func(o *object) bool { return o.group == want })
}

// writePage writes a page of the objects that take chooses, newest first.
func (a *API) writePage(x *exchange, t *table, take func(*object) bool) *apiError {
	limit, err := readLimit(x.r.URL.Query().Get("limit"), 1, maxLimit, defaultLimit)
	if err != nil {
		return err
	}
	after, err := parseCursor(x.cursor)
	if err != nil {
		return err
	}
	p := pageWriter{x: x}
	for i := t.before(after) - 1; i >= 0; i-- {
		o := t.list[i]
		if take != nil && !take(o) {
			continue
		}
		if p.n == limit {
			p.more = true
			break
		}
		a.writeObject(&p, t, o)
	}
	p.end(true)
	return nil
}

func (a *API) listPages(t *table) handler {
	return func(x *exchange) *apiError {
		a.store.RLock()
		defer a.store.RUnlock()
		return a.writePage(x, t, nil)
	}
}

func (a *API) listArticles(x *exchange) *apiError {
	a.store.RLock()
	defer a.store.RUnlock()
	base := x.r.PathValue("base")
	if a.tables[streamBases].byKey[base] == nil {
		return notFound("Knowledge base not found!")
	}
	return a.writePage(x, a.tables[streamArticles], func(o *object) bool { return o.group == base })
}

// lookup finds an object by what a path names it with: its key or, of a custom
// field, its id alone.
func (t *table) lookup(id string) *object {
	if o := t.byKey[id]; o != nil || t.stream != streamCustomFields {
		return o
	}
	for _, objectType := range objectTypes {
		if o := t.byKey[objectType+":"+id]; o != nil {
			return o
		}
	}
	return nil
}

func (a *API) getObject(t *table) handler {
	return func(x *exchange) *apiError {
		a.store.RLock()
		defer a.store.RUnlock()
		o := t.lookup(x.r.PathValue("id"))
		if o == nil || t.stream == streamArticles && o.group != x.r.PathValue("base") {
			return notFound("Object not found!")
		}
		x.one(t.appendObject(a.gen, nil, o))
		x.showKey(t.stream, o.key, o.rev)
		return nil
	}
}
