package extracttest

// message is one version of a message of an issue.
type message struct {
	place    int // among the messages ever made for the issue
	id       uuid
	at       int64
	html     string // "": drawn from the id
	threadID string
	private  bool
	rev      int
}

// thread is one version of an internal thread of an issue.
type thread struct {
	place int
	id    uuid
	name  string // "": drawn
	rev   int
}

// message computes message place of the n that an issue began with, oldest first.
func (g *generator) message(is *issue, place, n int) message {
	m := message{place: place, id: g.ids.id(kindMessage, childIndex(is.index, place)), at: is.created}
	if place > 0 {
		// At least a millisecond apart, so that the order is the places'.
		m.at = is.created + (is.latest-is.created)*int64(place)/int64(n-1)
		d := g.draw(kindMessage, childIndex(is.index, place))
		m.private = d.oneIn(5) || is.index == fullIssue && place == 1
		if threads := g.threadCount(is); m.private && threads > 0 {
			m.threadID = g.ids.id(kindThread, childIndex(is.index, d.below(threads))).String()
		}
	}
	return m
}

func (g *generator) generatedMessages(is *issue) []message {
	n := g.messageCount(is)
	list := make([]message, n)
	for place := range list {
		list[place] = g.message(is, place, n)
	}
	return list
}

func (g *generator) generatedThreads(is *issue) []thread {
	list := make([]thread, g.threadCount(is))
	for place := range list {
		list[place] = thread{place: place, id: g.ids.id(kindThread, childIndex(is.index, place))}
	}
	return list
}

// appendMessage appends the JSON of a message of the issue with that index.
func (g *generator) appendMessage(dst []byte, index int, m *message) []byte {
	child := childIndex(index, m.place)
	d := g.draw(kindMessage, child)
	d.next()
	t := g.traits(index)
	full := index == fullIssue

	dst = append(dst, `{"id":`...)
	dst = appendID(dst, m.id)
	dst = append(dst, `,"message_html":"`...)
	switch {
	case m.html != "":
		dst = appendEscaped(dst, m.html)
	case m.place == 0: // the same as the issue's own body
		dst = g.appendBody(dst, mix(g.hash(kindIssue, index)), index+1)
	default:
		dst = g.appendBody(dst, d.next(), index+1)
	}
	dst = appendMember(dst, `","timestamp":`, m.at)
	dst = append(dst, `,"is_private":`...)
	dst = appendBool(dst, m.private)
	dst = append(dst, `,"source":"`...)
	dst = append(dst, t.source...)
	dst = append(dst, '"')
	if m.private || full {
		dst = append(dst, `,"thread_id":`...)
		dst = appendString(dst, m.threadID)
	}
	dst = append(dst, `,"author":`...)
	dst = g.appendAuthor(dst, &d, m, &t)
	if t.source == "email" || full {
		dst = g.appendEmailInfo(dst, child, &t)
	}
	dst = append(dst, `,"file_urls":`...)
	switch {
	case full || d.oneIn(8):
		dst = append(dst, '[')
		dst = g.appendSigned(dst, 1<<50|child, "日報.pdf")
		dst = append(dst, ']')
	case d.oneIn(2):
		dst = append(dst, "[]"...)
	default:
		dst = append(dst, "null"...)
	}
	return append(dst, '}')
}

// appendAuthor makes the requester, another contact, a user or a bot the author.
func (g *generator) appendAuthor(dst []byte, d *draw, m *message, t *traits) []byte {
	bot := m.place > 0 && !m.private && d.oneIn(12)
	user := m.private || m.place > 0 && d.oneIn(2)
	contact := t.contact
	if m.place > 0 && g.opts.Contacts > 0 {
		contact = d.below(g.opts.Contacts)
	}
	u := d.below(g.opts.Users)
	switch {
	case bot:
		return append(dst, `{"name":"Runbook 🤖","avatar_url":""}`...)
	case user && g.opts.Users > 0:
		dst = append(dst, `{"name":`...)
		dst = appendString(dst, people[u%len(people)])
		dst = append(dst, `,"avatar_url":`...)
		dst = g.appendSigned(dst, u, "avatar.png")
		dst = append(dst, `,"user":`...)
		dst = g.appendMiniUser(dst, u)
	default:
		dst = append(dst, `{"name":`...)
		dst = appendString(dst, people[(contact+len(people))%len(people)])
		dst = append(dst, `,"avatar_url":"","contact":`...)
		dst = g.appendMiniContact(dst, contact)
	}
	return append(dst, '}')
}

func (g *generator) appendEmailInfo(dst []byte, child int, t *traits) []byte {
	dst = append(dst, `,"email_info":{"from_email":"`...)
	dst = g.appendContactEmail(dst, max(t.contact, 0))
	dst = append(dst, `","to_emails":["support@us.example"],"cc_emails":`...)
	if child == 0 {
		dst = append(dst, `["ops@us.example","\"Zoë Quick\" \u003czoe@us.example\u003e"],"bcc_emails":["archive@us.example"]`...)
	} else {
		dst = append(dst, `[],"bcc_emails":null`...)
	}
	dst = append(dst, `,"message_id":"\u003c`...)
	dst = appendInt(dst, int64(child))
	return append(dst, `@mail.us.example\u003e"}`...)
}

func (g *generator) appendThread(dst []byte, index int, t *thread) []byte {
	dst = append(dst, `{"id":`...)
	dst = appendID(dst, t.id)
	dst = append(dst, `,"issue_id":`...)
	dst = appendID(dst, g.ids.id(kindIssue, index))
	dst = append(dst, `,"name":`...)
	if t.name != "" {
		dst = appendString(dst, t.name)
	} else {
		dst = append(dst, `"Escalation `...)
		dst = appendInt(dst, int64(t.place)+1)
		dst = append(dst, `"`...)
	}
	if d := g.draw(kindThread, childIndex(index, t.place)); index == fullIssue || d.oneIn(2) {
		dst = append(dst, `,"source":"slack","channel_id":"C0INT","thread_id":"17525395`...)
		dst = appendInt(dst, int64(10+t.place))
		dst = append(dst, `.000100"}`...)
	} else {
		dst = append(dst, `,"source":"manual","channel_id":"","thread_id":""}`...)
	}
	return dst
}
