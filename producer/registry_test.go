package producer_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sr"
	"github.com/twmb/franz-go/pkg/sr/srfake"

	"pylon-kafka/avro"
	"pylon-kafka/extract/extracttest"
	"pylon-kafka/offsets"
	"pylon-kafka/offsets/topic"
	"pylon-kafka/producer"
)

// registryPassword must be in no error and no log.
const registryPassword = "hunter2-of-the-registry"

// newRegistry starts a schema registry for the pipelines of w.
func (w *world) newRegistry(t *testing.T) *srfake.Registry {
	t.Helper()
	registry := srfake.New()
	t.Cleanup(registry.Close)
	w.settings["SCHEMA_REGISTRY_URL"] = registry.URL()
	return registry
}

const tryReach = slowdown * 3 * time.Second

// trySync makes one pass that may fail. It waits no more than some seconds for what
// does not answer: Kafka, which does, needs one of them on a busy machine.
func (w *world) trySync(t *testing.T, overrides ...string) (map[string]producer.Status, error) {
	t.Helper()
	p := w.pipeline(t, overrides...)
	p.SetReach(tryReach)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	err := p.Sync(ctx)
	return byStream(p.Status()), err
}

// wantFailure fails unless err says all that somebody needs, in a line or two
// and without the password.
func (w *world) wantFailure(t *testing.T, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want one with %q", parts)
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error does not say %q:\n%v", part, err)
		}
	}
	if len(err.Error()) > 2000 {
		t.Errorf("an error of %d bytes:\n%v", len(err.Error()), err)
	}
	if strings.Contains(err.Error(), registryPassword) {
		t.Errorf("the password is in the error: %v", err)
	}
	if strings.Contains(w.logs.String(), registryPassword) {
		t.Error("the password is in the log")
	}
}

// rawRecords returns a topic's committed records as they are; none for a topic
// that is not there.
func (w *world) rawRecords(t *testing.T, name string) []*kgo.Record {
	t.Helper()
	var all []*kgo.Record
	err := topic.ReadAll(t.Context(), w.opts, name, topic.Stable, func(rec *kgo.Record) error {
		all = append(all, rec)
		return nil
	})
	if err != nil && !errors.Is(err, kerr.UnknownTopicOrPartition) {
		t.Fatal(err)
	}
	return all
}

// cursor returns the committed cursor of a stream, "" for none.
func (w *world) cursor(t *testing.T, stream string) string {
	t.Helper()
	entry, err := offsets.Store{Topic: "pylon.offsets", Connector: "pylon", Options: w.opts}.Load(t.Context(), stream)
	if err != nil && !errors.Is(err, offsets.ErrNoCursor) {
		t.Fatal(err)
	}
	return string(entry.Cursor)
}

func newCodec(t *testing.T, stream string) *avro.Codec {
	t.Helper()
	codec, err := avro.NewCodec(stream, avro.LayoutNested)
	if err != nil {
		t.Fatal(err)
	}
	return codec
}

func avroSchema(text string) sr.Schema { return sr.Schema{Schema: text, Type: sr.TypeAvro} }

func TestRegistry_recordsCarryTheIDOfTheirSchema(t *testing.T) {
	t.Parallel()
	w := newWorld(t, extracttest.Options{Seed: 31, Issues: 10})
	registry := w.newRegistry(t)
	w.sync(t)
	w.wantTruth(t, allStreams()...)
	for _, stream := range allStreams() {
		subject := "pylon." + stream + "-value"
		registered, ok := registry.GetSchema(subject, 1)
		if !ok {
			t.Errorf("%s: nothing is registered under %s", stream, subject)
			continue
		}
		if registered.Schema.Schema != newCodec(t, stream).Schema() {
			t.Errorf("%s: another schema is registered: %s", stream, registered.Schema.Schema)
		}
		for _, rec := range w.rawRecords(t, "pylon."+stream) {
			header, _, err := avro.ParseHeader(rec.Value)
			if want := (avro.Header{Format: avro.FormatConfluent, ID: registered.ID}); err != nil || header != want {
				t.Errorf("%s %s: header %+v (%v), want %+v", stream, rec.Key, header, err, want)
			}
		}
	}
	if records := w.rawRecords(t, "pylon.schemas"); len(records) > 0 {
		t.Errorf("pylon.schemas holds %d records although there is a registry", len(records))
	}
	if second := w.sync(t); second["tags"].Records != 0 {
		t.Errorf("a second sync publishes %d tags", second["tags"].Records)
	}
	if _, ok := registry.GetSchema("pylon.tags-value", 2); ok {
		t.Error("a second sync registers a second version")
	}
}

