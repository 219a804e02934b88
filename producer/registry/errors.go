package registry

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/twmb/franz-go/pkg/sr"
)

// Error codes of the registry
// (https://docs.confluent.io/platform/current/schema-registry/develop/api.html).
const (
	subjectNotFound = 40401
	schemaNotFound  = 40403
)

// refusalError is a registry's error with its status, and its text cut: a proxy
// in between may answer with a page of HTML, and a registry's own reason may
// quote a whole schema.
type refusalError struct{ *sr.ResponseError }

func (e refusalError) Error() string {
	return fmt.Sprintf("registry answered %d: %s", e.StatusCode, oneLine(e.ResponseError.Error()))
}

func (e refusalError) Unwrap() error { return e.ResponseError }

// readable makes an error of the registry's client readable. It shows no URL:
// the one that is set is known, and one that was led to may hold a secret.
func readable(err error) error {
	var answer *sr.ResponseError
	var request *url.Error
	switch {
	case errors.As(err, &answer) && NotARegistry(err):
		return fmt.Errorf("no registry is there; %s: %w", usualPaths, refusalError{answer})
	case errors.As(err, &answer):
		return refusalError{answer}
	case NotARegistry(err):
		if errors.As(err, &request) {
			err = request.Err // without the URL; still what NotARegistry goes by
		}
		return notRegistryError{fmt.Errorf("the answer is not a registry's (a page of HTML, another protocol?); %s: %w", usualPaths, err)}
	case errors.As(err, &request) && request.Timeout():
		return fmt.Errorf("no answer: %w", request.Err)
	case errors.As(err, &request):
		return request.Err
	default:
		return err
	}
}

// usualPaths helps somebody who has left out the path of a registry's URL.
const usualPaths = "is SCHEMA_REGISTRY_URL right? Its path belongs to it: Apicurio has /apis/ccompat/v7, Karapace and Confluent have none"

// notRegistryError marks an answer of something that is no registry.
type notRegistryError struct{ error }

func (e notRegistryError) Unwrap() error { return e.error }

// NotARegistry reports whether something answered that is no registry, as far as
// that can be told: what it sent is no JSON, or of another form, or it knows no
// such address. A registry that lacks a subject or a schema says so with a code
// of five digits.
func NotARegistry(err error) bool {
	var syntax *json.SyntaxError
	var wrongType *json.UnmarshalTypeError
	var marked notRegistryError
	var request *url.Error
	switch status := Status(err); {
	case status == http.StatusNotFound || status == http.StatusMethodNotAllowed:
		return codeOf(err) < subjectNotFound
	case status == http.StatusBadRequest:
		return !hasCode(err)
	case status/100 == 3: // a redirect that leads nowhere
		return true
	}
	if errors.As(err, &marked) || errors.As(err, &syntax) || errors.As(err, &wrongType) {
		return true
	}
	// Another protocol, such as Kafka's, ends the connection or answers no HTTP, which
	// has no type.
	return errors.As(err, &request) && !request.Timeout() &&
		(errors.Is(request.Err, io.EOF) || strings.Contains(request.Err.Error(), "malformed HTTP"))
}

// hasCode reports whether a refusal has a code of its own, as a registry's has.
func hasCode(err error) bool {
	var e *sr.ResponseError
	return errors.As(err, &e) && e.ErrorCode != 0
}

// Status returns the HTTP status of a refusal, or 0 if err is none.
func Status(err error) int {
	var e *sr.ResponseError
	if !errors.As(err, &e) {
		return 0
	}
	return e.StatusCode
}

// NotFound reports whether the registry said that an id is not there.
func NotFound(err error) bool {
	return codeOf(err) == schemaNotFound || Status(err) == http.StatusNotFound
}

// codeOf returns the registry's error code, or 0.
func codeOf(err error) int {
	var e *sr.ResponseError
	if !errors.As(err, &e) {
		return 0
	}
	if e.ErrorCode != 0 {
		return e.ErrorCode
	}
	return e.StatusCode
}

// Retryable says whether the registry may answer otherwise later without anyone
// doing anything: it could not be reached or not be read, is overloaded or
// broken, or something else answers in its place. What it refused (401, 404,
// 409, 422) stays refused.
func Retryable(err error) bool {
	status := Status(err)
	return status == 0 || status >= 500 || status == http.StatusTooManyRequests || status == http.StatusRequestTimeout
}

// oneLine is text without line breaks, cut where it is long.
func oneLine(text string) string {
	const most = 600
	text = strings.ToValidUTF8(strings.Join(strings.Fields(text), " "), "\uFFFD")
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}
