package producer

import (
	"slices"
	"time"

	"pylon-kafka/extract"
	"pylon-kafka/producer/internal/view"
)

// keyed calls fn for each record that has a key; one without is a dead letter,
// and counted.
func (d *draft) keyed(records []extract.Record, fn func(objectID, *extract.Record) error) (keyless int, err error) {
	for i := range records {
		r := &records[i]
		if r.Err != nil {
			keyless++
			err = d.deadLetter(r, r.JSON, r.Err)
		} else {
			err = fn(d.s.known.id(r), r)
		}
		if err != nil {
			return keyless, err
		}
	}
	return keyless, nil
}

// compare says how an object stands to what consumers have.
func (d *draft) compare(id objectID, r *extract.Record) comparison {
	if hash, ok := d.fresh[id]; ok {
		if hash == r.Hash {
			return same
		}
		return other
	}
	have, ok := d.s.known.view.Hash(id.parent, id.key)
	switch {
	case !ok:
		return absent
	case have == view.Cut(r.Hash) && !d.s.known.isMisplaced(id.key):
		return same
	default:
		return other
	}
}

type comparison int

const (
	absent comparison = iota // consumers lack the object
	same                     // they have this content
	other                    // they have another one
)

// differs is the rule of the poll and the backfill: what differs from what
// consumers have is published.
type differs struct{ memory *issueMemory }

func (r differs) decide(d *draft, records []extract.Record, _ []family) error {
	return d.issues(records, func(id objectID, rec *extract.Record) bool {
		switch d.compare(id, rec) {
		case same:
			return false
		case absent:
			return !r.memory.isDeleted(id.key) // else the index lags behind
		default:
			return true
		}
	})
}

func (r differs) committed(d *draft) {
	if d.origin != originPoll {
		return
	}
	for _, c := range d.changes {
		r.memory.notePolled(c.key)
	}
}

// issues publishes those issues that are wanted.
func (d *draft) issues(records []extract.Record, wanted func(objectID, *extract.Record) bool) error {
	_, err := d.keyed(records, func(id objectID, rec *extract.Record) error {
		if !wanted(id, rec) {
			d.unchanged()
			return nil
		}
		return d.publish(id, rec, createdDay(rec.CreatedAt))
	})
	return err
}

// deleted adds tombstones for those issues that consumers have.
func (d *draft) deleted(keys []string) {
	for _, key := range keys {
		if _, there := d.s.known.view.Hash("", key); there {
			d.tombstone(objectID{key: key})
		}
	}
}

// repairs is the rule of reconcile: what the topic lacks or has older is
// published, and what Pylon confirmed as deleted gets a tombstone.
type repairs struct {
	memory  *issueMemory
	began   time.Time // of the page's request: what a poll published since is newer
	settled time.Time // what was updated later is left to the poll
	deleted []string  // issues that Pylon confirmed as deleted
}

func (r repairs) decide(d *draft, records []extract.Record, _ []family) error {
	if err := d.issues(records, func(id objectID, rec *extract.Record) bool { return r.wants(d, id, rec) }); err != nil {
		return err
	}
	d.deleted(r.deleted)
	return nil
}

func (r repairs) wants(d *draft, id objectID, rec *extract.Record) bool {
	if at, err := time.Parse(time.RFC3339, rec.UpdatedAt); err == nil && at.After(r.settled) {
		return false // the poll brings it
	}
	switch d.compare(id, rec) {
	case same:
		return false
	case absent:
		return d.s.topic.Compacted // a topic that is not has lost old objects on purpose
	default:
		return !r.memory.polledSince(id.key, r.began)
	}
}

func (r repairs) committed(d *draft) {
	for _, c := range d.changes {
		if c.gone {
			r.memory.noteDeleted(c.key, time.Now())
		}
	}
}

// pass is one reading of a whole list, over all its batches.
type pass struct {
	number   uint16  // in the mark of what was seen; 1 to lastPass
	doubtful string  // why it tombstones nothing; "": it does
	unread   skipped // lists of the stream that could not be read
	begun    bool    // base is known
	base     baseline
}

// wholePass is the rule of a full refresh: what differs is published, and after
// the last page what the pass did not contain gets a tombstone.
type wholePass struct {
	pass     *pass
	last     bool
	snapshot bool // publish unchanged objects too
	guard    *safeguard
}

