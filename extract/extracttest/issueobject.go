package extracttest

import (
	"slices"
	"strconv"
)

// Flags of traits: which optional properties an issue has.
const (
	hasSLA = 3 * iota
	hasActiveTime
	hasAttachments
	hasChatWidget
	hasGroup
	hasParent
	hasCSAT
	hasExternal
	hasSnooze
	hasTeamSLA
	hasUnverified
	hasAllCustomFields
)

// has is true for one in eight issues, and always for the full one.
func (t *traits) has(flag int, full bool) bool { return full || t.flags>>flag&7 == 0 }

// issueObject is what the API sends of an issue at a time, in milliseconds.
func (g *generator) issueObject(is *issue, now int64) *issueJSON {
	t := g.traits(is.index)
	full := is.index == fullIssue
	state := g.state(is)
	s := newScratch()
	o := &issueJSON{
		issueText: issueText{
			ID: s.id(is.id), Number: is.index + 1, Title: g.title(is),
			Link:     "https://app.usepylon.com/issues?issueNumber=" + strconv.Itoa(is.index+1),
			BodyHTML: g.issueBody(is), State: state,
		},
		issuePeople: g.issuePeople(s, is, &t),
		issueTimes:  g.issueTimesJSON(s, is, &t),
		issueOrigin: g.issueOrigin(is, &t),
	}
	g.fillDurations(s, o, is, &t)
	o.Touches = int(is.random>>8&0xf) + is.rev
	o.AuthorUnverified = t.has(hasUnverified, full)
	if t.has(hasAttachments, full) {
		o.AttachmentURLs = []string{
			g.signed(childIndex(is.index, 0), "screen shot & log.png"), g.signed(childIndex(is.index, 1), "экспорт.csv"),
		}
	}
	if t.has(hasCSAT, full) {
		o.CSATResponses = []csatResponse{{5, "schnell & freundlich 👍"}, {1, ""}}
	}
	g.fillClocks(o, is, &t, state, now)
	return o
}

func (g *generator) issueBody(is *issue) string {
	if is.edit != nil && is.edit.body != "" {
		return is.edit.body
	}
	return g.body(is.random, is.index+1)
}

// ref is a reference to an object by its index, nil for a negative one.
func (g *generator) ref(s *scratch, k kind, index int) *reference {
	if index < 0 {
		return nil
	}
	return &reference{s.id(g.ids.id(k, index))}
}

func (g *generator) issuePeople(s *scratch, is *issue, t *traits) issuePeople {
	p := issuePeople{
		Account: g.miniAccount(s, t.account), Assignee: g.ref(s, kindUser, t.assignee), Requester: g.ref(s, kindContact, t.contact),
		Team: g.ref(s, kindTeam, t.team), Tags: g.issueTags(is, t), CustomFields: g.issueCustomFields(is, t),
	}
	if e := is.edit; e != nil {
		if e.account != "" {
			p.Account = &miniAccount{ID: e.account}
		}
		if e.assignee != "" {
			p.Assignee = &reference{e.assignee}
		}
		if e.team != "" {
			p.Team = &reference{e.team}
		}
	}
	if len(p.Tags) == 0 {
		p.Tags = nil
	}
	return p
}

func (g *generator) miniAccount(s *scratch, index int) *miniAccount {
	if index < 0 {
		return nil
	}
	return &miniAccount{s.id(g.ids.id(kindAccount, index)), externalIDs(index)}
}

// externalIDs gives every third account or contact an id of another system.
func externalIDs(index int) []externalID {
	if index%3 != 0 {
		return nil
	}
	return []externalID{{"00" + strconv.Itoa(index), "crm"}}
}

func (g *generator) issueTimesJSON(s *scratch, is *issue, t *traits) issueTimes {
	full := is.index == fullIssue
	times := issueTimes{
		Resolution: s.stampOrNil(is.resolved), FirstResolution: s.stampOrNil(is.resolved),
		LatestMessage: s.stampOrNil(is.latest), Created: s.stamp(is.created),
	}
	if n := g.opts.NoUpdatedAt; n == 0 || is.index%n != n-1 {
		times.Updated = s.stampOrNil(is.updated)
	}
	if is.latest > is.created {
		times.FirstResponse = s.stampOrNil(is.created + is.response())
	}
	if t.has(hasSLA, full) {
		times.FirstResponseBreach = s.stampOrNil(is.created + hourMS)
		if is.resolved == 0 || full {
			times.ResolutionBreach = s.stampOrNil(is.created + 3*dayMS)
		}
	}
	if t.has(hasSnooze, full) {
		times.SnoozedUntil = s.stampOrNil(is.updated + dayMS)
	}
	return times
}

