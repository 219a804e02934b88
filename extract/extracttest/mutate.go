package extracttest

import (
	"math/rand/v2"
	"time"
)

// Change is one thing that Mutate has done.
type Change struct {
	Stream string    `json:"stream"`
	Key    string    `json:"key"`
	Parent string    `json:"parent,omitempty"`
	Kind   string    `json:"kind"` // "create", "update" or "delete"
	At     time.Time `json:"at"`
}

// mutations are the kinds of change with how often each is made, in a hundred.
// Each returns false if it found nothing to change.
var mutations = []struct {
	weight int
	run    func(w *workspace, rng *rand.Rand) bool
}{
	{32, func(w *workspace, rng *rand.Rand) bool {
		is := w.randomIssue(rng)
		return is != nil && w.updateIssue(is.id.String(), IssueChange{}) == nil
	}},
	{8, func(w *workspace, rng *rand.Rand) bool {
		is := w.randomIssue(rng)
		state := statuses[rng.IntN(baseStatuses)].slug
		return is != nil && w.updateIssue(is.id.String(), IssueChange{State: state}) == nil
	}},
	{22, func(w *workspace, rng *rand.Rand) bool {
		is := w.randomIssue(rng)
		if is == nil {
			return false
		}
		_, err := w.addMessage(is.id.String(), MessageChange{Private: rng.IntN(4) == 0})
		return err == nil
	}},
	{6, func(w *workspace, rng *rand.Rand) bool {
		is, key := w.randomMessage(rng)
		return is != nil && w.editChild(messages, is.id.String(), key, "", "") == nil
	}},
	{4, func(w *workspace, rng *rand.Rand) bool {
		is, key := w.randomMessage(rng)
		return is != nil && w.deleteChild(messages, is.id.String(), key, "") == nil
	}},
	{8, func(w *workspace, _ *rand.Rand) bool { return w.createIssue(IssueChange{}) != nil }},
	{4, func(w *workspace, rng *rand.Rand) bool {
		is := w.randomIssue(rng)
		return is != nil && w.issues.next-w.issues.deleted > 1 && w.deleteIssue(is.id.String()) == nil
	}},
	{6, (*workspace).mutateThreads},
	{10, (*workspace).mutateTables},
}

// Mutate makes n random changes of every kind, drawn from rng, and returns what
// it changed, in order: a change may take several objects, such as a message and
// its issue. Each change is atomic; other requests and changes may come between.
func (w *workspace) Mutate(rng *rand.Rand, n int) []Change {
	var changes []Change
	for range n {
		changes = append(changes, w.mutate(rng)...)
	}
	return changes
}

func (w *workspace) mutate(rng *rand.Rand) []Change {
	w.store.Lock()
	defer w.store.Unlock()
	before := len(w.log.list)
	for tries := 0; tries < 100 && len(w.log.list) == before; tries++ {
		pick := rng.IntN(100)
		for _, m := range mutations {
			if pick -= m.weight; pick < 0 {
				m.run(w, rng)
				break
			}
		}
	}
	var changes []Change
	for _, v := range w.log.list[before:] {
		if v.at.IsZero() {
			continue // what the object began as
		}
		kind := "update"
		switch {
		case v.deleted:
			kind = "delete"
		case v.rev == 0:
			kind = "create"
		}
		changes = append(changes, Change{v.stream, v.key, v.parent, kind, v.at})
	}
	return changes
}

// randomIssue draws an issue that exists, nil if it finds none soon.
func (w *workspace) randomIssue(rng *rand.Rand) *issue {
	for range 100 {
		if w.issues.next == 0 {
			return nil
		}
		if is := w.findIssue(rng.IntN(w.issues.next)); is != nil {
			return is
		}
	}
	return nil
}

func (w *workspace) randomMessage(rng *rand.Rand) (is *issue, key string) {
	for range 10 {
		is := w.randomIssue(rng)
		if is == nil {
			break
		}
		if list := w.childrenOf(messages, is); len(list) > 0 {
			return is, list[rng.IntN(len(list))].id.String()
		}
	}
	return nil, ""
}

// mutateThreads adds, renames or deletes a thread.
func (w *workspace) mutateThreads(rng *rand.Rand) bool {
	is := w.randomIssue(rng)
	if is == nil {
		return false
	}
	issueID := is.id.String()
	list := w.childrenOf(threads, is)
	if len(list) == 0 || rng.IntN(3) == 0 {
		_, err := w.addChild(threads, issueID, child{}, "")
		return err == nil
	}
	key := list[rng.IntN(len(list))].id.String()
	if rng.IntN(2) == 0 {
		return w.editChild(threads, issueID, key, "", "") == nil
	}
	return w.deleteChild(threads, issueID, key, "") == nil
}

// mutateTables makes, changes or deletes an object of a small stream. The last
// object of a stream stays, and what its spec keeps.
func (w *workspace) mutateTables(rng *rand.Rand) bool {
	t := w.tables[specs[rng.IntN(len(specs))].stream]
	what := rng.IntN(4)
	if what == 0 {
		group := ""
		if t.groups != nil {
			groups := t.groups(w)
			if len(groups) == 0 {
				return false
			}
			group = groups[rng.IntN(len(groups))]
		}
		_, err := w.createObject(t, group, nil)
		return err == nil
	}
	if len(t.list) == 0 {
		return false
	}
	o := t.list[rng.IntN(len(t.list))]
	if what == 1 {
		kept := t.keeps != nil && t.keeps(o)
		return len(t.list) > 1 && !kept && w.streams[t.stream].remove(o.key) == nil
	}
	_, err := w.updateObject(t, o.key, nil)
	return err == nil
}
