package report

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pylon-kafka/producer"
)

// now is what the tests take for the present.
var now = time.Date(2026, 3, 4, 12, 30, 0, 0, time.UTC)

// status makes a stream that is up and was up to date a few seconds ago.
func status(name string, change func(*producer.Status)) producer.Status {
	s := producer.Status{
		Stream:    name,
		Condition: producer.Condition{State: producer.Idle, Up: true, Owned: true},
		Times:     producer.Times{Interval: 15 * time.Second, LastSuccess: now.Add(-5 * time.Second)},
		Work:      producer.Work{Progress: -1},
	}
	if change != nil {
		change(&s)
	}
	return s
}

func failed(since time.Time) func(*producer.Status) {
	return func(s *producer.Status) {
		s.State, s.Up, s.Reason, s.Since = producer.Failed, false, "403", since
	}
}

func TestSummary_saysInOneSentenceHowItStands(t *testing.T) {
	t.Parallel()
	at := now.Add(-26 * time.Minute)
	tests := map[string]struct {
		streams []producer.Status
		want    string
	}{
		"nothing":   {nil, "No streams."},
		"one":       {[]producer.Status{status("tags", nil)}, "1 stream fresh."},
		"all fresh": {[]producer.Status{status("tags", nil), status("teams", nil)}, "All 2 streams fresh."},
		"one failed, one on its way": {
			[]producer.Status{
				status("accounts", nil), status("tags", failed(at)),
				status("issue_messages", func(s *producer.Status) {
					s.State, s.Progress, s.Backlog, s.BacklogLeft = producer.Backfill, 0.41, 5000, 14*time.Minute
				}),
			},
			"1 stream fresh; tags failed since 12:04 UTC; issue_messages backfill 41 %, about 14 min left.",
		},
		"those with one reason are named together": {
			[]producer.Status{status("tags", failed(at)), status("teams", failed(at)), status("users", failed(at.Add(-24*time.Hour)))},
			"tags and teams failed since 12:04 UTC; users failed since 2026-03-03 12:04 UTC.",
		},
		"many are counted": {
			[]producer.Status{status("a", failed(at)), status("b", failed(at)), status("c", failed(at)), status("d", failed(at))},
			"4 streams failed since 12:04 UTC.",
		},
		"everything else": {
			[]producer.Status{
				status("a", func(s *producer.Status) { s.State, s.Since = producer.Retrying, at }),
				status("b", func(s *producer.Status) { s.State, s.Reason, s.Since = producer.Starting, "no broker", at }),
				status("c", func(s *producer.Status) { s.LastSuccess = now.Add(-3 * time.Hour) }),
				status("d", func(s *producer.Status) { s.Backlog = 4120 }),
				status("e", func(s *producer.Status) { s.State = producer.Starting }),
				status("f", func(s *producer.Status) { s.State, s.Owned = producer.Standby, false }),
				status("g", func(s *producer.Status) { s.Parked, s.DeadLetters = make([]producer.Parked, 2), 1 }),
				status("h", func(s *producer.Status) { s.State = producer.Done }),
			},
			"1 stream fresh; 1 stream done; a retrying since 12:04 UTC; b waiting to begin since 12:04 UTC; c was last up to date 3 h ago; " +
				"d has 4,120 issues to read; e starting; f with another replica; 2 issues parked; 1 dead letter.",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := Summary(test.streams, now); got != test.want {
				t.Errorf("summary\n%s\nwant\n%s", got, test.want)
			}
		})
	}
}

func TestWorstFirst_putsTroubleOnTop(t *testing.T) {
	t.Parallel()
	streams := []producer.Status{
		status("fresh", nil),
		status("standby", func(s *producer.Status) { s.State = producer.Standby }),
		status("never", func(s *producer.Status) { s.LastSuccess = time.Time{} }),
		status("backfill", func(s *producer.Status) { s.State, s.Progress = producer.Backfill, 0.5 }),
		status("behind", func(s *producer.Status) { s.Backlog = 1 }),
		status("late", func(s *producer.Status) { s.LastSuccess = now.Add(-time.Hour) }),
		status("waiting", func(s *producer.Status) { s.State, s.Reason = producer.Starting, "no broker" }),
		status("retrying", func(s *producer.Status) { s.State = producer.Retrying }),
		status("failed", failed(now)),
	}
	type shown struct{ Stream, Word, Class string }
	var got []shown
	for _, s := range WorstFirst(streams, now) {
		got = append(got, shown{s.Stream, Word(&s, now), LevelOf(&s, now).String()})
	}
	want := []shown{
		{"failed", "failed", "bad"},
		{"retrying", "retrying", "warn"},
		{"waiting", "waiting", "warn"},
		{"late", "late", "warn"},
		{"never", "starting", "busy"},
		{"backfill", "backfill 50 %", "busy"},
		{"behind", "catching up", "busy"},
		{"fresh", "idle", "good"},
		{"standby", "standby", "off"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("streams (-want +got):\n%s", diff)
	}
}

func TestWords_areThoseOfAPerson(t *testing.T) {
	t.Parallel()
	for want, got := range map[string]string{
		"0 s":                  Duration(-time.Second),
		"12 s":                 Duration(12400 * time.Millisecond),
		"14 min":               Duration(14*time.Minute + 10*time.Second),
		"3 h":                  Duration(3 * time.Hour),
		"1 h 20 min":           Duration(80*time.Minute + 20*time.Second),
		"30 h":                 Duration(30*time.Hour + 10*time.Minute),
		"5 days":               Duration(5 * 24 * time.Hour),
		"never":                Ago(time.Time{}, now),
		"60 s ago":             Ago(now.Add(-time.Minute), now),
		"now":                  In(now, now),
		"":                     In(time.Time{}, now),
		"in 30 s":              In(now.Add(30*time.Second), now),
		"12:30 UTC":            Clock(now, now),
		"2026-03-03 12:30 UTC": Clock(now.Add(-24*time.Hour), now),
		"1,234,567":            Count(1234567),
		"-1,234":               Count(-1234),
		"1 issue":              Plural(1, "issue"),
		"1.5 s":                Seconds(1500 * time.Millisecond),
		"41 %":                 Percent(0.41),
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if got := Percent(-1); got != "" {
		t.Errorf("an unknown share is %q", got)
	}
}
