package extracttest

import (
	"bytes"
	"math"
	"math/bits"
	"slices"
	"strconv"
	"time"
)

// issueStore holds what has happened to issues since the start. All others are
// computed from their index.
type issueStore struct {
	next    int                  // index of the next issue to be created
	deleted int                  // how many are deleted
	records map[int]*issueRecord // by index
	dirty   []uint64             // a bit for each generated issue that has a record
	created []*issueRecord       // issues made since the start, oldest first
}

// issueRecord is an issue that somebody has changed, made or deleted. It is
// kept for ever, since the search index may still show an older version.
type issueRecord struct {
	versions []*issue                  // oldest first
	children map[*childSpec]*childList // those that have changed
}

func (r *issueRecord) current() *issue { return r.versions[len(r.versions)-1] }

// indexed returns the version that the search index shows, nil for none.
func (r *issueRecord) indexed(now time.Time) *issue {
	for _, v := range slices.Backward(r.versions) {
		if !v.visible.After(now) {
			if v.deleted {
				return nil
			}
			return v
		}
	}
	return nil
}

// childList are the messages or the threads of an issue, once one has changed.
type childList struct {
	list []child // of messages: oldest first
	next int     // place of the next one to be made
}

func (r *issueRecord) setChildren(s *childSpec, l *childList) {
	if r.children == nil {
		r.children = make(map[*childSpec]*childList, len(childSpecs))
	}
	r.children[s] = l
}

func newIssueStore(n int) issueStore {
	return issueStore{next: n, records: map[int]*issueRecord{}, dirty: make([]uint64, n/64+1)}
}

// dirtyUpTo returns the highest index up to i of a generated issue with a
// record, -1 for none.
func (s *issueStore) dirtyUpTo(i int) int {
	if i < 0 {
		return -1
	}
	word := i / 64
	b := s.dirty[word] << (63 - i%64) >> (63 - i%64)
	for b == 0 {
		if word--; word < 0 {
			return -1
		}
		b = s.dirty[word]
	}
	return word*64 + bits.Len64(b) - 1
}

// findIssue returns the current version of an issue, nil if it does not exist.
// The caller holds the store's lock.
func (w *workspace) findIssue(index int) *issue {
	if r := w.issues.records[index]; r != nil {
		if is := r.current(); !is.deleted {
			return is
		}
		return nil
	}
	if index < 0 || index >= w.opts.Issues {
		return nil
	}
	is := new(issue)
	w.gen.issue(is, index)
	return is
}

// resolveIssue finds an issue by id or number, as the API's paths do.
func (w *workspace) resolveIssue(idOrNumber string) *issue {
	if id, ok := parseUUID(idOrNumber); ok {
		if k, index, ok := w.gen.ids.find(id); ok && k == kindIssue {
			return w.findIssue(index)
		}
		return nil
	}
	if number, err := strconv.Atoi(idOrNumber); err == nil {
		return w.findIssue(number - 1)
	}
	return nil
}

// record returns the record of an issue that exists, made if need be.
func (w *workspace) record(is *issue) *issueRecord {
	if r := w.issues.records[is.index]; r != nil {
		return r
	}
	r := &issueRecord{versions: []*issue{is}}
	w.issues.records[is.index] = r
	w.issues.dirty[is.index/64] |= 1 << (is.index % 64)
	return r
}

// insertIssue adds an issue made since the start.
func (w *workspace) insertIssue(r *issueRecord) {
	is := r.current()
	w.issues.records[is.index] = r
	i, _ := slices.BinarySearchFunc(w.issues.created, is, func(r *issueRecord, is *issue) int {
		at := r.versions[0]
		switch {
		case at.created != is.created:
			return int(at.created - is.created)
		default:
			return bytes.Compare(at.id[:], is.id[:])
		}
	})
	w.issues.created = slices.Insert(w.issues.created, i, r)
}

// view says which version of a changed issue a list shows.
type view int

const (
	viewCurrent view = iota
	viewIndexed      // what the search index has taken in
)

// position is where a list goes on: after the object made at that time with
// that id. Lists begin with what was made last.
type position struct {
	ms int64
	id uuid
}

// newest is before everything.
var newest = position{ms: math.MaxInt64}

// after is true of an object that a list shows after the position.
func (p position) after(ms int64, id uuid) bool {
	return ms < p.ms || ms == p.ms && bytes.Compare(id[:], p.id[:]) < 0
}

// scan calls yield with every issue after the position, newest created_at
// first, until yield returns false. Issues that were never changed are left out
// where their created_at is outside of [from, to]. The issue is valid during the
// call only, and its id is zero if it was never changed. The caller holds the
// store's lock.
func (w *workspace) scan(v view, from, to int64, after position, yield func(*issue) bool) {
	g := w.gen
	step := g.step(w.opts.Issues)
	// place is the index of the generated issue whose step holds the moment.
	place := func(ms int64) int {
		if ms < g.start {
			return -1
		}
		return int(min((ms-g.start)/step, int64(w.opts.Issues)-1))
	}
	low, high := max(place(from), 0), place(to)
	i := place(after.ms)
	var is issue
	if i >= 0 {
		if g.issue(&is, i); !after.after(is.created, is.id) {
			i--
		}
	}
	c, _ := slices.BinarySearchFunc(w.issues.created, after, func(r *issueRecord, p position) int {
		if at := r.versions[0]; p.after(at.created, at.id) {
			return -1
		}
		return 1
	})
	now := time.Now()
	for c--; i >= 0 || c >= 0; {
		if i > high || i < low {
			d := w.issues.dirtyUpTo(i)
			if i > high && high >= low {
				d = max(d, high)
			}
			if i = d; i < 0 && c < 0 {
				return
			}
		}
		var r *issueRecord
		switch {
		case c >= 0 && (i < 0 || !w.createdBefore(w.issues.created[c].versions[0], i)):
			r = w.issues.created[c]
			c--
		case w.issues.dirty[i/64]>>(i%64)&1 == 1:
			r = w.issues.records[i]
			i--
		default:
			is = issue{index: i}
			g.issueTimes(&is)
			i--
			if !yield(&is) {
				return
			}
			continue
		}
		shown := r.current()
		if v == viewIndexed {
			shown = r.indexed(now)
		}
		if shown != nil && !shown.deleted && !yield(shown) {
			return
		}
	}
}

// createdBefore is true if an issue made since the start is older than
// generated issue i.
func (w *workspace) createdBefore(made *issue, i int) bool {
	at := w.gen.created(kindIssue, i, w.opts.Issues)
	if made.created != at {
		return made.created < at
	}
	id := w.gen.ids.id(kindIssue, i)
	return bytes.Compare(made.id[:], id[:]) < 0
}
