package extracttest

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
	hasSlack
	hasTeamSLA
	hasUnverified
	hasAllCustomFields
	hasEmptyLists
)

// has is true for one in eight issues, and always for the full one.
func (t *traits) has(flag int, full bool) bool { return full || t.flags>>flag&7 == 0 }

// appendIssue appends the JSON of an issue as of now, in milliseconds: now
// decides what the counters of time show, and nothing else.
func (g *generator) appendIssue(dst []byte, is *issue, now int64) []byte {
	t := g.traits(is.index)
	var edit issueEdit
	if is.edit != nil {
		edit = *is.edit
	}
	number, full := is.index+1, is.index == fullIssue
	state := g.state(is)
	mistyped := g.opts.Mistyped > 0 && is.index%g.opts.Mistyped == g.opts.Mistyped-1

	dst = append(dst, `{"id":`...)
	dst = appendID(dst, is.id)
	dst = append(dst, `,"number":`...)
	if mistyped {
		dst = append(dst, '"')
	}
	dst = appendInt(dst, int64(number))
	if mistyped {
		dst = append(dst, '"')
	}
	dst = append(dst, `,"title":`...)
	dst = appendString(dst, g.title(is))
	dst = append(dst, `,"link":"https://app.usepylon.com/issues?issueNumber=`...)
	dst = appendInt(dst, int64(number))
	dst = append(dst, `","body_html":"`...)
	if edit.body != "" {
		dst = appendEscaped(dst, edit.body)
	} else {
		dst = g.appendBody(dst, is.random, number)
	}
	dst = append(dst, `","source":"`...)
	dst = append(dst, t.source...)
	dst = append(dst, `","type":"`...)
	dst = append(dst, orElse(edit.kind, t.kind)...)
	dst = append(dst, `","state":`...)
	dst = appendString(dst, state)

	dst = g.appendIssueTimes(dst, is, &t)
	dst = g.appendIssueCounters(dst, is, &t, state, now)
	dst = g.appendIssuePeople(dst, &t, &edit)

	dst = append(dst, `,"tags":`...)
	switch tags := g.issueTags(is, &t); {
	case mistyped:
		dst = append(dst, `"not a list"`...)
	case len(tags) > 0:
		dst = appendStrings(dst, tags)
	case t.has(hasEmptyLists, false):
		dst = append(dst, "[]"...)
	default:
		dst = append(dst, "null"...)
	}
	dst = append(dst, `,"custom_fields":`...)
	dst = g.appendCustomFields(dst, is.random, is.index, full || t.has(hasAllCustomFields, full))
	dst = append(dst, `,"number_of_touches":`...)
	dst = appendInt(dst, int64(is.random>>8&0xf)+int64(is.rev))
	dst = append(dst, `,"customer_portal_visible":`...)
	dst = appendBool(dst, t.flags>>50&1 == 0)
	dst = append(dst, `,"author_unverified":`...)
	if mistyped {
		dst = append(dst, `"false"`...)
	} else {
		dst = appendBool(dst, t.has(hasUnverified, full))
	}
	dst = append(dst, `,"workspace_email":`...)
	if t.source == "email" || full {
		dst = append(dst, `"support@us.example"`...)
	} else {
		dst = append(dst, `""`...)
	}
	dst = append(dst, `,"is_issue_group":`...)
	dst = appendBool(dst, t.has(hasGroup, full))
	dst = g.appendIssueLinks(dst, is, &t)
	if n := g.opts.UnknownFields; n > 0 && (full || is.index%n == n-1) {
		dst = append(dst, `,"sentiment_score":0.30000000000000004,"ai_summary":{"text":"…","tokens":123456789012345678901234,"labels":[null,true,1.0e2]}`...)
	}
	return append(dst, '}')
}

func appendBool(dst []byte, b bool) []byte {
	if b {
		return append(dst, "true"...)
	}
	return append(dst, "false"...)
}

func appendMember(dst []byte, member string, ms int64) []byte {
	dst = append(dst, member...)
	if ms == 0 {
		return append(dst, "null"...)
	}
	return appendTime(dst, ms)
}

