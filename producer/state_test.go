package producer

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"pylon-kafka/extract"
)

// TestState_aFailureEndsWithItsPart has parts of a cursor fail, and others go on.
func TestState_aFailureEndsWithItsPart(t *testing.T) {
	t.Parallel()
	forbidden := errors.New("403")
	since := time.Now().Add(-time.Hour)
	for name, test := range map[string]struct {
		failed error
		batch  batch // committed after the stream was opened again
		up     bool
	}{
		"the cursor of the part moves":      {inPart(pollPart, forbidden), batch{part: pollPart, cursor: json.RawMessage("1")}, true},
		"the pass of the part is complete":  {inPart(refreshPart, forbidden), batch{part: refreshPart, ended: time.Now()}, true},
		"the lane comes to its end":         {inPart(liveLane, forbidden), batch{part: liveLane, note: note{lane: liveLane}}, true},
		"a page of a pass, not its last":    {inPart(refreshPart, forbidden), batch{part: refreshPart}, false},
		"another part goes on":              {inPart(reconcilePart, forbidden), batch{part: pollPart, cursor: json.RawMessage("1")}, false},
		"the other lane goes on":            {inPart(liveLane, forbidden), batch{part: backlogLane, note: note{lane: backlogLane}}, false},
		"it could not be opened, and can":   {forbidden, batch{part: refreshPart}, true},
		"a failure within another":          {errors.Join(errors.New("read"), inPart(refreshPart, forbidden)), batch{part: refreshPart}, false},
		"the part that failed is not known": {errors.New("x"), batch{}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newState("tags", "pylon.tags", time.Hour)
			s.open(document{}, false)
			s.fail(extract.Trouble{Err: test.failed, Since: since})
			s.open(document{}, false)
			s.committed(&test.batch, Counts{})
			got := s.read()
			if got.Up != test.up {
				t.Fatalf("up is %t, want %t: %+v", got.Up, test.up, got.Condition)
			}
			if !test.up && (got.State != Retrying || got.Reason != test.failed.Error() || !got.Since.Equal(since)) {
				t.Errorf("it is down as %+v", got.Condition)
			}
			if test.up && (got.Reason != "" || !got.Since.IsZero()) {
				t.Errorf("it is up as %+v", got.Condition)
			}
		})
	}
}

// TestState_aFailureThatGoesOnKeepsItsBegin has a stream fail in one way and then
// in others.
func TestState_aFailureThatGoesOnKeepsItsBegin(t *testing.T) {
	t.Parallel()
	since := time.Now().Add(-time.Hour)
	s := newState("tags", "pylon.tags", time.Hour)
	s.fail(extract.Trouble{Err: inPart(refreshPart, errors.New("403")), Since: since})
	s.open(document{}, false)
	s.fail(extract.Trouble{Err: errors.New("no broker"), Since: time.Now()})
	if got := s.read(); got.State != Failed || got.Reason != "no broker" || !got.Since.Equal(since) {
		t.Errorf("failed again: %+v", got.Condition)
	}
	s.open(document{}, false)
	s.trouble("refresh", extract.Trouble{Err: errors.New("503"), Since: time.Now()})
	if got := s.read(); got.State != Retrying || got.Reason != "503" || !got.Since.Equal(since) {
		t.Errorf("tried again: %+v", got.Condition)
	}
	s.trouble("refresh", extract.Trouble{})
	s.notDue(refreshPart)
	if got := s.read(); !got.Up {
		t.Errorf("nothing is to be read: %+v", got.Condition)
	}
}

// TestState_aReplicaThatStandsByHasNoBacklog gives a stream with a backlog away.
func TestState_aReplicaThatStandsByHasNoBacklog(t *testing.T) {
	t.Parallel()
	s := newState("issue_messages", "pylon.issue_messages", time.Minute)
	s.open(document{}, true)
	s.committed(&batch{part: backlogLane, note: note{lane: backlogLane, left: 500, progress: 0.5}}, Counts{})
	if got := s.read(); got.Backlog != 500 || got.Progress != 0.5 || got.State != Backfill {
		t.Fatalf("at work: %+v", got)
	}
	s.standby("other")
	if got := s.read(); got.Backlog != 0 || got.Progress != -1 || got.State != Standby || got.Owner != "other" {
		t.Errorf("standing by: %+v", got)
	}
}
