package extracttest

import (
	"bytes"
	"encoding/json"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	defaultLimit     = 100
	maxLimit         = 999
	defaultListLimit = 20000
	maxMessageLimit  = 1000
)

// searchRequest is the body of POST /issues/search. Members that the API does
// not know are ignored.
type searchRequest struct {
	Filter     *filterJSON `json:"filter"`
	SearchText string      `json:"search_text"`
	Cursor     string      `json:"cursor"`
	Limit      int         `json:"limit"`

	compiled filter
}

// readSearch reads the body before the request is worked, so that faults can
// ask for its cursor and range.
func (x *exchange) readSearch() *apiError {
	s := &x.asked.search
	if body := x.asked.body; len(bytes.TrimSpace(body)) > 0 {
		if err := json.Unmarshal(body, s); err != nil {
			return badRequest("invalid request body: " + err.Error())
		}
	}
	x.asked.cursor = s.Cursor
	if s.Filter != nil {
		f, err := x.api.compileFilter(s.Filter, 1)
		if err != nil {
			return err
		}
		s.compiled = f
		r := f.asked(x.now)
		x.asked.bounded, x.asked.open = r.bounded, r.open
		if limit := x.api.opts.MaxSearchRange; limit > 0 && r.length > limit {
			return badRequest("time range is longer than " + limit.String())
		}
	}
	if s.Limit < 0 || s.Limit > maxLimit {
		return badRequest("limit must be greater than 0 and less than 1000")
	}
	s.Limit = orElse(s.Limit, defaultLimit)
	return nil
}

// searchIssues answers POST /issues/search.
func (a *API) searchIssues(x *exchange) *apiError {
	if err := x.asked.searchErr; err != nil {
		return err
	}
	s := &x.asked.search
	after, err := parseCursor(s.Cursor)
	if err != nil {
		return err
	}
	from, to := int64(math.MinInt64), int64(math.MaxInt64)
	if s.Filter != nil {
		from, to = s.compiled.creation()
	}
	a.listIssues(x, listing{viewIndexed, from, to, after, s.Limit, func(is *issue) bool {
		return (s.Filter == nil || a.gen.matches(&s.compiled, is)) &&
			(s.SearchText == "" || strings.Contains(strings.ToLower(a.gen.title(is)), strings.ToLower(s.SearchText)))
	}})
	return nil
}

// listByCreation answers GET /issues.
func (a *API) listByCreation(x *exchange) *apiError {
	query := x.r.URL.Query()
	var bounds [2]time.Time
	for i, name := range []string{"start_time", "end_time"} {
		t, err := time.Parse(time.RFC3339Nano, query.Get(name))
		if err != nil {
			return badRequest(name + " is required, in RFC 3339 format")
		}
		bounds[i] = t
	}
	if bounds[1].Before(bounds[0]) {
		return badRequest("end_time is before start_time")
	}
	if limit := a.opts.MaxListRange; bounds[1].Sub(bounds[0]) > limit {
		return badRequest("time range is longer than " + limit.String())
	}
	limit, err := readLimit(query.Get("limit"), 0, defaultListLimit, defaultListLimit)
	if err != nil {
		return err
	}
	after, err := parseCursor(x.asked.cursor)
	if err != nil {
		return err
	}
	from, to := bounds[0].UnixMilli()+a.open(), bounds[1].UnixMilli()-a.open()
	a.listIssues(x, listing{viewCurrent, from, to, after, limit, func(is *issue) bool {
		return from <= is.created && is.created <= to
	}})
	return nil
}

