package view_test

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pylon-kafka/producer/internal/view"
)

func TestMisplaced_nothingIsMisplacedAtFirst(t *testing.T) {
	t.Parallel()
	var m view.Misplaced
	m.Remove("a", 1)
	if got := m.Partitions("a"); m.Len() != 0 || len(got) != 0 {
		t.Errorf("len %d, partitions %v; want none", m.Len(), got)
	}
}

func TestMisplaced_aKeyMayStandInSeveralPartitions(t *testing.T) {
	t.Parallel()
	var m view.Misplaced
	for _, p := range []int32{70_000, 2, 0, 2} {
		m.Add("slug", p)
	}
	m.Add("other", 2)
	if diff := cmp.Diff([]int32{0, 2, 70_000}, m.Partitions("slug")); diff != "" {
		t.Errorf("partitions (-want +got):\n%s", diff)
	}
	m.Remove("slug", 2)
	m.Remove("slug", 9)
	if diff := cmp.Diff([]int32{0, 70_000}, m.Partitions("slug")); diff != "" {
		t.Errorf("partitions (-want +got):\n%s", diff)
	}
	if m.Len() != 3 {
		t.Errorf("len %d, want 3", m.Len())
	}
}

func TestMisplaced_givesAllBack(t *testing.T) {
	t.Parallel()
	type record struct {
		key       string
		partition int32
	}
	rng := rand.New(rand.NewPCG(1, 2))
	var m view.Misplaced
	want := make(map[record]bool)
	for n := range 30_000 {
		r := record{randomKey(rng), int32(rng.IntN(5))}
		if n%100 == 0 {
			r.key = fmt.Sprintf("slug %d", n)
		}
		m.Add(r.key, r.partition)
		want[r] = true
		if n%3 == 0 {
			m.Remove(r.key, r.partition)
			delete(want, r)
		}
	}
	if m.Len() != len(want) {
		t.Errorf("%d records, want %d", m.Len(), len(want))
	}
	got := make(map[record]bool)
	for r := range want {
		for _, partition := range m.Partitions(r.key) {
			got[record{r.key, partition}] = true
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("records (-want +got):\n%s", diff)
	}
}

func TestMisplaced_isSmall(t *testing.T) { // not parallel: it measures the heap
	const n = 200_000
	rng := rand.New(rand.NewPCG(1, 2))
	before := heap()
	var m view.Misplaced
	for range n {
		m.Add(randomKey(rng), 1)
	}
	per := float64(heap()-before) / n
	t.Logf("%.1f bytes a record", per)
	if per > 22 {
		t.Errorf("%.1f bytes a record, want at most 22", per)
	}
	runtime.KeepAlive(&m)
}
