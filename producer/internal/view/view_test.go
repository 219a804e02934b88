package view_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"pylon-kafka/producer/internal/view"
)

type objectID struct{ parent, key string }

func randomKey(rng *rand.Rand) string {
	var id uuid.UUID
	for i := range id {
		id[i] = byte(rng.Uint32())
	}
	return id.String()
}

func shapes() map[string]view.Shape {
	return map[string]view.Shape{"flat": view.Flat, "by parent": view.ByParent}
}

// known is a view and the plain map that it should behave like.
type known struct {
	rng     *rand.Rand
	v       *view.View
	model   map[objectID]uint64
	ids     []objectID
	parents []string
}

func newKnown(t *testing.T, shape view.Shape) *known {
	t.Helper()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	k := &known{rng: rand.New(rand.NewPCG(seed, 1)), v: view.New(shape), model: make(map[objectID]uint64), parents: []string{""}}
	if shape == view.ByParent {
		k.parents = nil
		for range 200 {
			k.parents = append(k.parents, randomKey(k.rng))
		}
	}
	return k
}

// some returns an object: a new one, a text key, or one that was there.
func (k *known) some() objectID {
	if len(k.ids) > 0 && k.rng.IntN(3) == 0 {
		id := k.ids[k.rng.IntN(len(k.ids))]
		if k.rng.IntN(4) == 0 { // the same key, and perhaps another parent
			id.parent = k.parents[k.rng.IntN(len(k.parents))]
		}
		return id
	}
	id := objectID{k.parents[k.rng.IntN(len(k.parents))], randomKey(k.rng)}
	if k.rng.IntN(10) == 0 {
		id.key = fmt.Sprintf("slug %d", k.rng.IntN(1000))
	}
	return id
}

// churn sets, removes and moves many objects.
func (k *known) churn(steps int) {
	for range steps {
		switch k.rng.IntN(10) {
		default:
			id, hash := k.some(), k.rng.Uint64()
			k.v.Set(id.parent, id.key, hash, 7)
			k.model[id] = view.Cut(hash)
			k.ids = append(k.ids, id)
		case 7, 8:
			id := k.some()
			k.v.Remove(id.parent, id.key)
			delete(k.model, id)
		case 9:
			id := k.some()
			k.v.RemoveEverywhere(id.key)
			for _, parent := range k.parentsOf(id.key) {
				delete(k.model, objectID{parent, id.key})
			}
		}
	}
}

func (k *known) parentsOf(key string) []string {
	var found []string
	for _, parent := range k.parents {
		if _, ok := k.model[objectID{parent, key}]; ok {
			found = append(found, parent)
		}
	}
	return found
}

func (k *known) byParent() map[string][]string {
	keys := make(map[string][]string)
	for id := range k.model {
		keys[id.parent] = append(keys[id.parent], id.key)
	}
	for _, list := range keys {
		slices.Sort(list)
	}
	return keys
}

func TestView_behavesLikeAMap(t *testing.T) {
	t.Parallel()
	for name, shape := range shapes() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := newKnown(t, shape)
			k.churn(60_000)
			if k.v.Len() != len(k.model) {
				t.Fatalf("view holds %d objects, want %d", k.v.Len(), len(k.model))
			}
			for _, id := range k.ids {
				want, wantOK := k.model[id]
				if got, ok := k.v.Hash(id.parent, id.key); ok != wantOK || got != want {
					t.Fatalf("hash of %v: %x, %v; want %x, %v", id, got, ok, want, wantOK)
				}
			}
			for parent, want := range k.byParent() {
				var got []string
				if shape == view.ByParent {
					got = k.v.Children(parent)
				} else {
					got = slices.Collect(k.v.Marked(func(mark uint16) bool { return mark == 7 }))
				}
				slices.Sort(got)
				if diff := cmp.Diff(want, got); diff != "" {
					t.Fatalf("keys below %q (-want +got):\n%s", parent, diff)
				}
			}
		})
	}
}

func TestView_findsEveryChildThatHasAnotherParent(t *testing.T) {
	t.Parallel()
	k := newKnown(t, view.ByParent)
	k.churn(40_000)
	for range 2000 {
		id := k.ids[k.rng.IntN(len(k.ids))]
		parents := k.parentsOf(id.key)
		want := len(parents) > 1 || len(parents) == 1 && parents[0] != id.parent
		if got := len(k.v.Elsewhere(id.parent, []string{id.key})) == 1; got != want {
			t.Fatalf("%v is elsewhere: %v, want %v; its parents are %q", id, got, want, parents)
		}
	}
}

func TestView_isEmptyAfterEverythingWasRemoved(t *testing.T) {
	t.Parallel()
	for name, shape := range shapes() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := newKnown(t, shape)
			k.churn(20_000)
			for id := range k.model {
				k.v.Remove(id.parent, id.key)
			}
			if k.v.Len() != 0 {
				t.Errorf("view holds %d objects, want none", k.v.Len())
			}
			for range k.v.Marked(func(uint16) bool { return true }) {
				t.Fatal("a key is left")
			}
			id := k.ids[0]
			if moved := k.v.Elsewhere("nobody", []string{id.key}); len(moved) != 0 {
				t.Errorf("the index still knows %q", moved)
			}
		})
	}
}

