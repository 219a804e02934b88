package extracttest_test

import (
	"encoding/json"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"pylon-kafka/extract/extracttest"
)

func TestSmallStreams_createUpdatePutDelete(t *testing.T) {
	t.Parallel()
	s := changedServer(t, extracttest.Options{Accounts: 1})
	for _, stream := range extracttest.Streams() {
		parent := ""
		switch stream {
		case "custom_fields":
			parent = "meeting"
		case "knowledge_base_articles":
			for parent = range s.API.Objects("knowledge_bases") {
				break
			}
		case "issue_messages", "issue_threads":
			parent = s.API.IssueID(3)
		}
		key, err := s.API.Create(stream, parent)
		check(t, err)
		versions := []string{normalize(t, stream, readStream(t, s, stream)[key])}
		for range 2 {
			check(t, s.API.Update(stream, key))
			versions = append(versions, normalize(t, stream, readStream(t, s, stream)[key]))
		}
		slices.Sort(versions)
		if len(slices.Compact(versions)) != 3 {
			t.Errorf("%s: versions are not distinct: %s", stream, versions)
		}
		check(t, s.API.Delete(stream, key))
		if _, found := readStream(t, s, stream)[key]; found {
			t.Errorf("%s: %s is still there", stream, key)
		}
	}
	check(t, s.API.Put("tags", "", "odd", []byte(`{"id":"odd","value":7}`)))
	if got := string(readStream(t, s, "tags")["odd"]); got != `{"id":"odd","value":7}` {
		t.Errorf("put tag: %s", got)
	}
	check(t, s.API.Put("tags", "", "odd", []byte(`{"id":"odd"}`)))
	check(t, s.API.Delete("tags", "odd"))
	check(t, s.API.Put("tags", "", "odd", []byte(`{"id":"odd","value":8}`)))
	var revisions []int
	for _, v := range s.API.History() {
		if v.Key == "odd" {
			revisions = append(revisions, v.Revision)
		}
	}
	if diff := cmp.Diff([]int{0, 1, 2, 3}, revisions); diff != "" {
		t.Error(diff)
	}
}

func TestSmallStreams_deletedKnowledgeBaseTakesItsArticles(t *testing.T) {
	t.Parallel()
	s := changedServer(t, extracttest.Options{Articles: 3})
	var base string
	for base = range s.API.Objects("knowledge_bases") {
		break
	}
	check(t, s.API.Delete("knowledge_bases", base))
	if n := s.API.Count("knowledge_base_articles"); n != 3 {
		t.Errorf("%d articles are left", n)
	}
	if a := call(t, s, "GET /knowledge-bases/"+base+"/articles", ""); a.Status != http.StatusNotFound {
		t.Errorf("its articles: %d", a.Status)
	}
}

// truth replays a history over what was there at the start.
func truth(tb testing.TB, start map[string]map[string]string, history []extracttest.Version) map[string]map[string]string {
	tb.Helper()
	for _, v := range history {
		was, existed := start[v.Stream][v.Key]
		switch {
		case v.At.IsZero() && (!existed || was != normalize(tb, v.Stream, v.JSON) || v.Revision != 0):
			tb.Errorf("%s %s did not begin as the history says", v.Stream, v.Key)
		case v.Deleted && !existed:
			tb.Errorf("%s %s is deleted twice", v.Stream, v.Key)
		case v.Deleted:
			delete(start[v.Stream], v.Key)
		default:
			next := normalize(tb, v.Stream, v.JSON)
			if !v.At.IsZero() && existed && next == was {
				tb.Errorf("%s %s: revision %d is like the one before", v.Stream, v.Key, v.Revision)
			}
			start[v.Stream][v.Key] = next
		}
	}
	return start
}

func snapshot(tb testing.TB, api *extracttest.API) map[string]map[string]string {
	tb.Helper()
	out := map[string]map[string]string{}
	for _, stream := range extracttest.Streams() {
		out[stream] = map[string]string{}
		for key, object := range api.Objects(stream) {
			out[stream][key] = normalize(tb, stream, object)
		}
	}
	return out
}

func TestMutate_historyExplainsEveryChange(t *testing.T) {
	t.Parallel()
	api := changedServer(t, extracttest.Options{Seed: 9}).API
	start := snapshot(t, api)
	changes := api.Mutate(rand.New(rand.NewPCG(1, 2)), 3000)
	end := snapshot(t, api)
	if diff := cmp.Diff(end, truth(t, start, api.History())); diff != "" {
		t.Error(diff)
	}
	kinds := map[string]int{}
	for _, c := range changes {
		kinds[c.Stream+" "+c.Kind]++
	}
	for _, stream := range extracttest.Streams() {
		for _, kind := range []string{"create", "update", "delete"} {
			if kinds[stream+" "+kind] == 0 {
				t.Errorf("no %s of %s", kind, stream)
			}
		}
	}
	for stream, objects := range end {
		if api.Count(stream) != len(objects) {
			t.Errorf("%s: count %d of %d", stream, api.Count(stream), len(objects))
		}
	}
}

