package extracttest

import (
	"strconv"
	"time"
)

// maxLife bounds updated_at - created_at of an issue that nobody has changed
// since the server started. The search needs it to skip what cannot match.
const maxLife = 20 * dayMS

// fullIssue is the index of the issue that has every property.
const fullIssue = 0

// issue is one version of an issue. What edit does not override is drawn from
// the index. A version is never changed once it is visible.
type issue struct {
	index   int
	id      uuid
	rev     int
	random  uint64 // decides times, state and number of children
	edit    *issueEdit
	visible time.Time // in the search index from then on
	deleted bool

	// Milliseconds; latest and resolved are 0 where there is none.
	created, updated, latest, resolved int64
}

// issueEdit is what somebody has set. A version has its own.
type issueEdit struct {
	title, body, state, kind string
	tags                     []string
	account, assignee, team  string
	since                    int64 // in this state since
}

var (
	issueSources = []string{
		"slack", "microsoft_teams", "microsoft_teams_chat", "chat_widget", "email", "manual",
		"form", "discord", "whatsapp", "sms", "telegram", "phone", "email", "slack", "email", "email",
	}
	issueTypes = []string{"conversation", "ticket"}
)

// issue computes version 0 of issue i.
func (g *generator) issue(is *issue, i int) {
	*is = issue{index: i}
	g.issueTimes(is)
	is.id = g.ids.id(kindIssue, i)
}

// issueTimes fills in everything but the id, which costs more than the rest.
func (g *generator) issueTimes(is *issue) {
	is.created = g.created(kindIssue, is.index, g.opts.Issues)
	h := g.hash(kindIssue, is.index)
	r := mix(h)
	is.random = r
	u := r >> 48
	life := min(maxLife, g.now-is.created) * int64(u*u*u>>32) >> 16
	is.updated = is.created + life
	switch n := g.messageCount(is); n {
	case 0:
	case 1:
		is.latest = is.created
	default:
		is.latest = is.updated - life*int64(r>>32&0xff)>>11
	}
	if g.closed(is) {
		is.resolved = is.updated - life>>6
	}
}

func (g *generator) closed(is *issue) bool {
	return is.index == fullIssue || is.random>>40&0xff < 140
}

// messageCount is the number of messages that an issue began with.
func (g *generator) messageCount(is *issue) int {
	if is.index == fullIssue && g.messages > 0 {
		return 4
	}
	return g.messages.count(is.random)
}

// threadCount is the number of threads that an issue began with.
func (g *generator) threadCount(is *issue) int {
	if is.index == fullIssue && g.threads > 0 {
		return 2
	}
	return g.threads.count(mix(is.random))
}

func (g *generator) state(is *issue) string {
	switch {
	case is.edit != nil && is.edit.state != "":
		return is.edit.state
	case is.index >= g.opts.Issues:
		return statuses[0].slug
	case g.closed(is):
		return statuses[4].slug
	}
	i := int(is.random >> 32 & 0x7)
	if i >= baseStatuses-1 {
		i = i%4 + baseStatuses // one of the first custom statuses
		if i >= min(g.opts.IssueStatuses, len(statuses)) {
			i = 1
		}
	}
	return statuses[i].slug
}

// traits are the drawn properties of an issue that filters know too.
type traits struct {
	contact, account, assignee, team int // -1: none
	source, kind                     string
	tags                             [3]int // -1: none
	flags                            uint64 // which optional properties it has
}

func (g *generator) traits(index int) traits {
	d := draw(mix(g.hash(kindIssue, index) ^ 1))
	t := traits{
		contact: d.below(g.opts.Contacts), account: d.below(g.opts.Accounts),
		assignee: d.below(g.opts.Users), team: d.below(g.opts.Teams),
		source: issueSources[d.below(len(issueSources))], kind: issueTypes[d.below(4)/3],
	}
	t.flags = d.next()
	full := index == fullIssue
	if full {
		t.contact = 0 // with an account that has external ids
	}
	if g.opts.Accounts > 0 {
		t.account = t.contact % g.opts.Accounts
	}
	if g.opts.Contacts == 0 || !full && t.flags>>54&0xf == 0 {
		t.contact = -1
	}
	if g.opts.Accounts == 0 || !full && d.oneIn(11) {
		t.account = -1
	}
	if g.opts.Users == 0 || !full && d.oneIn(4) {
		t.assignee = -1
	}
	if g.opts.Teams == 0 || !full && d.oneIn(3) {
		t.team = -1
	}
	tags := d.below(4)
	for i := range t.tags {
		t.tags[i] = -1
		if g.opts.Tags > 0 && (i < tags || full) {
			t.tags[i] = (d.below(g.opts.Tags)/3*3 + i) % g.opts.Tags
		}
	}
	return t
}

func (g *generator) tagValue(i int) string {
	base := tagValues[i%len(tagValues)]
	if i < len(tagValues) {
		return base
	}
	return base + "-" + strconv.Itoa(i/len(tagValues))
}

// issueTags are the tags of an issue, nil for none.
func (g *generator) issueTags(is *issue, t *traits) []string {
	if is.edit != nil && is.edit.tags != nil {
		return is.edit.tags
	}
	var tags []string
	for _, i := range t.tags {
		if i >= 0 {
			tags = append(tags, g.tagValue(i))
		}
	}
	return tags
}

func (g *generator) title(is *issue) string {
	if is.edit != nil && is.edit.title != "" {
		return is.edit.title
	}
	return subjects[is.random>>20%uint64(len(subjects))]
}