func TestRegistry_namesSubjectsByItsStrategy(t *testing.T) {
	t.Parallel()
	for strategy, want := range map[string][]string{
		"topic":        {"pylon.issue_statuses-value", "pylon.tags-value"},
		"record":       {"com.usepylon.IssueStatus", "com.usepylon.Tag"},
		"topic-record": {"pylon.issue_statuses-com.usepylon.IssueStatus", "pylon.tags-com.usepylon.Tag"},
	} {
		t.Run(strategy, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, extracttest.Options{Seed: 32, Issues: -1})
			registry := w.newRegistry(t)
			w.sync(t, "PYLON_STREAMS", "tags,issue_statuses", "SCHEMA_REGISTRY_SUBJECT_STRATEGY", strategy)
			cl, err := sr.NewClient(sr.URLs(registry.URL()))
			must(t, err)
			got, err := cl.Subjects(t.Context())
			must(t, err)
			slices.Sort(got)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("subjects (-want +got):\n%s", diff)
			}
		})
	}
}

// TestRegistry_withoutRegistrationTheSchemaMustBeThere wants the stream whose
// schema is there to work, and the others to say what they lack and where.
func TestRegistry_withoutRegistrationTheSchemaMustBeThere(t *testing.T) {
	t.Parallel()
	w := newWorld(t, extracttest.Options{Seed: 33, Issues: -1})
	registry := w.newRegistry(t)
	w.settings["PYLON_STREAMS"] = "tags,teams,users"
	w.settings["SCHEMA_REGISTRY_AUTO_REGISTER"] = "false"
	registry.SeedSchema("pylon.tags-value", 1, 17, avroSchema(newCodec(t, "tags").Schema()))
	registry.SeedSchema("pylon.users-value", 1, 18, avroSchema(`{"type":"record","name":"User","fields":[]}`)) // another one

	status, err := w.trySync(t)
	w.wantFailure(t, err,
		"teams: ", "subject pylon.teams-value lacks the schema of com.usepylon.Team", "SCHEMA_REGISTRY_AUTO_REGISTER",
		"users: ", "subject pylon.users-value lacks the schema of com.usepylon.User")
	if strings.Contains(err.Error(), "pylon.tags-value") {
		t.Errorf("the error is about tags too: %v", err)
	}
	w.wantTruth(t, "tags")
	if header, _, err := avro.ParseHeader(w.rawRecords(t, "pylon.tags")[0].Value); err != nil || header.ID != 17 {
		t.Errorf("tags have header %+v (%v), want id 17", header, err)
	}
	for _, stream := range []string{"teams", "users"} {
		if s := status[stream]; s.State != producer.Failed || s.Up || !strings.Contains(s.Reason, "pylon."+stream+"-value") {
			t.Errorf("%s: status %+v", stream, s)
		}
		if n := len(w.rawRecords(t, "pylon."+stream)); n > 0 || w.cursor(t, stream) != "" {
			t.Errorf("%s: %d records and cursor %q are committed without a schema", stream, n, w.cursor(t, stream))
		}
	}
	if registry.SubjectExists("pylon.teams-value") {
		t.Error("a schema was registered although that is off")
	}

	for _, stream := range []string{"teams", "users"} {
		_, _, err := registry.RegisterSchema("pylon."+stream+"-value", avroSchema(newCodec(t, stream).Schema()))
		must(t, err)
	}
	w.sync(t)
	w.wantTruth(t, "tags", "teams", "users")
}

