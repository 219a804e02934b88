package extract

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// Refresh reads one complete pass over a full-refresh stream, across all its
// parents: knowledge bases are listed first. The pass is complete if and only
// if the loop ends without an error; an error is the last thing that it yields.
// Page.Last is true on the very last page, which may be empty.
//
// A knowledge base that vanishes during the pass, so that its articles cannot
// be listed and a second look at the list does not find it, has no articles.
func (c *Client) Refresh(ctx context.Context, s Stream) iter.Seq2[Page, error] {
	return func(yield func(Page, error) bool) {
		if s.Sync != SyncFull {
			yield(Page{}, fmt.Errorf("refresh %s: it is no full-refresh stream", s.Name))
			return
		}
		parents, err := c.parents(ctx, s)
		if err != nil {
			yield(Page{}, fmt.Errorf("refresh %s: %w", s.Name, err))
			return
		}
		for n, id := range parents {
			for page, err := range c.list(ctx, s, id, Foreground) {
				if errors.Is(err, ErrNotFound) && s.Parents == ParentsKnowledgeBases {
					if page, err = c.vanished(ctx, s, id); err == nil {
						page.Last = true
					}
				}
				if err != nil {
					yield(Page{}, fmt.Errorf("refresh %s: %w", s.Name, err))
					return
				}
				page.Last = page.Last && n == len(parents)-1
				if !yield(page, nil) {
					return
				}
			}
		}
		if len(parents) == 0 {
			yield(Page{Date: c.now(), Last: true}, nil)
		}
	}
}

// parents lists what a full-refresh stream is listed by; one empty id stands
// for the one list.
func (c *Client) parents(ctx context.Context, s Stream) ([]string, error) {
	switch s.Parents {
	case ParentsObjectTypes:
		return objectTypes(), nil
	case ParentsKnowledgeBases:
		return c.knowledgeBases(ctx)
	default:
		return []string{""}, nil
	}
}

// knowledgeBases lists the ids of all knowledge bases.
func (c *Client) knowledgeBases(ctx context.Context) ([]string, error) {
	bases, _ := Find("knowledge_bases")
	var ids []string
	for page, err := range c.list(ctx, bases, "", Foreground) {
		if err != nil {
			return nil, err
		}
		for _, rec := range page.Records {
			// Without its articles the pass would look complete and would not be.
			if rec.Err != nil {
				return nil, rec.Err
			}
			ids = append(ids, rec.Key)
		}
	}
	return ids, nil
}

// vanished returns an empty page if the knowledge base is not listed any more.
func (c *Client) vanished(ctx context.Context, s Stream, id string) (Page, error) {
	ids, err := c.knowledgeBases(ctx)
	if err != nil {
		return Page{}, err
	}
	for _, listed := range ids {
		if listed == id {
			return Page{}, fmt.Errorf("knowledge base %q is listed, and its articles are not found", id)
		}
	}
	c.log.InfoContext(ctx, "knowledge base vanished while its articles were to be read", "stream", s.Name, "knowledge_base", id)
	return Page{Date: c.now()}, nil
}

// Children reads every child of one issue, all pages; they are complete if and
// only if there is no error. ErrNotFound means that the API does not show the
// children: the issue is gone, or scrubbed, which the API may say with a 400.
func (c *Client) Children(ctx context.Context, s Stream, issueID string, p Priority) ([]Record, error) {
	if s.Sync != SyncChildren {
		return nil, fmt.Errorf("read %s of issue %s: it is no stream of children", s.Name, issueID)
	}
	records, paging, err := c.children(ctx, s, issueID, p)
	if paging && isStatus(err, http.StatusBadRequest, http.StatusNotFound, http.StatusGone) {
		// It may be the page's cursor that was refused, or the issue that has just gone: the first page tells.
		c.log.WarnContext(ctx, "page cursor refused, reading the children of the issue anew",
			"stream", s.Name, "issue", issueID, "request_id", requestIDOf(err), "error", err)
		records, paging, err = c.children(ctx, s, issueID, p)
	}
	switch {
	case err == nil:
		return records, nil
	case paging && errors.Is(err, ErrNotFound):
		err = fmt.Errorf("page cursor refused twice: %v", err) //nolint:errorlint // The issue is there: it must not look like ErrNotFound.
	case !paging && isStatus(err, http.StatusBadRequest):
		err = fmt.Errorf("%w: %w", ErrNotFound, err)
	}
	return nil, fmt.Errorf("read %s of issue %s: %w", s.Name, issueID, err)
}

