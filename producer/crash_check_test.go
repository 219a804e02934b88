package producer_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

// life is everything that an object ever was, in order: normalized JSON, or ""
// where it did not exist any more.
type life struct {
	stream, key string
	versions    []string
	shown       int // how many of them a whole answer of the API has shown
}

// lives returns the lives of all objects of the streams that the sandbox ever
// had, by stream and key.
func (w *world) lives(t *testing.T, streams []string) map[string]map[string]*life {
	t.Helper()
	all := make(map[string]map[string]*life, len(streams))
	for _, stream := range streams {
		all[stream] = make(map[string]*life)
	}
	for _, v := range w.api.History() {
		keys, chosen := all[v.Stream]
		if !chosen {
			continue
		}
		l := keys[v.Key]
		if l == nil {
			l = &life{stream: v.Stream, key: v.Key}
			keys[v.Key] = l
		}
		text := ""
		if !v.Deleted {
			text = normal(t, v.Stream, v.JSON)
		}
		l.versions = append(l.versions, text)
		if v.Served {
			l.shown++
		}
	}
	for _, stream := range streams {
		for key, object := range w.api.Objects(stream) {
			if all[stream][key] == nil { // it has never changed
				all[stream][key] = &life{stream: stream, key: key, versions: []string{normal(t, stream, object)}, shown: 1}
			}
		}
	}
	return all
}

// verdict is what a comparison of topics with lives comes to.
type verdict struct {
	versions   int // published, tombstones not counted
	tombstones int
	shown      int // versions that the API has shown
	lost       int // objects whose last version, or whose end, is not the last in the topic
	repeated   int // versions published again though the object had not gone back to them
	unordered  int // versions published after later ones of the same object
	unknown    int // records that no version of their object is
	problems   []string
}

func (v *verdict) problem(count *int, format string, args ...any) {
	*count++
	v.problems = append(v.problems, fmt.Sprintf(format, args...))
}

func (v *verdict) String() string {
	return fmt.Sprintf("versions %d, tombstones %d, lost %d, repeated %d, out of order %d, unknown %d (the API showed %d versions)",
		v.versions, v.tombstones, v.lost, v.repeated, v.unordered, v.unknown, v.shown)
}

// judge compares what a read_committed consumer finds in the topics with the
// sandbox's own history. What is published of an object must be a part of its
// life, in its order, that ends as the life ends. So a version that the API
// showed may be missing only if a later one is there: while the process was
// dead, the object went on.
func (w *world) judge(t *testing.T, streams []string) *verdict {
	t.Helper()
	v := &verdict{}
	lives := w.lives(t, streams)
	for _, stream := range streams {
		published := make(map[string][]publication)
		for _, m := range w.messages(t, stream) {
			text := ""
			if m.tombstone {
				v.tombstones++
			} else {
				v.versions++
				text = normal(t, stream, []byte(m.value))
			}
			published[m.key] = append(published[m.key], publication{text, m.headers["origin"] + " at " + m.headers["extracted_at"]})
		}
		for _, l := range lives[stream] {
			v.shown += l.shown
			v.compare(l, published[l.key])
			delete(published, l.key)
		}
		for key := range published {
			v.problem(&v.unknown, "%s %s: published, and the sandbox never had it", stream, key)
		}
	}
	slices.Sort(v.problems)
	return v
}

// publication is a record of one object: its version, and where that was read.
type publication struct{ text, from string }

// compare follows one object through its life.
func (v *verdict) compare(l *life, published []publication) {
	at, before := -1, "nowhere" // the version that was published last
	for n, p := range published {
		next := slices.Index(l.versions[at+1:], p.text)
		switch {
		case p.text == "" && n == 0:
			v.problem(&v.unknown, "%s %s: a tombstone comes first, by %s", l.stream, l.key, p.from)
		case next >= 0:
			at += 1 + next
			before = p.from
		case at >= 0 && l.versions[at] == p.text:
			v.problem(&v.repeated, "%s %s: version %d of %d, by %s, is published again by %s: %s",
				l.stream, l.key, at, len(l.versions), before, p.from, brief(p.text))
		case slices.Contains(l.versions, p.text):
			v.problem(&v.unordered, "%s %s: version %d, by %s, is published after version %d, by %s: %s",
				l.stream, l.key, slices.Index(l.versions, p.text), p.from, at, before, brief(p.text))
		default:
			v.problem(&v.unknown, "%s %s: record %d, by %s, is no version that the sandbox had: %s\nlast known: %s",
				l.stream, l.key, n, p.from, brief(p.text), brief(l.versions[max(at, 0)]))
		}
	}
	last := l.versions[len(l.versions)-1]
	switch {
	case len(published) == 0 && last == "":
		// It came and went between two reads.
	case len(published) == 0:
		v.problem(&v.lost, "%s %s: never published: %s", l.stream, l.key, brief(last))
	case published[len(published)-1].text != last:
		v.problem(&v.lost, "%s %s: ends as %s in the topic and as %s in the sandbox",
			l.stream, l.key, brief(published[len(published)-1].text), brief(last))
	}
}

func brief(text string) string {
	if text == "" {
		return "gone"
	}
	const most = 300
	if len(text) > most {
		return strings.ToValidUTF8(text[:most], "") + "…"
	}
	return text
}

// report prints the verdict and fails the test if it is not a good one.
func (v *verdict) report(t *testing.T, preface string) {
	t.Helper()
	t.Logf("%s: %v", preface, v)
	const most = 20
	for _, p := range v.problems[:min(most, len(v.problems))] {
		t.Error(p)
	}
	if more := len(v.problems) - most; more > 0 {
		t.Errorf("and %d problems more", more)
	}
}

// settled reports whether the topics hold what the sandbox holds.
func (w *world) settled(t *testing.T, streams []string) bool {
	t.Helper()
	for _, stream := range streams {
		if !maps.Equal(w.truth(t, stream), w.table(t, stream)) {
			return false
		}
	}
	return true
}