// answer is what a registry answers instead of its own.
type answer struct {
	status int // 0: the connection ends without an answer
	body   string
	cut    bool // it ends in the middle of the body
}

const htmlPage = "<!DOCTYPE html>\n<html><head><title>Bad gateway</title></head>\n<body>upstream</body></html>\n"

func (a answer) write(w http.ResponseWriter) {
	if a.status == 0 {
		panic(http.ErrAbortHandler)
	}
	if a.cut {
		w.Header().Set("Content-Length", "1000")
	}
	if strings.HasPrefix(a.body, "<") {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
	}
	w.WriteHeader(a.status)
	_, _ = w.Write([]byte(a.body)) // the client may have left
}

// subjectRequests notes when requests about a subject came.
type subjectRequests struct {
	mu    sync.Mutex
	at    []time.Time
	posts int // look-ups and registrations
}

func (s *subjectRequests) refused() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.posts
}

func (s *subjectRequests) times() []time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.at)
}

// instead lets the registry answer a for a subject for as long as on is true.
func instead(registry *srfake.Registry, subject string, a answer, on *atomic.Bool) *subjectRequests {
	requests := &subjectRequests{}
	registry.Intercept(func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasPrefix(r.URL.Path, "/subjects/"+subject) || !on.Load() {
			return false
		}
		requests.mu.Lock()
		requests.at = append(requests.at, time.Now())
		if r.Method == http.MethodPost {
			requests.posts++
		}
		requests.mu.Unlock()
		a.write(w)
		return true
	})
	return requests
}

// TestRegistry_refusalFailsItsStreamAlone holds what happens when the registry
// says no: the stream says why at once and commits nothing, the others go on,
// and when somebody has seen to it nothing was lost.
func TestRegistry_refusalFailsItsStreamAlone(t *testing.T) {
	t.Parallel()
	const registration = "pylon.tags-value/versions"
	for name, test := range map[string]struct {
		of       string // what is answered so, of the subject
		answer   answer
		want     []string
		requests int
	}{
		"incompatible": {
			registration,
			answer{status: 409, body: `{"error_code":409,"message":"Schema being registered is incompatible with an earlier schema for subject \"pylon.tags-value\""}`},
			[]string{"409", "incompatible with an earlier schema", "the registry says: TYPE_MISMATCH at /fields/1: expected int"},
			1,
		},
		"incompatible, with all details in a long message": {
			registration,
			answer{status: 409, body: `{"error_code":40901,"message":"Incompatible: TYPE_MISMATCH at /fields/1: expected int ` + strings.Repeat("{oldSchema: ä}", 1000) + `"}`},
			[]string{"409", "TYPE_MISMATCH at /fields/1: expected int", "…"},
			1,
		},
		"unprocessable":         {registration, answer{status: 422, body: `{"error_code":42201,"message":"Invalid schema"}`}, []string{"422", "Invalid schema"}, 1},
		"unauthorized":          {"pylon.tags-value", answer{status: 401, body: `{"error_code":40101,"message":"User cannot access the resource."}`}, []string{"401", "User cannot access the resource."}, 1},
		"forbidden":             {"pylon.tags-value", answer{status: 403, body: ""}, []string{"403"}, 2}, // who may not read may register
		"a wrong path, in HTML": {"pylon.tags-value", answer{status: 404, body: strings.Repeat(htmlPage, 500)}, []string{"404", "<title>Bad gateway</title>", "…"}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, extracttest.Options{Seed: 34, Issues: -1})
			registry := w.newRegistry(t)
			w.settings["PYLON_STREAMS"] = "tags,teams,users"
			w.settings["SCHEMA_REGISTRY_USERNAME"] = "user"
			w.settings["SCHEMA_REGISTRY_PASSWORD"] = registryPassword
			var on atomic.Bool
			on.Store(true)
			requests := instead(registry, test.of, test.answer, &on)
			registry.Intercept(func(w http.ResponseWriter, r *http.Request) bool {
				if !strings.HasPrefix(r.URL.Path, "/compatibility/subjects/pylon.tags-value/") || r.URL.Query().Get("verbose") != "true" {
					return false
				}
				answer{status: 200, body: `{"is_compatible":false,"messages":["TYPE_MISMATCH at /fields/1: expected int"]}`}.write(w)
				return true
			})

			status, err := w.trySync(t)
			w.wantFailure(t, err, append(test.want, "tags: ", "subject pylon.tags-value")...)
			if strings.Count(err.Error(), "TYPE_MISMATCH") > 1 {
				t.Errorf("the reason is told twice: %v", err)
			}
			if n := requests.refused(); n != test.requests {
				t.Errorf("%d requests for what is refused, want %d", n, test.requests)
			}
			w.wantTruth(t, "teams", "users")
			if n := len(w.rawRecords(t, "pylon.tags")); n > 0 || w.cursor(t, "tags") != "" {
				t.Errorf("%d tags and cursor %q are committed", n, w.cursor(t, "tags"))
			}
			if s := status["tags"]; s.State != producer.Failed || s.Up || !strings.Contains(s.Reason, "pylon.tags-value") {
				t.Errorf("status %+v", s)
			}

			on.Store(false)
			w.sync(t)
			w.wantTruth(t, "tags")
		})
	}
}

