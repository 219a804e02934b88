package producer

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func randomKey(rng *rand.Rand) string {
	var id [16]byte
	binary.LittleEndian.PutUint64(id[:], rng.Uint64())
	binary.LittleEndian.PutUint64(id[8:], rng.Uint64())
	return formatUUID(id)
}

func TestView_behavesLikeAMap(t *testing.T) {
	t.Parallel()
	for _, grouped := range []bool{false, true} {
		t.Run(fmt.Sprintf("grouped %v", grouped), func(t *testing.T) {
			t.Parallel()
			seed := rand.Uint64()
			t.Logf("seed %d", seed)
			rng := rand.New(rand.NewPCG(seed, 1))
			v := newView(grouped)
			model := make(map[objectID]uint64)
			var ids []objectID
			parents := []string{""}
			if grouped {
				parents = nil
				for range 500 {
					parents = append(parents, randomKey(rng))
				}
			}
			for range 40_000 {
				switch rng.IntN(3) {
				case 0, 1:
					id := objectID{parents[rng.IntN(len(parents))], randomKey(rng)}
					if rng.IntN(10) == 0 {
						id.key = fmt.Sprintf("slug %d", rng.IntN(1000))
					}
					if len(ids) > 0 && rng.IntN(2) == 0 {
						id = ids[rng.IntN(len(ids))]
					}
					hash := rng.Uint64()
					v.set(id.parent, id.key, hash, 7)
					model[id] = hash & hashMask
					ids = append(ids, id)
				default:
					if len(ids) == 0 {
						continue
					}
					id := ids[rng.IntN(len(ids))]
					v.remove(id.parent, id.key)
					delete(model, id)
				}
			}
			if v.len() != len(model) {
				t.Fatalf("view holds %d objects, want %d", v.len(), len(model))
			}
			byParent := make(map[string][]string)
			for _, id := range ids {
				want, wantOK := model[id]
				got, ok := v.hash(id.parent, id.key)
				if ok != wantOK || got != want {
					t.Fatalf("hash of %v: %x, %v; want %x, %v", id, got, ok, want, wantOK)
				}
			}
			for id := range model {
				byParent[id.parent] = append(byParent[id.parent], id.key)
			}
			for parent, want := range byParent {
				slices.Sort(want)
				got := v.marked(func(mark uint16) bool { return mark == 7 })
				if grouped {
					got = v.children(parent)
				}
				slices.Sort(got)
				if diff := cmp.Diff(want, got); diff != "" {
					t.Fatalf("keys below %q (-want +got):\n%s", parent, diff)
				}
			}
		})
	}
}

func TestView_findsAChildThatMoved(t *testing.T) {
	t.Parallel()
	v := newView(true)
	v.set("issue a", "message 1", 1, 0)
	v.set("issue b", "message 1", 2, 0)
	v.set("issue a", "message 2", 3, 0)
	if diff := cmp.Diff([]string{"message 1"}, v.elsewhere("issue a", []string{"message 1", "message 2"})); diff != "" {
		t.Errorf("elsewhere (-want +got):\n%s", diff)
	}
	v.remove("issue a", "message 1")
	if diff := cmp.Diff([]string{"message 1"}, v.children("issue b")); diff != "" {
		t.Errorf("children of b (-want +got):\n%s", diff)
	}
	v.removeEverywhere("message 1")
	if got := v.children("issue b"); len(got) != 0 {
		t.Errorf("children of b: %q, want none", got)
	}
}

func TestView_keepsMarks(t *testing.T) {
	t.Parallel()
	v := newView(false)
	v.set("", "tag", 1, 3)
	v.setMark("tag", 4)
	v.setMark("nobody", 5)
	if got := v.mark("tag"); got != 4 {
		t.Errorf("mark %d, want 4", got)
	}
	if !v.same("", "tag", 1) || v.same("", "tag", 2) || v.len() != 1 {
		t.Errorf("a mark changed more than the mark")
	}
}

func TestUUID_survivesOnlyInItsUsualForm(t *testing.T) {
	t.Parallel()
	for key, want := range map[string]bool{
		"fb7c3918-5a16-45e9-ba4a-35fed505d07f":  true,
		"FB7C3918-5a16-45e9-ba4a-35fed505d07f":  false,
		"00000000-0000-0000-0000-000000000000":  false,
		"fb7c39185a1645e9ba4a35fed505d07f":      false,
		"fb7c3918-5a16-45e9-ba4a-35fed505d07g":  false,
		"fb7c3918-5a16-45e9-ba4a-35fed505d07f0": false,
		"-b7c3918-5a16-45e9-ba4a-35fed505d07f":  false,
		"":                                      false,
	} {
		id, ok := parseUUID(key)
		if ok != want {
			t.Errorf("parseUUID(%q) = %v, want %v", key, ok, want)
		}
		if ok && formatUUID(id) != key {
			t.Errorf("formatUUID gives %q for %q", formatUUID(id), key)
		}
	}
}

// TestView_costsAtMost32BytesAnObject holds at every size on the way, not only
// where the tables happen to be full.
func TestView_costsAtMost32BytesAnObject(t *testing.T) {
	t.Parallel()
	for _, grouped := range []bool{false, true} {
		v := newView(grouped)
		rng := rand.New(rand.NewPCG(1, 2))
		parent := ""
		for n := 1; n <= 150_000; n++ {
			if grouped && n%3 == 1 {
				parent = randomKey(rng)
			}
			v.set(parent, randomKey(rng), rng.Uint64(), 0)
			if n >= 50_000 && n%5_000 == 0 {
				if per := float64(v.bytes()) / float64(n); per > 32 {
					t.Errorf("grouped %v: %.1f bytes an object at %d objects", grouped, per, n)
				}
			}
		}
	}
}

// bytes is what the tables take.
func (v *view) bytes() int {
	n := 0
	for i := range v.shards {
		n += cap(v.shards[i].slots)
	}
	return n
}

func BenchmarkView(b *testing.B) {
	const objects = 1_000_000
	for _, grouped := range []bool{false, true} {
		b.Run(fmt.Sprintf("grouped=%v", grouped), func(b *testing.B) {
			rng := rand.New(rand.NewPCG(1, 2))
			keys := make([]string, objects)
			for i := range keys {
				keys[i] = randomKey(rng)
			}
			parent := func(i int) string {
				if grouped {
					return keys[i/3]
				}
				return ""
			}
			for b.Loop() {
				v := newView(grouped)
				for i, key := range keys {
					v.set(parent(i), key, uint64(i), 0)
				}
				for i, key := range keys {
					if !v.same(parent(i), key, uint64(i)) {
						b.Fatal("lost")
					}
				}
				b.ReportMetric(float64(v.bytes())/objects, "B/object")
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/objects/2, "ns/op-object")
		})
	}
}

// same reports whether the view holds key below parent with this content.
func (v *view) same(parent, key string, hash uint64) bool {
	have, ok := v.hash(parent, key)
	return ok && have == hash&hashMask
}

// mark returns the mark of a key of a flat view; 0 where it has none.
func (v *view) mark(key string) uint16 {
	e, _, _ := v.find("", key)
	return uint16(e.tag)
}
