package producer_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sr"

	"pylon-kafka/avro"
)

// versions returns the versions of a subject.
func (w *registryWorld) versions(t *testing.T, subject string) []int {
	t.Helper()
	versions, err := w.registry.SubjectVersions(t.Context(), subject)
	must(t, err)
	return versions
}

// setLevel sets the compatibility of subjects.
func (w *registryWorld) setLevel(t *testing.T, level sr.CompatibilityLevel, subjects ...string) {
	t.Helper()
	for _, r := range w.registry.SetCompatibility(t.Context(), sr.SetCompatibility{Level: level}, subjects...) {
		must(t, r.Err)
	}
}

// TestRealRegistry_anotherLayout goes from one layout to the other by
// publish-anew, at the registry's default level. Each refusal names both layouts
// and the next step, and neither topic nor registry is changed by it.
func TestRealRegistry_anotherLayout(t *testing.T) {
	t.Parallel()
	for name, letIn := range map[string]func(t *testing.T, w *registryWorld, subject string){
		"compatibility": func(t *testing.T, w *registryWorld, subject string) {
			t.Helper()
			w.setLevel(t, sr.CompatNone, subject)
		},
		"deletion": func(t *testing.T, w *registryWorld, subject string) {
			t.Helper()
			_, err := w.registry.DeleteSubject(t.Context(), subject, sr.SoftDelete)
			must(t, err)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newRegistryWorld(t, "tags")
			topic, subject := w.prefix+"tags", w.prefix+"tags-value"
			flat := []string{"VALUE_LAYOUT", "flat"}
			w.sync(t)
			before := len(w.rawRecords(t, topic))
			unchanged := func() {
				t.Helper()
				if n := len(w.rawRecords(t, topic)); n != before {
					t.Errorf("%d records after a refusal, want %d", n, before)
				}
				if diff := cmp.Diff([]int{1}, w.versions(t, subject)); diff != "" {
					t.Errorf("versions of the subject after a refusal (-want +got):\n%s", diff)
				}
			}
			step := []string{"tags: ", "subject " + subject, "compatibility", "NONE", "/config/" + subject, "delete the subject", "KAFKA_TOPIC_PREFIX"}
			_, err := w.trySync(t, flat...)
			w.wantFailure(t, err, append(step, "topic "+topic, "layout nested", "layout flat", "publish-anew tags")...)
			unchanged()

			w.publishAnew(t, "tags")
			_, err = w.trySync(t, flat...)
			w.wantFailure(t, err, append(step, "com.usepylon.Tag (layout nested)", "com.usepylon.TagFlat (layout flat)")...)
			unchanged()

			letIn(t, w, subject)
			w.sync(t, flat...)
			latest := w.latest(t, subject)
			if _, layout, ok := avro.Identify(latest.Schema.Schema); !ok || layout != avro.LayoutFlat {
				t.Errorf("the subject's latest schema has layout %v", layout)
			}
			records := w.rawRecords(t, topic)
			fresh := slices.DeleteFunc(records, func(rec *kgo.Record) bool {
				header, _, err := avro.ParseHeader(rec.Value)
				return err != nil || header.ID != latest.ID
			})
			if len(fresh) != w.api.Count("tags") {
				t.Errorf("%d records have the new layout, want %d", len(fresh), w.api.Count("tags"))
			}
			if s := w.sync(t, flat...)["tags"]; s.Records != 0 {
				t.Errorf("a sync of what is there publishes %d records", s.Records)
			}
		})
	}
}

// TestRealRegistry_anotherLayoutRegistersNothing has subjects that would take the
// other layout: it is the topic that does not fit.
func TestRealRegistry_anotherLayoutRegistersNothing(t *testing.T) {
	t.Parallel()
	w := newRegistryWorld(t, "tags")
	subject := w.prefix + "tags-value"
	w.sync(t)
	w.setLevel(t, sr.CompatNone, subject)
	_, err := w.trySync(t, "VALUE_LAYOUT", "flat")
	w.wantFailure(t, err, "layout nested", "layout flat", "publish-anew tags")
	if diff := cmp.Diff([]int{1}, w.versions(t, subject)); diff != "" {
		t.Errorf("versions of the subject after a refusal (-want +got):\n%s", diff)
	}
}