func (g *generator) appendIssueTimes(dst []byte, is *issue, t *traits) []byte {
	full := is.index == fullIssue
	dst = appendMember(dst, `,"created_at":`, is.created)
	if n := g.opts.NoUpdatedAt; n == 0 || is.index%n != n-1 {
		dst = appendMember(dst, `,"updated_at":`, is.updated)
	}
	dst = appendMember(dst, `,"latest_message_time":`, is.latest)
	if is.latest > is.created {
		response := (is.latest - is.created) / 3
		dst = appendMember(dst, `,"first_response_time":`, is.created+response)
		dst = append(dst, `,"first_response_seconds":`...)
		if full {
			dst = append(dst, "9007199254740993"...) // 2^53 + 1: no double holds it
		} else {
			dst = appendInt(dst, response/secondMS)
		}
		dst = append(dst, `,"business_hours_first_response_seconds":`...)
		dst = appendInt(dst, response/secondMS/3)
	} else {
		dst = append(dst, `,"first_response_time":null`...)
	}
	dst = appendMember(dst, `,"resolution_time":`, is.resolved)
	if is.resolved != 0 {
		dst = append(dst, `,"resolution_seconds":`...)
		dst = appendInt(dst, (is.resolved-is.created)/secondMS)
		dst = append(dst, `,"business_hours_resolution_seconds":`...)
		dst = appendInt(dst, (is.resolved-is.created)/secondMS/3)
	} else {
		dst = append(dst, `,"resolution_seconds":null,"business_hours_resolution_seconds":null`...)
	}
	if t.has(hasSLA, full) {
		dst = appendMember(dst, `,"first_response_breach_time":`, is.created+hourMS)
		if is.resolved == 0 || full {
			dst = appendMember(dst, `,"resolution_breach_time":`, is.created+3*dayMS)
		}
	}
	if t.has(hasSnooze, full) {
		dst = appendMember(dst, `,"snoozed_until_time":`, is.updated+dayMS)
	}
	if t.has(hasTeamSLA, full) && t.team >= 0 {
		dst = append(dst, `,"team_slas":[{"team_id":`...)
		dst = appendID(dst, g.ids.id(kindTeam, t.team))
		dst = append(dst, `,"first_response":`...)
		dst = appendSLA(dst, is.created+hourMS, is.created+hourMS/2)
		dst = append(dst, `,"resolution":`...)
		dst = appendSLA(dst, is.created+3*dayMS, is.resolved)
		dst = append(dst, `}]`...)
	}
	return dst
}

func appendSLA(dst []byte, breach, done int64) []byte {
	dst = appendMember(dst, `{"breach_time":`, breach)
	if done != 0 {
		dst = append(dst, `,"seconds":1800,"business_hours_seconds":600`...)
		dst = appendMember(dst, `,"time":`, done)
	}
	return append(dst, '}')
}

// appendIssueCounters appends the clocks: what moves while nobody does anything.
func (g *generator) appendIssueCounters(dst []byte, is *issue, t *traits, state string, now int64) []byte {
	since := is.created + (is.updated-is.created)/2
	switch {
	case is.edit != nil && is.edit.since != 0:
		since = is.edit.since
	case is.resolved != 0:
		since = is.resolved
	}
	first := max((since-is.created)/secondMS, 0)
	current := max((now-since)/secondMS, 0)
	for _, c := range [2]struct {
		member string
		share  int64
	}{{`,"time_in_status_seconds":{`, 1}, {`,"business_hours_time_in_status_seconds":{`, 3}} {
		dst = append(dst, c.member...)
		if state != statuses[0].slug {
			dst = append(dst, `"new":`...)
			dst = appendInt(dst, first/c.share)
			dst = append(dst, ',')
		} else {
			current = max((now-is.created)/secondMS, 0)
		}
		dst = appendString(dst, state)
		dst = append(dst, ':')
		dst = appendInt(dst, current/c.share)
		dst = append(dst, '}')
	}
	if t.has(hasActiveTime, is.index == fullIssue) && t.assignee >= 0 {
		active := (first + current) / 50
		dst = append(dst, `,"active_time_seconds":`...)
		dst = appendInt(dst, active)
		dst = append(dst, `,"business_hours_active_time_seconds":`...)
		dst = appendInt(dst, active/3)
		dst = append(dst, `,"active_time_by_user":[{"user_id":`...)
		dst = appendID(dst, g.ids.id(kindUser, t.assignee))
		dst = append(dst, `,"active_time_seconds":`...)
		dst = appendInt(dst, active)
		dst = append(dst, `,"business_hours_active_time_seconds":`...)
		dst = appendInt(dst, active/3)
		dst = append(dst, `}]`...)
	}
	return dst
}

