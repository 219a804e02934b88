package view_test

import (
	"math/rand/v2"
	"runtime"
	"testing"

	"pylon-kafka/producer/internal/view"
)

// heap returns the bytes in use after a collection.
func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func BenchmarkView(b *testing.B) {
	const objects = 3_000_000
	for name, shape := range shapes() {
		b.Run(name, func(b *testing.B) {
			rng := rand.New(rand.NewPCG(1, 2))
			keys := make([]string, objects)
			for i := range keys {
				keys[i] = randomKey(rng)
			}
			parent := func(i int) string {
				if shape == view.ByParent {
					return keys[i/3]
				}
				return ""
			}
			before := heap()
			v := view.New(shape)
			b.Run("set", func(b *testing.B) {
				i := 0
				for b.Loop() {
					v.Set(parent(i), keys[i], uint64(i), 0)
					if i++; i == objects {
						i = 0
					}
				}
			})
			for i, key := range keys { // what the loop has not come to
				v.Set(parent(i), key, uint64(i), 0)
			}
			bytes := float64(heap()-before) / objects
			b.Run("hash", func(b *testing.B) {
				for b.Loop() {
					i := rng.IntN(objects)
					if _, ok := v.Hash(parent(i), keys[i]); !ok {
						b.Fatal("lost")
					}
				}
				b.ReportMetric(bytes, "B/object")
			})
			if shape != view.ByParent {
				return
			}
			b.Run("children", func(b *testing.B) {
				for b.Loop() {
					if got := v.Children(parent(rng.IntN(objects))); len(got) != 3 {
						b.Fatal("lost")
					}
				}
			})
			b.Run("elsewhere", func(b *testing.B) {
				for b.Loop() {
					i := rng.IntN(objects)
					if got := v.Elsewhere(parent(i), keys[i:i+1]); len(got) != 0 {
						b.Fatal("invented")
					}
				}
			})
			runtime.KeepAlive(keys)
		})
	}
}

// TestView_costsNoMoreThanItSays holds at every size on the way, not only where
// the shards happen to be full.
func TestView_costsNoMoreThanItSays(t *testing.T) { // not parallel: it measures the heap
	for name, most := range map[string]float64{"flat": 25, "by parent": 33} {
		shape := shapes()[name]
		for _, n := range []int{60_000, 150_000} {
			rng := rand.New(rand.NewPCG(1, 2))
			parent := ""
			before := heap()
			v := view.New(shape)
			for i := range n {
				if shape == view.ByParent && i%3 == 0 {
					parent = randomKey(rng)
				}
				v.Set(parent, randomKey(rng), rng.Uint64(), 0)
			}
			per := float64(heap()-before) / float64(n)
			t.Logf("%s: %.1f bytes an object at %d objects", name, per, n)
			if per > most {
				t.Errorf("%s: %.1f bytes an object at %d objects, want at most %.0f", name, per, n, most)
			}
			if shape == view.Flat { // its shards have been split
				rng = rand.New(rand.NewPCG(1, 2))
				for range n {
					key, want := randomKey(rng), view.Cut(rng.Uint64())
					if hash, ok := v.Hash("", key); !ok || hash != want {
						t.Fatalf("hash of %q: %x, %v; want %x", key, hash, ok, want)
					}
				}
			}
			runtime.KeepAlive(v)
		}
	}
}
