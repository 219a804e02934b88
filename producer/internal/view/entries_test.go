package view_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pylon-kafka/producer/internal/view"
)

// TestView_entriesMakeAnEqualView copies a view by its entries, in bytes that are
// used again, and changes the copy as the original is changed.
func TestView_entriesMakeAnEqualView(t *testing.T) {
	t.Parallel()
	for name, shape := range shapes() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := newKnown(t, shape)
			k.churn(30_000)
			k.v.Set("", "", 5, 3)
			k.model[objectID{}] = 5
			dup := view.New(shape)
			for e := range k.v.Entries() {
				if len(e.Bytes) != shape.Width() {
					t.Fatalf("an entry of %d bytes, want %d", len(e.Bytes), shape.Width())
				}
				dup.Put(e)
			}
			for range 3000 {
				id, hash := k.some(), k.rng.Uint64()
				if k.rng.IntN(3) == 0 {
					k.v.Remove(id.parent, id.key)
					dup.Drop(k.v.Entry(nil, id.parent, id.key, 0, 0))
					delete(k.model, id)
					continue
				}
				k.v.Set(id.parent, id.key, hash, 7)
				dup.Put(k.v.Entry(nil, id.parent, id.key, hash, 7))
				k.model[id] = view.Cut(hash)
			}
			want, got := entriesOf(k.v), entriesOf(dup)
			if diff := cmp.Diff(want, got); diff != "" || dup.Len() != len(k.model) {
				t.Fatalf("%d objects, want %d; entries (-want +got):\n%s", dup.Len(), len(k.model), diff)
			}
			for id, want := range k.model {
				if hash, ok := dup.Hash(id.parent, id.key); !ok || hash != want || dup.Mark(id.key) != k.v.Mark(id.key) {
					t.Fatalf("%v has the hash %x, %v and the mark %d", id, hash, ok, dup.Mark(id.key))
				}
			}
			dup.RemoveEverywhere("")
			if _, ok := dup.Hash("", ""); ok {
				t.Error("the view by parent does not find what was put there")
			}
		})
	}
}

func entriesOf(v *view.View) []string {
	var all []string
	for e := range v.Entries() {
		all = append(all, string(e.Bytes)+" "+e.Name)
	}
	slices.Sort(all)
	return all
}

func TestEntry_unmark(t *testing.T) {
	t.Parallel()
	v := view.New(view.Flat)
	e := v.Entry(nil, "", "a", 7, 9)
	e.Unmark()
	v.Put(e)
	if hash, ok := v.Hash("", "a"); hash != 7 || !ok || v.Mark("a") != 0 {
		t.Errorf("hash %d, %v, mark %d; want 7 and none", hash, ok, v.Mark("a"))
	}
}
