package preflight_test

import (
	"errors"
	"testing"

	"pylon-kafka/extract"
	"pylon-kafka/extract/extracttest"
	"pylon-kafka/producer/preflight"
)

// TestRun_asksWhatARunAsks has one endpoint at a time refuse what it is asked.
func TestRun_asksWhatARunAsks(t *testing.T) {
	t.Parallel()
	cluster := newCluster(t)
	for name, test := range map[string]struct {
		endpoint string
		status   int
		env      []string
		says     []string // nil: the check has nothing against it
	}{
		"the list of all issues is forbidden":       {"issues_list", 403, nil, []string{"forbids", "issues_list", "GET /issues: 403"}},
		"the list of all issues is refused":         {"issues_list", 400, nil, []string{"refuses", "issues_list", "GET /issues: 400"}},
		"the list that is not asked":                {"issues_list", 403, []string{"PYLON_RECONCILE_INTERVAL", "0"}, nil},
		"the list without the stream":               {"issues_list", 403, []string{"PYLON_STREAMS", "tags,issue_messages"}, nil},
		"one issue is forbidden":                    {"issues_get", 403, nil, []string{"forbids", "issues_get", ": 403"}},
		"one issue, of whose children only":         {"issues_get", 403, []string{"PYLON_STREAMS", "issue_messages"}, []string{"forbids", "issues_get", ": 403"}},
		"one issue is not asked for":                {"issues_get", 403, []string{"PYLON_STREAMS", "tags"}, nil},
		"an id that nothing has is no id":           {"issues_get", 400, nil, nil},
		"one issue is there by another method":      {"issues_get", 405, nil, []string{"refuses", "issues_get", ": 405"}},
		"the search is refused":                     {"issues_search", 400, nil, []string{"refuses", "issues_search", "POST /issues/search: 400"}},
		"the children of no issue":                  {"issue_messages", 400, nil, nil},
		"the children of no issue cannot be worked": {"issue_messages", 422, nil, nil},
		"the children are there by another method":  {"issue_messages", 405, nil, []string{"refuses", "issue_messages", ": 405"}},
		"a plain list is refused":                   {"tags", 400, nil, []string{"refuses", "tags", "GET /tags: 400"}},
		"a plain list is not found":                 {"tags", 404, nil, []string{"refuses", "tags", "GET /tags: 404"}},
		"the token, at one endpoint":                {"tags", 401, nil, []string{"refuses", "tags", "GET /tags: 401"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, cluster.ListenAddrs()[0])
			w.env = with(w.env, test.env...)
			w.api.API.Fail(extracttest.Fault{Endpoint: test.endpoint, Status: test.status, Count: -1})
			checks := check(t, w.options(t))
			if test.says == nil {
				wantStates(t, checks, map[string]preflight.State{})
				return
			}
			wantStates(t, checks, map[string]preflight.State{"endpoints": preflight.Failed})
			wantText(t, checks["endpoints"].Detail, test.says...)
			var answer *extract.APIError
			if err := checks["endpoints"].Err; !errors.As(err, &answer) || answer.Status != test.status {
				t.Errorf("error %v, want one with the answer %d", err, test.status)
			}
		})
	}
}

// TestRun_asksForWhatIsThere asks each endpoint of a Pylon that refuses nothing.
func TestRun_asksForWhatIsThere(t *testing.T) {
	t.Parallel()
	w := newWorld(t, newCluster(t).ListenAddrs()[0])
	wantText(t, check(t, w.options(t))["endpoints"].Detail, "all 5 answer")
	for _, endpoint := range []string{"issues_search", "issues_list", "issues_get", "issue_messages", "tags"} {
		if n := w.api.API.Requests()[endpoint]; n != 1 {
			t.Errorf("%d requests to %s, want 1", n, endpoint)
		}
	}
}
