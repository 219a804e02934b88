package extracttest

import (
	"maps"
	"slices"
)

// Names of the streams that are named in code.
const (
	streamIssues       = "issues"
	streamMessages     = "issue_messages"
	streamThreads      = "issue_threads"
	streamAccounts     = "accounts"
	streamContacts     = "contacts"
	streamTags         = "tags"
	streamTeams        = "teams"
	streamUsers        = "users"
	streamCustomFields = "custom_fields"
	streamBases        = "knowledge_bases"
	streamArticles     = "knowledge_base_articles"
	streamStatuses     = "issue_statuses"
)

// spec says what a small stream holds: all but issues and their children.
type spec struct {
	stream string
	kind   kind                              // in the ids of its objects; 0: newSpecs gives one
	limit  int                               // requests a minute that Pylon documents; 0: most lists' 300
	size   func(o *Options) int              // how many objects there are; nil: a few
	render func(g *generator, o *object) any // gives what the API sends

	// key is under which pylon-kafka publishes an object; nil is its id.
	key func(o *object) string
	// Of a stream that is listed by something else: what that is of object i,
	// and what there is of it now.
	group  func(g *generator, i int) string
	groups func(w *workspace) []string
	// parent is true if the group is another object, without which it goes.
	parent bool

	label string               // the member that shows a person the revision
	stamp string               // the time that a change moves; "": there is none
	keeps func(o *object) bool // what Mutate never deletes
}

// aFew is how many objects a stream without a size of its own has.
const aFew = 5

// mostLimits is the requests a minute of most lists.
const mostLimits = 300

// specs are the small streams. A new one needs a line here and a function that
// gives its objects; if it is not listed whole at its own path, see endpoints.
// Knowledge bases come before their articles.
var specs = completed([]spec{
	{
		stream: streamAccounts, kind: kindAccount, size: func(o *Options) int { return o.Accounts },
		render: (*generator).account, label: "name", stamp: "updated_at",
	},
	{
		stream: streamContacts, kind: kindContact, size: func(o *Options) int { return o.Contacts },
		render: (*generator).contact, label: "name",
	},
	{
		stream: streamTags, kind: kindTag, size: func(o *Options) int { return o.Tags },
		render: (*generator).tag, label: "value",
	},
	{
		stream: streamTeams, kind: kindTeam, size: func(o *Options) int { return o.Teams },
		render: (*generator).team, label: "name",
	},
	{
		stream: streamUsers, kind: kindUser, size: func(o *Options) int { return o.Users },
		render: (*generator).user, label: "name",
	},
	{
		stream: streamCustomFields, kind: kindCustomField, size: func(o *Options) int { return o.CustomFields * len(objectTypes) },
		render: (*generator).customField, label: "label", stamp: "updated_at",
		key:    func(o *object) string { return o.group + ":" + o.id.String() },
		group:  func(g *generator, i int) string { return objectTypes[i/g.opts.CustomFields] },
		groups: func(*workspace) []string { return objectTypes },
	},
	{
		stream: streamBases, kind: kindKnowledgeBase, size: func(o *Options) int { return o.KnowledgeBases },
		render: (*generator).knowledgeBase, label: "title",
	},
	{
		stream: streamArticles, kind: kindArticle, limit: 120, size: func(o *Options) int { return o.Articles * o.KnowledgeBases },
		render: (*generator).article, label: "title", stamp: "last_edited_at",
		group: func(g *generator, i int) string { return g.ids.id(kindKnowledgeBase, i/g.opts.Articles).String() },
		groups: func(w *workspace) []string {
			return slices.Sorted(maps.Keys(w.tables[streamBases].byKey))
		},
		parent: true,
	},
	{
		stream: "ticket_forms", kind: kindTicketForm, size: func(o *Options) int { return o.TicketForms },
		render: (*generator).ticketForm, label: "name",
	},
	{
		stream: "user_roles", kind: kindUserRole, size: func(o *Options) int { return o.UserRoles },
		render: (*generator).userRole, label: "name",
	},
	{
		stream: "activity_types", kind: kindActivityType, limit: 30, size: func(o *Options) int { return o.ActivityTypes },
		render: (*generator).activityType, label: "label",
	},
	{
		stream: streamStatuses, kind: kindIssueStatus, limit: 30, size: func(o *Options) int { return o.IssueStatuses },
		render: (*generator).issueStatus, label: "label", key: statusSlug, keeps: isBaseStatus,
	},
})

// completed fills in what a line leaves out.
func completed(list []spec) []spec {
	for i := range list {
		s := &list[i]
		s.kind = orElse(s.kind, kindOther+kind(i))
		s.limit = orElse(s.limit, mostLimits)
		if s.size == nil {
			s.size = func(*Options) int { return aFew }
		}
	}
	return list
}

// Streams returns the names of all streams.
func Streams() []string {
	names := []string{streamIssues}
	for _, s := range childSpecs {
		names = append(names, s.stream)
	}
	for _, s := range specs {
		names = append(names, s.stream)
	}
	slices.Sort(names)
	return names
}
