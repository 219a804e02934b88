package producer

import "encoding/json"

// baseline is how many objects were known before a read of the whole began. What
// the read itself publishes, page by page, does not count: a token of another,
// larger account adds more than it lacks.
//
// A read that broke off, or was not believed, has left what it published. So the
// number stands in the cursor from the first read that published something until
// one has come to its end and was believed.
type baseline struct {
	now    int // when this read began
	before int // when the first of those began that were not believed; 0: there are none
}

// tally returns how many of how many are missing, by the count that makes it the
// larger share.
func (b baseline) tally(guard *safeguard, missing int) tally {
	all := tally{b.now, min(missing, b.now)}
	if b.before < enoughKnown || b.before >= b.now || guard.tooMany(all) {
		return all
	}
	return tally{b.before, min(missing, b.before)}
}

// without returns the baseline of all but n objects that are not judged.
func (b baseline) without(n int) baseline {
	return baseline{now: max(0, b.now-n), before: max(0, b.before-n)}
}

// first is what is to be kept until a read is believed; 0: nothing.
func (b baseline) first() int {
	switch {
	case b.before >= enoughKnown:
		return min(b.before, max(b.now, enoughKnown))
	case b.now >= enoughKnown:
		return b.now
	default:
		return 0
	}
}

// refreshCursor is the cursor of a full refresh: a pass is read from its beginning
// always, so all that it keeps is the baseline's first.
type refreshCursor struct {
	Known int `json:"known,omitempty"`
}

// begin takes the baseline of the pass, before anything of it is published.
func (p *pass) begin(d *draft) {
	if p.begun {
		return
	}
	var cur refreshCursor
	if json.Unmarshal(d.s.doc.Parts[refreshPart].Cursor, &cur) != nil {
		cur.Known = 0 // there is none, as after a pass that was believed
	}
	p.begun, p.base = true, baseline{now: d.s.known.count(), before: cur.Known}
}

// keep has the cursor hold the baseline, if a pass that is not believed yet
// publishes something.
func (p *pass) keep(d *draft) error {
	first := p.base.first()
	if len(d.records) == 0 || first == 0 || !d.s.tombstones {
		return nil
	}
	var err error
	d.cursor, err = json.Marshal(refreshCursor{Known: first})
	return err
}

// believed has the cursor forget the baseline.
func (p *pass) believed(d *draft) {
	if len(d.s.doc.Parts[refreshPart].Cursor) > 0 {
		d.cursor = json.RawMessage{}
	}
}
