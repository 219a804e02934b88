package extract

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// IssueExists asks for one issue. It returns false only if the API says that
// the issue is not there (404, 410), and an error for everything else that is
// not the issue. That the issue is not there is an answer and no trouble.
func (c *Client) IssueExists(ctx context.Context, id string, ask Ask) (bool, error) {
	ask.Prepare = nil
	if tell := ask.Trouble; tell != nil {
		ask.Trouble = func(t Trouble) {
			if errors.Is(t.Err, ErrNotFound) {
				t = Trouble{}
			}
			tell(t)
		}
	}
	_, err := c.Issue(ctx, id, ask)
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// Issue asks for one issue by its id or number. ErrNotFound means that the issue
// is not there (404, 410) or out of the token's reach.
func (c *Client) Issue(ctx context.Context, id string, ask Ask) (Record, error) {
	s := searched()
	path, err := pathWithID(s.Get.Path, id)
	if err != nil {
		return Record{}, fmt.Errorf("ask for issue %s: %w", id, err)
	}
	ans, err := c.do(ctx, request{endpoint: s.Get.Endpoint, path: path}, &effort{ask: ask})
	if err != nil {
		return Record{}, fmt.Errorf("ask for issue %s: %w", id, err)
	}
	d := recorder{stream: &s, parent: &parent{}, requestID: ans.RequestID, prepare: ask.Prepare}
	rec := d.add(nil, ans.object)[0]
	if rec.Err != nil {
		return rec, fmt.Errorf("ask for issue %s: %w; request %s", id, rec.Err, ans.RequestID)
	}
	return rec, nil
}

// Me is whom the token belongs to.
type Me struct {
	OrganizationName string
}

// Me asks whom the token belongs to: a test of URL and token.
func (c *Client) Me(ctx context.Context) (Me, error) {
	ans, err := c.do(ctx, request{endpoint: me().Endpoint, path: me().Path}, &effort{})
	if err != nil {
		return Me{}, fmt.Errorf("ask whom the token belongs to: %w", err)
	}
	var got struct {
		Name string `json:"name"`
	}
	if err := json.Unmarshal(ans.object, &got); err != nil {
		return Me{}, fmt.Errorf("ask whom the token belongs to: %w", err)
	}
	return Me{OrganizationName: got.Name}, nil
}

// pathWithID puts an id into a path. It refuses those that would make another
// path of it: nothing has such an id.
func pathWithID(path, id string) (string, error) {
	if id == "" || id == "." || id == ".." {
		return "", fmt.Errorf("%w: %q cannot be an id", ErrNotFound, id)
	}
	return strings.Replace(path, "{id}", url.PathEscape(id), 1), nil
}
