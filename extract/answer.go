package extract

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

const (
	// maxErrorBody is how much of a refusal is read.
	maxErrorBody = 64 << 10
	// maxMessage is how much of the API's message goes into an error, in characters.
	maxMessage = 300
	// headerRequestID comes with every answer, also where its body is not the API's.
	headerRequestID = "X-Pylon-Request-Id"
)

// answer is the whole answer to a request.
type answer struct {
	Page
	cursor string    // of the next page, empty after the last one
	seen   cycle     // with that cursor
	began  time.Time // a moment before the API began to work, by its clock or ours, whichever is earlier
	size   int       // bytes of its body
	object []byte    // the one object, for a request without a stream
}

// decode reads a successful answer; requestID is what its header says. With an
// error, only RequestID may be set.
func (r *request) decode(body *bodyReader, requestID string, prepare func(*Record)) (answer, error) {
	var ans answer
	d := recorder{stream: r.stream, parent: &r.parent, requestID: requestID, prepare: prepare}
	env, err := decodeEnvelope(body, func(raw []byte) {
		if r.stream != nil {
			ans.Records = d.add(ans.Records, raw)
		}
	})
	// The body's comes first: where a proxy answers from a cache, the header may be of another answer.
	ans.RequestID = cmp.Or(env.requestID, requestID)
	if err == nil {
		err = r.check(&env)
	}
	if err != nil {
		return answer{Page: Page{RequestID: ans.RequestID}}, err
	}
	for i := range ans.Records {
		rec := &ans.Records[i]
		rec.RequestID = ans.RequestID
		if rec.Err != nil {
			rec.Err = fmt.Errorf("%s: %w; request %s", r.stream.Name, rec.Err, ans.RequestID)
		}
	}
	ans.object, ans.size = env.object, body.page
	ans.seen = r.seen
	if ans.Last = !env.hasNext; ans.Last {
		return ans, nil
	}
	ans.cursor = env.cursor
	var again bool
	if ans.seen, again = r.seen.with(env.cursor); again || env.cursor == r.cursor {
		return answer{Page: Page{RequestID: ans.RequestID}},
			fmt.Errorf("%w: its cursor %s leads back to a page that was read", errPage, quoteCursor(env.cursor))
	}
	return ans, nil
}

// check reports why a body that is whole is not an answer to the request.
func (r *request) check(env *envelope) error {
	switch {
	case r.stream == nil && env.data != '{':
		return fmt.Errorf("%w: no object", errPage)
	case r.stream == nil:
		return nil
	case env.data == '{':
		return fmt.Errorf("%w: data is an object, want a list", errBroken)
	case env.hasNext && env.count == 0:
		return fmt.Errorf("%w: it promises more and holds no data", errPromise)
	case r.cursor != "" && env.count == 0:
		return fmt.Errorf("%w: the page before promised data, and it holds none", errPromise)
	case env.hasNext && env.cursor == "":
		return fmt.Errorf("%w: it promises more and gives no cursor", errPage)
	}
	return nil
}

// refusal returns the error for an answer that is not a success.
func (r *request) refusal(resp *http.Response, body io.Reader, token Secret) error {
	e := &APIError{
		Method: r.method(), Path: r.path, Status: resp.StatusCode,
		RequestID: resp.Header.Get(headerRequestID), RetryAfter: parseRetryAfter(resp.Header, time.Now()),
	}
	var refused struct {
		Errors    []string `json:"errors"`
		Code      string   `json:"code"`
		RequestID string   `json:"request_id"`
	}
	// What of it cannot be read is not worth another error: the status says enough.
	text, _ := io.ReadAll(io.LimitReader(body, maxErrorBody))
	if json.Unmarshal(text, &refused) == nil {
		e.Code = refused.Code
		e.RequestID = cmp.Or(refused.RequestID, e.RequestID)
		if len(refused.Errors) > 0 {
			e.Message = clean(refused.Errors[0], token)
		}
	}
	if location, err := resp.Location(); err == nil && resp.StatusCode/100 == 3 {
		e.Message = fmt.Sprintf("redirected to %s://%s, where the token is not sent: PYLON_API_URL must be the API's own address",
			location.Scheme, location.Host)
	}
	return e
}

// clean makes a message of the API fit for one line of a log.
func clean(message string, token Secret) string {
	message = strings.ReplaceAll(message, token.Reveal(), token.mask())
	message = strings.Join(strings.Fields(message), " ")
	if runes := []rune(message); len(runes) > maxMessage {
		message = string(runes[:maxMessage]) + "…"
	}
	return message
}
