package extract

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const (
	// headerTimeout is how long an answer may take to begin.
	headerTimeout = 60 * time.Second
	// leastTimeout is how long it may take when patience has nearly ended.
	leastTimeout = 10 * time.Second
	// idleTimeout is how long a body may be silent. There is no short bound on the
	// whole of it: a page of issues can be large and a line slow.
	idleTimeout = 30 * time.Second
	// tryTimeout bounds one try even if bytes drip in for ever.
	tryTimeout = 15 * time.Minute
)

// request is one request, to be tried until it succeeds.
type request struct {
	endpoint string
	path     string     // escaped, below the API's URL
	query    url.Values // without cursor and limit
	filter   *filter    // of a search, which is a POST; nil: a GET
	cursor   string     // of the page asked for; empty: the first one
	limit    int        // page size to ask for; 0: none

	prepare func(*Record)

	stream *Stream // whose records the answer holds; nil: one object
	parent parent  // of the records
	seen   cycle   // cursors of this pass so far
}

// method returns the HTTP verb. Only searches are sent with POST: to POST to
// /issues would create an issue.
func (r *request) method() string {
	if r.filter != nil {
		return http.MethodPost
	}
	return http.MethodGet
}

// body returns the body of a search, nil for a GET. Cursor and limit belong into
// it (https://static.usepylon.com/openapi.json, POST /issues/search): in the query
// the API ignores them and sends page one for ever, as KyleKing/tlr has seen on the
// live API (its docs/api-notes.md, August 2026).
func (r *request) body() io.Reader {
	if r.filter == nil {
		return nil
	}
	// Strings, numbers and slices of them always marshal.
	text, _ := json.Marshal(struct {
		Filter *filter `json:"filter"`
		Cursor string  `json:"cursor,omitempty"`
		Limit  int     `json:"limit,omitempty"`
	}{r.filter, r.cursor, r.limit})
	return bytes.NewReader(text)
}

// target returns path and query.
func (r *request) target() string {
	query := url.Values{}
	for name, values := range r.query {
		query[name] = values
	}
	if r.filter == nil && r.limit > 0 {
		query.Set("limit", strconv.Itoa(r.limit))
	}
	if r.filter == nil && r.cursor != "" {
		query.Set("cursor", r.cursor)
	}
	if len(query) == 0 {
		return r.path
	}
	return r.path + "?" + query.Encode()
}

// do tries the request until it succeeds, is refused, the patience of e ends, or
// ctx ends.
func (c *Client) do(ctx context.Context, r request, e *effort) (answer, error) {
	e.pages = 0
	var last error // why the one before was tried again
	ended := func() error {
		err := fmt.Errorf("%s %s: %w", r.method(), r.path, context.Cause(ctx))
		if last != nil {
			err = fmt.Errorf("%w; the last try: %w", err, last)
		}
		return err
	}
	for {
		token := c.tokens.current.Load()
		asked := r
		asked.limit = c.sizes.ask(r.endpoint, r.limit)
		ans, took, err := c.try(ctx, asked, e, *token)
		budget := c.limiters[r.endpoint]
		if err == nil || retryable(err) == giveUp {
			budget.served()
		}
		if err == nil {
			c.sizes.fits(r.endpoint, len(ans.Records), ans.size)
			c.tokens.worked.Store(true)
			e.succeeded()
			return ans, nil
		}
		if ctx.Err() != nil {
			return answer{}, ended()
		}
		last = err
		if isStatus(err, http.StatusUnauthorized) && c.tokens.await(ctx, token, c.log) {
			continue
		}
		if large := (*largePage)(nil); errors.As(err, &large) {
			c.sizes.tooLarge(r.endpoint, asked.limit, large.held)
			c.log.DebugContext(ctx, "page too large, asking for fewer objects", "endpoint", r.endpoint, "limit", asked.limit, "held", large.held)
			continue
		}
		wait, err := e.failed(took, last, budget.refusedFor(), c.jitter)
		if err != nil {
			return answer{}, err
		}
		c.warner.failed(ctx, r.endpoint, e.tries, wait, last)
		if isStatus(last, http.StatusTooManyRequests) {
			// Nobody's request to this endpoint would fare better before: the limiter makes all of them wait.
			budget.pause(time.Now().Add(wait))
			continue
		}
		if sleep(ctx, wait) != nil {
			return answer{}, ended()
		}
	}
}