// TestRegistry_brokenAnswersAreTriedAgain holds what happens when the registry
// is ill: the stream shows it and waits, unhurried, the others are not held up,
// and when it is well again the stream goes on by itself.
func TestRegistry_brokenAnswersAreTriedAgain(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		answer answer
		want   string
	}{
		"an error of its own":      {answer{status: 500, body: `{"error_code":50001,"message":"Error in the backend data store"}`}, "registry answered 500: Error in the backend data store"},
		"a proxy's page":           {answer{status: 502, body: htmlPage}, "registry answered 502: <!DOCTYPE html>"},
		"a page with 200":          {answer{status: 200, body: htmlPage}, "is SCHEMA_REGISTRY_URL right"},
		"JSON of something else":   {answer{status: 200, body: `{"status":"UP"}`}, "no id of a schema"},
		"JSON of another shape":    {answer{status: 200, body: `["UP"]`}, "is SCHEMA_REGISTRY_URL right"},
		"an id that is none":       {answer{status: 200, body: `{"id":4294967297}`}, "no id of a schema"},
		"too many requests":        {answer{status: 429, body: `{"error_code":42901,"message":"Too many requests"}`}, "registry answered 429"},
		"a connection that breaks": {answer{}, "EOF"},
		"a body that breaks":       {answer{status: 200, body: `{"id":`, cut: true}, "unexpected EOF"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, extracttest.Options{Seed: 35, Issues: -1})
			registry := w.newRegistry(t)
			var on atomic.Bool
			on.Store(true)
			requests := instead(registry, "pylon.tags-value", test.answer, &on)
			p, stop := w.run(t, "PYLON_STREAMS", "tags,teams,users", "SCHEMA_REGISTRY_USERNAME", "user", "SCHEMA_REGISTRY_PASSWORD", registryPassword)

			eventually(t, "the others are copied while tags wait", func() bool {
				s := byStream(p.Status())
				return s["teams"].Records > 0 && s["users"].Records > 0 && len(requests.times()) >= 3
			})
			s := byStream(p.Status())["tags"]
			if s.State != producer.Failed || s.Up {
				t.Errorf("tags are not shown as down: %+v", s)
			}
			w.wantFailure(t, errors.New(s.Reason), test.want, "schema registry", "subject pylon.tags-value")
			if n := len(w.rawRecords(t, "pylon.tags")); n > 0 {
				t.Errorf("%d tags are published without an id", n)
			}
			at := requests.times()
			for i := range at[1:] {
				if pause := at[i+1].Sub(at[i]); pause < 200*time.Millisecond {
					t.Errorf("request %d came %v after the one before", i+2, pause)
				}
			}

			on.Store(false)
			eventually(t, "tags are copied", func() bool {
				s := byStream(p.Status())["tags"]
				return s.Up && s.Reason == "" && s.Records > 0
			})
			w.wantTruth(t, "tags", "teams", "users")
			must(t, stop())
		})
	}
}
