package extract

import "time"

// Values of IssuesPage.Origin.
const (
	// OriginBackfill marks a page of the past, read window by window.
	OriginBackfill = "backfill"
	// OriginPoll marks a page of the live search.
	OriginPoll = "poll"
)

// IssuesCursor is where the incremental read of issues stands. Its JSON is what
// is committed: from, to, page and live inside a window of the backfill, from
// alone afterwards. The zero cursor begins at PYLON_START_DATE.
//
// What a live search of several pages has reached is not part of the JSON:
// after a restart the search begins anew, which costs a few pages and misses
// nothing.
type IssuesCursor struct {
	From time.Time `json:"from"`           // everything updated before is read
	To   time.Time `json:"to,omitzero"`    // end of the window in work; zero: live
	Page string    `json:"page,omitempty"` // page cursor inside the window
	Live time.Time `json:"live,omitzero"`  // when the backfill began: the live search begins there

	search search
}

// search is what is known of the search in work and not committed.
type search struct {
	page   string    // page cursor of a live search
	began  time.Time // a moment before the live search began, by the API's clock
	date   time.Time // when its first page was answered, by the same clock
	seen   cycle     // its page cursors
	form   form      // how it asks
	end    time.Time // its upper bound, if its form has one
	halved bool      // its window is as short as it is because the API refused a longer one
}

// form is how a live search asks. Forms are tried in their order, until the API
// takes one.
type form int

const (
	// formBest asks for updates and messages, without an upper bound.
	formBest form = 0
	// formNarrow asks for updates alone: the API refuses to search by message
	// activity.
	formNarrow form = 1
	// formBounded ends a day after now: the API refuses a search without an end.
	// Nothing is stamped later, so an issue that changes while pages are read stays
	// in the range.
	formBounded form = 2
	// formLast is both.
	formLast = formNarrow | formBounded
)

// boundAhead is how far after now the bounded form ends.
const boundAhead = 24 * time.Hour

// IssuesPage is one page of issues.
type IssuesPage struct {
	Page
	Origin   string       // OriginBackfill or OriginPoll
	Next     IssuesCursor // to be committed with the records
	CaughtUp bool         // the last page of a live search: wait for the poll interval now
}

// isLive reports whether cur is of the live search.
func (cur *IssuesCursor) isLive() bool { return cur.To.IsZero() }

// page returns the page cursor of either mode.
func (cur *IssuesCursor) page() string {
	if cur.isLive() {
		return cur.search.page
	}
	return cur.Page
}

// restartsAPass is how often a window or search begins anew before that is an
// error, each time for another page.
const restartsAPass = 3

// restarts decides what a page cursor that leads nowhere means. At first its
// search begins anew: cursors may expire. If the same cursor fails again after
// that, or too many of one search do, beginning anew does not help, and to go on
// doing so unseen would be to read the same pages for ever. So that is an error,
// for others to see; and the next failure begins anew once more.
type restarts struct {
	page string // the last one that failed
	n    int    // of the window or search in work
}

func (r *restarts) allow(page string) bool {
	if r.page == page || r.n == restartsAPass {
		*r = restarts{}
		return false
	}
	*r = restarts{page: page, n: r.n + 1}
	return true
}

// passed notes that the page could be read, and whether it was the last one.
func (r *restarts) passed(page string, last bool) {
	if last {
		*r = restarts{}
	} else if r.page == page {
		r.page = ""
	}
}
