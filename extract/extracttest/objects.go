package extracttest

import "strconv"

// object is one version of an object of a small stream: all but issues and
// their children. Its content is drawn from index and rev, or is data.
type object struct {
	index   int
	rev     int
	key     string
	id      uuid
	group   string // what it is listed by: knowledge base or object type
	data    []byte
	created int64
	updated int64
}

var statuses = []struct {
	slug, label, category string
	archived              bool
}{
	{"new", "New", "new", false},
	{"waiting_on_you", "Waiting on you", "waiting_on_you", false},
	{"waiting_on_customer", "Waiting on customer", "waiting_on_customer", false},
	{"on_hold", "On hold", "on_hold", false},
	{"closed", "Closed", "closed", false},
	{"escalated", "Escalated 🔥", "on_hold", false},
	{"wont_fix", "Won't fix", "closed", false},
	{"triage_legacy", "Triage (alt)", "new", true},
}

var tagValues = []string{
	"billing", "bug", "feature request", "größe", "緊急", "vip ⭐", "a,b", "\"quoted\"", "<html>", "עברית", "p1", "onboarding",
}

// objectTypes are what custom fields are defined for.
var objectTypes = []string{"issue", "account", "contact", "task", "project", "meeting", "opportunity"}

var fieldTypes = []struct{ slug, label, kind string }{
	{"priority", "Priority", "select"},
	{"question_type", "Question type", "multiselect"},
	{"order_number", "Order number", "number"},
	{"due", "Due", "date"},
	{"contract_value", "Contract value (€)", "decimal"},
	{"is_urgent", "Is urgent?", "boolean"},
	{"seen_at", "Seen at", "datetime"},
	{"csm", "CSM", "user"},
	{"runbook", "Runbook", "url"},
	{"environment", "Umgebung – 環境", "text"},
	{"affected_project", "Affected project", "relationship"},
}

// appendRevision tells the versions of an object apart where a person reads them.
func appendRevision(dst []byte, o *object) []byte {
	if o.rev == 0 {
		return dst
	}
	dst = append(dst, " [r"...)
	dst = appendInt(dst, int64(o.rev))
	return append(dst, ']')
}

// appendName appends a JSON string: base, a number where the base is used again,
// and the revision.
func appendName(dst []byte, bases []string, o *object) []byte {
	dst = append(dst, '"')
	dst = appendEscaped(dst, bases[o.index%len(bases)])
	if o.index >= len(bases) {
		dst = append(dst, ' ')
		dst = appendInt(dst, int64(o.index))
	}
	dst = appendRevision(dst, o)
	return append(dst, '"')
}

func appendStart(dst []byte, o *object) []byte { return appendID(append(dst, `{"id":`...), o.id) }

func (g *generator) appendAccount(dst []byte, o *object) []byte {
	i, full := o.index, o.index == 0
	dst = appendStart(dst, o)
	dst = append(dst, `,"name":`...)
	dst = appendName(dst, companies, o)
	dst = append(dst, `,"owner":`...)
	if g.opts.Users > 0 && (full || i%3 == 1) {
		dst = g.appendMiniUser(dst, i%g.opts.Users)
	} else {
		dst = append(dst, "null"...)
	}
	domain := "account" + strconv.Itoa(i) + ".example"
	dst = append(dst, `,"domain":"`+domain+`","primary_domain":"`+domain+`","domains":["`+domain+`"],"type":"`...)
	dst = append(dst, [...]string{"customer", "customer", "internal", "community", "partner"}[i%5]...)
	dst = appendMember(dst, `","created_at":`, o.created)
	if full || i%5 != 4 || o.rev > 0 { // older accounts have none
		dst = appendMember(dst, `,"updated_at":`, o.updated)
	}
	dst = append(dst, `,"tags":`...)
	if full || i%4 == 2 {
		dst = appendStrings(dst, tagValues[:1+i%3])
	} else {
		dst = append(dst, "null"...)
	}
	dst = append(dst, `,"custom_fields":`...)
	if full || i%2 == 1 {
		dst = g.appendCustomFields(dst, g.hash(kindAccount, i), i, full)
	} else {
		dst = append(dst, "{}"...)
	}
	dst = appendMember(dst, `,"latest_customer_activity_time":`, o.created+hourMS)
	dst = append(dst, `,"external_ids":`...)
	dst = g.appendExternalIDs(dst, i)
	dst = append(dst, `,"is_disabled":`...)
	dst = appendBool(dst, i%10 == 7)
	dst = append(dst, `,"channels":[`...)
	if full || i%3 == 2 {
		dst = append(dst, `{"source":"slack","channel_id":"C0`...)
		dst = appendInt(dst, int64(i))
		dst = append(dst, `","channel_name":"ext-größe","channel_url":"https://acme.slack.example/archives/C0","is_primary":true,"is_internal":false,`...)
		dst = append(dst, `"mirror_to":{"source":"microsoft_teams","channel_id":"19:abc@thread.tacv2"}}`...)
	}
	dst = append(dst, ']')
	if full || i%4 == 3 {
		dst = append(dst, `,"crm_settings":{"details":[{"source":"hubspot","id":"00`...)
		dst = appendInt(dst, int64(i))
		dst = append(dst, `"},{"source":"salesforce","id":"0015g00000XyZ"}]}`...)
	}
	return append(dst, '}')
}