// children reads every child once. paging says whether an error came after the
// first page.
func (c *Client) children(ctx context.Context, s Stream, issueID string, p Priority) (records []Record, paging bool, err error) {
	for page, err := range c.list(ctx, s, issueID, p) {
		if err != nil {
			return nil, paging, err
		}
		if !paging && page.Last {
			return page.Records, false, nil
		}
		records = append(records, page.Records...)
		paging = true
	}
	return records, paging, nil
}

// list reads one list, page by page. It ends after the last page or an error.
func (c *Client) list(ctx context.Context, s Stream, parentID string, p Priority) iter.Seq2[Page, error] {
	return func(yield func(Page, error) bool) {
		path, err := s.path(parentID)
		if err != nil {
			yield(Page{}, err)
			return
		}
		query, err := url.ParseQuery(s.Query)
		if err != nil {
			yield(Page{}, fmt.Errorf("query of %s: %w", s.Name, err))
			return
		}
		if s.Limit > 0 {
			query.Set("limit", strconv.Itoa(s.Limit))
		}
		if s.Parents == ParentsObjectTypes {
			query.Set("object_type", parentID)
		}
		r := request{
			endpoint: s.Endpoint, priority: p, method: http.MethodGet, path: path, query: query,
			stream: &s, parent: newParent(&s, parentID),
		}
		for {
			ans, err := c.do(ctx, r)
			if !yield(ans.Page, err) || err != nil || ans.Last {
				return
			}
			r.cursor, r.seen = ans.cursor, ans.seen
			r.query.Set("cursor", ans.cursor)
		}
	}
}

// path returns the stream's path with the parent's id in it.
func (s *Stream) path(parentID string) (string, error) {
	if !strings.Contains(s.Path, "{id}") {
		return s.Path, nil
	}
	return pathWithID(s.Path, parentID)
}

// pathWithID puts an id into a path. It refuses those that would make another
// path of it: nothing has such an id.
func pathWithID(path, id string) (string, error) {
	if id == "" || id == "." || id == ".." {
		return "", fmt.Errorf("%w: %q cannot be an id", ErrNotFound, id)
	}
	return strings.Replace(path, "{id}", url.PathEscape(id), 1), nil
}

// IssueExists asks for one issue. It returns false only if the API says that
// the issue is not there (404, 410), and an error for everything else that is
// not the issue.
func (c *Client) IssueExists(ctx context.Context, id string) (bool, error) {
	path, err := pathWithID("/issues/{id}", id)
	if err == nil {
		_, err = c.do(ctx, request{endpoint: endpointIssuesGet, method: http.MethodGet, path: path})
	}
	switch {
	case err == nil:
		return true, nil
	case errors.Is(err, ErrNotFound):
		return false, nil
	}
	return false, fmt.Errorf("look for issue %s: %w", id, err)
}

// Me is whom the token belongs to.
type Me struct {
	OrganizationID   string
	OrganizationName string
}

// Me asks whom the token belongs to: a test of URL and token.
func (c *Client) Me(ctx context.Context) (Me, error) {
	ans, err := c.do(ctx, request{endpoint: endpointMe, method: http.MethodGet, path: "/me"})
	if err != nil {
		return Me{}, fmt.Errorf("ask whom the token belongs to: %w", err)
	}
	var me struct {
		ID   string `json:"id"`
		Name string `json:"name"`
	}
	if err := json.Unmarshal(ans.object, &me); err != nil {
		return Me{}, fmt.Errorf("ask whom the token belongs to: %w", err)
	}
	return Me{OrganizationID: me.ID, OrganizationName: me.Name}, nil
}
