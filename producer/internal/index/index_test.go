package index_test

import (
	"errors"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pylon-kafka/producer/internal/index"
	"pylon-kafka/producer/internal/view"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// blocks is an index under way: one chunk a call of base, one delta a call of delta.
type blocks struct {
	head   index.Head
	values [][]byte
}

func (b *blocks) add(delta bool, body []byte) {
	block := index.Block{Generation: b.head.Generation, Number: b.head.Chunks, Delta: delta, Body: body}
	if delta {
		block.Number = b.head.Deltas
		b.head.Deltas++
	} else {
		b.head.Chunks++
	}
	b.values = append(b.values, block.Encode(nil))
}

// entry appends an object of a flat view.
func entry(to []byte, key string, hash uint64, gone bool) []byte {
	return index.Append(to, view.New(view.Flat).Entry(nil, "", key, hash, 9), gone)
}

func load(t *testing.T, b *blocks, marks bool) (*view.View, error) {
	t.Helper()
	v := view.New(view.Flat)
	l := index.NewLoader(&b.head, v, marks)
	for _, value := range b.values {
		if _, err := l.Take(value); err != nil {
			return v, err
		}
	}
	return v, l.Finish()
}

func TestLoader_baseAndDeltas(t *testing.T) {
	t.Parallel()
	var b blocks
	b.head.Generation, b.head.Objects = 7, 3
	b.add(false, entry(entry(nil, "a", 1, false), "b", 2, false))
	b.add(false, entry(nil, "c", 3, false))
	old := index.Block{Generation: 6, Number: 0, Delta: true, Body: entry(nil, "c", 4, true)}
	b.values = append(b.values, old.Encode(nil))
	b.add(true, entry(entry(entry(nil, "a", 5, false), "b", 0, true), "d", 6, false))
	later := index.Block{Generation: 7, Number: 1, Delta: true, Body: entry(nil, "a", 0, true)}
	b.values = append(b.values, later.Encode(nil)) // the head does not name it yet
	for _, marks := range []bool{true, false} {
		v, err := load(t, &b, marks)
		must(t, err)
		got := make(map[string]string)
		for _, key := range []string{"a", "b", "c", "d"} {
			if hash, ok := v.Hash("", key); ok {
				got[key] = fmt.Sprint(hash, " ", v.Mark(key))
			}
		}
		mark := map[bool]string{true: "9", false: "0"}[marks]
		if diff := cmp.Diff(map[string]string{"a": "5 " + mark, "c": "3 " + mark, "d": "6 " + mark}, got); diff != "" {
			t.Errorf("marks %v: objects (-want +got):\n%s", marks, diff)
		}
	}
}

func TestLoader_refusesWhatIsNotWhole(t *testing.T) {
	t.Parallel()
	whole := func() *blocks {
		b := new(blocks)
		b.head.Generation, b.head.Objects = 7, 3
		b.add(false, entry(nil, "a", 1, false))
		b.add(false, entry(nil, "b", 1, false))
		b.add(true, entry(nil, "c", 1, false))
		b.add(true, entry(nil, "a", 2, false))
		return b
	}
	if _, err := load(t, whole(), true); err != nil {
		t.Fatalf("the whole index: %v", err)
	}
	for name, damage := range map[string]func(*blocks){
		"no chunk":                 func(b *blocks) { b.values = b.values[1:] },
		"a chunk is missing":       func(b *blocks) { b.values = append(b.values[:1], b.values[2:]...) },
		"a delta is missing":       func(b *blocks) { b.values = append(b.values[:2], b.values[3]) },
		"the last delta is absent": func(b *blocks) { b.values = b.values[:3] },
		"another number":           func(b *blocks) { b.head.Objects++ },
		"a block is cut":           func(b *blocks) { b.values[1] = b.values[1][:len(b.values[1])-1] },
		"an empty block":           func(b *blocks) { b.values[1] = nil },
		"another version":          func(b *blocks) { b.values[1][0]++ },
		"flags of the future":      func(b *blocks) { b.values[1][4] |= 0x80 },
	} {
		b := whole()
		damage(b)
		if _, err := load(t, b, true); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestHead_givesBackWhatItWas(t *testing.T) {
	t.Parallel()
	want := index.Head{
		TopicID: "x", Generation: 5, Chunks: 2, Deltas: 3, From: 77, Objects: 12, KeyHeader: []byte{0, 1},
		Partitions: map[int32]index.Span{0: {1, 9}, 1: {0, 4}}, Anew: map[int32]int64{0: 3},
		Framing: []index.Framing{{Format: 1, Fingerprint: math.MaxUint64, ID: 4, Partition: 2, Offset: 8}},
		Deleted: map[string]time.Time{"a": time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)},
	}
	value, err := want.Encode()
	must(t, err)
	got, err := index.ParseHead(value)
	must(t, err)
	if diff := cmp.Diff(&want, got); diff != "" {
		t.Errorf("head (-want +got):\n%s", diff)
	}
	if _, err := index.ParseHead([]byte(`{"version":2}`)); !errors.Is(err, index.ErrVersion) {
		t.Errorf("a head of another version: %v", err)
	}
	if _, err := index.ParseHead([]byte(`{`)); err == nil {
		t.Error("half a head is no error")
	}
}

func TestKeys_areThoseOfOneStream(t *testing.T) {
	t.Parallel()
	keys := index.KeysOf("pylon", "issues")
	for key, own := range map[string]bool{
		keys.Head(): true, keys.Chunk(3): true, keys.Delta(3): true,
		index.KeysOf("pylon", "issue_messages").Head(): false, index.KeysOf("other", "issues").Head(): false,
	} {
		if keys.Own([]byte(key)) != own {
			t.Errorf("%s is taken for %v", key, !own)
		}
	}
}

// TestCoverage has transactions as a topic may show them: of each the first and the
// last offset and the number of records.
func TestCoverage(t *testing.T) {
	t.Parallel()
	type transaction struct {
		first, last int64
		records     int
	}
	for name, test := range map[string]struct {
		transactions []transaction
		at           int64
		lost         bool
	}{
		"nothing":                          {nil, 10, false},
		"one":                              {[]transaction{{10, 12, 3}}, 13, false},
		"two, a marker between them":       {[]transaction{{10, 12, 3}, {14, 14, 1}}, 15, false},
		"somebody wrote before the first":  {[]transaction{{11, 12, 2}, {14, 14, 1}}, 10, false},
		"somebody wrote within":            {[]transaction{{10, 12, 2}, {14, 14, 1}}, 10, false},
		"somebody wrote before the marker": {[]transaction{{10, 12, 3}, {15, 15, 1}, {17, 17, 1}}, 13, false},
		"no marker":                        {[]transaction{{10, 12, 3}, {13, 13, 1}}, 13, true},
		"offsets are given again":          {[]transaction{{10, 12, 3}, {11, 11, 1}}, 13, true},
	} {
		c := index.NewCoverage(map[int32]int64{0: 10, 1: 5})
		for _, one := range test.transactions {
			c.Committed(0, one.first, one.last, one.records)
		}
		if c.At(0) != test.at || c.Lost() != test.lost || c.At(1) != 5 {
			t.Errorf("%s: known up to %d, lost %v; want %d, %v", name, c.At(0), c.Lost(), test.at, test.lost)
		}
	}
}

// FuzzLoader takes anything, and puts in a view nothing but whole entries.
func FuzzLoader(f *testing.F) {
	var b blocks
	b.head.Generation = 1
	b.add(false, entry(entry(nil, "a", 1, false), "00000000-0000-0000-0000-000000000001", 2, true))
	f.Add(b.values[0])
	f.Add([]byte{1, 2, 0, 0, 2})
	f.Fuzz(func(_ *testing.T, value []byte) {
		v := view.New(view.ByParent)
		l := index.NewLoader(&index.Head{Generation: 1, Chunks: 1}, v, true)
		_, _ = l.Take(value)
		for e := range v.Entries() {
			v.Drop(e)
		}
		if v.Len() != 0 {
			panic("an entry cannot be taken out again")
		}
	})
}

func FuzzParseHead(f *testing.F) {
	f.Add([]byte(`{"version":1,"topic_id":"x","generation":1,"partitions":{"0":{"start":0,"covered":1}}}`))
	f.Fuzz(func(t *testing.T, value []byte) {
		h, err := index.ParseHead(value)
		if err != nil {
			return
		}
		if _, err := h.Encode(); err != nil {
			t.Errorf("what was parsed cannot be encoded: %v", err)
		}
	})
}