// try sends the request once and reads its answer to the end. took is how long
// that was, without the wait for the budget.
func (c *Client) try(ctx context.Context, r request, e *effort, token Secret) (ans answer, took time.Duration, err error) {
	place, err := c.acquire(ctx, r.endpoint, e.ask.Priority)
	if err != nil {
		return answer{}, 0, err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	patience := e.headerTimeout()
	alive := time.AfterFunc(patience, func() { cancel(fmt.Errorf("no answer within %s: %w", patience, errTimeout)) })
	defer alive.Stop()
	whole := time.AfterFunc(tryTimeout, func() { cancel(fmt.Errorf("answer not complete within %s: %w", tryTimeout, errTimeout)) })
	defer whole.Stop()

	sent := time.Now()
	connections := 0
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) {
		if connections++; connections == 1 {
			return
		}
		// net/http sends a request again by itself when a connection that it kept turns out to be closed. The API may have
		// counted the first one, so the second one takes a slot of its own. An error means that ctx ended, which ends the try.
		alive.Stop()
		c.limiters[r.endpoint].done(place, unknown)
		place, _ = c.acquire(ctx, r.endpoint, e.ask.Priority)
		alive.Reset(patience)
	}})

	begun := e.sent(r.method() + " " + r.path)
	resp, err := c.send(ctx, r, token)
	begun(err == nil)
	arrived := time.Now()
	if err != nil {
		c.limiters[r.endpoint].done(place, unknown)
		c.metrics.done(r.endpoint, codeNoAnswer, arrived.Sub(sent))
		if cause := context.Cause(ctx); cause != nil {
			err = cause
		}
		return answer{}, arrived.Sub(sent), &requestError{method: r.method(), path: r.path, err: err}
	}
	defer resp.Body.Close()
	alive.Reset(idleTimeout)
	c.limiters[r.endpoint].done(place, budgetLeft(resp))

	body := &bodyReader{
		r: resp.Body, alive: alive, idle: idleTimeout, maxValue: maxRecord,
		cause: func() error { return context.Cause(ctx) },
	}
	if r.limit > 1 {
		body.maxPage = maxPage
	}
	code := statusCode(resp.StatusCode)
	if resp.StatusCode/100 == 2 {
		if ans, err = r.decode(body, resp.Header.Get(headerRequestID), r.prepare); err != nil {
			code = codeOf(err)
			err = &requestError{method: r.method(), path: r.path, requestID: ans.RequestID, err: err}
		}
	} else {
		err = r.refusal(resp, body, token)
	}
	took = time.Since(sent)
	c.metrics.done(r.endpoint, code, took)
	c.setClock(&ans, resp.Header, sent, arrived)
	return ans, took, err
}

// acquire waits for the endpoint's budget and counts the request that follows.
func (c *Client) acquire(ctx context.Context, endpoint string, p Priority) (slot, error) {
	place, err := c.limiters[endpoint].acquire(ctx, p)
	if err == nil {
		c.metrics.sent[endpoint].Add(1)
	}
	return place, err
}

func (c *Client) send(ctx context.Context, r request, token Secret) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, r.method(), c.base+r.target(), r.body())
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+token.Reveal())
	req.Header.Set("User-Agent", c.userAgent)
	req.Header.Set("Accept", "application/json")
	if r.filter != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := c.http.Do(req)
	var urlErr *url.Error
	if errors.As(err, &urlErr) {
		err = urlErr.Err // without the URL and its query
	}
	return resp, err
}

// budgetLeft returns what the API says is left of the endpoint's budget, or unknown.
// With a 429 nothing is learned from it: the pause that follows says all.
func budgetLeft(resp *http.Response) int {
	left, err := strconv.Atoi(strings.TrimSpace(resp.Header.Get("X-Rate-Limit-Remaining")))
	if err != nil || left < 0 || resp.StatusCode == http.StatusTooManyRequests {
		return unknown
	}
	return left
}

// setClock notes what an answer says of the API's clock. What goes into the
// answer is never later than our own clock: a proxy or CDN may put a Date of its
// own there, and a cursor that ran ahead would pass over changes for ever.
func (c *Client) setClock(ans *answer, h http.Header, sent, arrived time.Time) {
	ans.Date, ans.began = arrived.UTC(), sent.UTC()
	if date, err := http.ParseTime(h.Get("Date")); err == nil {
		c.skew.Store(int64(date.Sub(arrived)))
		if date.Before(ans.Date) {
			ans.Date = date.UTC()
		}
		// The header is cut to the second and is of the answer's beginning; what the answer holds is older by no more than the
		// time that the request took.
		if began := date.Add(-arrived.Sub(sent)); began.Before(ans.began) {
			ans.began = began.UTC()
		}
	}
	ans.began = ans.began.Truncate(time.Second)
}
