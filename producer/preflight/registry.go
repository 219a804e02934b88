package preflight

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	neturl "net/url"
	"time"

	"github.com/twmb/franz-go/pkg/sr"

	"pylon-kafka/producer/connect"
)

// registry asks the schema registry which subjects there are.
func registry(ctx context.Context, opts *Options) Check {
	const name = "schema registry"
	if opts.Registry == nil {
		return good(name, "none: records are in Avro's single-object encoding")
	}
	url := connect.MaskURL(opts.RegistryURL)
	began := time.Now()
	subjects, err := opts.Registry.Subjects(ctx)
	var answer *sr.ResponseError
	var syntax *json.SyntaxError
	var wrongType *json.UnmarshalTypeError
	var request *neturl.Error
	switch {
	case err == nil:
		return good(name, fmt.Sprintf("%s answers; %d subjects", url, len(subjects)))
	case errors.As(err, &answer) && answer.StatusCode == http.StatusForbidden:
		return warn(name, fmt.Sprintf("%s answers, and does not let us list its subjects (403)", url), "")
	case errors.As(err, &answer) && answer.StatusCode == http.StatusUnauthorized:
		return fail(name, fmt.Errorf("SCHEMA_REGISTRY_URL %s refuses us (401)", url), "look at SCHEMA_REGISTRY_USERNAME and SCHEMA_REGISTRY_PASSWORD")
	case errors.As(err, &answer):
		return fail(name, fmt.Errorf("SCHEMA_REGISTRY_URL %s answers %d", url, answer.StatusCode),
			"is it a registry's, with its path? Apicurio has /apis/ccompat/v7, Karapace and Confluent have none")
	case errors.As(err, &syntax), errors.As(err, &wrongType):
		return fail(name, fmt.Errorf("SCHEMA_REGISTRY_URL %s answers, though not as a registry does", url),
			"is it a registry's, with its path? Apicurio has /apis/ccompat/v7, Karapace and Confluent have none")
	case ctx.Err() != nil, errors.As(err, &request) && request.Timeout():
		return fail(name, fmt.Errorf("SCHEMA_REGISTRY_URL %s: no answer within %v", url, time.Since(began).Round(time.Second)), "")
	case request != nil: // its own text repeats the URL
		return fail(name, fmt.Errorf("SCHEMA_REGISTRY_URL %s: %w", url, request.Err), "")
	default:
		return fail(name, fmt.Errorf("SCHEMA_REGISTRY_URL %s: %w", url, err), "")
	}
}