func (g *generator) appendIssuePeople(dst []byte, t *traits, edit *issueEdit) []byte {
	dst = append(dst, `,"account":`...)
	if edit.account != "" {
		dst = appendEdited(dst, edit.account)
	} else {
		dst = g.appendMiniAccount(dst, t.account)
	}
	dst = append(dst, `,"assignee":`...)
	if edit.assignee != "" {
		dst = appendEdited(dst, edit.assignee)
	} else {
		dst = g.appendMiniUser(dst, t.assignee)
	}
	dst = append(dst, `,"requester":`...)
	dst = g.appendMiniContact(dst, t.contact)
	dst = append(dst, `,"team":`...)
	switch {
	case edit.team != "":
		dst = appendEdited(dst, edit.team)
	case t.team >= 0:
		dst = append(dst, `{"id":`...)
		dst = appendID(dst, g.ids.id(kindTeam, t.team))
		dst = append(dst, '}')
	default:
		dst = append(dst, "null"...)
	}
	return dst
}

// appendIssueLinks appends what points elsewhere: left out where there is none.
func (g *generator) appendIssueLinks(dst []byte, is *issue, t *traits) []byte {
	full := is.index == fullIssue
	switch {
	case t.has(hasAttachments, full):
		dst = append(dst, `,"attachment_urls":[`...)
		dst = g.appendSigned(dst, childIndex(is.index, 0), "screen shot & log.png")
		dst = append(dst, ',')
		dst = g.appendSigned(dst, childIndex(is.index, 1), "экспорт.csv")
		dst = append(dst, ']')
	case t.has(hasEmptyLists, full):
		dst = append(dst, `,"attachment_urls":[]`...)
	default:
		dst = append(dst, `,"attachment_urls":null`...)
	}
	if t.has(hasChatWidget, full) || t.source == "chat_widget" {
		dst = append(dst, `,"chat_widget_info":{"page_url":"https://app.example/pricing?plan=pro\u0026lang=de#faq"}`...)
	}
	if t.has(hasGroup, full) {
		dst = append(dst, `,"child_issues":[`...)
		dst = g.appendMiniIssue(dst, is.index+1)
		dst = append(dst, ',')
		dst = g.appendMiniIssue(dst, is.index+2)
		dst = append(dst, ']')
	}
	if t.has(hasParent, full) {
		dst = append(dst, `,"parent_issue_group":`...)
		dst = g.appendMiniIssue(dst, max(is.index-1, 0))
	}
	if t.has(hasCSAT, full) {
		dst = append(dst, `,"csat_responses":[{"score":5,"comment":"schnell & freundlich 👍"},{"score":1,"comment":""}]`...)
	}
	if t.has(hasExternal, full) {
		dst = append(dst, `,"external_issues":[{"source":"linear","external_id":"DEV-`...)
		dst = appendInt(dst, int64(is.index))
		dst = append(dst, `","link":"https://linear.app/acme/issue/DEV-`...)
		dst = appendInt(dst, int64(is.index))
		dst = append(dst, `/x"}]`...)
	}
	if t.source == "slack" || full {
		dst = append(dst, `,"slack":{"channel_id":"C03ABC","message_ts":"`...)
		dst = appendInt(dst, is.created/secondMS)
		dst = append(dst, `.000200","workspace_id":"T01ABC"}`...)
	}
	return dst
}

func (g *generator) appendMiniIssue(dst []byte, index int) []byte {
	dst = append(dst, `{"id":`...)
	dst = appendID(dst, g.ids.id(kindIssue, index))
	dst = append(dst, `,"number":`...)
	dst = appendInt(dst, int64(index)+1)
	return append(dst, '}')
}
