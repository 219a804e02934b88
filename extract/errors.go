package extract

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// What callers branch on, by errors.Is.
var (
	// ErrUnauthorized is returned when the API answered 401: no request will
	// succeed with this token and this URL.
	ErrUnauthorized = errors.New("pylon refuses the token")
	// ErrForbidden is returned when the API answered 403: the token or the plan
	// does not include this endpoint. Others may work.
	ErrForbidden = errors.New("pylon forbids this endpoint")
	// ErrNotFound is returned when the API answered 404 or 410: the object is
	// not there, or not any more.
	ErrNotFound = errors.New("not found")
	// ErrGaveUp is returned when Ask.Patience ran out while something failed that
	// may pass: 5xx, timeouts, connections and bodies that break. It wraps the
	// last failure.
	ErrGaveUp = errors.New("gave up")
	// ErrImpossible is returned when a list cannot be read although every answer is
	// a success: a page that was promised stays without data, or cursors lead
	// nowhere or in a circle, however often it is read, also from its beginning.
	ErrImpossible = errors.New("impossible page")
	// ErrNoKey marks a record without its primary key, see Record.Err.
	ErrNoKey = errors.New("record without its key")
)

// What goes wrong with the body of an answer. All are worth another try, see
// retryable.
var (
	// errBroken is a body that is cut off, malformed or not the API's.
	errBroken = errors.New("broken answer")
	// errPage is a body that is whole, but cannot be a page: its cursor leads
	// nowhere or in a circle, or it is errPromise.
	errPage = ErrImpossible
	// errPromise is an errPage without data that was promised: by the page before,
	// or by itself, since it promises more.
	errPromise = fmt.Errorf("%w", errPage)
	// errTooLarge is a body with a record that no topic could hold.
	errTooLarge = fmt.Errorf("record larger than %d MiB", maxRecord>>20)
	// errTimeout is an answer that did not come or did not go on coming.
	errTimeout = errors.New("timed out")
)

// APIError is an answer of the API other than success. It never holds the token
// or a query string. errors.Is finds ErrUnauthorized, ErrForbidden and
// ErrNotFound in it by its status.
type APIError struct {
	Method     string
	Path       string // without the query
	Status     int
	Code       string        // the API's own stable code, empty where it sent none
	Message    string        // the first message of the API, cut at 300 characters
	RequestID  string        // what Pylon's support asks for
	RetryAfter time.Duration // how long to wait by the API's word, 0 where it says nothing
}

// Error names the request, what the API said, and for a refused token what would help.
func (e *APIError) Error() string {
	var text strings.Builder
	fmt.Fprintf(&text, "%s %s: %d %s", e.Method, e.Path, e.Status, http.StatusText(e.Status))
	if e.Code != "" {
		fmt.Fprintf(&text, " (%s)", e.Code)
	}
	if e.Message != "" {
		text.WriteString(": " + e.Message)
	}
	if e.RequestID != "" {
		text.WriteString("; request " + e.RequestID)
	}
	if hint := e.hint(); hint != "" {
		text.WriteString("; " + hint)
	}
	return text.String()
}

// hint says what a person can do about a refused token.
func (e *APIError) hint() string {
	switch {
	case e.Status != http.StatusUnauthorized:
		return ""
	case e.Code == "wrong_region_token":
		return "the token belongs to the other region: set PYLON_API_URL to https://api.usepylon.com (US) or https://api.eu.usepylon.com (EU)"
	default:
		return "the token is wrong or was revoked: an admin makes a new one at https://app.usepylon.com/settings/api-tokens; " +
			"for an account in the EU, PYLON_API_URL must be https://api.eu.usepylon.com"
	}
}

// Is makes errors.Is tell the causes apart.
func (e *APIError) Is(target error) bool {
	switch e.Status {
	case http.StatusUnauthorized:
		return target == ErrUnauthorized
	case http.StatusForbidden:
		return target == ErrForbidden
	case http.StatusNotFound, http.StatusGone:
		return target == ErrNotFound
	}
	return false
}

// isStatus reports whether err is an answer with one of the statuses.
func isStatus(err error, statuses ...int) bool {
	var api *APIError
	if !errors.As(err, &api) {
		return false
	}
	for _, s := range statuses {
		if api.Status == s {
			return true
		}
	}
	return false
}

// requestError is a failed try of a request that got no refusal from the API:
// there was no answer, or its body was of no use.
type requestError struct {
	method, path string
	requestID    string // as far as it was seen
	err          error
}

func (e *requestError) Error() string {
	text := e.method + " " + e.path + ": " + e.err.Error()
	if e.requestID != "" {
		text += "; request " + e.requestID
	}
	return text
}

func (e *requestError) Unwrap() error { return e.err }