func TestMutate_sameSeedSameChanges(t *testing.T) {
	t.Parallel()
	run := func() ([]extracttest.Change, map[string]map[string]string) {
		api := changedServer(t, extracttest.Options{Seed: 9}).API
		return api.Mutate(rand.New(rand.NewPCG(1, 2)), 300), snapshot(t, api)
	}
	x, one := run()
	y, two := run()
	if diff := cmp.Diff(x, y); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(one, two); diff != "" {
		t.Error(diff)
	}
}

func TestHistory_knowsWhatWasServed(t *testing.T) {
	t.Parallel()
	s := changedServer(t, extracttest.Options{RecordServed: true})
	seen, unseen := s.API.IssueID(0), s.API.IssueID(1)
	get(t, s, "GET /issues/"+seen, "")
	for _, id := range []string{seen, unseen} {
		check(t, s.API.UpdateIssue(id, extracttest.IssueChange{}))
		check(t, s.API.UpdateIssue(id, extracttest.IssueChange{}))
	}
	s.API.Fail(extracttest.Fault{Endpoint: "issues_search", Truncate: true})
	if _, err := try(t, s, "POST /issues/search", ""); err == nil {
		t.Fatal("the answer was whole")
	}
	get(t, s, "GET /issues/"+seen, "")
	served := map[string][]bool{}
	for _, v := range s.API.History() {
		served[v.Key] = append(served[v.Key], v.Served)
	}
	want := map[string][]bool{seen: {true, false, true}, unseen: {false, false, false}}
	if diff := cmp.Diff(want, served); diff != "" {
		t.Error(diff)
	}
	if s.API.Served("issues") != 2 {
		t.Errorf("%d versions served", s.API.Served("issues"))
	}
}

func TestSearchLag_showsChangesLate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		api := extracttest.New(extracttest.Options{Issues: 3, SearchLag: time.Minute})
		s := &lagClient{t, &http.Client{Transport: api.Transport()}}
		changed, deleted := api.IssueID(0), api.IssueID(1)
		before := s.search()
		check(t, api.UpdateIssue(changed, extracttest.IssueChange{Title: "late"}))
		check(t, api.DeleteIssue(deleted))
		made := api.CreateIssue(extracttest.IssueChange{})
		time.Sleep(59 * time.Second) //nolint:forbidigo // moves the bubble's clock
		if diff := cmp.Diff(before, s.search()); diff != "" {
			t.Errorf("shown too early: %s", diff)
		}
		if got := readIssue(t, api, changed); got.Title != "late" {
			t.Errorf("the issue itself is %+v", got)
		}
		time.Sleep(time.Second) //nolint:forbidigo // moves the bubble's clock
		after := s.search()
		if after[changed] != "late" || after[deleted] != "" || after[made] == "" || len(after) != 3 {
			t.Errorf("after the lag: %v", after)
		}
		check(t, api.UpdateIssue(changed, extracttest.IssueChange{Title: "soon", SearchLag: time.Second}))
		if got := s.search()[changed]; got != "late" {
			t.Errorf("a lag of a change's own: %q is shown at once", got)
		}
		time.Sleep(time.Second) //nolint:forbidigo // moves the bubble's clock
		if got := s.search()[changed]; got != "soon" {
			t.Errorf("a lag of a change's own: %q is shown after it", got)
		}
	})
}

// lagClient reads titles by id from the search.
type lagClient struct {
	t      *testing.T
	client *http.Client
}

func (c *lagClient) search() map[string]string {
	c.t.Helper()
	req, err := http.NewRequestWithContext(c.t.Context(), http.MethodPost, "http://sandbox/issues/search", strings.NewReader("{}"))
	check(c.t, err)
	req.Header.Set("Authorization", "Bearer x")
	resp, err := c.client.Do(req)
	check(c.t, err)
	defer func() { _ = resp.Body.Close() }()
	var in struct {
		Data []struct{ ID, Title string }
	}
	check(c.t, json.NewDecoder(resp.Body).Decode(&in))
	out := map[string]string{}
	for _, o := range in.Data {
		out[o.ID] = o.Title
	}
	return out
}

func TestAPI_takesChangesAndRequestsAtOnce(t *testing.T) {
	t.Parallel()
	s := extracttest.NewServer(t, extracttest.Options{
		Now: now, Limits: noLimits(), RecordServed: true, SearchLag: time.Millisecond, RandomSearchLag: true,
	})
	s.API.Fail(extracttest.Fault{Endpoint: "issue_threads", Count: -1, Probability: 0.3})
	var group sync.WaitGroup
	for worker := range 4 {
		group.Go(func() {
			for i := range 10 {
				if worker%2 == 0 {
					s.API.Mutate(rand.New(rand.NewPCG(uint64(worker), uint64(i))), 5)
					s.API.ShiftClock(time.Duration(i-15) * time.Second)
					continue
				}
				search(t, s, "", 10, nil)
				call(t, s, "GET /issues/3/threads", "")
				call(t, s, "GET /issues/3/messages", "")
				get(t, s, "GET /accounts?limit=5", "")
				s.API.History()
				if len(maps.Collect(s.API.Objects("issue_messages"))) == 0 {
					t.Error("no messages")
				}
			}
		})
	}
	group.Wait()
}
