package producer_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sr"

	"pylon-kafka/extract/extracttest"
)

// topicNames lists the broker's topics, without Kafka's own.
func (w *world) topicNames(t *testing.T) []string {
	t.Helper()
	cl, err := kgo.NewClient(w.opts...)
	must(t, err)
	defer cl.Close()
	topics, err := kadm.NewClient(cl).ListTopics(t.Context())
	must(t, err)
	return topics.Names()
}

// registered lists each version of each subject of the registry that is set.
func (w *world) registered(t *testing.T) []string {
	t.Helper()
	var all []string
	url := w.settings["SCHEMA_REGISTRY_URL"]
	if url == "" {
		return all
	}
	cl, err := sr.NewClient(sr.URLs(url))
	must(t, err)
	subjects, err := cl.Subjects(t.Context())
	must(t, err)
	for _, subject := range subjects {
		versions, err := cl.SubjectVersions(t.Context(), subject)
		must(t, err)
		all = append(all, fmt.Sprint(subject, versions))
	}
	slices.Sort(all)
	return all
}

// filter returns the elements that keep accepts.
func filter(all []string, keep func(string) bool) []string {
	var kept []string
	for _, one := range all {
		if keep(one) {
			kept = append(kept, one)
		}
	}
	return kept
}

// TestRegistry_aRefusedTopicRegistersNothing has subjects that are new with the
// layout: the registry would take it.
func TestRegistry_aRefusedTopicRegistersNothing(t *testing.T) {
	t.Parallel()
	for _, strategy := range []string{"topic", "record", "topic-record"} {
		w := newWorld(t, extracttest.Options{Seed: 85, Issues: -1})
		w.newRegistry(t)
		w.settings["SCHEMA_REGISTRY_SUBJECT_STRATEGY"] = strategy
		w.sync(t, "PYLON_STREAMS", "tags")
		before := w.registered(t)
		_, err := w.trySync(t, "PYLON_STREAMS", "tags,teams", "VALUE_LAYOUT", "flat", "KAFKA_KEY_FORMAT", "avro")
		w.wantFailure(t, err, "tags: ", "KAFKA_KEY_FORMAT")
		notTeams := func(name string) bool { return !strings.Contains(name, "eam") }
		if diff := cmp.Diff(before, filter(w.registered(t), notTeams)); diff != "" {
			t.Errorf("%s: versions of subjects (-want +got):\n%s", strategy, diff)
		}
		if len(w.rawRecords(t, "pylon.teams")) != w.api.Count("teams") {
			t.Errorf("%s: teams are not copied", strategy)
		}
	}
}

// TestRegistry_somethingElseGetsNoTopics has an address at which no registry is.
func TestRegistry_somethingElseGetsNoTopics(t *testing.T) {
	t.Parallel()
	for name, handler := range map[string]http.HandlerFunc{
		"another service": func(w http.ResponseWriter, _ *http.Request) { answer{status: 200, body: `{}`}.write(w) },
		"a page":          func(w http.ResponseWriter, _ *http.Request) { answer{status: 200, body: htmlPage}.write(w) },
		"no such path":    func(w http.ResponseWriter, _ *http.Request) { answer{status: 404, body: "not found"}.write(w) },
		"refuses us":      func(w http.ResponseWriter, _ *http.Request) { answer{status: 401, body: `{}`}.write(w) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, extracttest.Options{Seed: 86, Issues: -1})
			server := httptest.NewServer(handler)
			t.Cleanup(server.Close)
			_, err := w.trySync(t, "SCHEMA_REGISTRY_URL", server.URL)
			w.wantFailure(t, err, "schema registry: SCHEMA_REGISTRY_URL "+server.URL)
			if names := w.topicNames(t); len(names) > 0 {
				t.Errorf("topics are made: %v", names)
			}
		})
	}
}