func (r wholePass) decide(d *draft, records []extract.Record, families []family) error {
	r.pass.begin(d)
	keyless, err := d.keyed(records, func(id objectID, rec *extract.Record) error {
		mark := listTag(&d.s.stream, rec.Parent, rec.Key) | r.pass.number
		d.s.known.view.SetMark(id.key, mark)
		how := d.compare(id, rec)
		if _, again := d.fresh[id]; how == same && (!r.snapshot || again) {
			d.unchanged()
			return nil
		}
		return d.publish(id, rec, mark)
	})
	if err != nil {
		return err
	}
	if keyless > 0 {
		r.pass.doubtful = "an object without its key was in the pass"
	}
	if !r.last {
		return r.pass.keep(d)
	}
	return r.end(d)
}

// end publishes tombstones for what the complete pass did not contain.
func (r wholePass) end(d *draft) error {
	gone := slices.Sorted(d.s.known.view.Marked(func(mark uint16) bool { return passOf(mark) != r.pass.number }))
	gone = slices.DeleteFunc(gone, func(key string) bool {
		_, now := d.fresh[objectID{key: key}]
		return now
	})
	missing := len(gone)
	gone = slices.DeleteFunc(gone, func(key string) bool { return r.pass.unread.held(d, key) })
	held := missing - len(gone)
	if len(gone) > 0 && r.pass.doubtful != "" {
		d.s.log.Warn("the pass tombstones nothing", "reason", r.pass.doubtful, "missing", len(gone))
		return r.pass.keep(d)
	}
	if len(gone) > 0 && d.s.tombstones {
		if err := r.guard.whole("the list", r.pass.base.without(held).tally(r.guard, len(gone))); err != nil {
			return err
		}
	}
	r.pass.believed(d)
	for _, key := range gone {
		d.tombstone(objectID{key: key})
	}
	return nil
}

func (r wholePass) committed(*draft) {}

// families is the rule of the lanes: of each issue's children what differs is
// published, and what the issue has no more gets a tombstone.
type families struct {
	quarrel *quarrel
	guard   *safeguard
	tally   tally // of the batch, as decided
	all     tally // the same with what was believed before
}

func (r *families) decide(d *draft, records []extract.Record, families []family) error {
	var t, all, doubted tally
	for _, f := range families {
		if !r.quarrel.settle(f.claim) {
			continue
		}
		missing, known, err := d.family(f)
		if err != nil {
			return err
		}
		if f.gone { // that an issue was deleted, reconcile has judged
			continue
		}
		all = all.plus(tally{known, missing})
		if !f.believed {
			t = t.plus(tally{known, missing})
		}
		if f.doubted {
			doubted = doubted.plus(tally{known, missing})
		}
	}
	r.tally, r.all = t, all
	if !d.s.tombstones {
		return nil
	}
	if doubted.missing > 0 {
		if err := r.guard.piece(doubted); err != nil {
			return err
		}
	}
	return r.guard.piece(t)
}

func (r *families) committed(*draft) {
	r.guard.took(lanesTally, r.tally)
	r.guard.took(lanesAll, r.all)
}

// What the lanes read, for the safeguard.
const (
	lanesTally = "what was read of the issues' children"
	lanesAll   = lanesTally + ", and what was believed of single ones"
)

// family adds the children of one issue, and tombstones for those that it has
// no more. It returns how many of how many known ones are missing.
func (d *draft) family(f family) (missing, known int, err error) {
	listed := make(map[string]struct{}, len(f.records))
	keyless, err := d.keyed(f.records, func(_ objectID, r *extract.Record) error {
		listed[r.Key] = struct{}{}
		id := objectID{f.issue, r.Key}
		if d.compare(id, r) == same {
			d.unchanged()
			return nil
		}
		return d.publish(id, r, 0)
	})
	if err != nil || keyless > 0 {
		return 0, 0, err
	}
	known, gone, elsewhere := d.s.known.unlisted(f.issue, listed)
	for _, key := range gone {
		id := objectID{f.issue, key}
		if slices.Contains(elsewhere, key) || d.holds(key) {
			d.adopt(id) // it is another issue's child now
			continue
		}
		d.tombstone(id)
		missing++
	}
	return missing, known, nil
}