func (g *generator) appendContact(dst []byte, o *object) []byte {
	i, full := o.index, o.index == 0
	dst = appendStart(dst, o)
	dst = append(dst, `,"name":`...)
	dst = appendName(dst, people, o)
	dst = append(dst, `,"email":"`...)
	dst = g.appendContactEmail(dst, i)
	dst = append(dst, `","emails":["`...)
	dst = g.appendContactEmail(dst, i)
	dst = append(dst, `"],"avatar_url":`...)
	if full || i%3 == 1 {
		dst = g.appendSigned(dst, 1<<52|i, "avatar.png")
	} else {
		dst = append(dst, `""`...)
	}
	account := -1
	if g.opts.Accounts > 0 && (full || i%9 != 8) {
		account = i % g.opts.Accounts
	}
	dst = append(dst, `,"account":`...)
	dst = g.appendMiniAccount(dst, account)
	dst = append(dst, `,"custom_fields":`...)
	dst = g.appendCustomFields(dst, g.hash(kindContact, i), i, full)
	dst = append(dst, `,"external_ids":`...)
	dst = g.appendExternalIDs(dst, i)
	if full || i%2 == 1 {
		dst = append(dst, `,"integration_user_ids":[{"id":"U024BE7LH","source":"slack"}],"phone_numbers":["+49 30 1234567","+1 555 0100"],"primary_phone_number":"+49 30 1234567"`...)
	} else {
		dst = append(dst, `,"integration_user_ids":[],"phone_numbers":null,"primary_phone_number":null`...)
	}
	dst = append(dst, `,"portal_role":"`...)
	dst = append(dst, [...]string{"member", "no_access", "admin"}[i%3]...)
	dst = append(dst, `","portal_role_id":`...)
	if g.opts.UserRoles > 0 && i%3 == 0 {
		dst = appendID(dst, g.ids.id(kindUserRole, i%g.opts.UserRoles))
	} else {
		dst = append(dst, "null"...)
	}
	return append(dst, '}')
}

func (g *generator) appendTag(dst []byte, o *object) []byte {
	dst = appendStart(dst, o)
	dst = append(dst, `,"value":"`...)
	dst = appendEscaped(dst, g.tagValue(o.index))
	dst = appendRevision(dst, o)
	dst = append(dst, `","object_type":"`...)
	dst = append(dst, [...]string{"issue", "issue", "account", "article"}[o.index%4]...)
	dst = append(dst, `","hex_color":"#`...)
	color := g.hash(kindTag, o.index)
	for i := range 6 {
		dst = append(dst, lowerHex[color>>(4*i)&0xf])
	}
	return append(dst, `"}`...)
}

func (g *generator) appendTeam(dst []byte, o *object) []byte {
	dst = appendStart(dst, o)
	dst = append(dst, `,"name":`...)
	dst = appendName(dst, []string{"Tier 1", "Tier 2 🌍", "Équipe facturation", "夜間対応"}, o)
	dst = append(dst, `,"users":[`...)
	if g.opts.Users > 0 && o.index%4 != 3 {
		dst = g.appendMiniUser(dst, o.index%g.opts.Users)
		dst = append(dst, ',')
		dst = g.appendMiniUser(dst, (o.index+1)%g.opts.Users)
	}
	dst = append(dst, ']')
	if o.index%2 == 0 { // newer, of unknown shape
		dst = append(dst, `,"assignment_configuration":{"strategy":"round_robin","max_open":7},"schedule":{"timezone":"Europe/Berlin","days":[1,2,3,4,5]}`...)
	}
	return append(dst, '}')
}