// readLimit reads a limit; without one, and for 0 where that is allowed, it is
// the default.
func readLimit(text string, least, most, def int) (int, *apiError) {
	if text == "" {
		return def, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < least || n > most {
		return 0, badRequest("limit must be from " + strconv.Itoa(least) + " to " + strconv.Itoa(most))
	}
	return orElse(n, def), nil
}

// listing is a page of the issues that take chooses, after a position.
type listing struct {
	view     view
	from, to int64 // of created_at, for issues that nobody has changed
	after    position
	limit    int
	take     func(*issue) bool
}

func (a *API) listIssues(x *exchange, l listing) {
	a.store.RLock()
	defer a.store.RUnlock()
	p := pageWriter{x: x}
	now := x.now.UnixMilli()
	a.scan(l.view, l.from, l.to, l.after, func(is *issue) bool {
		if !l.take(is) {
			return true
		}
		if is.id == (uuid{}) {
			is.id = a.gen.ids.id(kindIssue, is.index)
		}
		if x.hides(is.id.String) {
			return true
		}
		if p.full(l.limit) {
			p.more = true
			return false
		}
		p.item(position{is.created, is.id}, func(dst []byte) []byte { return a.gen.appendIssue(dst, is, now) })
		if a.opts.RecordServed {
			x.show(streamIssues, is.id.String(), is.rev)
		}
		return true
	})
	p.end(true)
}

// getIssue answers GET /issues/{id}.
func (a *API) getIssue(x *exchange) *apiError {
	a.store.RLock()
	defer a.store.RUnlock()
	is := a.resolveIssue(x.r.PathValue("id"))
	if is == nil || x.hides(is.id.String) {
		return notFound("Issue not found!")
	}
	x.one(a.gen.appendIssue(nil, is, x.now.UnixMilli()))
	x.show(streamIssues, is.id.String(), is.rev)
	return nil
}

// listChildren answers with the messages or threads of an issue, oldest first:
// all at once, or pages of those that are paginated if limit or cursor are given.
func (a *API) listChildren(s *childSpec, paginates bool) handler {
	return func(x *exchange) *apiError {
		query := x.r.URL.Query()
		paginated := paginates && (query.Has("limit") || query.Has("cursor"))
		limit, after := 0, newest
		if paginated {
			var err *apiError
			if limit, err = readLimit(query.Get("limit"), 1, maxMessageLimit, defaultLimit); err != nil {
				return err
			}
			if after, err = parseCursor(x.asked.cursor); err != nil {
				return err
			}
		}
		a.store.RLock()
		defer a.store.RUnlock()
		is := a.resolveIssue(x.r.PathValue("issue"))
		if is == nil || hidden(x.hide.issues, is.id.String) {
			return notFound("Issue not found!")
		}
		list := a.childrenOf(s, is)
		if after != newest {
			list = childrenAfter(list, after)
		}
		p := pageWriter{x: x}
		for i := range list {
			c := &list[i]
			if x.hides(c.id.String) {
				continue
			}
			if paginated && p.full(limit) {
				p.more = true
				break
			}
			p.item(position{c.at, c.id}, func(dst []byte) []byte { return appendJSON(dst, s.render(a.gen, is.index, c)) })
			x.show(s.stream, c.id.String(), c.rev)
		}
		p.end(paginated)
		return nil
	}
}

// childrenAfter returns what comes after the child of the position or, if
// that is deleted, what is not older.
func childrenAfter(list []child, after position) []child {
	for i := range list {
		if list[i].id == after.id {
			return list[i+1:]
		}
	}
	for i := range list {
		if list[i].at >= after.ms {
			return list[i:]
		}
	}
	return nil
}

// routes are the paths of the real API, and the control below /_sandbox/.
func (a *API) routes() *http.ServeMux {
	mux := http.NewServeMux()
	a.route(mux, "POST /issues/search", "issues_search", a.searchIssues)
	a.route(mux, "GET /issues", "issues_list", a.listByCreation)
	a.route(mux, "GET /issues/{id}", "issues_get", a.getIssue)
	a.route(mux, "GET /issues/{issue}/messages", streamMessages, a.listChildren(messages, true))
	a.route(mux, "GET /issues/{issue}/threads", streamThreads, a.listChildren(threads, false))
	a.route(mux, "GET /me", "me", a.me)
	a.routeSmallStreams(mux)
	a.routeIssueWrites(mux)
	a.routeControl(mux)
	a.route(mux, "/", "unknown", unknownPath)
	return mux
}
