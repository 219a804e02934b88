package extract

import "time"

// Priority of a request against its endpoint's budget.
type Priority int

const (
	// Foreground goes as soon as the budget permits.
	Foreground Priority = iota
	// Background is spaced evenly and lets Foreground pass, which then waits for
	// no more than about 60s/limit.
	Background
)

// Ask says how somebody wants to be answered. The zero value is in the
// foreground, tries for ever what may pass, and keeps the JSON of records. One
// value may serve many calls, also concurrent ones; then its functions must be
// safe for concurrent use.
type Ask struct {
	Priority Priority
	// Patience is how long one call goes on trying what may pass (5xx, timeouts,
	// connections and bodies that break) without a success in between; then it
	// returns the last error, wrapped in ErrGaveUp. The wait for the budget
	// is not counted, and that after a 429 only where the endpoint answers nothing
	// else for 90 seconds, or Patience if that is longer. 0 is for ever.
	Patience time.Duration
	// Prepare, where it is set, is called for each record with a key, in their
	// order, while its page is decoded. JSON may be read during the call only and
	// is nil afterwards; what is to be kept goes into Prepared. So the raw JSON
	// lives for one record. RequestID may be empty during the call.
	//
	// A page that breaks off is read again, and then Prepare is called again for
	// records of which the caller never hears otherwise.
	Prepare func(*Record)
	// Trouble, where it is set, is called after each failed try, also after one
	// that is the last, while a request has had no answer for ten seconds, and
	// with the zero Trouble on a success after either of the same call. A call that ends with an error leaves its trouble told: who
	// asks again and succeeds knows that it has ended.
	Trouble func(Trouble)
}

// Trouble is the state of a call whose tries fail.
type Trouble struct {
	Err   error     // of the last try; nil: there is no trouble any more
	Since time.Time // when the first try failed
	Next  time.Time // when the next try is due; zero: there will be none
}