func (g *generator) appendUser(dst []byte, o *object) []byte {
	i := o.index
	dst = appendStart(dst, o)
	dst = append(dst, `,"name":`...)
	dst = appendName(dst, people, o)
	dst = append(dst, `,"email":"user`...)
	dst = appendInt(dst, int64(i))
	dst = append(dst, `@us.example","emails":["user`...)
	dst = appendInt(dst, int64(i))
	dst = append(dst, `@us.example"],"avatar_url":`...)
	if i%4 == 3 {
		dst = append(dst, `""`...)
	} else {
		dst = g.appendSigned(dst, i, "avatar.png")
	}
	if g.opts.UserRoles > 0 {
		role := i % g.opts.UserRoles
		dst = append(dst, `,"role_id":`...)
		dst = appendID(dst, g.ids.id(kindUserRole, role))
		dst = append(dst, `,"role":`...)
		dst = g.appendRole(dst, role)
		dst = append(dst, `,"roles":[`...)
		dst = g.appendRole(dst, role)
		dst = append(dst, ']')
	}
	dst = append(dst, `,"status":"`...)
	dst = append(dst, [...]string{"active", "away", "out_of_office"}[i%3]...)
	dst = append(dst, `","is_deactivated":`...)
	dst = appendBool(dst, deactivated(o))
	return append(dst, '}')
}

// deactivated users are listed on request only.
func deactivated(o *object) bool { return o.index%5 == 3 }

func (g *generator) appendRole(dst []byte, i int) []byte {
	o := object{index: i, id: g.ids.id(kindUserRole, i)}
	return g.appendUserRole(dst, &o)
}

func (g *generator) appendUserRole(dst []byte, o *object) []byte {
	dst = appendStart(dst, o)
	dst = append(dst, `,"name":`...)
	dst = appendName(dst, []string{"Admin", "Member", "Viewer", "Écriture seule"}, o)
	dst = append(dst, `,"slug":`...)
	dst = appendSlug(dst, []string{"admin", "member", "viewer", "ecriture_seule"}, o.index)
	return append(dst, '}')
}

// appendSlug appends a slug as a JSON string.
func appendSlug(dst []byte, bases []string, i int) []byte {
	dst = append(dst, '"')
	dst = append(dst, bases[i%len(bases)]...)
	if i >= len(bases) {
		dst = append(dst, '_')
		dst = appendInt(dst, int64(i))
	}
	return append(dst, '"')
}

func (g *generator) appendTicketForm(dst []byte, o *object) []byte {
	dst = appendStart(dst, o)
	dst = append(dst, `,"name":`...)
	dst = appendName(dst, []string{"Bug", "Frage & Antwort", "機能要望"}, o)
	dst = append(dst, `,"slug":`...)
	dst = appendSlug(dst, []string{"bug", "frage", "request"}, o.index)
	dst = append(dst, `,"url":"https://portal.us.example/forms/`...)
	dst = appendInt(dst, int64(o.index))
	dst = append(dst, `","description_html":"`...)
	if o.index%2 == 0 {
		dst = append(dst, g.paragraphs[o.index%len(g.paragraphs)]...)
	}
	dst = append(dst, `","is_public":`...)
	dst = appendBool(dst, o.index%2 == 0)
	dst = append(dst, `,"fields":[`...)
	if o.index%3 != 2 {
		dst = append(dst, `{"name":"Title","slug":"title","type":"text","description_html":""},`...)
		dst = append(dst, `{"name":"Größe","slug":"size","type":"select","description_html":"\u003cp\u003eS, M or L\u003c/p\u003e"}`...)
	}
	return append(dst, `]}`...)
}

func (g *generator) appendActivityType(dst []byte, o *object) []byte {
	dst = appendStart(dst, o)
	dst = append(dst, `,"label":`...)
	dst = appendName(dst, []string{"Call", "Meeting 🤝", "E-Mail", "訪問", "Demo"}, o)
	dst = append(dst, `,"slug":`...)
	dst = appendSlug(dst, []string{"call", "meeting", "email", "visit", "demo"}, o.index)
	dst = append(dst, `,"icon_url":"https://assets.usepylon.com/icons/`...)
	dst = appendInt(dst, int64(o.index))
	return append(dst, `.svg"}`...)
}

func (g *generator) appendIssueStatus(dst []byte, o *object) []byte {
	s := statuses[o.index%len(statuses)]
	dst = append(dst, `{"slug":`...)
	dst = appendString(dst, o.key)
	dst = append(dst, `,"label":"`...)
	dst = appendEscaped(dst, s.label)
	dst = appendRevision(dst, o)
	dst = append(dst, `","category":"`...)
	dst = append(dst, s.category...)
	dst = append(dst, `","is_default_status":`...)
	dst = appendBool(dst, o.index < baseStatuses)
	dst = append(dst, `,"is_archived":`...)
	dst = appendBool(dst, s.archived)
	return append(dst, '}')
}

// statusSlug is the key of an issue status.
func statusSlug(i int) string {
	if i < len(statuses) {
		return statuses[i].slug
	}
	return "custom_status_" + strconv.Itoa(i)
}