// response is the time to the first answer, in milliseconds.
func (is *issue) response() int64 { return (is.latest - is.created) / 3 }

// beyondDouble is 2^53 + 1, an integer that no double holds.
const beyondDouble = 9007199254740993

func (g *generator) fillDurations(s *scratch, o *issueJSON, is *issue, t *traits) {
	full := is.index == fullIssue
	d := &o.issueDurations
	if is.latest > is.created {
		seconds := is.response() / secondMS
		d.BusinessHoursFirstResponse = new(seconds / 3)
		if d.FirstResponse = &seconds; full {
			*d.FirstResponse = beyondDouble
		}
	}
	if is.resolved != 0 {
		seconds := (is.resolved - is.created) / secondMS
		d.Resolution, d.BusinessHoursResolution = &seconds, new(seconds/3)
	}
	if t.has(hasTeamSLA, full) && t.team >= 0 {
		d.TeamSLAs = []teamSLA{{
			s.id(g.ids.id(kindTeam, t.team)), newSLA(is.created+hourMS, is.created+hourMS/2),
			newSLA(is.created+3*dayMS, is.resolved), newSLA(0, is.resolved),
		}}
	}
}

func newSLA(breach, done int64) slaTimes {
	sla := slaTimes{Breach: stampOrNil(breach), Time: stampOrNil(done)}
	if done != 0 {
		sla.Seconds, sla.BusinessHours = new(int64(1800)), new(int64(600))
	}
	return sla
}

func (g *generator) issueOrigin(is *issue, t *traits) issueOrigin {
	full := is.index == fullIssue
	o := issueOrigin{
		PortalVisible: t.flags>>50&1 == 0, Source: t.source, Type: t.kind, IsIssueGroup: t.has(hasGroup, full),
	}
	if is.edit != nil && is.edit.kind != "" {
		o.Type = is.edit.kind
	}
	if t.source == "slack" || full {
		o.Slack = &slackInfo{strconv.FormatInt(is.created/secondMS, 10) + ".000200", "C03ABC", "T01ABC"}
	}
	if t.source == "email" || t.source == "form" || full {
		o.WorkspaceEmail = "support@us.example"
	}
	if t.source == "chat_widget" || t.has(hasChatWidget, full) {
		o.ChatWidget = &chatWidgetInfo{"https://app.example/pricing?plan=pro&lang=de#faq"}
	}
	if o.IsIssueGroup {
		o.ChildIssues = []miniIssue{g.miniIssue(is.index + 1), g.miniIssue(is.index + 2)}
	}
	if t.has(hasParent, full) {
		o.ParentGroup = new(g.miniIssue(max(is.index-1, 0)))
	}
	if t.has(hasExternal, full) {
		id := "DEV-" + strconv.Itoa(is.index)
		o.ExternalIssues = []externalIssue{{"linear", id, "https://linear.app/acme/issue/" + id + "/x"}}
	}
	return o
}

func (g *generator) miniIssue(index int) miniIssue {
	return miniIssue{g.ids.id(kindIssue, index).String(), index + 1}
}

// fillClocks sets what moves while nobody does anything.
func (g *generator) fillClocks(o *issueJSON, is *issue, t *traits, state string, now int64) {
	since := is.created + (is.updated-is.created)/2
	switch {
	case is.edit != nil && is.edit.since != 0:
		since = is.edit.since
	case is.resolved != 0:
		since = is.resolved
	}
	first := max((since-is.created)/secondMS, 0)
	current := max((now-since)/secondMS, 0)
	active := (first + current) / 50
	var inStatus statusSeconds
	if begin := statuses[0].slug; state != begin {
		inStatus = append(inStatus, statusTime{begin, first})
	} else {
		current = max((now-is.created)/secondMS, 0)
	}
	inStatus = append(inStatus, statusTime{state, current})
	businessHours := slices.Clone(inStatus)
	for i := range businessHours {
		businessHours[i].seconds /= 3
	}
	o.TimeInStatus, o.BusinessHoursTimeInStatus = inStatus, businessHours
	if t.has(hasActiveTime, is.index == fullIssue) && t.assignee >= 0 {
		o.Active, o.BusinessHoursActive = &active, new(active/3)
		o.ActiveByUser = []userActive{{g.ids.id(kindUser, t.assignee).String(), active, active / 3}}
	}
}
