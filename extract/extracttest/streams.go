package extracttest

import (
	"bytes"
	"cmp"
	"slices"
)

// Names of the streams that need code of their own.
const (
	streamIssues       = "issues"
	streamMessages     = "issue_messages"
	streamThreads      = "issue_threads"
	streamCustomFields = "custom_fields"
	streamArticles     = "knowledge_base_articles"
	streamBases        = "knowledge_bases"
	streamStatuses     = "issue_statuses"
	streamUsers        = "users"
)

// spec says what a small stream holds.
type spec struct {
	stream string
	kind   kind
	size   func(o *Options) int
	render func(g *generator, dst []byte, o *object) []byte
}

// specs are the streams that are held as tables: all but issues and their
// children. Knowledge bases come before their articles.
var specs = []spec{
	{"accounts", kindAccount, func(o *Options) int { return o.Accounts }, (*generator).appendAccount},
	{"contacts", kindContact, func(o *Options) int { return o.Contacts }, (*generator).appendContact},
	{"tags", kindTag, func(o *Options) int { return o.Tags }, (*generator).appendTag},
	{"teams", kindTeam, func(o *Options) int { return o.Teams }, (*generator).appendTeam},
	{streamUsers, kindUser, func(o *Options) int { return o.Users }, (*generator).appendUser},
	{streamCustomFields, kindCustomField, func(o *Options) int { return o.CustomFields * len(objectTypes) }, (*generator).appendCustomField},
	{streamBases, kindKnowledgeBase, func(o *Options) int { return o.KnowledgeBases }, (*generator).appendKnowledgeBase},
	{streamArticles, kindArticle, func(o *Options) int { return o.Articles * o.KnowledgeBases }, (*generator).appendArticle},
	{"ticket_forms", kindTicketForm, func(o *Options) int { return o.TicketForms }, (*generator).appendTicketForm},
	{"user_roles", kindUserRole, func(o *Options) int { return o.UserRoles }, (*generator).appendUserRole},
	{"activity_types", kindActivityType, func(o *Options) int { return o.ActivityTypes }, (*generator).appendActivityType},
	{streamStatuses, kindIssueStatus, func(o *Options) int { return o.IssueStatuses }, (*generator).appendIssueStatus},
}

// Streams returns the names of the 15 streams.
func Streams() []string {
	names := []string{streamIssues, streamMessages, streamThreads}
	for _, s := range specs {
		names = append(names, s.stream)
	}
	slices.Sort(names)
	return names
}

// table holds the objects of one small stream: a few words each, since what is
// not edited is drawn when somebody asks. An object in it is never changed, but
// replaced.
type table struct {
	spec
	next  int       // index of the next object to be made
	list  []*object // by created_at and id, oldest first
	byKey map[string]*object
}

func newTable(g *generator, s spec) *table {
	n := s.size(&g.opts)
	t := &table{spec: s, next: n, list: make([]*object, 0, n), byKey: make(map[string]*object, n)}
	for i := range n {
		created := g.created(s.kind, i, n)
		o := &object{index: i, created: created, updated: created + (g.now-created)/2}
		switch s.stream {
		case streamCustomFields:
			o.group = objectTypes[i/g.opts.CustomFields]
		case streamArticles:
			o.group = g.ids.id(kindKnowledgeBase, i/g.opts.Articles).String()
		}
		t.name(g, o)
		t.list = append(t.list, o)
		t.byKey[o.key] = o
	}
	slices.SortFunc(t.list, compareObjects)
	return t
}

// name gives an object its id and its key.
func (t *table) name(g *generator, o *object) {
	o.id = g.ids.id(t.kind, o.index)
	switch t.stream {
	case streamCustomFields:
		o.key = o.group + ":" + o.id.String()
	case streamStatuses:
		o.key = statusSlug(o.index)
	default:
		o.key = o.id.String()
	}
}

func compareObjects(x, y *object) int {
	if c := cmp.Compare(x.created, y.created); c != 0 {
		return c
	}
	return bytes.Compare(x.id[:], y.id[:])
}

// put adds the object, or replaces the version of it that is there.
func (t *table) put(o *object) {
	t.byKey[o.key] = o
	i, found := slices.BinarySearchFunc(t.list, o, compareObjects)
	if found {
		t.list[i] = o
		return
	}
	t.list = slices.Insert(t.list, i, o)
}

func (t *table) remove(o *object) {
	delete(t.byKey, o.key)
	if i, found := slices.BinarySearchFunc(t.list, o, compareObjects); found {
		t.list = slices.Delete(t.list, i, i+1)
	}
}

// before returns the index after the last object that is older than the position.
func (t *table) before(p position) int {
	i, _ := slices.BinarySearchFunc(t.list, p, func(o *object, p position) int {
		if p.after(o.created, o.id) {
			return -1
		}
		return 1
	})
	return i
}

// appendObject appends the JSON of an object.
func (t *table) appendObject(g *generator, dst []byte, o *object) []byte {
	if o.data != nil {
		return append(dst, o.data...)
	}
	return t.render(g, dst, o)
}
