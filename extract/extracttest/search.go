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
	s := &x.search
	if len(bytes.TrimSpace(x.body)) > 0 {
		if err := json.Unmarshal(x.body, s); err != nil {
			return badRequest("invalid request body: " + err.Error())
		}
	}
	x.cursor = s.Cursor
	if s.Filter != nil {
		f, err := x.api.compileFilter(s.Filter, 1)
		if err != nil {
			return err
		}
		s.compiled = f
		length, bounded := f.bounded()
		x.ranged = bounded
		if limit := x.api.opts.MaxSearchRange; bounded && limit > 0 && length > limit {
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
	if x.searchErr != nil {
		return x.searchErr
	}
	after, err := parseCursor(x.search.Cursor)
	if err != nil {
		return err
	}
	s := &x.search
	from, to := int64(math.MinInt64), int64(math.MaxInt64)
	if s.Filter != nil {
		from, to = s.compiled.creation()
	}
	take := func(is *issue) bool {
		return (s.Filter == nil || a.matches(&s.compiled, is)) &&
			(s.SearchText == "" || strings.Contains(strings.ToLower(a.gen.title(is)), strings.ToLower(s.SearchText)))
	}
	a.listIssues(x, viewIndexed, from, to, after, s.Limit, take)
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
	after, err := parseCursor(x.cursor)
	if err != nil {
		return err
	}
	from, to := bounds[0].UnixMilli()+a.open(), bounds[1].UnixMilli()-a.open()
	take := func(is *issue) bool { return from <= is.created && is.created <= to }
	a.listIssues(x, viewCurrent, from, to, after, limit, take)
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

// listIssues writes a page of the issues that take chooses.
func (a *API) listIssues(x *exchange, v view, from, to int64, after position, limit int, take func(*issue) bool) {
	a.store.RLock()
	defer a.store.RUnlock()
	p := pageWriter{x: x}
	now := x.now.UnixMilli()
	a.scan(v, from, to, after, func(is *issue) bool {
		if !take(is) {
			return true
		}
		if p.n == limit {
			p.more = true
			return false
		}
		if is.id == (uuid{}) {
			is.id = a.gen.ids.id(kindIssue, is.index)
		}
		p.item(position{is.created, is.id})
		x.buf = a.gen.appendIssue(x.buf, is, now)
		x.show(streamIssues, is.id, is.rev)
		return true
	})
	p.end(true)
}

// getIssue answers GET /issues/{id}.
func (a *API) getIssue(x *exchange) *apiError {
	a.store.RLock()
	defer a.store.RUnlock()
	is := a.resolveIssue(x.r.PathValue("id"))
	if is == nil {
		return notFound("Issue not found!")
	}
	x.one(a.gen.appendIssue(nil, is, x.now.UnixMilli()))
	x.show(streamIssues, is.id, is.rev)
	return nil
}

// listMessages answers GET /issues/{id}/messages: all of them at once, or pages
// if limit or cursor are given.
func (a *API) listMessages(x *exchange) *apiError {
	query := x.r.URL.Query()
	paginated := query.Has("limit") || query.Has("cursor")
	limit := math.MaxInt
	if paginated {
		n, err := readLimit(query.Get("limit"), 1, maxMessageLimit, defaultLimit)
		if err != nil {
			return err
		}
		limit = n
	}
	after, err := parseCursor(x.cursor)
	if err != nil {
		return err
	}
	a.store.RLock()
	defer a.store.RUnlock()
	is := a.resolveIssue(x.r.PathValue("id"))
	if is == nil {
		return notFound("Issue not found!")
	}
	messages := a.messagesOf(is)
	if after != newest {
		messages = messagesAfter(messages, after)
	}
	p := pageWriter{x: x}
	for i := range messages {
		if p.n == limit {
			p.more = true
			break
		}
		m := &messages[i]
		p.item(position{m.at, m.id})
		x.buf = a.gen.appendMessage(x.buf, is.index, m)
		x.show(streamMessages, m.id, m.rev)
	}
	p.end(paginated)
	return nil
}

// messagesAfter returns what comes after the message of the position or, if
// that is gone, what is not older.
func messagesAfter(list []message, after position) []message {
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

// listThreads answers GET /issues/{id}/threads.
func (a *API) listThreads(x *exchange) *apiError {
	a.store.RLock()
	defer a.store.RUnlock()
	is := a.resolveIssue(x.r.PathValue("id"))
	if is == nil {
		return notFound("Issue not found!")
	}
	p := pageWriter{x: x}
	threads := a.threadsOf(is)
	for i := range threads {
		p.item(position{})
		x.buf = a.gen.appendThread(x.buf, is.index, &threads[i])
		x.show(streamThreads, threads[i].id, threads[i].rev)
	}
	p.end(false)
	return nil
}

// routes are the paths of the real API, and the control below /_sandbox/.
func (a *API) routes() *http.ServeMux {
	mux := http.NewServeMux()
	a.route(mux, "POST /issues/search", "issues_search", a.searchIssues)
	a.route(mux, "GET /issues", "issues_list", a.listByCreation)
	a.route(mux, "GET /issues/{id}", "issues_get", a.getIssue)
	a.route(mux, "GET /issues/{id}/messages", streamMessages, a.listMessages)
	a.route(mux, "GET /issues/{id}/threads", streamThreads, a.listThreads)
	a.routeLists(mux)
	a.routeWrites(mux)
	a.routeControl(mux)
	a.route(mux, "/", "unknown", unknownPath)
	return mux
}
