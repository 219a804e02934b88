package extract

import (
	"encoding/json"
	"flag"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"
)

var (
	issuesSeed = flag.Uint64("issues.seed", 0, "replay the run of TestIssues_missNothing with this seed")
	issuesRuns = flag.Int("issues.runs", 60, "number of runs of TestIssues_missNothing")
)

// The windows, the live search and their cursors against a model, with random
// updates, an index that lags, both kinds of bounds, updates within one second,
// issues that change while pages are read, faults, refused ranges and cursors,
// crashes and pauses.
func TestIssues_missNothing(t *testing.T) {
	t.Parallel()
	seeds := []uint64{*issuesSeed}
	if *issuesSeed == 0 {
		seeds = nil
		for range *issuesRuns {
			seeds = append(seeds, rand.Uint64())
		}
	}
	for _, seed := range seeds {
		synctest.Test(t, func(t *testing.T) {
			newIssuesModel(t, seed).run()
			if t.Failed() {
				t.Logf("replay: go test ./extract -run %s -issues.seed %d", t.Name(), seed)
			}
		})
	}
}

// issuesModel runs a reader against a fake and knows what it must have read.
type issuesModel struct {
	t     *testing.T
	r     *rand.Rand
	api   *sandboxSearch
	cfg   Config
	read  map[string]map[int]bool // versions by issue
	cur   IssuesCursor
	fetch *Issues
	began time.Time // when the live search in work began; zero: none is
	known time.Time // when the first cursor was committed; zero: none was
	debug bool      // log every page
}

func newIssuesModel(t *testing.T, seed uint64) *issuesModel {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 0))
	coin := func() bool { return r.IntN(2) == 0 }
	cfg := testConfig()
	cfg.Lookback = []time.Duration{0, time.Minute, 10 * time.Minute}[r.IntN(3)]
	cfg.Window = []time.Duration{time.Hour, 36 * time.Hour, 720 * time.Hour}[r.IntN(3)]
	start := time.Now().Add(-time.Duration(r.IntN(40*24)) * time.Hour).Add(-time.Duration(r.IntN(3600)) * time.Second)
	cfg.StartDate = formatTime(start)
	opts := searchOptions{
		skew:      []time.Duration{0, 0, 3 * time.Hour, -3 * time.Hour, 40 * time.Second, -40 * time.Second}[r.IntN(6)],
		lag:       time.Duration(r.Float64() * float64(cfg.Lookback)),
		latency:   time.Duration(r.IntN(4000)) * time.Millisecond,
		limit:     4 + r.IntN(12),
		inclusive: coin(),
		faults:    []float64{0, 0.05, 0.3}[r.IntN(3)],
	}
	if opts.skew == 0 {
		opts.dateAhead = []time.Duration{0, 20 * time.Minute, 3 * time.Hour, -3 * time.Hour}[r.IntN(4)]
	}
	if coin() {
		opts.badCursors = 0.02
	}
	if coin() {
		// The live search has the lookback and a second to ask for, from the earlier of both clocks, and has to be able to.
		opts.maxRange = cfg.Lookback + max(0, opts.skew, -opts.dateAhead) + time.Duration(1+r.IntN(72))*time.Hour
	}
	if opts.noOpen = r.IntN(3) == 0; opts.noOpen && opts.maxRange > 0 {
		opts.maxRange += 34 * time.Hour // a day ahead of either clock
	}
	if opts.noActivity = coin(); !opts.noActivity && opts.maxRange == 0 && cfg.Window > 100*time.Hour {
		// What a message alone moved while nobody read for longer than a window is the sweep's: no long pauses then.
		opts.messageOnly = coin()
	}
	api := newSandboxSearch(t, opts, r)
	for range r.IntN(150) {
		// The past, also before the start date.
		at := api.now().Add(-time.Duration(r.IntN(45*24*3600)) * time.Second).Add(time.Duration(r.IntN(1000)) * time.Millisecond)
		if coin() {
			at = at.Truncate(time.Minute) // many in one second
		}
		api.create(at)
	}
	m := &issuesModel{t: t, r: r, api: api, cfg: cfg, read: make(map[string]map[int]bool), debug: *issuesSeed != 0}
	m.restart()
	return m
}

