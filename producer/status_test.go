package producer

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestStatus_isFlatInJSON holds the names that dashboards and scripts read.
func TestStatus_isFlatInJSON(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	text, err := json.Marshal(Status{
		Stream: "issue_messages", Topic: "pylon.issue_messages",
		Condition: Condition{
			State: Retrying, Owned: true, Owner: "b", Resumed: true, Reason: "503", Since: at, NextTry: at,
			LastError: "503", LastErrorAt: at, Warnings: []string{"w"},
		},
		Counts: Counts{Records: 1, Tombstones: 2, Unchanged: 3, DeadLetters: 4, Unmapped: 5, Requests: 6},
		Times:  Times{Cursor: at, LastSuccess: at, NextPass: at, Interval: 15, Elapsed: 16},
		Work: Work{
			Backlog: 7, BacklogLeft: 8, Progress: -1, Throughput: []int64{9}, BudgetUsed: 0.5,
			Parked: []Parked{{Issue: "i", Since: at, Tries: 2, Next: at, Reason: "500"}},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	const when = "2026-01-02T03:04:05Z"
	want := map[string]any{
		"stream": "issue_messages", "topic": "pylon.issue_messages", "state": "retrying", "up": false, "owned": true, "owner": "b",
		"resumed": true, "reason": "503", "since": when, "next_try": when, "last_error": "503", "last_error_at": when, "warnings": []any{"w"},
		"records": 1.0, "tombstones": 2.0, "unchanged": 3.0, "dead_letters": 4.0, "unmapped": 5.0, "requests": 6.0,
		"cursor": when, "last_success": when, "next_pass": when, "interval_ns": 15.0, "elapsed_ns": 16.0,
		"backlog": 7.0, "backlog_left_ns": 8.0, "progress": -1.0, "throughput": []any{9.0}, "budget_used": 0.5,
		"parked": []any{map[string]any{"issue": "i", "since": when, "tries": 2.0, "next": when, "reason": "500"}},
	}
	var got map[string]any
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("JSON (-want +got):\n%s", diff)
	}
}
