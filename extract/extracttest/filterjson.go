package extracttest

import (
	"fmt"
	"math"
	"slices"
	"time"
)

// maxFilterDepth is how deep a filter may be nested, a leaf being of depth 1.
const maxFilterDepth = 3

// filterJSON is a filter as it is sent. Value may be null or left out.
type filterJSON struct {
	Field      string       `json:"field"`
	Operator   string       `json:"operator"`
	Value      *string      `json:"value"`
	Values     []string     `json:"values"`
	Subfilters []filterJSON `json:"subfilters"`
}

var (
	timeOperators   = []string{"time_is_after", "time_is_before", "time_range"}
	idOperators     = []string{"equals", "in", "not_in", "is_set", "is_unset"}
	listOperators   = []string{"contains", "does_not_contain", "in", "not_in"}
	stateOperators  = []string{"equals", "in", "not_in"}
	stringOperators = []string{"string_contains", "string_does_not_contain"}
	fieldOperators  = []string{"equals", "not_equals", "in", "not_in", "contains", "does_not_contain", "is_set", "is_unset"}
)

var filterFields = map[string][]string{
	"created_at": timeOperators, "updated_at": timeOperators, "resolved_at": timeOperators, "latest_message_activity_at": timeOperators,
	"account_id": idOperators, "requester_id": idOperators, "assignee_id": idOperators, "issue_type": idOperators,
	"team_id": stateOperators, "state": stateOperators,
	"tags": listOperators, "title": stringOperators, "body_html": stringOperators,
}

// compileFilter checks a filter as the real API does: an unknown field or
// operator and a time without a zone are refused.
func (a *API) compileFilter(f *filterJSON, depth int) (filter, *apiError) {
	if depth > maxFilterDepth {
		return filter{}, badRequest("filter is nested too deeply")
	}
	out := filter{operator: f.Operator, field: f.Field, values: f.Values}
	if f.Operator == "and" || f.Operator == "or" {
		for i := range f.Subfilters {
			sub, err := a.compileFilter(&f.Subfilters[i], depth+1)
			if err != nil {
				return filter{}, err
			}
			out.subs = append(out.subs, sub)
		}
		if len(out.subs) == 0 {
			return filter{}, badRequest(fmt.Sprintf("operator %q without subfilters", f.Operator))
		}
		return out, nil
	}
	operators, known := filterFields[f.Field]
	if !known && slices.ContainsFunc(fieldTypes, func(t fieldType) bool { return t.slug == f.Field }) {
		operators, known = fieldOperators, true
	}
	if !known || slices.Contains(a.opts.RefusedFields, f.Field) {
		return filter{}, badRequest(fmt.Sprintf("unknown filter field %q", f.Field))
	}
	if !slices.Contains(operators, f.Operator) {
		return filter{}, badRequest(fmt.Sprintf("operator %q is not allowed for field %q", f.Operator, f.Field))
	}
	switch f.Operator {
	case "time_is_after", "time_is_before", "time_range":
		return a.compileTimes(out, f)
	case "in", "not_in", "is_set", "is_unset":
	default:
		if f.Value == nil || *f.Value == "" {
			return filter{}, badRequest(fmt.Sprintf("filter on %q has no value", f.Field))
		}
		out.values = []string{*f.Value}
	}
	return out, nil
}

func (a *API) compileTimes(out filter, f *filterJSON) (filter, *apiError) {
	out.from, out.to = math.MinInt64, math.MaxInt64
	values := f.Values
	if f.Operator != "time_range" {
		if f.Value == nil {
			return out, badRequest(fmt.Sprintf("filter on %q has no value", f.Field))
		}
		values = []string{*f.Value}
	} else if len(values) != 2 {
		return out, badRequest("time_range takes two values")
	}
	var times []int64
	for _, v := range values {
		t, err := time.Parse(time.RFC3339Nano, v)
		if err != nil {
			return out, badRequest(fmt.Sprintf("%q is not a time in RFC 3339 format", v))
		}
		times = append(times, t.UnixMilli())
	}
	switch f.Operator {
	case "time_is_after":
		out.from = times[0] + a.open()
	case "time_is_before":
		out.to = times[0] - a.open()
	default:
		out.from, out.to = times[0]+a.open(), times[1]-a.open()
	}
	return out, nil
}
