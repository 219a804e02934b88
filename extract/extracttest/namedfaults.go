package extracttest

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// ErrUnknownFault is returned, wrapped, by FailByName.
var ErrUnknownFault = errors.New("no such fault")

// NamedFault is a fault that a person can ask for: by pylon-kafka sandbox --fault,
// by POST /_sandbox/fail, and by [API.FailByName]. It lasts until ClearFaults.
type NamedFault struct {
	Name  string `json:"name"`
	About string `json:"about"` // a sentence without a full stop
	// Argument says what may stand behind the name and "="; "" is nothing.
	Argument string `json:"argument,omitempty"`

	faults func(a *API, argument string) ([]Fault, error)
}

// NamedFaults returns the faults that FailByName knows, in the order in which a
// person may want to read them.
func NamedFaults() []NamedFault { return slices.Clone(namedFaults) }

// How much the named faults do.
const (
	bareShare   = 0.1       // of the requests, by bare-429
	hugeObject  = 300 << 10 // bytes, by huge-page: 300 MB in a page of 999
	clockBefore = time.Hour // by clock-ahead
	serverError = http.StatusServiceUnavailable
)

var namedFaults = []NamedFault{
	{
		Name: "empty-after-promise", About: "every page after the first comes without objects, though promised",
		Argument: "missing (the default), null or list: how data is lacking",
		faults:   emptyAfterPromise,
	},
	{
		Name: "repeating-cursor", About: "every page after the first one names its own cursor as the next one",
		faults: fixed(Fault{RepeatCursor: true}),
	},
	{
		Name: "huge-page", About: "every issue in a search takes 300 kB, so that a page of 999 has 300 MB",
		faults: fixed(Fault{Endpoint: "issues_search", ObjectBytes: hugeObject}),
	},
	{
		Name: "parent-5xx", About: "503 for the messages and threads of one issue", Argument: parentArgument,
		faults: forParent(Fault{Status: serverError}),
	},
	{
		Name: "parent-403", About: "403 for the messages and threads of one issue", Argument: parentArgument,
		faults: forParent(Fault{Status: http.StatusForbidden, Code: "permission_denied"}),
	},
	{
		Name: "parent-422", About: "422 for the messages and threads of one issue", Argument: parentArgument,
		faults: forParent(Fault{Status: http.StatusUnprocessableEntity}),
	},
	{
		Name: "lost-permission", About: "the token sees no object any more: lists are empty, with 200",
		Argument: "a stream: only its objects",
		faults:   lostPermission,
	},
	{
		Name: "range-refused", About: "400 for a search without an upper bound of its time",
		faults: fixed(Fault{Endpoint: "issues_search", RefuseOpenRange: true}),
	},
	{
		Name: "clock-ahead", About: "the Date header is an hour ahead of the times in the answers",
		Argument: "by how much, such as 20m; behind, if negative",
		faults:   clockAhead,
	},
	{
		Name: "bare-429", About: "one request in ten is answered with 429 and no word on when to come again",
		faults: fixed(Fault{Status: http.StatusTooManyRequests, Code: "rate_limited", Probability: bareShare}),
	},
}

const parentArgument = "an issue, knowledge base or object type; if left out, the oldest issue"

// fixed is a fault without an argument.
func fixed(f Fault) func(*API, string) ([]Fault, error) {
	return func(_ *API, argument string) ([]Fault, error) {
		if argument != "" {
			return nil, errors.New("it takes no argument")
		}
		return []Fault{f}, nil
	}
}

func forParent(f Fault) func(*API, string) ([]Fault, error) {
	return func(a *API, argument string) ([]Fault, error) {
		f := f
		f.Parent = orElse(argument, a.IssueID(0))
		return []Fault{f}, nil
	}
}

func emptyAfterPromise(_ *API, argument string) ([]Fault, error) {
	kind := orElse(EmptyPage(argument), EmptyPageMissing)
	if _, known := emptyPages[kind]; !known {
		return nil, fmt.Errorf("%q is none of missing, null and list", argument)
	}
	return []Fault{{EmptyPage: kind}}, nil
}

func lostPermission(_ *API, argument string) ([]Fault, error) {
	if argument == "" {
		return []Fault{{Hide: 1}}, nil
	}
	if !slices.Contains(Streams(), argument) {
		return nil, fmt.Errorf("there is no stream %q", argument)
	}
	endpoints := []string{argument, argument + "_get"}
	if argument == streamIssues {
		endpoints = []string{"issues_search", "issues_list", "issues_get"}
	}
	var faults []Fault
	for _, e := range endpoints {
		faults = append(faults, Fault{Endpoint: e, Hide: 1})
	}
	return faults, nil
}

func clockAhead(_ *API, argument string) ([]Fault, error) {
	ahead := clockBefore
	if argument != "" {
		d, err := time.ParseDuration(argument)
		if err != nil {
			return nil, fmt.Errorf("%q is no duration such as 20m", argument)
		}
		ahead = d
	}
	return []Fault{{DateAhead: ahead}}, nil
}

// FailByName queues one of the NamedFaults, for ever: its name or, where it takes
// an argument, name=argument. The error says what is wrong with the text, and
// wraps ErrUnknownFault where the name is.
func (a *API) FailByName(text string) error {
	faults, err := a.named(text)
	if err != nil {
		return err
	}
	a.Fail(faults...)
	return nil
}

func (a *API) named(text string) ([]Fault, error) {
	name, argument, _ := strings.Cut(text, "=")
	i := slices.IndexFunc(namedFaults, func(f NamedFault) bool { return f.Name == name })
	if i < 0 {
		var names []string
		for _, f := range namedFaults {
			names = append(names, f.Name)
		}
		return nil, fmt.Errorf("fault %q: %w; there are %s", name, ErrUnknownFault, strings.Join(names, ", "))
	}
	faults, err := namedFaults[i].faults(a, argument)
	if err != nil {
		return nil, fmt.Errorf("fault %s: %w", name, err)
	}
	for i := range faults {
		faults[i].Count = -1
	}
	return faults, nil
}