func TestView_aChildThatMoved(t *testing.T) {
	t.Parallel()
	v := view.New(view.ByParent)
	v.Set("issue a", "message 1", 1, 0)
	v.Set("issue b", "message 1", 2, 0)
	v.Set("issue a", "message 2", 3, 0)
	if diff := cmp.Diff([]string{"message 1"}, v.Elsewhere("issue a", []string{"message 1", "message 2", "message 3"})); diff != "" {
		t.Errorf("elsewhere (-want +got):\n%s", diff)
	}
	v.Remove("issue a", "message 1")
	if diff := cmp.Diff([]string{"message 1"}, v.Children("issue b")); diff != "" {
		t.Errorf("children of b (-want +got):\n%s", diff)
	}
	v.RemoveEverywhere("message 1")
	if got := v.Children("issue b"); len(got) != 0 {
		t.Errorf("children of b: %q, want none", got)
	}
	if v.Len() != 1 {
		t.Errorf("view holds %d, want 1", v.Len())
	}
}

func TestView_keepsMarks(t *testing.T) {
	t.Parallel()
	v := view.New(view.Flat)
	v.Set("", "tag", 1, 3)
	v.SetMark("tag", 4)
	v.SetMark("nobody", 5)
	if got := v.Mark("tag"); got != 4 {
		t.Errorf("mark %d, want 4", got)
	}
	if got := v.Mark("nobody"); got != 0 {
		t.Errorf("mark of nobody %d, want 0", got)
	}
	if hash, ok := v.Hash("", "tag"); !ok || hash != 1 || v.Len() != 1 {
		t.Errorf("a mark changed more than the mark")
	}
	for _, tc := range []struct {
		mark uint16
		want []string
	}{{4, []string{"tag"}}, {3, nil}} {
		if diff := cmp.Diff(tc.want, slices.Collect(v.Marked(func(mark uint16) bool { return mark == tc.mark }))); diff != "" {
			t.Errorf("marked %d (-want +got):\n%s", tc.mark, diff)
		}
	}
}

// TestView_givesEveryKeyBackAsItWas holds for keys that look like a UUID.
func TestView_givesEveryKeyBackAsItWas(t *testing.T) {
	t.Parallel()
	keys := []string{
		"", "00000000-0000-0000-0000-000000000000", "02FB7C39-5a16-45e9-ba4a-35fed505d07f",
		"fb7c3918-5a16-45e9-ba4a-35fed505d07F", "fb7c3918-5a16-45e9-ba4a-35fed505d07f", "fb7c3918-5a16-45e9-ba4a-35fed505d07f0",
		"fb7c3918-5a16-45e9-ba4a-35fed505d07g", "fb7c39185a1645e9ba4a35fed505d07f", "urn:uuid:fb7c3918-5a16-45e9-ba4a-35fed505d07f",
		"{fb7c3918-5a16-45e9-ba4a-35fed505d07f}", "account:0", "\xff",
	}
	slices.Sort(keys)
	flat, byParent := view.New(view.Flat), view.New(view.ByParent)
	for _, key := range keys {
		flat.Set("", key, 1, 1)
		byParent.Set("p", key, 1, 1)
	}
	for name, got := range map[string][]string{
		"flat":      slices.Collect(flat.Marked(func(uint16) bool { return true })),
		"by parent": byParent.Children("p"),
	} {
		slices.Sort(got)
		if diff := cmp.Diff(keys, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// TestView_theLoopMayChangeTheView removes what Marked gives while it goes on.
func TestView_theLoopMayChangeTheView(t *testing.T) {
	t.Parallel()
	k := newKnown(t, view.Flat)
	k.churn(20_000)
	for key := range k.v.Marked(func(uint16) bool { return true }) {
		k.v.Remove("", key)
	}
	if k.v.Len() != 0 {
		t.Errorf("%d objects are left", k.v.Len())
	}
}

func TestView_readersBesideAWriter(t *testing.T) {
	t.Parallel()
	for name, shape := range shapes() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := view.New(shape)
			v.Set("", "there", 5, 5)
			rng := rand.New(rand.NewPCG(1, 1))
			written := make(chan struct{})
			var all sync.WaitGroup
			all.Go(func() {
				defer close(written)
				for n := range 10_000 {
					key := randomKey(rng)
					v.Set("", key, 1, 1)
					if n%4 == 0 {
						v.Remove("", key)
					}
				}
			})
			for range 3 {
				all.Go(func() {
					for {
						select {
						case <-written:
							return
						default:
							if hash, ok := v.Hash("", "there"); !ok || hash != 5 {
								t.Errorf("hash %d, %v", hash, ok)
								return
							}
						}
					}
				})
			}
			all.Go(func() {
				if shape == view.Flat {
					if got := slices.Collect(v.Marked(func(mark uint16) bool { return mark == 5 })); len(got) != 1 {
						t.Errorf("marked: %q", got)
					}
				}
			})
			all.Wait()
		})
	}
}
