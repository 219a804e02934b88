package extracttest

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"
)

// workspace is the data of the sandbox: what there is, how it came about, and
// the truth about both. It knows nothing of HTTP, pages or faults; [API] serves
// it. Its exported methods are methods of API, and safe for concurrent use.
type workspace struct {
	opts   Options
	gen    *generator
	offset atomic.Int64 // ShiftClock, in nanoseconds

	// store guards all that follows.
	store   sync.RWMutex
	issues  issueStore
	tables  map[string]*table     // the small streams
	streams map[string]collection // all of them
	log     versionLog
	lagRand *rand.Rand
}

func newWorkspace(opts Options) *workspace {
	g := newGenerator(opts)
	w := &workspace{
		opts:    opts,
		gen:     g,
		issues:  newIssueStore(opts.Issues),
		tables:  make(map[string]*table, len(specs)),
		streams: make(map[string]collection, len(specs)+len(childSpecs)+1),
		log:     versionLog{known: map[objectRef]int{}},
		lagRand: rand.New(rand.NewPCG(uint64(opts.Seed), 1)),
	}
	w.streams[streamIssues] = issueCollection{w}
	for _, s := range childSpecs {
		w.streams[s.stream] = childCollection{w, s}
	}
	for _, s := range specs {
		t := newTable(g, s)
		w.tables[s.stream] = t
		w.streams[s.stream] = tableCollection{w, t}
	}
	return w
}

// Now is the time by the server's clock.
func (w *workspace) Now() time.Time {
	return w.opts.Clock().Add(time.Duration(w.offset.Load())).UTC()
}

// ShiftClock lets the server's clock jump, back if d is negative: the Date
// header and every time that a change sets. A Date that is wrong by itself is
// [Fault.DateAhead].
func (w *workspace) ShiftClock(d time.Duration) { w.offset.Add(int64(d)) }

// collection is what the objects of every stream have in common. The caller
// holds the store's lock, for reading or for writing as the method needs.
type collection interface {
	// walk returns a function that returns the next objects, false after the
	// last ones. Between its calls the lock may be released.
	walk() func() ([]keyedJSON, bool)
	count() int
	find(key string) ([]byte, bool)
	// parent is the id of the issue or knowledge base of an object, "" for none.
	parent(key string) string
	create(parent string) (key string, err error)
	update(key string) error
	remove(key string) error
}

type keyedJSON struct {
	key  string
	json []byte
}

// collection returns what is known of a stream.
func (w *workspace) collection(operation, stream string) (collection, error) {
	c := w.streams[stream]
	if c == nil {
		return nil, fmt.Errorf("%s object of stream %q: %w", operation, stream, ErrNotFound)
	}
	return c, nil
}

// appendJSON appends the JSON of one of our own structs, escaped as the real API
// escapes it, which is written in Go too.
func appendJSON(dst []byte, v any) []byte {
	// An encoder writes into dst; Marshal would make a slice of its own.
	out := appender(dst)
	if err := json.NewEncoder(&out).Encode(v); err != nil {
		panic(fmt.Sprintf("extracttest: %T as JSON: %v", v, err))
	}
	return out[:len(out)-1] // without the encoder's newline
}

// appender is a slice to write to.
type appender []byte

func (a *appender) Write(p []byte) (int, error) {
	*a = append(*a, p...)
	return len(p), nil
}
