package offsets_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"

	"pylon-kafka/offsets"
)

func TestStore_spreadsItsStreamsOverThePartitions(t *testing.T) {
	t.Parallel()
	s, cl, _ := setup(t)
	grow(t, cl, 16)
	streams := []string{"issues", "tags", "users", "accounts"}
	for n, stream := range streams {
		transact(t, cl, kgo.TryCommit, record(t, s, stream, string(rune('0'+n))))
	}
	c := read(t, s)
	if c.Partitions != 16 {
		t.Errorf("%d partitions, want 16", c.Partitions)
	}
	for n, stream := range streams {
		if got, want := c.Streams[stream].Partition, offsets.Partition(s.Key(stream), 16); got != want {
			t.Errorf("%s is in partition %d, want %d", stream, got, want)
		}
		if e, err := s.Load(t.Context(), stream); err != nil || string(e.Cursor) != string(rune('0'+n)) {
			t.Errorf("cursor of %s: %s, %v; want %d", stream, e.Cursor, err, n)
		}
	}
}

func TestStore_theNewestOfSeveralPartitionsCounts(t *testing.T) {
	t.Parallel()
	early := time.UnixMilli(1_700_000_000_000)
	late := early.Add(time.Minute)
	home := offsets.Partition("pylon/issues", 3)
	other, third := (home+1)%3, (home+2)%3
	type rec struct {
		partition int32
		cursor    string
		at        time.Time
	}
	for name, tc := range map[string]struct {
		records []rec
		want    string // "" is none
		older   []int32
	}{
		"the newer one at home":            {[]rec{{other, "1", early}, {home, "2", late}}, "2", []int32{other}},
		"the newer one elsewhere":          {[]rec{{other, "1", late}, {home, "2", early}}, "1", []int32{home}},
		"of the same time the one at home": {[]rec{{other, "1", late}, {home, "2", late}, {third, "3", late}}, "2", []int32{min(other, third), max(other, third)}},
		"only elsewhere":                   {[]rec{{other, "1", early}}, "1", nil},
		"elsewhere twice":                  {[]rec{{other, "1", early}, {third, "3", late}}, "3", []int32{other}},
		"a newer tombstone":                {[]rec{{other, "1", early}, {home, "", late}}, "", []int32{other}},
		"an older tombstone":               {[]rec{{other, "", early}, {home, "2", late}}, "2", nil},
		"the last one of each partition":   {[]rec{{home, "1", early}, {home, "2", early}}, "2", nil},
		"from before 1970, as some clocks": {[]rec{{home, "1", time.UnixMilli(0)}}, "1", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, cl, _ := setup(t)
			grow(t, cl, 3)
			for _, r := range tc.records {
				put(t, s, r.partition, "issues", r.cursor, r.at)
			}
			e, err := s.Load(t.Context(), "issues")
			if string(e.Cursor) != tc.want || errors.Is(err, offsets.ErrNoCursor) != (tc.want == "") {
				t.Errorf("cursor %s, %v; want %s", e.Cursor, err, tc.want)
			}
			if diff := cmp.Diff(tc.older, read(t, s).Streams["issues"].Older); diff != "" {
				t.Errorf("older ones (-want +got):\n%s", diff)
			}
		})
	}
}
