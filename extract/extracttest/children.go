package extracttest

import "strconv"

// child is one version of a message or thread of an issue.
type child struct {
	place    int // among those ever made for the issue
	id       uuid
	at       int64  // of a message: when it was written
	text     string // HTML of a message, name of a thread; "": drawn
	threadID string
	private  bool
	rev      int
}

// childSpec says what messages and threads do not have in common.
type childSpec struct {
	stream string
	kind   kind
	// count is how many an issue began with; generate computes one of the n.
	count    func(g *generator, is *issue) int
	generate func(g *generator, is *issue, place, n int) child
	render   func(g *generator, issue int, c *child) any
	edited   string // before the revision, in a text that nobody gave
	closing  string // after it
}

var (
	messages = &childSpec{
		streamMessages, kindMessage, (*generator).messageCount, (*generator).message, (*generator).messageObject, "<p>Edited", "</p>",
	}
	threads = &childSpec{
		streamThreads, kindThread, (*generator).threadCount, (*generator).thread, (*generator).threadObject, "Renamed", "",
	}
	childSpecs = []*childSpec{messages, threads}
)

// generated computes the children that an issue began with, oldest first.
func (s *childSpec) generated(g *generator, is *issue) []child {
	list := make([]child, s.count(g, is))
	for place := range list {
		list[place] = s.generate(g, is, place, len(list))
	}
	return list
}

// message computes message place of n.
func (g *generator) message(is *issue, place, n int) child {
	m := child{place: place, id: g.ids.id(kindMessage, childIndex(is.index, place)), at: is.created}
	if place > 0 {
		// At least a millisecond apart, so that the order is the places'.
		m.at = is.created + (is.latest-is.created)*int64(place)/int64(n-1)
		d := g.draw(kindMessage, childIndex(is.index, place))
		m.private = d.oneIn(5) || is.index == fullIssue && place == 1
		if n := g.threadCount(is); m.private && n > 0 {
			m.threadID = g.ids.id(kindThread, childIndex(is.index, d.below(n))).String()
		}
	}
	return m
}

func (g *generator) thread(is *issue, place, _ int) child {
	return child{place: place, id: g.ids.id(kindThread, childIndex(is.index, place))}
}

// messageJSON is a message as the API's description has it: no capture is public.
type messageJSON struct {
	ID        string     `json:"id"`
	HTML      string     `json:"message_html"`
	Timestamp string     `json:"timestamp"`
	IsPrivate bool       `json:"is_private"`
	Source    string     `json:"source"`
	ThreadID  *string    `json:"thread_id,omitempty"`
	Author    author     `json:"author"`
	EmailInfo *emailInfo `json:"email_info,omitempty"`
	FileURLs  []string   `json:"file_urls"`
}

type author struct {
	Name      string       `json:"name"`
	AvatarURL string       `json:"avatar_url"`
	User      *miniUser    `json:"user,omitempty"`
	Contact   *miniContact `json:"contact,omitempty"`
}

type miniContact struct {
	ID    string `json:"id"`
	Email string `json:"email"`
}

type emailInfo struct {
	From      string   `json:"from_email"`
	To        []string `json:"to_emails"`
	CC        []string `json:"cc_emails"`
	BCC       []string `json:"bcc_emails"`
	MessageID string   `json:"message_id"`
}

// messageObject is what the API sends of a message of the issue with that index.
func (g *generator) messageObject(issue int, m *child) any {
	number := childIndex(issue, m.place)
	d := g.draw(kindMessage, number)
	d.next()
	t := g.traits(issue)
	full := issue == fullIssue
	o := messageJSON{ID: m.id.String(), HTML: m.text, Timestamp: stamp(m.at), IsPrivate: m.private, Source: t.source}
	switch {
	case m.text != "":
	case m.place == 0: // the same as the issue's own body
		o.HTML = g.body(mix(g.hash(kindIssue, issue)), issue+1)
	default:
		o.HTML = g.body(d.next(), issue+1)
	}
	if m.private || full {
		o.ThreadID = &m.threadID
	}
	o.Author = g.author(&d, m, &t)
	if t.source == "email" || full {
		o.EmailInfo = g.emailInfo(number, &t)
	}
	switch {
	case full || d.oneIn(8):
		o.FileURLs = []string{g.signed(messageFile|number, "日報.pdf")}
	case d.oneIn(2):
		o.FileURLs = []string{}
	}
	return o
}

// author makes the requester, another contact, a user or a bot the author.
func (g *generator) author(d *draw, m *child, t *traits) author {
	bot := m.place > 0 && !m.private && d.oneIn(12)
	user := m.private || m.place > 0 && d.oneIn(2)
	contact := t.contact
	if m.place > 0 && g.opts.Contacts > 0 {
		contact = d.below(g.opts.Contacts)
	}
	u := d.below(g.opts.Users)
	switch {
	case bot:
		return author{Name: "Runbook 🤖"}
	case user && g.opts.Users > 0:
		return author{Name: people[u%len(people)], AvatarURL: g.signed(u, "avatar.png"), User: new(g.miniUser(u))}
	case contact < 0:
		return author{Name: people[0]}
	}
	return author{Name: people[contact%len(people)], Contact: &miniContact{g.ids.id(kindContact, contact).String(), g.contactEmail(contact)}}
}

func (g *generator) emailInfo(number int, t *traits) *emailInfo {
	info := &emailInfo{
		From: g.contactEmail(max(t.contact, 0)), To: []string{"support@us.example"}, CC: []string{},
		MessageID: "<" + strconv.Itoa(number) + "@mail.us.example>",
	}
	if number == 0 {
		info.CC = []string{"ops@us.example", `"Zoë Quick" <zoe@us.example>`}
		info.BCC = []string{"archive@us.example"}
	}
	return info
}

// threadJSON is a thread as the API's description has it.
type threadJSON struct {
	ID        string `json:"id"`
	IssueID   string `json:"issue_id"`
	Name      string `json:"name"`
	Source    string `json:"source"`
	ChannelID string `json:"channel_id"`
	ThreadID  string `json:"thread_id"`
}

func (g *generator) threadObject(issue int, t *child) any {
	o := threadJSON{ID: t.id.String(), IssueID: g.ids.id(kindIssue, issue).String(), Name: t.text, Source: "manual"}
	if o.Name == "" {
		o.Name = "Escalation " + strconv.Itoa(t.place+1)
	}
	if d := g.draw(kindThread, childIndex(issue, t.place)); issue == fullIssue || d.oneIn(2) {
		o.Source, o.ChannelID, o.ThreadID = "slack", "C0INT", "17525395"+strconv.Itoa(10+t.place)+".000100"
	}
	return o
}
