package extract

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"strings"
)

// list reads one list, page by page. It ends after the last page or an error.
// Where a page behind the first one cannot be had, the list begins anew, once:
// its pages then come again, and the first one says so.
func (c *Client) list(ctx context.Context, s Stream, parentID string, e *effort, prepare func(*Record)) iter.Seq2[Page, error] {
	return func(yield func(Page, error) bool) {
		first, err := s.request(parentID)
		if err != nil {
			yield(Page{}, err)
			return
		}
		first.prepare = prepare
		r, again := first, false
		for {
			ans, err := c.do(ctx, r, e)
			if r.cursor != "" && badPage(err) {
				if !again {
					c.log.WarnContext(ctx, "page cursor leads nowhere, reading the list anew", "stream", s.Name, "parent", parentID,
						"page", quoteCursor(r.cursor), "request_id", requestIDOf(err), "error", err)
					r, again = first, true
					continue
				}
				err = fmt.Errorf("%w, also after the list began anew: %v", ErrImpossible, err) //nolint:errorlint // It is the cursor's fault: it must not look like ErrNotFound.
			}
			ans.first = r.cursor == ""
			if !yield(ans.Page, err) || err != nil || ans.Last {
				return
			}
			r.cursor, r.seen = ans.cursor, ans.seen
		}
	}
}

// request returns the request for the first page of the list below a parent, or
// for one of the values of ListedFor.
func (s *Stream) request(parentID string) (request, error) {
	path, text, _ := strings.Cut(s.Path, "?")
	query, err := url.ParseQuery(text)
	if err != nil {
		return request{}, fmt.Errorf("query of %s: %w", s.Name, err)
	}
	if len(s.ListedFor) > 0 {
		query.Set(s.ParentField, parentID)
	}
	if strings.Contains(path, "{id}") {
		if path, err = pathWithID(path, parentID); err != nil {
			return request{}, err
		}
	}
	return request{
		endpoint: s.Endpoint, path: path, query: query, limit: s.Limit, stream: s, parent: newParent(s, parentID),
	}, nil
}

// badPage reports whether err may be the fault of the page cursor that was sent.
func badPage(err error) bool {
	return errors.Is(err, errPage) || isStatus(err, http.StatusBadRequest, http.StatusNotFound, http.StatusGone)
}

// impossible marks the error of a page cursor that leads nowhere for good.
func impossible(cursor string, err error) error {
	if cursor == "" || !badPage(err) || errors.Is(err, ErrImpossible) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrImpossible, err)
}

// childReads is how often the children of an issue are read until no page
// glitches.
const childReads = 3

// Children reads every child of one issue, all pages. They are complete if and
// only if there is no error: a list in which a promised page came without data is
// read anew as a whole, until it comes without.
//
// Errors, by errors.Is:
//
//   - ErrNotFound: the API does not show the children. The issue was deleted, or
//     scrubbed, which the API may say with a 400 (known from dlt's source of Pylon,
//     July 2026; documented nowhere); Issue tells which.
//   - ErrUnauthorized: the token is refused, here and everywhere.
//   - ErrForbidden, or another *APIError (such as a 422): this issue's children
//     are refused. Others may be given.
//   - ErrGaveUp: the API failed for longer than Ask.Patience.
//   - ErrImpossible: the list stays without an end or without promised data.
//   - ctx's error when ctx ends.
func (c *Client) Children(ctx context.Context, s Stream, issueID string, ask Ask) ([]Record, error) {
	if s.Sync != SyncChildren {
		return nil, fmt.Errorf("read %s of issue %s: it is no stream of children", s.Name, issueID)
	}
	e := &effort{ask: ask}
	for range childReads {
		records, err := c.children(ctx, s, issueID, e)
		if isStatus(err, http.StatusBadRequest) {
			err = fmt.Errorf("%w: %w", ErrNotFound, err)
		}
		if err != nil {
			return nil, fmt.Errorf("read %s of issue %s: %w", s.Name, issueID, err)
		}
		if e.glitches == 0 {
			return records, nil
		}
	}
	return nil, fmt.Errorf("read %s of issue %s: %w: promised pages came without data in each of %d reads",
		s.Name, issueID, ErrImpossible, childReads)
}

// children reads every child once. e counts the glitches behind the first page.
func (c *Client) children(ctx context.Context, s Stream, issueID string, e *effort) ([]Record, error) {
	var records []Record
	for page, err := range c.list(ctx, s, issueID, e, e.ask.Prepare) {
		if err != nil {
			return nil, err
		}
		if page.first {
			// What went wrong before was read again from its beginning.
			e.glitches = 0
			records = page.Records
			continue
		}
		records = append(records, page.Records...)
	}
	return records, nil
}
