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
	run    func(a *API, rng *rand.Rand) bool
}{
	{32, func(a *API, rng *rand.Rand) bool {
		is := a.randomIssue(rng)
		return is != nil && a.updateIssue(is.id.String(), IssueChange{}) == nil
	}},
	{8, func(a *API, rng *rand.Rand) bool {
		is := a.randomIssue(rng)
		state := statuses[rng.IntN(baseStatuses)].slug
		return is != nil && a.updateIssue(is.id.String(), IssueChange{State: state}) == nil
	}},
	{22, func(a *API, rng *rand.Rand) bool {
		is := a.randomIssue(rng)
		if is == nil {
			return false
		}
		_, err := a.addMessage(is.id.String(), MessageChange{Private: rng.IntN(4) == 0})
		return err == nil
	}},
	{6, func(a *API, rng *rand.Rand) bool {
		is, m := a.randomMessage(rng)
		return is != nil && a.editMessage(is.id.String(), m.id.String(), MessageChange{}) == nil
	}},
	{4, func(a *API, rng *rand.Rand) bool {
		is, m := a.randomMessage(rng)
		return is != nil && a.deleteMessage(is.id.String(), m.id.String(), "") == nil
	}},
	{8, func(a *API, _ *rand.Rand) bool { return a.createIssue(IssueChange{}) != nil }},
	{4, func(a *API, rng *rand.Rand) bool {
		is := a.randomIssue(rng)
		return is != nil && a.issues.next-a.issues.deleted > 1 && a.deleteIssue(is.id.String()) == nil
	}},
	{6, (*API).mutateThreads},
	{10, (*API).mutateTables},
}

// Mutate makes n random changes of every kind, drawn from rng, and returns what
// it changed, in order: a change may take several objects, such as a message and
// its issue. Each change is atomic; other requests and changes may come between.
func (a *API) Mutate(rng *rand.Rand, n int) []Change {
	var changes []Change
	for range n {
		changes = append(changes, a.mutate(rng)...)
	}
	return changes
}

func (a *API) mutate(rng *rand.Rand) []Change {
	a.store.Lock()
	defer a.store.Unlock()
	before := len(a.log.list)
	for tries := 0; tries < 100 && len(a.log.list) == before; tries++ {
		pick := rng.IntN(100)
		for _, m := range mutations {
			if pick -= m.weight; pick < 0 {
				m.run(a, rng)
				break
			}
		}
	}
	var changes []Change
	for _, v := range a.log.list[before:] {
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
func (a *API) randomIssue(rng *rand.Rand) *issue {
	for range 100 {
		if a.issues.next == 0 {
			return nil
		}
		if is := a.findIssue(rng.IntN(a.issues.next)); is != nil {
			return is
		}
	}
	return nil
}

func (a *API) randomMessage(rng *rand.Rand) (*issue, message) {
	for range 10 {
		is := a.randomIssue(rng)
		if is == nil {
			break
		}
		if list := a.messagesOf(is); len(list) > 0 {
			return is, list[rng.IntN(len(list))]
		}
	}
	return nil, message{}
}

// mutateThreads adds, renames or deletes a thread.
func (a *API) mutateThreads(rng *rand.Rand) bool {
	is := a.randomIssue(rng)
	if is == nil {
		return false
	}
	issueID := is.id.String()
	list := a.threadsOf(is)
	if len(list) == 0 || rng.IntN(3) == 0 {
		_, err := a.addThread(issueID, ThreadChange{})
		return err == nil
	}
	threadID := list[rng.IntN(len(list))].id.String()
	if rng.IntN(2) == 0 {
		return a.editThread(issueID, threadID, ThreadChange{}) == nil
	}
	return a.deleteThread(issueID, threadID, "") == nil
}

// mutateTables makes, changes or deletes an object of a small stream. The last
// object of a stream and the base statuses stay.
func (a *API) mutateTables(rng *rand.Rand) bool {
	t := a.tables[specs[rng.IntN(len(specs))].stream]
	what := rng.IntN(4)
	if what == 0 {
		group := ""
		switch t.stream {
		case streamCustomFields:
			group = objectTypes[rng.IntN(len(objectTypes))]
		case streamArticles:
			bases := a.tables[streamBases].list
			if len(bases) == 0 {
				return false
			}
			group = bases[rng.IntN(len(bases))].key
		}
		_, err := a.createObject(t.stream, group, nil)
		return err == nil
	}
	if len(t.list) == 0 {
		return false
	}
	o := t.list[rng.IntN(len(t.list))]
	if what == 1 {
		base := t.stream == streamStatuses && o.index < baseStatuses
		return len(t.list) > 1 && !base && a.delete(t.stream, o.key) == nil
	}
	_, err := a.updateObject(t.stream, o.key, nil)
	return err == nil
}