// restart is a crash: only what the cursor's JSON holds is left.
func (m *issuesModel) restart() {
	m.t.Helper()
	text, err := json.Marshal(m.cur)
	if err != nil {
		m.t.Fatal(err)
	}
	m.cur = IssuesCursor{}
	if err := json.Unmarshal(text, &m.cur); err != nil {
		m.t.Fatal(err)
	}
	c := newTestClient(m.t, m.api)
	c.jitter = func(limit time.Duration) time.Duration { return time.Duration(m.r.Int64N(int64(limit))) }
	m.fetch = NewIssues(c, m.cfg, Ask{})
	m.began = time.Time{}
}

func (m *issuesModel) run() {
	m.t.Helper()
	pause := float64(time.Duration(1+m.r.IntN(8000)) * time.Millisecond)
	for range 100 + m.r.IntN(200) {
		m.api.plan = append(m.api.plan, time.Duration(m.r.Float64()*pause))
	}
	m.api.due = time.Now()
	ended, caughtUp := false, 0 // the updates; and how often since
	for steps := 0; caughtUp < 3; steps++ {
		if steps > 20_000 {
			m.t.Error("no end")
			return
		}
		if len(m.api.plan) == 0 && !ended {
			ended = true
			advance(m.api.opts.lag) // the index shows all
		}
		if m.step() && ended {
			caughtUp++
		}
		if m.r.IntN(50) == 0 {
			m.restart()
		}
		if m.r.IntN(200) == 0 && !m.api.opts.messageOnly {
			m.api.advance(time.Duration(m.r.IntN(50*3600)) * time.Second) // down for long
			m.restart()
		}
		if m.t.Failed() {
			return
		}
	}
	// Whatever the index shows in the end was read.
	m.check(m.api.now(), m.api.now())
	if v := m.api.api.Violations(); len(v) > 0 {
		m.t.Errorf("the API would not like %v", v)
	}
}

// step reads one page and reports whether the reader caught up.
func (m *issuesModel) step() bool {
	m.t.Helper()
	if m.cur.isLive() && m.cur.search.page == "" {
		m.began = m.api.now()
	}
	before := m.cur
	page, err := m.fetch.Fetch(m.t.Context(), m.cur)
	if err != nil {
		if m.debug {
			m.t.Logf("%s: %v; %+v", cursorText(m.t, m.cur), err, m.api.opts)
		}
		if !badPage(err) {
			m.t.Errorf("fetch: %v", err)
		}
		m.api.advance(time.Second)
		return false
	}
	if m.debug {
		m.t.Logf("api %s: %s -> %s %v caught up %t", m.api.now().Format(time.DateTime), cursorText(m.t, before), cursorText(m.t, page.Next), keysOf(page.Records), page.CaughtUp)
	}
	for _, rec := range page.Records {
		if m.read[rec.Key] == nil {
			m.read[rec.Key] = make(map[int]bool)
		}
		m.read[rec.Key][m.api.version(rec)] = true
	}
	if m.r.IntN(10) == 0 {
		return false // the transaction was aborted: the same cursor again
	}
	m.cur = page.Next
	if m.known.IsZero() {
		m.known = m.api.now()
	}
	if page.CaughtUp != page.Last || page.CaughtUp && !m.cur.isLive() {
		m.t.Errorf("page %+v of cursor %+v", page, before)
	}
	if page.Next.From.Before(before.From.Add(-m.cfg.Lookback)) {
		m.t.Errorf("the cursor went from %s back to %s", before.From, page.Next.From)
	}
	if !page.CaughtUp {
		return false
	}
	if page.Origin != OriginPoll {
		m.t.Errorf("caught up by a page of origin %s", page.Origin)
	}
	if !m.began.IsZero() {
		m.check(m.began, m.api.now())
	}
	m.api.advance(time.Duration(m.r.Float64() * float64(m.cfg.PollInterval)))
	return true
}

// check demands that every version that the index showed from before one time
// until after another was read.
func (m *issuesModel) check(from, to time.Time) {
	m.t.Helper()
	for _, issue := range m.api.issues {
		v := issue.shown(from)
		if v < 0 || v != issue.shown(to) {
			continue
		}
		version := issue.versions[v]
		changed := version.updated
		if m.api.opts.messageOnly && version.activity.After(m.known) && !m.known.IsZero() {
			// Before the backfill began, messages are a part of the past, which is read by updated_at.
			changed = version.activity
		}
		if !changed.Before(m.cfg.Start()) && !m.read[issue.id][v] {
			m.t.Errorf("version %d of %s, updated %s, activity %s, visible %s, was not read by the search from %s to %s; lookback %s, cursor %+v; %+v",
				v, issue.id, version.updated, version.activity, version.visible, from, to, m.cfg.Lookback, m.cur, m.api.opts)
			return
		}
	}
}
