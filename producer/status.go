package producer

import "time"

// State is what a stream is doing.
type State string

// The states of a stream.
const (
	Starting State = "starting" // taking over its transactional id, reading its cursor and what its topic holds
	Backfill State = "backfill" // reading what was there before the start, or a backlog
	Live     State = "live"     // following changes
	Idle     State = "idle"     // waiting for its next pass
	Retrying State = "retrying" // something has failed for a while and is tried again, see Reason
	Failed   State = "failed"   // closed, see Reason; opened again later
	Done     State = "done"     // sync: finished
	Standby  State = "standby"  // another replica has it, see Owner
)

// Status is one stream as seen from outside. Its JSON is flat. Counts are since
// the start of the process, and of what was committed.
type Status struct {
	Stream string `json:"stream"`
	Topic  string `json:"topic"`
	Condition
	Counts
	Times
	Work
}

// Condition says whether a stream works, and if not, why.
type Condition struct {
	State       State     `json:"state"`
	Up          bool      `json:"up"`
	Owned       bool      `json:"owned"`                  // this replica holds the stream's lease
	Owner       string    `json:"owner,omitempty"`        // client id of the replica that does, as far as it is known
	Resumed     bool      `json:"resumed"`                // a cursor was found at the start
	Reason      string    `json:"reason,omitempty"`       // why it is not up
	Since       time.Time `json:"since,omitzero"`         // since when it is not up
	NextTry     time.Time `json:"next_try,omitzero"`      // of what failed
	LastError   string    `json:"last_error,omitempty"`   // the last failure, mended or not
	LastErrorAt time.Time `json:"last_error_at,omitzero"` // when it was
	Warnings    []string  `json:"warnings,omitempty"`     // what is not as it should be while the stream works
}

// Counts are what a stream has done since the start of the process.
type Counts struct {
	Records     int64 `json:"records"`
	Tombstones  int64 `json:"tombstones"`
	Unchanged   int64 `json:"unchanged"`
	DeadLetters int64 `json:"dead_letters"`
	Unmapped    int64 `json:"unmapped"` // fields
	Requests    int64 `json:"requests"`
}

// Times are the clocks of a stream. Those that the cursor holds survive a
// restart.
type Times struct {
	Cursor      time.Time     `json:"cursor,omitzero"`       // what Pylon held then is in Kafka
	LastSuccess time.Time     `json:"last_success,omitzero"` // when it last caught up
	NextPass    time.Time     `json:"next_pass,omitzero"`    // when it looks again
	Interval    time.Duration `json:"interval_ns"`           // between two passes
	Elapsed     time.Duration `json:"elapsed_ns"`            // until it was done, or until now
}

// Work is what lies before a stream and how fast it goes.
type Work struct {
	Backlog     int64         `json:"backlog"`                   // issues whose children are still to be read
	BacklogLeft time.Duration `json:"backlog_left_ns,omitempty"` // an estimate; 0 where there is none
	Progress    float64       `json:"progress"`                  // of a backfill, 0 to 1; -1 where it is not known
	Parked      []Parked      `json:"parked,omitempty"`
	Throughput  []int64       `json:"throughput,omitempty"` // records and tombstones by minute of the last hour, the oldest first
	BudgetUsed  float64       `json:"budget_used"`          // share of the endpoint's budget of the last minute, 0 to 1
}

// Parked is an issue whose children cannot be read. It is tried again ever more
// rarely, and does not stand in the way of others.
type Parked struct {
	Issue  string    `json:"issue"`
	Since  time.Time `json:"since"`
	Tries  int       `json:"tries"`
	Next   time.Time `json:"next"`
	Reason string    `json:"reason"`
}

const namespace = "pylon_kafka"
